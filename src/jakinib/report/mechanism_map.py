"""Cytokine, receptor, JAK, STAT as a drawing, with the order of strength of several drugs on each JAK."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from jakinib.report.pathway import JAKS, STATS

ROW = 18  # pixels a cytokine
HEAD = 26  # pixels above the first row
BAR = 16  # pixels a drug in the box of a JAK
WEAKEST = 100  # a JAK this many times weaker than the drug's strongest has an empty bar


def strength(fold_weaker: float) -> float:
    """1 for a drug's strongest JAK, 0 from a hundred times weaker on, or if nothing was read; log scale."""
    if not fold_weaker > 0:
        return 0.0
    return min(1.0, max(0.0, 1.0 - math.log(fold_weaker) / math.log(WEAKEST)))


def mechanism_map(
    cytokines: pd.DataFrame,
    kinases: pd.DataFrame,
    drugs: Sequence[str],
    *,
    measured: Collection[str] = (),
    wide: bool = True,
) -> Any:
    """Draw the map, a row a cytokine, and in the box of each JAK a bar a drug.

    Parameters
    ----------
    cytokines
        Columns ``cytokine, receptor_chains, jaks, stats`` (lists separated by ``;``), a row a cytokine.
    kinases
        Columns ``drug, kinase, fold_weaker, bound``: an order of strength from isolated enzymes.
    drugs
        The drugs, in the order of their bars and colours.
    measured
        Cytokines in bold: those with a potency for at least one of the drugs.
    wide
        Without it the receptors are left out, for a narrow screen.

    Returns
    -------
    altair.LayerChart
        A line is the darker, the stronger any of the drugs is on its JAK.
    """
    import altair as alt

    at = _Wide if wide else _Narrow
    rows = sorted(cytokines.to_dict("records"), key=_order)
    height = HEAD + ROW * len(rows)
    held = {(str(r["drug"]), str(r["kinase"])): r for r in kinases.to_dict("records")}
    strong = {j: max((strength(_fold(held.get((d, j)))) for d in drugs), default=0.0) for j in JAKS}
    jak_y = {j: HEAD + (i + 0.5) * (height - HEAD) / len(JAKS) for i, j in enumerate(JAKS)}
    stat_y = {s: HEAD + (i + 0.5) * (height - HEAD) / len(STATS) for i, s in enumerate(STATS)}
    words, lines = _rows(rows, at, measured, jak_y, stat_y, strong)
    heads = [{"x": x_, "y": 8, "name": n, "align": a} for n, x_, a in at.heads]
    heads += [{"x": at.stat + 5, "y": y_, "name": s, "align": "left"} for s, y_ in stat_y.items()]
    words += [{**h, "weight": "bold"} for h in heads]
    box = BAR * len(drugs) + 27
    boxes = [{"x": at.box, "x2": at.box_end, "y": y - box / 2, "y2": y + box / 2} for y in jak_y.values()]
    names = [{"x": at.box + 6, "y": y - box / 2 + 11, "name": j} for j, y in jak_y.items()]
    bars = [
        _bar(held.get((d, j)), d, at, jak_y[j] - box / 2 + 28 + BAR * i)
        for j in JAKS
        for i, d in enumerate(drugs)
    ]
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, at.width], nice=False, zero=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, height], nice=False, reverse=True), axis=None)
    tint = alt.Opacity("strength:Q", scale=alt.Scale(domain=[0, 1], range=[0.12, 0.6]), legend=None)
    rules = alt.Chart(pd.DataFrame(lines)).mark_rule(strokeWidth=1.3)
    outline = alt.Chart(pd.DataFrame(boxes)).mark_rect(fillOpacity=0, stroke="#7a8087", cornerRadius=5)
    titles = alt.Chart(pd.DataFrame(names)).mark_text(align="left", fontSize=13, fontWeight="bold")
    layers: list[Any] = [
        rules.encode(x, y, tint, x2="x2:Q", y2="y2:Q"),
        outline.encode(x, y, x2="x2:Q", y2="y2:Q"),
        titles.encode(x, y, text="name:N"),
    ]
    for align in ("left", "right", "center"):
        for weight in ("normal", "bold"):
            some = [w for w in words if w["align"] == align and w["weight"] == weight]
            if some:
                mark = alt.Chart(pd.DataFrame(some)).mark_text(align=align, fontSize=11, fontWeight=weight)
                layers.append(mark.encode(x, y, text="name:N"))
    if bars:
        legend = alt.Legend(orient="bottom", columns=2 if wide else 1, symbolType="square")
        color = alt.Color("drug:N", scale=alt.Scale(domain=list(drugs)), title=None, legend=legend)
        data = alt.Chart(pd.DataFrame(bars))
        layers.append(data.mark_bar(height=9).encode(x, y, color, x2="x2:Q"))
        layers.append(data.mark_text(align="left", fontSize=11, dx=5).encode(alt.X("x2:Q"), y, text="said:N"))
    return alt.layer(*layers).properties(width=at.width, height=height)


