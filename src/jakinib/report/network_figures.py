"""Figures of a network: which treatments were compared, and each against the reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

WIDE, NARROW = 460, 190


def network_graph(
    parts: Sequence[Sequence[str]],
    edges: pd.DataFrame,
    sizes: dict[str, int],
    name: Callable[[str], str],
    *,
    wide: bool = True,
) -> Any:
    """Treatments on a circle, each part of the network a stretch of it; a line is as thick as it has studies.

    ``parts``: the treatments of each component (and of those without any); ``edges``: ``treatment, reference,
    studies``; ``sizes``: studies a treatment; ``name``: key to what is shown.
    """
    import altair as alt

    order = [t for part in parts for t in part]
    turn = 2 * math.pi / max(len(order), 1)
    place = {t: (math.sin(i * turn), math.cos(i * turn)) for i, t in enumerate(order)}
    nodes = pd.DataFrame(
        [
            {
                "treatment": name(t),
                "label": _two_lines(name(t)),
                "x": x,
                "y": y,
                "lx": 1.09 * x,
                "ly": (1.09 if abs(x) > 0.2 else 1.13 if wide else 1.2) * y,
                "side": "left" if x > 0.2 else "right" if x < -0.2 else "center",
                "studies": sizes.get(t, 0),
            }
            for t, (x, y) in place.items()
        ]
    )
    lines = pd.DataFrame(
        [
            {"x": place[a][0], "y": place[a][1], "x2": place[b][0], "y2": place[b][1], "studies": k}
            for a, b, k in zip(edges["treatment"], edges["reference"], edges["studies"], strict=True)
        ],
        columns=["x", "y", "x2", "y2", "studies"],
    )
    reach = 1.9 if wide else 2.1
    across = alt.Scale(domain=[-reach, reach], nice=False)
    down = alt.Scale(domain=[-1.35, 1.35], nice=False)
    x, y = alt.X("x:Q", axis=None, scale=across), alt.Y("y:Q", axis=None, scale=down)
    top = int(lines["studies"].max()) if len(lines) else 1
    width = alt.StrokeWidth(
        "studies:Q", legend=None, scale=alt.Scale(domain=[1, max(top, 2)], range=[1.5, 8])
    )
    drawn = alt.Chart(lines).mark_rule(opacity=0.45).encode(x=x, y=y, x2="x2:Q", y2="y2:Q", strokeWidth=width)
    size = alt.Size("studies:Q", legend=None, scale=alt.Scale(range=[60, 420]))
    points = alt.Chart(nodes).mark_circle(opacity=1).encode(x=x, y=y, size=size)
    layers = [drawn, points]
    for side in ("left", "right", "center"):
        mine = nodes[nodes["side"] == side]
        if len(mine):
            text = alt.Chart(mine).mark_text(
                align=side, fontSize=12 if wide else 9.5, lineBreak="|", baseline="middle", lineHeight=13
            )
            layers.append(
                text.encode(
                    x=alt.X("lx:Q", axis=None, scale=across),
                    y=alt.Y("ly:Q", axis=None, scale=down),
                    text="label:N",
                )
            )
    return alt.layer(*layers).properties(width=760 if wide else 350, height=540 if wide else 320)


def effects_forest(
    effects: pd.DataFrame, measure: str, against: str, level: float, *, log: bool, wide: bool = True
) -> Any:
    """Estimates with intervals, one row each, in the order given; thin: where a new study would lie.

    ``effects``: ``label, estimate, ci_low, ci_high`` and, where there is one, ``prediction_low,
    prediction_high``. Rows without a finite interval are named without a mark.
    """
    import altair as alt

    data = effects.copy()
    held = data[["estimate", "ci_low", "ci_high"]].map(math.isfinite).all(axis=1)
    if log:
        held &= (data[["estimate", "ci_low", "ci_high"]] > 0).all(axis=1)
    order = list(data["label"])
    limit = 330 if wide else 150
    axis = alt.Axis(
        labelExpr="split(datum.label, '|')", labelLimit=limit, labelLineHeight=13, labelPadding=8,
        ticks=False, domain=False,
    )  # fmt: skip
    y = alt.Y("label:N", sort=order, title=None, axis=axis, scale=alt.Scale(domain=order))
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    title = [f"{measure} against {against},", f"{100 * level:g} % interval" + ", log scale" * log]
    shown = data[held]

    def x(column: str) -> alt.X:
        x_axis = alt.Axis(tickCount=5, format="~g", grid=False)
        return alt.X(f"{column}:Q", scale=scale, title=title, axis=x_axis)

    layers: list[Any] = []
    null = alt.Chart(alt.InlineData(values=[{"null": 1.0 if log else 0.0}]))
    layers.append(null.mark_rule(strokeDash=[3, 3]).encode(x=x("null")))
    if "prediction_low" in shown:
        new = shown[shown[["prediction_low", "prediction_high"]].map(math.isfinite).all(axis=1)]
        if log:
            new = new[new["prediction_low"] > 0]
        if len(new):
            thin = alt.Chart(new).mark_rule(strokeWidth=1, opacity=0.6)
            layers.append(thin.encode(x=x("prediction_low"), x2="prediction_high:Q", y=y))
    base = alt.Chart(shown)
    layers.append(base.mark_rule(strokeWidth=2.5).encode(x=x("ci_low"), x2="ci_high:Q", y=y))
    layers.append(
        base.mark_point(shape="square", filled=True, size=70, opacity=1).encode(x=x("estimate"), y=y)
    )
    return alt.layer(*layers).properties(width=WIDE if wide else NARROW, height=alt.Step(26 if wide else 34))


def two_lines(label: str, wide: bool) -> str:
    """A label on two lines (joined by ``|``) where the figure is narrow."""
    return label if wide else _two_lines(label)


def _two_lines(label: str) -> str:
    """Drug above, dose below; a long name without a dose at its middle space."""
    for i, word in enumerate(words := label.split(" ")):
        if i and word[:1].isdigit():
            return " ".join(words[:i]) + "|" + " ".join(words[i:])
    if len(label) > 16 and len(words) > 1:
        half = (len(words) + 1) // 2
        return " ".join(words[:half]) + "|" + " ".join(words[half:])
    return label
