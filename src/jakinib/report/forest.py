"""Forest figure of absolute rates: a point and an interval for each line of evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.report.numbers import rate_unit, share_unit

if TYPE_CHECKING:
    import altair as alt

    from jakinib.patient.compare import Comparison

RATES = ("rate", "printed rate")
SHARES = ("proportion", "printed percent")


def rates_forest(
    comparison: Comparison, *, names: dict[str, str] | None = None, width: int = 460
) -> alt.VConcatChart:
    """Draw the headline lines of a comparison, an outcome a panel.

    Parameters
    ----------
    comparison
        The comparison.
    names
        Key -> name to show, for treatments, outcomes, populations and studies; by default the keys.
    width
        Width of the plotted area in pixels.

    Returns
    -------
    altair.VConcatChart
        Rates and proportions in panels of their own, for they have different denominators. No event seen: an
        open mark at zero and a bar to the upper bound. Empty when no line holds a figure.
    """
    import altair as alt

    lines = _points(comparison, names or {})
    panels: list[Any] = []
    for kinds, unit in [(RATES, rate_unit(comparison.per)), (SHARES, share_unit(comparison.per))]:
        held = lines[lines["kind"].isin(kinds)]
        for outcome in dict.fromkeys(held["outcome_name"]):
            of = held[held["outcome_name"] == outcome]
            panels.append(_panel(of, f"{outcome}, {_of(kinds, unit)}", list(lines["treatment_name"]), width))
    return alt.vconcat(*panels, spacing=18)


def _of(kinds: tuple[str, ...], unit: str) -> str:
    return unit if kinds is RATES else "% of persons" if unit == "%" else unit


def _points(comparison: Comparison, names: dict[str, str]) -> pd.DataFrame:
    lines = comparison.table()
    lines = lines[lines["headline"] & lines["kind"].isin(RATES + SHARES) & lines["estimate"].notna()]

    def named(column: str) -> pd.Series[str]:
        return lines[column].map(lambda key: names.get(key, key))

    return lines.assign(
        treatment_name=named("treatment"),
        outcome_name=named("outcome"),
        label=named("treatment") + "|" + named("population") + ", " + named("study"),
        one_sided=lines["one_sided"].fillna(False).astype(bool),
    )


def _panel(lines: pd.DataFrame, title: str, treatments: list[str], width: int) -> Any:
    import altair as alt

    rows = [
        {
            "label": r["label"],
            "treatment": r["treatment_name"],
            "x": float(r["estimate"]),
            "low": None if pd.isna(r["ci_low"]) else float(r["ci_low"]),
            "high": None if pd.isna(r["ci_high"]) else float(r["ci_high"]),
            "seen": "no event seen" if r["one_sided"] else "estimate",
        }
        for r in lines.to_dict("records")
    ]
    limit = 330 if width > 300 else 185  # a narrow figure is for a narrow screen
    y = alt.Y(
        "label:N",
        sort=[r["label"] for r in rows],
        title=None,
        axis=alt.Axis(
            labelExpr="split(datum.label, '|')",
            labelLineHeight=13,
            labelLimit=limit,
            labelPadding=10,
            ticks=False,
            domain=False,
        ),
        scale=alt.Scale(paddingInner=0.1),
    )
    order = list(dict.fromkeys(treatments))
    color = alt.Color("treatment:N", scale=alt.Scale(domain=order), legend=None)
    x = alt.X("x:Q", title=None, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(tickCount=5))
    base = alt.Chart(pd.DataFrame(rows)).encode(y=y)
    bars = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", title=None), x2="high:Q", color=color)
    ends = base.mark_tick(size=11, thickness=2.5).encode(x="high:Q", color=color)
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=x,
        color=color,
        shape=alt.Shape("treatment:N", scale=alt.Scale(domain=order), legend=None),
    )
    seen = points.transform_filter("datum.seen == 'estimate'")
    none = (
        base.mark_point(filled=False, size=80, strokeWidth=2, opacity=1)
        .transform_filter("datum.seen != 'estimate'")
        .encode(x=x, color=color, shape=alt.Shape("treatment:N", scale=alt.Scale(domain=order), legend=None))
    )
    return alt.layer(bars, ends, seen, none).properties(
        width=width, height=alt.Step(38), title=alt.TitleParams(title, fontSize=13)
    )
