"""How much more or less often with a treatment than without: every ratio the evidence holds, ranked.

Two origins: ratios that were published, and ratios computed here from the counts of randomised arms
(Mantel-Haenszel; a rate ratio where every arm has person-years, else an odds ratio).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from scipy.special import ndtri

from jakinib.evidence.evidence import Evidence
from jakinib.patient.difference import MEASURES
from jakinib.patient.enrolled import Criteria
from jakinib.patient.subgroup import stratum
from jakinib.plain import records
from jakinib.synthesis.pairwise import pairwise

INERT = ("placebo", "vehicle", "no-treatment", "placebo-or-active", "placebo-or-dupilumab")
_OBSERVATIONAL = ("cohort", "background", "extension", "review")
WEEKS_A_YEAR = 365.25 / 7


@dataclass(frozen=True)
class Effect:
    """A ratio of ``treatment`` (as measured) to ``reference``, with ``theta`` and ``se`` on the log scale.

    ``covers``: ``dose`` (this drug and dose), ``drug`` (doses of this drug pooled) or ``class`` (JAK
    inhibitors pooled). ``row``: the row of ``effects``, blank for a computed ratio; ``events``: the rows of
    ``events`` of a computed one. ``unusable``: why no number can be drawn from it, else blank. ``network``:
    from a network meta-analysis, so indirect in part or whole. ``note``: the note of the row.
    """

    key: str
    treatment: str
    reference: str
    covers: str
    outcome: str
    measure: str
    estimate: float
    ci_low: float
    ci_high: float
    theta: float
    se: float
    population: str
    subgroup: str
    studies: tuple[str, ...]
    randomised: bool
    origin: str
    row: str
    events: tuple[str, ...]
    count: float
    source_id: str
    locator: str
    unusable: str
    network: bool = False
    note: str = ""

    @property
    def active(self) -> bool:
        """Is the comparator a drug?"""
        return self.reference not in INERT

    @property
    def lopsided(self) -> bool:
        """Is the printed interval far from even about the estimate on the log scale?

        A tenth of its half width is more than rounding and the usual approximations explain.
        """
        if self.origin != "published" or self.unusable:
            return False
        middle = (math.log(self.ci_low) + math.log(self.ci_high)) / 2
        return abs(math.log(self.estimate) - middle) > 0.1 * math.log(self.ci_high / self.ci_low) / 2

    def fits(self, facts: Mapping[str, Any]) -> bool | None:
        """Does the person belong to the stratum it was measured in?"""
        return stratum(self.subgroup or None).fits(facts)


class Effects:
    """The relative effects of one evidence base, found once a treatment, outcome and population."""

    def __init__(self, ev: Evidence, criteria: Criteria) -> None:
        self.ev, self.criteria = ev, criteria
        self._computed: dict[tuple[str, str, str], list[Effect]] = {}

    @cached_property
    def treatments(self) -> dict[str, dict[str, Any]]:
        return {row["treatment"]: row for row in records(self.ev["treatments"])}

    @cached_property
    def classes(self) -> dict[str, str]:
        drugs = self.ev["drugs"]
        return dict(zip(drugs["drug"], drugs["drug_class"], strict=True))

    @cached_property
    def _published(self) -> dict[str, list[dict[str, Any]]]:
        by_outcome: dict[str, list[dict[str, Any]]] = {}
        for row in records(self.ev["effects"]):
            if row["kind"] == "treatment" and row["use"] == "default" and row["reference"]:
                by_outcome.setdefault(row["outcome"], []).append(row)
        return by_outcome

    def found(self, treatment: str, outcome: str, indication: str | None) -> list[Effect]:
        """Every ratio on this treatment and outcome: published in any population, computed in ``indication``
        (in every population when it is unknown)."""
        where = [indication] if indication else self._populations(treatment, outcome)
        computed = [e for population in where for e in self._computed_in(treatment, outcome, population)]
        return computed + self.published(treatment, outcome)

    def published(self, treatment: str, outcome: str) -> list[Effect]:
        """Ratios as printed, turned round where the treatment was the comparator."""
        found = []
        for row in self._published.get(outcome, []):
            for measured, reference, sign in [
                (row["treatment"], row["reference"], 1),
                (row["reference"], row["treatment"], -1),
            ]:
                covers = self._covers(measured, treatment)
                if covers and self._is_comparator(reference, treatment):
                    found.append(self._from_row(row, measured, reference, covers, sign))
        return found

    def _is_comparator(self, reference: str, treatment: str) -> bool:
        drug = self.treatments[reference]["drug"]
        return drug != self.treatments[treatment]["drug"] and self.classes.get(drug) != "JAK inhibitor"

    def _covers(self, measured: str, asked: str) -> str:
        if measured == asked:
            return "dose"
        one, other = self.treatments[measured], self.treatments[asked]
        if one["drug"] == other["drug"] and one["kind"] == "pool":
            return "drug"
        is_jak = self.classes.get(other["drug"]) == "JAK inhibitor"
        return "class" if measured == "jak-inhibitors-pooled" and is_jak else ""

    def _from_row(self, row: dict[str, Any], measured: str, reference: str, covers: str, sign: int) -> Effect:
        estimate, low, high = row["estimate"], row["ci_low"], row["ci_high"]
        unusable = ""
        theta = se = math.nan
        if row["measure"] not in MEASURES:
            unusable = f"a {row['measure']} is not a ratio of treatments that a baseline can be multiplied by"
        elif low is None or high is None:
            unusable = "the source prints no interval"
        elif not 0 < low < high:
            unusable = f"the printed interval ({low:g} to {high:g}) has no logarithm"
        else:
            z = float(ndtri(0.5 + (row["ci_level"] or 95.0) / 200))
            theta, se = sign * math.log(estimate), math.log(high / low) / (2 * z)
            if sign < 0:
                estimate, low, high = 1 / estimate, 1 / high, 1 / low
        study = self.criteria.studies[row["study"]]
        return Effect(
            key=row["effect"],
            treatment=measured,
            reference=reference,
            covers=covers,
            outcome=row["outcome"],
            measure=row["measure"],
            estimate=float(estimate),
            ci_low=_nan(low),
            ci_high=_nan(high),
            theta=theta,
            se=se,
            population=row["population"],
            subgroup=row["subgroup"] or "",
            studies=(row["study"],),
            randomised=study["design"] not in _OBSERVATIONAL,
            origin="published",
            row=row["effect"],
            events=(),
            count=0.0,
            source_id=row["source_id"],
            locator=row["locator"],
            unusable=unusable,
            network="network meta-analysis" in f"{study['name']} {row['note'] or ''}".lower(),
            note=row["note"] or "",
        )

    def _populations(self, treatment: str, outcome: str) -> list[str]:
        rows = self.ev.event_rows.get(outcome, [])
        return sorted({r.population for r in rows if r.treatment == treatment and r.role != "background"})

    def _computed_in(self, treatment: str, outcome: str, population: str) -> list[Effect]:
        key = (treatment, outcome, population)
        if key not in self._computed:
            self._computed[key] = self._compute(*key)
        return self._computed[key]

    def _compute(self, treatment: str, outcome: str, population: str) -> list[Effect]:
        rows = [r for r in self.ev.event_rows.get(outcome, []) if r.treatment == treatment]
        rows = [r for r in rows if r.population == population and r.role != "background" and r.counted]
        strata = dict.fromkeys(r.subgroup for r in rows)
        found = []
        for subgroup in strata:
            if not stratum(subgroup).understood:
                continue
            selected = self.ev.select(outcome, treatment=treatment, population=population, subgroup=subgroup)
            kept = (selected["treatment"] == treatment) | selected["role"].isin(["placebo", "active"])
            arms = pd.DataFrame(selected[kept])
            mine = set(arms.loc[arms["treatment"] == treatment, "study"])
            for reference in sorted(set(arms["treatment"]) - {treatment}):
                if self.classes.get(self.treatments[reference]["drug"]) == "JAK inhibitor":
                    continue
                theirs = set(arms.loc[arms["treatment"] == reference, "study"])
                two = arms[arms["treatment"].isin([treatment, reference]) & arms["study"].isin(mine & theirs)]
                if not two.empty:
                    found.append(self._pooled(two, treatment, reference, outcome, population, subgroup))
        return found

    def _pooled(
        self,
        two: pd.DataFrame,
        treatment: str,
        reference: str,
        outcome: str,
        population: str,
        subgroup: str | None,
    ) -> Effect:
        measure = "IRR" if bool((two["person_years"] > 0).all()) else "OR"
        by = two.groupby("treatment")["events"].sum()
        studies = tuple(sorted(set(two["study"])))
        estimate = low = high = theta = se = math.nan
        unusable = ""
        if by[treatment] == 0 or by[reference] == 0:
            n = two.groupby("treatment")["n"].sum()
            unusable = (
                f"{by[treatment]} of {n[treatment]} against {by[reference]} of {n[reference]}: "
                "without an event in each group there is no ratio"
            )
        else:
            made = pairwise(two, measure=measure, method="mh", reference=reference, treatment=treatment)
            theta, se = made.theta, made.se
            estimate, low, high = made.estimate, made.ci_low, made.ci_high
            if not (math.isfinite(theta) and math.isfinite(se)):
                unusable = "; ".join(made.notes) or "the counts give no ratio with an interval"
        design = {str(self.criteria.studies[s]["design"]) for s in studies}
        return Effect(
            key=f"{treatment}|{reference}|{outcome}|{population}|{subgroup or ''}",
            treatment=treatment,
            reference=reference,
            covers="dose",
            outcome=outcome,
            measure=measure,
            estimate=estimate,
            ci_low=low,
            ci_high=high,
            theta=theta,
            se=se,
            population=population,
            subgroup=subgroup or "",
            studies=studies,
            randomised=not design & set(_OBSERVATIONAL),
            origin="computed",
            row="",
            events=tuple(two["event"]),
            count=float(by.sum()),
            source_id="; ".join(sorted(set(two["source_id"]))),
            locator="",
            unusable=unusable,
        )


def _nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
