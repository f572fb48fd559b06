"""What was seen on a drug, absolutely: the line nearest to a person, the others, what zeros exclude."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jakinib.evidence.evidence import Evidence
from jakinib.patient.compare import estimates
from jakinib.patient.condition import Condition
from jakinib.patient.effect import WEEKS_A_YEAR
from jakinib.patient.enrolled import Criteria
from jakinib.patient.subgroup import stratum
from jakinib.plain import records


class Observed:
    """Lines of evidence on a drug, made once a treatment and outcome."""

    def __init__(self, ev: Evidence, criteria: Criteria) -> None:
        self.ev, self.criteria = ev, criteria
        self._made: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def lines(self, treatment: str, outcome: str) -> list[dict[str, Any]]:
        """Rows on this treatment, or on pooled doses of its drug, that count persons.

        ``yearly_low``, ``yearly``, ``yearly_high``: per 1,000 people a year, None where that cannot be had; a
        share over weeks is taken as a constant rate.
        """
        if (treatment, outcome) not in self._made:
            treatments = self.ev["treatments"].set_index("treatment")
            drug = treatments.loc[treatment, "drug"]
            pools = set(treatments.index[(treatments["drug"] == drug) & (treatments["kind"] == "pool")])
            events = self.ev["events"]
            mine = events["treatment"].isin({treatment} | pools) & (events["outcome"] == outcome)
            mine &= (events["use"] == "default") & (events["counts"] == "persons")
            made = records(estimates(events[mine], 1000.0))
            self._made[treatment, outcome] = [{**line, **_yearly(line)} for line in made]
        return self._made[treatment, outcome]

    def ranked(self, treatment: str, outcome: str, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every line that could stand for a person, the nearest first; empty when nothing was reported.

        In this order: the same disease; a study the person is not known to be shut out of; a rate a year, for
        a zero with its upper bound; a stratum the person is known to belong to; a pooled programme before a
        single study; the dose itself before pooled doses; the most person-years, persons over weeks counted
        as such. A stratum the person is known not to belong to is left out.

        Each line gets ``same_disease`` and ``belongs`` (yes, no, unknown) and ``adds`` (is it more than a
        zero or a blank?).
        """
        found = []
        for line in self.lines(treatment, outcome):
            read = stratum(line["subgroup"])
            belongs = read.fits(facts)
            if belongs is False or (line["kind"] == "count" and line["events"] is None):
                continue
            same = self.criteria.same_indication(line["population"], facts.get("indication"))
            bounded = line["yearly"] is not None and (line["yearly"] > 0 or line["yearly_high"] is not None)
            rank = (
                {True: 0, None: 1, False: 2}[same],
                self.criteria.enrolled(facts, line["study"]).verdict == "no",
                not bounded,
                belongs is not True,
                not any(_singles_out(c) for c in read.conditions),
                self.criteria.studies[line["study"]]["design"] != "integrated",
                line["treatment"] != treatment,
                -_exposure(line),
                line["estimate"] is None,
                line["event"],
            )
            words = {
                "same_disease": {True: "yes", None: "unknown", False: "no"}[same],
                "belongs": "yes" if belongs else "unknown",
                "adds": bool(line["estimate"] or line["events"]),
            }
            found.append((rank, {**line, **words}))
        return [line for _, line in sorted(found, key=lambda f: f[0])]


def _singles_out(condition: Condition) -> bool:
    """Does a condition tell people apart, beyond being grown up?"""
    return not (condition.item == "age" and condition.operator == "ge" and float(condition.value) <= 18)


def _exposure(line: Mapping[str, Any]) -> float:
    if line["person_years"]:
        return float(line["person_years"])
    return float(line["n"] or 0) * float(line["period_weeks"] or 0) / WEEKS_A_YEAR


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
