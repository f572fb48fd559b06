"""``jk.overlaps``: who counts whom, for all studies, for a drug, or around one study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.evidence.errors import UnknownNameError
from jakinib.plain import records

if TYPE_CHECKING:
    import altair as alt

    from jakinib.evidence.evidence import Evidence

RELATIONS = {
    "pools": "pools",
    "extends": "extends",
    "later-cutoff": "is a later data cut-off of",
    "subset": "has as a subset",
    "same-trial": "has people in common with",
}
_UNPLACED = ["study", "name", "design", "population", "placement", "why"]


@dataclass(frozen=True)
class Overlaps:
    """Who counts whom.

    Attributes: ``about`` (key of the drug or study, or "" for all), ``relations`` (a row a relation: ``whole,
    whole_name, part, part_name, relation, certainty, note, source_id, locator, origin``), ``placed`` (keys of
    the studies in them), ``unplaced`` (``study, name, design, population, placement, why``: studies in no
    relation, which stand alone or of which it is not determined).
    """

    about: str
    relations: pd.DataFrame
    placed: tuple[str, ...]
    unplaced: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """A row a relation: the whole, the part, how they belong together, whether a source states it."""
        return self.relations

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "about": self.about or None,
            "relations": records(self.relations),
            "placed": list(self.placed),
            "unplaced": records(self.unplaced),
        }

    def figure(self) -> alt.LayerChart:
        """The graph: each study stands to the right of those that count its persons; a broken line is
        inferred. A line that follows from a chain of others is left out (the table has it)."""
        from jakinib.report.overlap_figure import overlap_figure

        return overlap_figure(self)

    def __str__(self) -> str:
        lines = [f"Who counts whom{f' ({self.about})' if self.about else ''}: "
                 f"{len(self.relations)} relations among {len(self.placed)} studies"]  # fmt: skip
        for whole, rows in self.relations.groupby("whole", sort=False):
            lines += ["", str(whole)]
            for row in rows.itertuples():
                lines.append(f"  {RELATIONS[str(row.relation)]} {row.part} ({row.certainty})")
        for placement, rows in self.unplaced.groupby("placement", sort=True):
            lines += ["", f"In no relation, {placement} ({len(rows)}):"]
            lines += [f"  {row.study}: {row.why}" for row in rows.itertuples()]
        return "\n".join(lines)


def overlaps(evidence: Evidence | None = None, about: str | None = None) -> Overlaps:
    """Who counts whom.

    Parameters
    ----------
    evidence
        The evidence; by default the shipped corpus.
    about
        A drug or a study, by key, name, brand or registry id; by default everything. A drug gives the
        relations among the studies of it; a study those of all that count it and all that it counts.

    Returns
    -------
    Overlaps
        Relations with their source, and the studies that are in none, with the reason.

    Raises
    ------
    UnknownNameError
        When ``about`` is neither a drug nor a study.
    """
    if evidence is None:
        from jakinib.evidence.evidence import load

        evidence = load()
    key, studies = _asked(evidence, about)
    frame = evidence.overlap.relations
    within = frame[frame["whole"].isin(studies) & frame["part"].isin(studies)]
    names = evidence.names
    shown = within.assign(
        whole_name=within["whole"].map(names), part_name=within["part"].map(names)
    )[["whole", "whole_name", "part", "part_name", "relation", "certainty", "note", "source_id", "locator",
       "origin"]]  # fmt: skip
    shown = shown.sort_values(["whole", "part"]).reset_index(drop=True)
    anywhere = set(frame["whole"]) | set(frame["part"])
    placed = tuple(sorted(anywhere & studies))
    return Overlaps(key, shown, placed, _unplaced(evidence, studies - anywhere))


def _asked(ev: Evidence, about: str | None) -> tuple[str, set[str]]:
    """The key asked for and the studies that belong to it."""
    every = set(ev["studies"]["study"])
    if not about or not about.strip():
        return "", every
    try:
        drug = ev.name("drug", about)
    except UnknownNameError:
        pass
    else:
        of = ev["treatments"]
        own = set(of.loc[of["drug"] == drug, "treatment"])
        pairs = [
            ("arms", "treatment"),
            ("events", "treatment"),
            ("effects", "treatment"),
            ("effects", "reference"),
        ]
        held = {study for table, c in pairs for study in ev[table].loc[ev[table][c].isin(own), "study"]}
        return drug, held & every
    try:
        study = ev.name("study", about)
    except UnknownNameError:
        raise UnknownNameError("drug or study", about, [*ev["drugs"]["name"], *every]) from None
    frame = ev.overlap.relations
    near = set(frame.loc[frame["whole"] == study, "part"]) | set(frame.loc[frame["part"] == study, "whole"])
    return study, {study} | near | ev.overlap.parts(study) | ev.overlap.wholes(study)


def _unplaced(ev: Evidence, studies: set[str]) -> pd.DataFrame:
    """Studies in no relation: do they stand alone, or is it not determined?"""
    frame = ev["studies"]
    own = _given(ev)
    pools: dict[tuple[str, str], list[str]] = {}
    integrated = frame[frame["design"] == "integrated"]
    for study, population in zip(integrated["study"], integrated["population"], strict=True):
        for drug in own.get(study, ()):
            pools.setdefault((drug, population), []).append(study)
    rows = []
    for row in records(frame[frame["study"].isin(studies)].sort_values("study")):
        placement, why = _why(row, own.get(row["study"], set()), pools)
        rows.append([*(row[c] for c in _UNPLACED[:4]), placement, why])
    return pd.DataFrame(rows, columns=_UNPLACED)


def _given(ev: Evidence) -> dict[str, set[str]]:
    """Study -> the JAK inhibitors that it gave, comparators left out."""
    drug = dict(zip(ev["treatments"]["treatment"], ev["treatments"]["drug"], strict=True))
    found: dict[str, set[str]] = {}
    for table in ("arms", "events"):
        held = ev[table].loc[ev[table]["role"] == "jak", ["study", "treatment"]].drop_duplicates()
        for study, treatment in zip(held["study"], held["treatment"], strict=True):
            found.setdefault(study, set()).add(drug[treatment])
    return found


def _why(row: dict[str, Any], own: set[str], pools: dict[tuple[str, str], list[str]]) -> tuple[str, str]:
    design = row["design"]
    if design in ("meta-analysis", "review"):
        return "not determined", "the trials it counts were not read by name; only its own results are held"
    if design in ("cohort", "background"):
        why = "no analysis held names it; whether its register shares people with another was not read"
        return "not determined", why
    near = sorted({s for d in own for s in pools.get((d, row["population"]), ()) if s != row["study"]})
    if near:
        more = f" and {len(near) - 3} more" if len(near) > 3 else ""
        why = f"same drug and population as {', '.join(near[:3])}{more}; whether they count it was not read"
        return "not determined", why
    given = ", ".join(sorted(own)) or "its drug"
    return "stands alone", f"no other pooled analysis of {given} in its population is held"
