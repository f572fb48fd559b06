"""Which label and agency statements are addressed to this person, and whose data they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from jakinib.evidence.evidence import Evidence
from jakinib.patient.condition import all_of, unknown_items
from jakinib.patient.enrolled import Criteria, Group, grouped
from jakinib.patient.profile import ITEMS
from jakinib.plain import records

COLUMNS = [
    "treatment",
    "warning",
    "jurisdiction",
    "kind",
    "topic",
    "statement",
    "verdict",
    "because",
    "unknown",
    "open",
    "class_statement",
    "singles_out",
    "named_items",
    "extension",
    "basis",
    "basis_study",
    "in_basis_study",
    "basis_reason",
    "date",
    "source_id",
    "locator",
]


class Labels:
    """The warnings of one evidence base with their conditions, read once."""

    def __init__(self, ev: Evidence, criteria: Criteria) -> None:
        self.ev, self.criteria = ev, criteria
        self._basis: dict[str | None, str] = {}

    @cached_property
    def groups(self) -> dict[tuple[str, ...], list[Group]]:
        return grouped(self.ev, "warning_conditions", ("warning",), "reading")

    @cached_property
    def warnings(self) -> list[dict[str, Any]]:
        return records(self.ev["warnings"])

    @cached_property
    def treatments(self) -> dict[str, dict[str, Any]]:
        return {row["treatment"]: row for row in records(self.ev["treatments"])}

    @cached_property
    def drugs(self) -> dict[str, dict[str, Any]]:
        return {row["drug"]: row for row in records(self.ev["drugs"])}

    def is_jak(self, treatment: str) -> bool:
        """Is it a JAK inhibitor? Approvals of other drugs are not collected."""
        return bool(self.drugs[self.treatments[treatment]["drug"]]["drug_class"] == "JAK inhibitor")

    @cached_property
    def _approvals(self) -> list[dict[str, Any]]:
        return records(self.ev["approvals"])

    def approvals(self, treatment: str, indication: str | None) -> list[dict[str, Any]]:
        """Approvals of the treatment's drug for a disease that are held, as printed; empty when none is."""
        drug, route = (self.treatments[treatment][c] for c in ("drug", "route"))
        return [
            row
            for row in self._approvals
            if (row["drug"], row["population"]) == (drug, indication) and row["route"] in (route, None)
        ]

    @cached_property
    def unboxed(self) -> set[tuple[str, str]]:
        """(drug, jurisdiction) whose label, as read, has no boxed warning at all."""
        boxed = {(w["drug"], w["jurisdiction"]) for w in self.warnings if w["kind"] == "boxed"}
        said = {(w["drug"], w["jurisdiction"]) for w in self.warnings if w["topic"] == "boxed warning"}
        return said - boxed

    @cached_property
    def _study_names(self) -> list[tuple[str, str]]:
        return [(row["name"], key) for key, row in self.criteria.studies.items()]

    def statements(self, facts: Mapping[str, Any], treatments: Sequence[str]) -> list[dict[str, Any]]:
        """One row a treatment and statement, with ``COLUMNS``.

        ``verdict``: ``applies``, ``might`` (``unknown`` names the items that would decide, ``open`` what the
        source leaves open) or ``does not``. ``because``: the conditions that hold; ``singles_out``: one is
        about the person, not about everyone treated for the disease; ``named_items``: the profile items
        it is about. ``extension``: the statement rests on another drug's data, and which. ``in_basis_study``:
        could the person have entered the trial it rests on (yes, no, might, not read), with ``basis_reason``.
        """
        return [
            self._statement(facts, treatment, warning)
            for treatment in treatments
            for warning in self.warnings
            if self._concerns(warning, self.treatments[treatment]["drug"])
        ]

    def _concerns(self, warning: Mapping[str, Any], drug: str) -> bool:
        if warning["drug"] is not None:
            return bool(warning["drug"] == drug)
        return bool(self.drugs[drug]["drug_class"] == "JAK inhibitor")

    def _statement(
        self, facts: Mapping[str, Any], treatment: str, warning: Mapping[str, Any]
    ) -> dict[str, Any]:
        given = self.treatments[treatment]
        drug = given["drug"]
        facts = {**facts, "treated": True, "treatment": treatment, "drug": drug, "route": given["route"]}
        because: list[str] = []
        unknown: list[str] = []
        left_open: list[str] = []
        named: list[str] = []
        certain = False
        for group in self.groups.get((warning["warning"],), []):
            truth = all_of(group.conditions, facts)
            if truth and group.strength == "applies":
                certain = True
                named += [c.item for c in group.conditions if c.item in ITEMS and c.item != "indication"]
                because.append(" and ".join(map(str, group.conditions)))
            elif truth:
                left_open.append(group.words)
            elif truth is None:
                unknown += unknown_items(group.conditions, facts)
        class_statement = warning["drug"] is None
        if (
            class_statement
            and (drug, warning["jurisdiction"]) in self.unboxed
            and (certain or left_open or unknown)
        ):
            certain = False
            left_open.append(
                f"whether a statement on the class covers {self.drugs[drug]['name']} was not read: "
                "its own label has no boxed warning"
            )
        if (warning["warning"],) not in self.groups:  # a folder's warning without a condition
            left_open.append("no condition is held for this statement")
        verdict = "applies" if certain else "might" if unknown or left_open else "does not"
        study = self._basis_study(warning["basis"])
        enrolled = self.criteria.enrolled(facts, study) if study else None
        return {
            **{
                c: warning[c]
                for c in (
                    "warning",
                    "jurisdiction",
                    "kind",
                    "topic",
                    "statement",
                    "basis",
                    "date",
                    "source_id",
                    "locator",
                )
            },
            "treatment": treatment,
            "verdict": verdict,
            "because": "; ".join(because),
            "unknown": "; ".join(dict.fromkeys(unknown)),
            "open": "; ".join(left_open),
            "class_statement": class_statement,
            "singles_out": bool(named),
            "named_items": "; ".join(dict.fromkeys(named)),
            "extension": self._extension(warning["basis"], drug),
            "basis_study": study or "",
            "in_basis_study": enrolled.verdict if enrolled else "",
            "basis_reason": "; ".join(enrolled.reasons) if enrolled else "",
        }

    def _basis_study(self, basis: str | None) -> str:
        if basis not in self._basis:
            named = [key for name, key in self._study_names if basis and basis.startswith(name)]
            self._basis[basis] = named[0] if named else ""
        return self._basis[basis]

    def _extension(self, basis: str | None, drug: str) -> str:
        """Whose data the statement rests on, when it is not this drug's."""
        if basis is None:
            return ""
        named = [d for d, row in self.drugs.items() if str(row["name"]).lower() in basis.lower()]
        if drug in named or (not named and not basis.startswith("JAK inhibitors")):
            return ""
        return ", ".join(str(self.drugs[d]["name"]) for d in named) or basis
