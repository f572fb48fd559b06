"""The graph of who counts whom: wholes on the left, the studies that they count on the right."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import altair as alt

    from jakinib.evidence.overlaps import Overlaps

COLUMN, ROW, BOX, HALF = 370, 34, 262, 11  # pixels: from column to column, row to row, box width, half height
LETTERS = 44  # that fit into a box
SAID = {
    "pools": "pools",
    "extends": "extension of",
    "later-cutoff": "later data cut-off of",
    "subset": "has as a subset",
    "same-trial": "people in common",
}


def overlap_figure(made: Overlaps, *, dark: bool = False) -> alt.LayerChart:
    """Draw the relations as a graph in columns.

    Parameters
    ----------
    made
        The relations.
    dark
        For a dark page.

    Returns
    -------
    altair.LayerChart
        A box a study; a line from a whole to the part it counts, to its right; a line at the left side of two
        boxes of one column where they have people in common. The colour says how they belong together, a
        broken line that it was inferred. A line that a chain of others implies is not drawn. Studies that
        overlap with no other are not in the figure.

    Source of the layout: Sugiyama, Tagawa and Toda 1981 (columns by longest path, rows by barycentre).
    """
    import altair as alt

    at = _places(made.relations)
    names = dict(zip(made.relations["whole"], made.relations["whole_name"], strict=True))
    names |= dict(zip(made.relations["part"], made.relations["part_name"], strict=True))
    columns = ["study", "name", "full", "x", "x2", "y", "top", "bottom", "label", "this"]
    boxes = pd.DataFrame(
        [
            [s, _cut(s), names[s], x, x + BOX, y, y - HALF, y + HALF, x + 6, s == made.about]
            for s, (x, y) in at.items()
        ],
        columns=columns,
    )
    lines = pd.DataFrame(_lines(_edges(made.relations), at), columns=[*LINE, "x", "y"])
    width = int(boxes["x2"].max()) + 4 if len(boxes) else BOX
    height = int(boxes["bottom"].max()) + 6 if len(boxes) else ROW
    across = alt.Scale(domain=[0, width], nice=False, zero=False)
    down = alt.Scale(domain=[height, 0], nice=False, zero=False)
    shown = [word for word in SAID.values() if word in set(lines["relation"])]
    legend = alt.Legend(orient="top", title=None, symbolType="stroke", symbolStrokeWidth=2.5)
    links = (
        alt.Chart(lines)
        .mark_line(strokeWidth=1.6, strokeJoin="round")
        .encode(
            x=alt.X("x:Q", scale=across, axis=None),
            y=alt.Y("y:Q", scale=down, axis=None),
            detail="line:N",
            order="point:Q",
            color=alt.Color("relation:N", scale=alt.Scale(domain=shown), legend=legend),
            strokeDash=alt.StrokeDash(
                "certainty:N",
                scale=alt.Scale(domain=["stated", "inferred"], range=[[1, 0], [5, 4]]),
                legend=legend,
            ),
            tooltip=["whole:N", "relation:N", "part:N", "certainty:N"],
        )
    )
    frame = (
        alt.Chart(boxes)
        .mark_rect(
            cornerRadius=3, fill="#16191d" if dark else "#ffffff", stroke="#e8e8e6" if dark else "#1b1f23"
        )
        .encode(
            x=alt.X("x:Q", scale=across, axis=None),
            y=alt.Y("top:Q", scale=down, axis=None),
            x2="x2:Q",
            y2="bottom:Q",
            strokeWidth=alt.StrokeWidth(
                "this:N", scale=alt.Scale(domain=[False, True], range=[0.7, 2.4]), legend=None
            ),
        )
    )
    said = (
        alt.Chart(boxes)
        .mark_text(align="left", baseline="middle", fontSize=12, limit=BOX - 10)
        .encode(
            x=alt.X("label:Q", scale=across, axis=None),
            y=alt.Y("y:Q", scale=down, axis=None),
            text="name:N",
            tooltip=["full:N", "study:N"],
        )
    )
    chart: alt.LayerChart = (links + frame + said).properties(width=width, height=height)
    return chart


LINE = ["line", "point", "whole", "part", "relation", "certainty"]


def _lines(
    edges: list[tuple[str, str, str, str]], at: dict[str, tuple[int, int]]
) -> list[tuple[object, ...]]:
    """The points of every line. Between boxes of one column it goes round their left side."""
    rows: list[tuple[object, ...]] = []
    around = 0
    for i, (whole, part, relation, certainty) in enumerate(edges):
        (x, y), (x2, y2) = at[whole], at[part]
        if x == x2:
            around += 1
            side = x - 5 - 4 * (around % 5)
            points = [(x, y), (side, y), (side, y2), (x2, y2)]
        else:
            points = [(x + BOX, y), (x2, y2)] if x < x2 else [(x, y), (x2 + BOX, y2)]
        rows += [(i, j, whole, part, SAID[relation], certainty, *xy) for j, xy in enumerate(points)]
    return rows


def _cut(key: str) -> str:
    return key if len(key) <= LETTERS else key[: LETTERS - 1] + "…"


def _pairs(relations: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    columns = ("whole", "part", "relation", "certainty")
    return list(zip(*(relations[c].astype(str) for c in columns), strict=True))


def _edges(relations: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """Relations that no longer chain of containment implies."""
    found = _pairs(relations)
    direct: dict[str, set[str]] = defaultdict(set)
    for whole, part, relation, _ in found:
        if relation != "same-trial":
            direct[whole].add(part)

    def reached(start: str, goal: str) -> bool:
        open_, seen = [s for s in direct[start] if s != goal], set()
        while open_:
            one = open_.pop()
            if one == goal:
                return True
            if one not in seen:
                seen.add(one)
                open_ += direct.get(one, ())
        return False

    return [e for e in found if e[2] == "same-trial" or not reached(e[0], e[1])]


def _places(relations: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Study -> left edge and middle of its box in pixels; studies that hang together stand together."""
    pairs = [(w, p) for w, p, *_ in _pairs(relations)]
    inside = [(w, p) for w, p, r, _ in _pairs(relations) if r != "same-trial"]
    beside: dict[str, set[str]] = defaultdict(set)
    for whole, part in pairs:
        beside[whole].add(part)
        beside[part].add(whole)
    at: dict[str, tuple[int, int]] = {}
    top = 0
    for group in sorted(_groups(beside), key=lambda g: (-len(g), min(g))):
        columns = _columns(group, [(w, p) for w, p in inside if w in group])
        _untangle(columns, beside)
        tallest = max(map(len, columns))
        for i, column in enumerate(columns):
            gap = tallest / len(column)
            for j, study in enumerate(column):
                at[study] = (30 + i * COLUMN, int(top + HALF + 3 + ROW * ((j + 0.5) * gap - 0.5)))
        top += tallest * ROW + ROW // 2
    return at


