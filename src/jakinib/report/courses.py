"""Curves over a day or over doses: inhibition, concentration, selectivity, signalling."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

WIDE, NARROW = 330, 250


def inhibition_courses(courses: pd.DataFrame, regimens: Sequence[str], *, wide: bool = True) -> Any:
    """Inhibition over a dosing day, a panel a pathway, a line a regimen.

    ``courses``: ``treatment, pathway, time_h, inhibition`` (typical person; 0 to 1).
    """
    import altair as alt

    end = max(24.0, float(courses["time_h"].max()))
    return _panels(
        courses.assign(panel=courses["pathway"]),
        alt.X("time_h:Q", title="hours after a dose", scale=alt.Scale(domain=[0, end]), axis=_hours(end)),
        alt.Y("inhibition:Q", title="inhibited", axis=alt.Axis(format="%", tickCount=5),
              scale=alt.Scale(domain=[0, 1])),
        "treatment", regimens, wide,
    )  # fmt: skip


def dose_curves(
    curves: pd.DataFrame, marks: pd.DataFrame, pathways: Sequence[str], *, wide: bool = True
) -> Any:
    """Average inhibition against dose, a panel a regimen, a line a pathway.

    ``curves``: ``treatment, pathway, dose_mg, average``; ``marks``: ``treatment, dose_mg``, the doses asked
    about, drawn as an upright line.
    """
    import altair as alt

    x = alt.X(
        "dose_mg:Q", title="dose, mg a time (log scale)", scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(tickCount=5, grid=False),
    )  # fmt: skip
    y = alt.Y(
        "average:Q", title="average inhibition", axis=alt.Axis(format="%", tickCount=5),
        scale=alt.Scale(domain=[0, 1]),
    )  # fmt: skip
    data = curves.assign(panel=curves["treatment"])
    return _panels(data, x, y, "pathway", pathways, wide, marks=marks.assign(panel=marks["treatment"]))


def concentration_courses(courses: pd.DataFrame, regimens: Sequence[str], *, wide: bool = True) -> Any:
    """Total plasma concentration over a day, a panel a regimen with a scale of its own.

    ``courses``: ``treatment, time_h, typical`` and, where variability was read, ``low, high`` (95 % range
    between persons), ng/mL.
    """
    import altair as alt

    end = max(24.0, float(courses["time_h"].max()))
    x = alt.X("time_h:Q", title="hours after a dose", scale=alt.Scale(domain=[0, end]), axis=_hours(end))
    y = alt.Y("typical:Q", title="ng/mL, total", axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=True))
    data = courses.assign(panel=courses["treatment"])
    return _panels(data, x, y, "treatment", regimens, wide, legend=False)


def signalling_day(
    curves: pd.DataFrame, title: str, assumptions: Sequence[str], runs: Sequence[str], *, wide: bool = True
) -> Any:
    """A day of one pathway model, a panel a readout, a line a regimen and one without drug.

    ``curves``: ``run, name, time_h, value``; ``runs`` every regimen of the page, so that its colour stays
    the same. The assumptions are printed on the figure.
    """
    import altair as alt

    letters = 150 if wide else 62
    said = [line for text in assumptions for line in textwrap.wrap(text, letters, subsequent_indent="   ")]
    end = float(curves["time_h"].max())
    x = alt.X("time_h:Q", title="hours after the dose", scale=alt.Scale(domain=[0, end]), axis=_hours(end))
    y = alt.Y(
        "value:Q", title="model units", axis=alt.Axis(tickCount=4, format="~g"), scale=alt.Scale(zero=True)
    )
    size = 240 if wide else NARROW
    data = curves.assign(panel=curves["name"])
    chart = _panels(data, x, y, "run", runs, wide, columns=3, width=size, same_y=False)
    head = alt.TitleParams(title, subtitle=said, anchor="start", fontSize=13, subtitleFontSize=11, offset=12)
    return chart.properties(title=head)


def _panels(
    data: pd.DataFrame, x: Any, y: Any, series: str, domain: Sequence[str], wide: bool, *,
    marks: pd.DataFrame | None = None, legend: bool = True, columns: int = 2, width: int | None = None,
    same_y: bool = True,
) -> Any:  # fmt: skip
    """Panels side by side, lines told apart by colour and dashes."""
    import altair as alt

    drawn = [name for name in domain if name in set(data[series])]
    keys = alt.Legend(orient="bottom", direction="vertical", title=None, symbolStrokeWidth=3, values=drawn)
    scale = alt.Scale(domain=list(domain))
    color = alt.Color(f"{series}:N", scale=scale, legend=keys if legend else None)
    dash = alt.StrokeDash(f"{series}:N", scale=scale, legend=keys if legend else None)
    made = []
    for name in dict.fromkeys(data["panel"]):
        part = data[data["panel"] == name]
        base = alt.Chart(part)
        layers: list[Any] = [base.mark_line(strokeWidth=2).encode(x, y, color, dash)]
        if {"low", "high"} <= set(part) and part["low"].notna().any():
            low = alt.Y("low:Q", title=y["title"])
            layers.insert(0, base.mark_area(opacity=0.2).encode(x, low, y2="high:Q", color=color))
        if marks is not None:
            mine = alt.Chart(marks[marks["panel"] == name])
            layers.append(mine.mark_rule(strokeDash=[4, 3]).encode(x))
        head = alt.TitleParams(textwrap.wrap(str(name), 46 if wide else 40), fontSize=12, anchor="start")
        size = width or (WIDE if wide else NARROW)
        made.append(alt.layer(*layers).properties(width=size, height=150, title=head))
    chart = alt.concat(*made, columns=columns if wide else 1, spacing=22)
    return chart.resolve_scale(
        y="shared" if same_y and legend else "independent", x="independent", color="shared",
        strokeDash="shared",
    )  # fmt: skip


def _hours(end: float) -> Any:
    import altair as alt

    step = 6 if end <= 24 else 12 if end <= 48 else 24
    return alt.Axis(values=list(range(0, int(end) + 1, step)))
