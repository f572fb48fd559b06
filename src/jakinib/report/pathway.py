"""The pathway figure: which cytokine signals through which JAKs and which STATs."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

JAKS = ("JAK1", "JAK2", "JAK3", "TYK2")
STATS = ("STAT1", "STAT2", "STAT3", "STAT4", "STAT5", "STAT6")


def jaks_in(text: object) -> tuple[str, ...]:
    """The JAKs a source names, in the order of the figure; ``JAK1;?`` keeps JAK1 alone."""
    return tuple(j for j in JAKS if isinstance(text, str) and re.search(rf"\b{j}\b", text))


def stats_in(text: object) -> tuple[str, ...]:
    """The STATs a source names: ``STAT3 predominant; STAT1,5 secondary`` is STAT1, STAT3 and STAT5."""
    if not isinstance(text, str):
        return ()
    found: set[str] = set()
    for first, more in re.findall(r"STAT(\d)((?:\s*,\s*\d)*)", text):
        found |= {f"STAT{d}" for d in (first, *re.findall(r"\d", more))}
    return tuple(s for s in STATS if s in found)


def pathway(cytokines: pd.DataFrame, *, width: int = 560) -> Any:
    """Draw cytokine -> JAK -> STAT as three columns joined by lines.

    Parameters
    ----------
    cytokines
        Columns ``cytokine, jaks, stats``; rows without a JAK of the family are left out. Several rows for one
        cytokine are joined.
    width
        Width of the plotted area in pixels.

    Returns
    -------
    altair.LayerChart
        Cytokines that use the same JAKs stand together, in one colour.
    """
    import altair as alt

    groups = _groups(cytokines)
    nodes, links = _drawing(groups)
    step = 19
    height = step * max(len(groups), 10)
    x = alt.Scale(domain=[0, 2.3])
    y = alt.Scale(domain=[-0.07, 1.03], reverse=True)
    color = alt.Color("jaks:N", legend=None, sort=list(dict.fromkeys(g["jaks"] for g in groups)))
    lines = (
        alt.Chart(pd.DataFrame(links))
        .mark_rule(opacity=0.55, strokeWidth=1.4)
        .encode(
            x=alt.X("x:Q", scale=x, axis=None),
            x2="x2:Q",
            y=alt.Y("y:Q", scale=y, axis=None),
            y2="y2:Q",
            color=color,
        )
    )
    shown = alt.Chart(pd.DataFrame(nodes)).encode(
        x=alt.X("x:Q", scale=x, axis=None), y=alt.Y("y:Q", scale=y, axis=None), text="name:N"
    )
    left = shown.transform_filter("datum.side == 'cytokine'").mark_text(align="right", dx=-6, fontSize=11)
    right = shown.transform_filter("datum.side == 'kinase' || datum.side == 'stat'").mark_text(
        align="left", dx=5, dy=-9, fontSize=13, fontWeight="bold"
    )
    heads = shown.transform_filter("datum.side == 'head'").mark_text(
        fontSize=12, align="center", fontStyle="italic"
    )
    dots = (
        alt.Chart(pd.DataFrame([n for n in nodes if n["side"] in ("kinase", "stat")]))
        .mark_circle(size=70, opacity=1, color="#7a8087")
        .encode(x=alt.X("x:Q", scale=x, axis=None), y=alt.Y("y:Q", scale=y, axis=None))
    )
    return alt.layer(lines, dots, left, right, heads).properties(
        width=width, height=height, padding={"left": 130, "top": 5, "right": 5, "bottom": 5}
    )


def _groups(cytokines: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry a cytokine, in the order of the JAKs it uses."""
    joined: dict[str, tuple[set[str], set[str]]] = {}
    for row in cytokines.to_dict("records"):
        jaks = jaks_in(row["jaks"])
        if jaks:
            held = joined.setdefault(str(row["cytokine"]), (set(), set()))
            held[0].update(jaks)
            held[1].update(stats_in(row["stats"]))
    made = [
        {
            "name": name,
            "jaks": "+".join(j for j in JAKS if j in jaks),
            "uses": [j for j in JAKS if j in jaks],
            "stats": [s for s in STATS if s in stats],
        }
        for name, (jaks, stats) in joined.items()
    ]
    return sorted(made, key=lambda g: ([JAKS.index(j) for j in g["uses"]], g["stats"]))


def _drawing(groups: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Places of the names, and the lines between them; each runs from 0 (top) to 1."""
    jak_y = {j: (i + 0.5) / len(JAKS) for i, j in enumerate(JAKS)}
    stat_y = {s: (i + 0.5) / len(STATS) for i, s in enumerate(STATS)}
    nodes: list[dict[str, Any]] = [
        {"side": "head", "name": name, "x": at, "y": -0.05}
        for name, at in [("cytokine", 0.0), ("kinases at its receptor", 1.0), ("STAT", 2.0)]
    ]
    nodes += [{"side": "kinase", "name": j, "x": 1, "y": at} for j, at in jak_y.items()]
    nodes += [{"side": "stat", "name": s, "x": 2, "y": at} for s, at in stat_y.items()]
    links = []
    second: dict[tuple[str, str], str] = {}
    for i, group in enumerate(groups):
        at = (i + 0.5) / len(groups)
        nodes.append({"side": "cytokine", "name": group["name"], "x": 0, "y": at})
        for jak in group["uses"]:
            links.append({"x": 0, "x2": 1, "y": at, "y2": jak_y[jak], "jaks": group["jaks"]})
            for stat in group["stats"]:
                second.setdefault((jak, stat), group["jaks"])
    for (jak, stat), jaks in second.items():
        links.append({"x": 1.0, "x2": 2, "y": jak_y[jak], "y2": stat_y[stat], "jaks": jaks})
    return nodes, links