def _groups(beside: dict[str, set[str]]) -> list[set[str]]:
    left, groups = set(beside), []
    while left:
        group, open_ = set[str](), {min(left)}
        while open_:
            group |= open_
            open_ = {other for one in open_ for other in beside[one]} - group
        groups.append(group)
        left -= group
    return groups


def _columns(group: set[str], pairs: list[tuple[str, str]]) -> list[list[str]]:
    """Single trials in the last column; each other study one column to the left of all that it counts."""
    level = dict.fromkeys(group, 0)
    for _ in group:  # longest path; a cycle, which check reports, ends here too
        changed = False
        for whole, part in pairs:
            if level[whole] <= level[part] < len(group):
                level[whole], changed = level[part] + 1, True
        if not changed:
            break
    columns = [sorted(s for s in group if level[s] == i) for i in range(max(level.values()), -1, -1)]
    return [c for c in columns if c]


def _untangle(columns: list[list[str]], beside: dict[str, set[str]]) -> None:
    """Order each column by the mean place of the neighbours, back and forth, so that few lines cross."""
    for sweep in range(6):
        where = {s: (j + 0.5) / len(column) for column in columns for j, s in enumerate(column)}
        for column in columns if sweep % 2 else columns[::-1]:
            mean = {s: sum(where[n] for n in beside[s]) / len(beside[s]) for s in column}
            column.sort(key=lambda s: (mean[s], s))
            where |= {s: (j + 0.5) / len(column) for j, s in enumerate(column)}
