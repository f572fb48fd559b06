"""Would this person have been in that study? From the entry criteria as read; unread stays unread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from jakinib.evidence.evidence import Evidence
from jakinib.patient.condition import Condition, all_of, checked, unknown_items
from jakinib.plain import records

#: populations that take in others, by the group of the population table
_MIXED = {"mixed-dermatology": "dermatology", "mixed-immune-mediated": "", "not-stated": ""}


class Group(NamedTuple):
    """Conditions that must all hold; ``strength`` "might" when the source leaves open whether they decide."""

    conditions: tuple[Condition, ...]
    strength: str
    words: str


class Enrolled(NamedTuple):
    """``verdict``: yes, no, might (something is unknown), or not read; with the reasons."""

    verdict: str
    reasons: tuple[str, ...]


class Criteria:
    """The entry criteria of the studies of one evidence base, read once."""

    def __init__(self, ev: Evidence) -> None:
        self.ev = ev

    @cached_property
    def groups(self) -> dict[tuple[str, ...], list[Group]]:
        """(study, part) -> groups; raises EvidenceError for a row that is no condition."""
        return grouped(self.ev, "study_criteria", ("study", "part"), "printed")

    @cached_property
    def studies(self) -> dict[str, dict[str, Any]]:
        return {row["study"]: row for row in records(self.ev["studies"])}

    @cached_property
    def disease_group(self) -> dict[str, str]:
        populations = self.ev["populations"]
        return dict(zip(populations["population"], populations["group"], strict=True))

    def same_indication(self, study_population: str, indication: str | None) -> bool | None:
        """Is the study's population the patient's: yes, no, or unknown (a mixed population may hold it)."""
        if indication is None:
            return None
        if study_population == indication:
            return True
        if study_population in _MIXED:
            group = _MIXED[study_population]
            return None if not group or self.disease_group.get(indication) == group else False
        return False

    def enrolled(self, facts: Mapping[str, Any], study: str) -> Enrolled:
        """Could a person with these facts (``indication`` as a key) have entered the study?"""
        row = self.studies[study]
        truths: list[bool | None] = []
        reasons: list[str] = []
        if row["population"] != "general-population":
            same = self.same_indication(row["population"], facts.get("indication"))
            truths.append(same)
            if same is False:
                reasons.append("another disease was studied")
            elif same is None:
                reasons.append("whether people with this disease were in it was not read")
        entry, exclusion = self.groups.get((study, "entry"), []), self.groups.get((study, "exclusion"), [])
        if entry:
            each = [_softened(all_of(g.conditions, facts), g) for g in entry]
            truth = True if True in each else None if None in each else False
            truths.append(truth)
            if truth is False:
                reasons.append(f"entry: {entry[0].words}")
            elif truth is None:
                missing = [i for g in entry for i in unknown_items(g.conditions, facts)]
                what = f"; unknown: {', '.join(dict.fromkeys(missing))}" if missing else ""
                reasons.append(f"entry: {entry[0].words}{what}")
        for group in exclusion:
            hit = _softened(all_of(group.conditions, facts), group)
            truths.append(None if hit is None else not hit)
            if hit:
                reasons.append(f"excluded: {group.words}")
            elif hit is None:
                missing = unknown_items(group.conditions, facts)
                what = f"; unknown: {', '.join(missing)}" if missing else ""
                reasons.append(f"may be excluded: {group.words}{what}")
        if False in truths:
            return Enrolled("no", tuple(reasons))
        if not entry and not exclusion:
            return Enrolled("not read", (*reasons, "entry criteria were not read"))
        return Enrolled("might" if None in truths else "yes", tuple(reasons))


def grouped(ev: Evidence, table: str, key: tuple[str, ...], words: str) -> dict[tuple[str, ...], list[Group]]:
    """Rows of a table of conditions as groups by key."""
    found: dict[tuple[str, ...], dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for at, row in enumerate(records(ev[table])):
        where = f"{table}, row {at + 2} ({row[key[0]]})"
        condition = checked(row["item"], row["operator"], row["value"], where)
        found[tuple(row[k] for k in key)][row["group"]].append((condition, row["strength"], row[words]))
    return {
        name: [
            Group(tuple(c for c, _, _ in rows), rows[0][1], rows[0][2]) for _, rows in sorted(groups.items())
        ]
        for name, groups in found.items()
    }


def _softened(truth: bool | None, group: Group) -> bool | None:
    """A group that only might decide leaves the question open when it holds."""
    return None if truth and group.strength == "might" else truth
