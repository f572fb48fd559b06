"""``jk.cytokine_map``: which cytokine signals through which receptor, JAKs and STATs - and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.mechanism.errors import MechanismError, unknown
from jakinib.mechanism.inhibition import KINASES
from jakinib.mechanism.tables import Tables, each, resolve

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence


# where the four columns of the drawing stand, and half the width of their words
_COLUMN = (0.0, 1.25, 2.7, 3.6)
_HALF_WORD = (0.25, 0.55, 0.14, 0.16)


@dataclass(frozen=True, eq=False)
class CytokineMap:
    """The map with one row a cytokine; ``facts`` keeps every source's own row.

    A JAK or STAT is on the map if a source that lists the whole receptor names it, or, where none does, any
    source. ``agreement`` says whether the sources that list the receptor agree, differ, or only one was read.
    """

    rows: pd.DataFrame = field(repr=False)
    facts: pd.DataFrame = field(repr=False)

    def table(self) -> pd.DataFrame:
        """``cytokine, receptor_chains, jaks, stats, agreement, differs, sources`` (lists separated by ;)."""
        return self.rows.copy()

    def behind(self, cytokine: str) -> pd.DataFrame:
        """What sits behind a cytokine: every source's receptor chains, JAKs and STATs.

        MechanismError for a cytokine that is not on the map, with the nearest names.
        """
        name = self._name(cytokine)
        return self.facts[self.facts["cytokine"] == name].reset_index(drop=True)

    def touched_by(self, *jaks: str) -> pd.DataFrame:
        """Cytokines that use any of the JAKs given, with the share of their JAKs that is given.

        ``all_named`` is True where a source lists the whole receptor and every JAK of it is among those
        given.
        """
        wanted = _kinases(jaks)
        rows = self.rows.copy()
        used = [set(j.split(";")) for j in rows["jaks"]]
        rows["through"] = [";".join(sorted(u & wanted)) for u in used]
        rows["all_named"] = [
            bool(u) and u <= wanted and c for u, c in zip(used, rows["complete"], strict=True)
        ]
        return rows[rows["through"] != ""].reset_index(drop=True)

    def to_dict(self) -> dict[str, Any]:
        """Rows and facts, ready for JSON."""
        return {"cytokines": self.rows.to_dict("records"), "facts": self.facts.to_dict("records")}

    def figure(
        self, strength: Mapping[str, float] | None = None, cytokines: Iterable[str] | None = None
    ) -> Any:
        """Cytokine - receptor - JAK - STAT as a drawing in four columns.

        ``strength``: JAK -> 0 (not inhibited) to 1 (the drug's strongest); lines through a JAK are drawn in
        that strength. See :func:`kinase_strength`. ``cytokines`` limits the drawing.
        """
        import altair as alt

        nodes, edges = self.graph(strength, cytokines)
        lines = (
            alt.Chart(edges)
            .mark_line()
            .encode(
                x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.4, 3.9])),
                y=alt.Y("y:Q", axis=None),
                detail="edge:N",
                opacity=alt.Opacity(
                    "strength:Q", scale=alt.Scale(domain=[0, 1], range=[0.15, 1]), legend=None
                ),
                color=alt.Color(
                    "strength:Q",
                    scale=alt.Scale(domain=[0, 1], range=["#9aa5b1", "#b3261e"]),
                    title="strength of inhibition",
                ),
            )
        )
        names = alt.Chart(nodes).encode(x="x:Q", y="y:Q", text="name:N", tooltip=["name:N", "column:N"])
        halo = names.mark_text(fontSize=11, stroke="white", strokeWidth=3)
        text = names.mark_text(fontSize=11)
        height = max(240, 18 * int((nodes["x"] == 0).sum()))
        return alt.layer(lines, halo, text).properties(
            width=760, height=height, title="Cytokine, receptor, JAK, STAT"
        )

    def graph(
        self, strength: Mapping[str, float] | None = None, cytokines: Iterable[str] | None = None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The drawing as data: nodes (``name, column, x, y``) and edges (two rows each: ``edge, x, y,
        strength``)."""
        strong = dict.fromkeys(KINASES, 0.0) | dict(strength or {})
        _kinases(strong)
        rows = self.rows
        if cytokines is not None:
            rows = rows[rows["cytokine"].isin([self._name(c) for c in cytokines])]
        columns: list[list[str]] = [[], [], list(KINASES), []]
        links: list[tuple[int, str, int, str, float]] = []
        for row in each(rows):
            receptor = row.receptor_chains.split(" (ligand")[0] or f"receptor of {row.cytokine}"
            columns[0].append(str(row.cytokine))
            columns[1].append(str(receptor))
            jaks = [j for j in str(row.jaks).split(";") if j]
            stats = [s for s in str(row.stats).split(";") if s]
            best = max((strong[j] for j in jaks), default=0.0)
            links.append((0, str(row.cytokine), 1, str(receptor), best))
            links += [(1, str(receptor), 2, j, strong[j]) for j in jaks]
            columns[3] += stats
            links += [(2, j, 3, s, strong[j]) for j in jaks for s in stats]
        columns = [list(dict.fromkeys(c)) for c in columns]
        columns[3].sort()
        tallest = max(len(c) for c in columns)
        at = {
            (i, name): (_COLUMN[i], -(k + 0.5) * tallest / len(names))
            for i, names in enumerate(columns)
            for k, name in enumerate(names)
        }
        titles = ("cytokine", "receptor", "JAK", "STAT")
        nodes = pd.DataFrame(
            [{"name": n, "column": titles[i], "x": x, "y": y} for (i, n), (x, y) in at.items()]
        )
        ends = []
        for number, (i, a, j, b, s) in enumerate(dict.fromkeys(links)):
            for end, side in (((i, a), 1), ((j, b), -1)):  # lines end beside the words, not under them
                x, y = at[end]
                ends.append({"edge": f"{number}", "x": x + side * _HALF_WORD[end[0]], "y": y, "strength": s})
        return nodes, pd.DataFrame(ends)

    def _name(self, cytokine: str) -> str:
        names = {str(n).lower(): str(n) for n in self.rows["cytokine"]}
        alias = {"ifn-alpha": "ifn-alpha/beta", "ifn-beta": "ifn-alpha/beta", "thrombopoietin": "tpo"}
        key = cytokine.strip().lower()
        found = names.get(key) or names.get(alias.get(key, ""))
        if found is None:
            raise unknown("cytokine", cytokine, self.rows["cytokine"])
        return found

    def __str__(self) -> str:
        return self.rows[["cytokine", "jaks", "stats", "agreement"]].to_string(index=False)


def cytokine_map(tables: Tables | Evidence | None = None) -> CytokineMap:
    """The checked map of the corpus (or of ``tables``).

    Raises MechanismError if a row names a JAK that does not exist.
    """
    facts = resolve(tables).cytokines
    out = []
    for cytokine, group in facts.groupby("cytokine", sort=True):
        if (group["scope"] == "family").all():
            continue
        for row in each(group):
            stray = set(str(row.jaks).split(";")) - set(KINASES) - {""}
            if stray:
                raise MechanismError(
                    f"cytokines, {cytokine} ({row.source_id}): unknown JAK {', '.join(sorted(stray))}"
                )
        whole = group[group["scope"] == "set"]
        basis = whole if len(whole) else group
        sets = [frozenset(str(j).split(";")) for j in whole["jaks"]]
        others = [
            f"{r.source_id}: {r.jaks}"
            for r in each(group)
            if r.scope in ("set", "pair", "one kinase")
            and sets
            and (
                set(str(r.jaks).split(";")) != sets[0]
                if r.scope == "set"
                else not set(r.jaks.split(";")) <= sets[0]
            )
        ]
        sources = list(dict.fromkeys(group["source_id"]))
        agreement = "differ" if others else ("agree" if len(sources) > 1 else "one source")
        out.append(
            {
                "cytokine": cytokine,
                "receptor_chains": next((c for c in basis["receptor_chains"] if c), ""),
                "jaks": _union(basis["jaks"]),
                "stats": _union(group["stats"]),
                "complete": bool(len(whole)),
                "agreement": agreement,
                "differs": "; ".join(others),
                "sources": ";".join(sources),
            }
        )
    return CytokineMap(pd.DataFrame(out), facts.reset_index(drop=True))


def kinase_strength(kinases: pd.DataFrame) -> dict[str, float]:
    """JAK -> 1 / (times weaker than the drug's strongest JAK), from ``Inhibition.kinases``; a JAK without a
    value is 0. A printed "more than" is taken at its bound, so it is drawn at most that strong."""
    return {str(r.kinase): float(min(1.0, 1.0 / r.fold_weaker)) for r in each(kinases) if r.fold_weaker > 0}


def _union(texts: Iterable[str]) -> str:
    return ";".join(sorted({x for text in texts for x in str(text).split(";") if x}))


def _kinases(jaks: Iterable[str]) -> set[str]:
    wanted = {j.upper() for j in jaks}
    for name in wanted - set(KINASES):
        raise unknown("JAK", name, KINASES)
    if not wanted:
        raise MechanismError(f"name at least one of {', '.join(KINASES)}")
    return wanted
