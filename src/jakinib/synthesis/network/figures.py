"""Figures of a network: forest plot against the reference, and the graph of direct comparisons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from jakinib.synthesis.pairs import LOG_MEASURES, MEASURE_NAMES

if TYPE_CHECKING:
    import altair as alt

    from jakinib.synthesis.network.network import Network


def forest(result: Network) -> alt.LayerChart | alt.FacetChart:
    """A point a treatment with its interval and, thin, the interval of the effect in a new study."""
    import altair as alt

    frame = result.effects()
    log = result.measure in LOG_MEASURES
    finite = np.isfinite(frame["estimate"]) & np.isfinite(frame["ci_low"]) & np.isfinite(frame["ci_high"])
    if log:
        finite &= (frame["ci_low"] > 0) & (frame["estimate"] > 0)
    frame = frame[finite]
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
    title = f"{MEASURE_NAMES[result.measure]} against {result.reference}, {100 * result.level:g} % interval"
    y = alt.Y("treatment:N", sort=None, title=None)
    null = (
        alt.Chart(alt.InlineData(values=[{"null": 1.0 if log else 0.0}]))
        .mark_rule(strokeDash=[3, 3])
        .encode(x=alt.X("null:Q", scale=scale))
    )
    chart = alt.Chart(frame)
    new = (
        chart.transform_filter("isValid(datum.prediction_low)")
        .mark_rule(strokeWidth=1, color="grey")
        .encode(x=alt.X("prediction_low:Q", scale=scale), x2="prediction_high:Q", y=y)
    )
    rule = chart.mark_rule(strokeWidth=2.5).encode(x=alt.X("ci_low:Q", scale=scale), x2="ci_high:Q", y=y)
    point = chart.mark_point(shape="square", filled=True, size=80).encode(
        x=alt.X("estimate:Q", scale=scale, title=title),
        y=y,
        tooltip=["treatment:N", "estimate:Q", "ci_low:Q", "ci_high:Q", "studies:Q"],
    )
    return alt.layer(null, new, rule, point)


def graph(result: Network) -> alt.LayerChart | alt.FacetChart:
    """Treatments on a circle (each component a stretch of it), lines for direct comparisons."""
    import altair as alt

    order = [t for c in result.components for t in c.treatments]
    order += [t for t in result.treatments if t not in order]
    angle = {t: 2 * math.pi * i / max(len(order), 1) for i, t in enumerate(order)}
    place = {t: (math.sin(a), math.cos(a)) for t, a in angle.items()}
    arms = np.bincount(result.data.treatment, minlength=len(result.treatments))
    size = dict(zip(result.treatments, arms.tolist(), strict=True))
    nodes = [{"treatment": t, "x": x, "y": y, "studies": size[t]} for t, (x, y) in place.items()]
    lines = [
        {
            "x": place[row["treatment"]][0],
            "y": place[row["treatment"]][1],
            "x2": place[row["reference"]][0],
            "y2": place[row["reference"]][1],
            "studies": row["studies"],
            "comparison": f"{row['treatment']} v {row['reference']}",
        }
        for row in result.edges().to_dict("records")
    ]
    span = alt.Scale(domain=[-1.4, 1.4])
    x, y = alt.X("x:Q", axis=None, scale=span), alt.Y("y:Q", axis=None, scale=span)
    edges = (
        alt.Chart(alt.InlineData(values=lines))
        .mark_rule(color="grey")
        .encode(
            x=x,
            y=y,
            x2="x2:Q",
            y2="y2:Q",
            strokeWidth=alt.StrokeWidth("studies:Q", title="studies"),
            tooltip=["comparison:N", "studies:Q"],
        )
    )
    base = alt.Chart(alt.InlineData(values=nodes))
    points = base.mark_circle(opacity=1).encode(
        x=x, y=y, size=alt.Size("studies:Q", legend=None), tooltip=["treatment:N", "studies:Q"]
    )
    labels = base.mark_text(dy=-14).encode(x=x, y=y, text="treatment:N")
    return alt.layer(edges, points, labels).properties(width=420, height=420)


def funnel(result: Network) -> alt.LayerChart | alt.FacetChart:
    """Each study's contrast less the mean of its comparison, against its standard error."""
    import altair as alt

    frame = result.funnel()
    frame["comparison"] = frame["treatment"] + " v " + frame["reference"]
    deepest = float(frame["se"].max()) if len(frame) else 1.0
    lines = [{"x": s * 1.959964 * e, "se": e, "side": s} for s in (-1, 1) for e in (0.0, deepest)]
    y = alt.Y("se:Q", scale=alt.Scale(reverse=True, zero=True), title="standard error")
    title = "difference from the mean of the comparison, scale of analysis"
    bounds = alt.Chart(alt.InlineData(values=lines)).mark_line(color="grey", strokeDash=[3, 3])
    points = alt.Chart(frame).mark_point(filled=True, size=50)
    return alt.layer(
        bounds.encode(x="x:Q", y=y, detail="side:N"),
        points.encode(
            x=alt.X("centred:Q", title=title),
            y=y,
            color=alt.Color("comparison:N"),
            tooltip=["study:N", "comparison:N", "theta:Q", "se:Q"],
        ),
    )