class _Wide:
    width, cytokine, receptor, receptor_end, box, box_end, stat = 860, 92, 112, 330, 505, 655, 800
    heads = (
        ("cytokine", 92, "right"), ("receptor", 112, "left"), ("JAKs at the receptor", 580, "center"),
        ("STATs", 805, "left"),
    )  # fmt: skip


class _Narrow:
    width, cytokine, receptor, receptor_end, box, box_end, stat = 345, 84, None, 90, 168, 260, 302
    heads = (("cytokine", 84, "right"), ("JAKs", 214, "center"), ("STATs", 307, "left"))


_At = type[_Wide] | type[_Narrow]


def _rows(
    rows: list[dict[Any, Any]], at: _At, measured: Collection[str], jak_y: dict[str, float],
    stat_y: dict[str, float], strong: dict[str, float],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # fmt: skip
    """The words of every cytokine and the lines from it, and those from the JAKs to the STATs."""
    words: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    through: dict[tuple[str, str], None] = {}
    for i, row in enumerate(rows):
        y = HEAD + (i + 0.5) * ROW
        name, weight = str(row["cytokine"]), "bold" if row["cytokine"] in measured else "normal"
        words.append({"x": at.cytokine, "y": y, "name": name, "align": "right", "weight": weight})
        jaks = [j for j in str(row["jaks"]).split(";") if j]
        best = max((strong[j] for j in jaks), default=0.0)
        if at.receptor is not None:
            chains = str(row["receptor_chains"]).split(" (ligand")[0] or "not read"
            words.append({"x": at.receptor, "y": y, "name": chains, "align": "left", "weight": "normal"})
            lines.append({"x": at.cytokine + 4, "x2": at.receptor - 4, "y": y, "y2": y, "strength": 0.3})
            start = at.receptor + 8 + 6.1 * len(chains)
            if start < at.receptor_end:
                lines.append({"x": start, "x2": at.receptor_end, "y": y, "y2": y, "strength": best})
        for jak in jaks:
            link = {"x": at.receptor_end, "x2": at.box, "y": y, "y2": jak_y[jak], "strength": strong[jak]}
            lines.append(link)
            through |= {(jak, s): None for s in str(row["stats"]).split(";") if s in stat_y}
    for jak, stat in through:
        link = {"x": at.box_end, "x2": at.stat, "y": jak_y[jak], "y2": stat_y[stat], "strength": strong[jak]}
        lines.append(link)
    return words, lines


def _bar(row: dict[Any, Any] | None, drug: str, at: _At, y: float) -> dict[str, Any]:
    room = at.box_end - at.box - 62
    x = at.box + 6
    fold = _fold(row)
    if row is None or not fold > 0:
        said = "not read"
    else:
        sign = {"at most": ">", "at least": "<"}.get(str(row["bound"]), "")
        said = "strongest" if fold == 1 and at is _Wide else f"{sign}{_times(fold)}×"
    return {"drug": drug, "x": x, "x2": x + room * strength(fold), "y": y, "said": said}


def _fold(row: dict[Any, Any] | None) -> float:
    return math.nan if row is None else float(row["fold_weaker"])


def _times(fold: float) -> str:
    return f"{fold:.0f}" if fold >= 9.95 else f"{fold:.1f}".removesuffix(".0")


def _order(row: dict[Any, Any]) -> tuple[Any, ...]:
    jaks = [JAKS.index(j) for j in JAKS if j in str(row["jaks"]).split(";")]
    return jaks, str(row["stats"]), str(row["cytokine"])
