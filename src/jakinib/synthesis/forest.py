"""Forest plot of a pairwise result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jakinib.synthesis.pairs import LOG_MEASURES, MEASURE_NAMES

if TYPE_CHECKING:
    import altair as alt

    from jakinib.synthesis.pairwise import Pairwise


def forest(result: Pairwise) -> alt.LayerChart | alt.FacetChart:
    """A square a study (area by weight) with its interval, a diamond for the pooled estimate."""
    import altair as alt

    frame = result.table()
    log = result.measure in LOG_MEASURES
    frame = frame[np.isfinite(frame["estimate"]) & np.isfinite(frame["ci_high"] - frame["ci_low"])]
    if log:
        frame = frame[(frame["ci_low"] > 0) & (frame["estimate"] > 0)]
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
    x = alt.X(
        "estimate:Q", scale=scale, title=f"{MEASURE_NAMES[result.measure]}, {100 * result.level:g} % CI"
    )
    y = alt.Y("study:N", sort=None, title=None)
    chart = alt.Chart(frame)
    null = (
        alt.Chart(alt.InlineData(values=[{"null": 1.0 if log else 0.0}]))
        .mark_rule(strokeDash=[3, 3])
        .encode(x=alt.X("null:Q", scale=scale))
    )
    rule = chart.mark_rule().encode(x=alt.X("ci_low:Q", scale=scale), x2="ci_high:Q", y=y)
    tip = [
        alt.Tooltip(f"{c}:N" if c == "study" else f"{c}:Q")
        for c in ("study", "estimate", "ci_low", "ci_high")
    ]
    square = (
        chart.transform_filter("datum.row == 'study'")
        .mark_point(shape="square", filled=True)
        .encode(x=x, y=y, size=alt.Size("weight:Q", legend=None), tooltip=tip)
    )
    diamond = (
        chart.transform_filter("datum.row == 'pooled'")
        .mark_point(shape="diamond", filled=True, size=150)
        .encode(x=x, y=y, tooltip=tip)
    )
    return alt.layer(null, rule, square, diamond)
