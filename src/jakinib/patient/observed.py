"""What was seen on a drug, absolutely: the line nearest to a person, and what zero events exclude."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jakinib.evidence.evidence import Evidence
from jakinib.patient.compare import estimates
from jakinib.patient.effect import WEEKS_A_YEAR
from jakinib.patient.enrolled import Criteria
from jakinib.patient.subgroup import stratum
from jakinib.plain import records

_WITH_VALUE = ("rate", "printed rate", "proportion", "printed percent")


class Observed:
    """Lines of evidence on a drug, made once a treatment and outcome."""

    def __init__(self, ev: Evidence, criteria: Criteria) -> None:
        self.ev, self.criteria = ev, criteria
        self._made: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def lines(self, treatment: str, outcome: str) -> list[dict[str, Any]]:
        """Rows on this treatment, or on pooled doses of its drug, that count persons."""
        if (treatment, outcome) not in self._made:
            treatments = self.ev["treatments"].set_index("treatment")
            drug = treatments.loc[treatment, "drug"]
            pools = set(treatments.index[(treatments["drug"] == drug) & (treatments["kind"] == "pool")])
            events = self.ev["events"]
            mine = events["treatment"].isin({treatment} | pools) & (events["outcome"] == outcome)
            mine &= (events["use"] == "default") & (events["counts"] == "persons")
            self._made[treatment, outcome] = records(estimates(events[mine], 1000.0))
        return self._made[treatment, outcome]

    def nearest(self, treatment: str, outcome: str, facts: Mapping[str, Any]) -> dict[str, Any] | None:
        """The line nearest to a person, None when nothing was reported.

        In this order: the same disease, a study the person is not known to be shut out of, a rate a year can
        be had, the dose itself, a stratum the person is known to belong to, a counted value, the most
        person-years and persons.

        ``yearly_low``, ``yearly``, ``yearly_high``: per 1,000 people a year; a share over weeks is taken as a
        constant rate.
        """
        best: tuple[Any, ...] | None = None
        chosen: dict[str, Any] | None = None
        for line in self.lines(treatment, outcome):
            read = stratum(line["subgroup"])
            if line["kind"] not in _WITH_VALUE or read.fits(facts) is not True:
                continue
            same = self.criteria.same_indication(line["population"], facts.get("indication"))
            yearly = _yearly(line)
            rank = (
                {True: 0, None: 1, False: 2}[same],
                self.criteria.enrolled(facts, line["study"]).verdict == "no",
                yearly["yearly"] is None,
                line["treatment"] != treatment,
                not read.conditions,
                not line["kind"].endswith(("rate", "proportion")),
                -(line["person_years"] or 0.0),
                -(line["n"] or 0),
                line["event"],
            )
            if best is None or rank < best:
                best, chosen = rank, {**line, **yearly}
        return chosen


def _yearly(line: Mapping[str, Any]) -> dict[str, float | None]:
    def rate(value: Any) -> float | None:
        if value is None or line["kind"] in ("rate", "printed rate"):
            return None if value is None else float(value)
        share, weeks = float(value) / line["per"], line["period_weeks"]
        return -math.log1p(-share) * WEEKS_A_YEAR / float(weeks) * 1000 if weeks and share < 1 else None

    return {
        "yearly": rate(line["estimate"]),
        "yearly_low": rate(line["ci_low"]),
        "yearly_high": rate(line["ci_high"]),
    }
