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

    points = _points(comparison, names or {})
    treatments = list(dict.fromkeys(points["treatment"]))
    panels = []
    for kinds, unit in [(RATES, rate_unit(comparison.per)), (SHARES, share_unit(comparison.per))]:
        held = points[points["kind"].isin(kinds)]
        if len(held):
            said = held["outcome"] + f", {'% of persons' if unit == '%' else unit}"
            panels.append(_panels(held.assign(panel=said), treatments, width))
    return alt.vconcat(*panels, spacing=18)


def _points(comparison: Comparison, names: dict[str, str]) -> pd.DataFrame:
    """The headline lines that hold a figure: label of two lines (joined by ``|``), treatment, numbers."""
    lines = comparison.table()
    lines = lines[lines["headline"] & lines["kind"].isin(RATES + SHARES) & lines["estimate"].notna()]

    def named(column: str) -> pd.Series[str]:
        return lines[column].map(lambda key: names.get(key, key))

    return pd.DataFrame(
        {
            "label": named("treatment") + "|" + named("population") + ", " + named("study"),
            "treatment": named("treatment"),
            "outcome": named("outcome"),
            "kind": lines["kind"],
            "x": lines["estimate"],
            "low": lines["ci_low"],
            "high": lines["ci_high"],
            "none": lines["one_sided"].fillna(False).astype(bool),
        }
    )


def _panels(points: pd.DataFrame, treatments: list[str], width: int) -> Any:
    """Lines of evidence of one denominator, a panel an outcome."""
    import altair as alt

    limit = 430 if width > 300 else 185  # a narrow figure is for a narrow screen
    axis = alt.Axis(
        labelExpr="split(datum.label, '|')",
        labelLineHeight=13,
        labelLimit=limit,
        labelPadding=10,
        ticks=False,
        domain=False,
    )
    scale = alt.Scale(domain=treatments)
    order = list(dict.fromkeys(points["label"]))
    base = alt.Chart().encode(
        y=alt.Y("label:N", sort=order, title=None, axis=axis),
        color=alt.Color("treatment:N", scale=scale, legend=None),
    )
    x = alt.X("x:Q", title=None, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(tickCount=5))
    bars = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", title=None), x2="high:Q")
    ends = base.transform_filter("datum.none").mark_tick(size=13, thickness=2.5).encode(x="high:Q")
    marks = base.encode(x=x, shape=alt.Shape("treatment:N", scale=scale, legend=None))
    seen = marks.transform_filter("!datum.none").mark_point(filled=True, size=80, opacity=1)
    none = marks.transform_filter("datum.none").mark_point(filled=False, size=80, strokeWidth=2, opacity=1)
    panels = list(dict.fromkeys(points["panel"]))
    header = alt.Header(title=None, labelAngle=0, labelAnchor="start", labelOrient="top", labelPadding=0)
    return (
        alt.layer(bars, ends, seen, none, data=points)
        .properties(width=width, height=alt.Step(38))
        .facet(row=alt.Row("panel:N", sort=panels, header=header), spacing=24)
        .resolve_scale(x="independent", y="independent")
    )
