"""How far a person is from the people who were studied: entry, age, disease, therapy, follow-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from jakinib.evidence.evidence import Evidence
from jakinib.patient.effect import WEEKS_A_YEAR
from jakinib.patient.enrolled import Criteria, Enrolled
from jakinib.plain import records

COLUMNS = [
    "study",
    "name",
    "used_for",
    "population",
    "same_disease",
    "would_have_entered",
    "why",
    "age",
    "age_kind",
    "years_from_age",
    "age_from",
    "age_to",
    "enrichment",
    "background_therapy",
    "follow_up_years",
    "extrapolation",
    "source_id",
    "locator",
]
_YEARS = {"years": 1.0, "months": 1 / 12, "weeks": 1 / WEEKS_A_YEAR, "days": 1 / 365.25}


class Distances:
    """What tells the studies of one evidence base apart, read once."""

    def __init__(self, ev: Evidence, criteria: Criteria) -> None:
        self.ev, self.criteria = ev, criteria

    @cached_property
    def _traits(self) -> dict[tuple[str, str], float]:
        """(study, trait) -> value: the whole study before a single arm, the first row of several."""
        rows = [r for r in records(self.ev["arm_characteristics"]) if not r["subgroup"]]
        rows.sort(key=lambda r: r["treatment"] is not None)
        found: dict[tuple[str, str], float] = {}
        for row in rows:
            value = row["value"] * _YEARS.get(row["unit"], 1.0)
            found.setdefault((row["study"], row["characteristic"]), value)
        return found

    def age(self, study: str) -> tuple[float | None, str]:
        """Mean age, else median age, with the word for it."""
        mean = self.criteria.studies[study]["mean_age"]
        for kind, value in [
            ("mean", mean),
            ("mean", self._traits.get((study, "mean_age"))),
            ("median", self._traits.get((study, "median_age"))),
        ]:
            if value is not None:
                return float(value), kind
        return None, ""

    def follow_up(self, study: str, seen: float | None = None) -> float | None:
        """Years: median or mean follow-up, else the weeks over which a rate was ``seen``, else the controlled
        period, else None."""
        for trait in ("median_follow_up", "mean_follow_up"):
            if (study, trait) in self._traits:
                return self._traits[study, trait]
        weeks = seen or self.criteria.studies[study]["controlled_weeks"]
        return None if weeks is None else float(weeks) / WEEKS_A_YEAR

    def ages(self, study: str) -> tuple[float | None, float | None]:
        """Lowest and highest age at entry, as read; over all ways to enter."""
        groups = self.criteria.groups.get((study, "entry"), [])
        lows = [
            float(c.value) for g in groups for c in g.conditions if c.item == "age" and c.operator == "ge"
        ]
        highs = [
            float(c.value) for g in groups for c in g.conditions if c.item == "age" and c.operator != "ge"
        ]
        return (min(lows) if lows else None), (max(highs) if highs else None)

    def rows(
        self,
        facts: Mapping[str, Any],
        used: Mapping[tuple[str, str], Iterable[str]],
        seen: Mapping[str, float],
        horizon: float,
    ) -> list[dict[str, Any]]:
        """One row a study, with ``COLUMNS``: would the person have entered, how far off, what is beyond it.

        ``used``: (study, population of its rows) -> what its numbers are used for. A general population is
        nobody's trial: only the age is compared. ``seen``: study -> weeks, where only rates on the drug are
        used and no ratio.
        """
        return [
            self._row(facts, study, who, uses, seen.get(study), horizon)
            for (study, who), uses in used.items()
        ]

    def _row(
        self,
        facts: Mapping[str, Any],
        study: str,
        who: str,
        uses: Iterable[str],
        seen: float | None,
        horizon: float,
    ) -> dict[str, Any]:
        row = self.criteria.studies[study]
        general = who == "general-population"
        enrolled = Enrolled("no trial", ()) if general else self.criteria.enrolled(facts, study)
        same = None if general else self.criteria.same_indication(who, facts.get("indication"))
        age, kind = self.age(study)
        low, high = self.ages(study)
        years = None if age is None or facts.get("age") is None else facts["age"] - age
        follow_up = self.follow_up(study, seen)
        named = list(enrolled.reasons) if enrolled.verdict in ("no", "might") else []
        if years is not None and abs(years) >= 10:
            named.append(f"{abs(years):.0f} years {'older' if years > 0 else 'younger'} than its {kind} age")
        background = row["background_therapy"] or ""
        if "methotrexate" in background and facts.get("methotrexate") is False:
            named.append("its people took methotrexate")
        if follow_up is not None and horizon > follow_up:
            named.append(f"{horizon:g} years asked, {follow_up:.1f} followed")
        return {
            "study": study,
            "name": row["name"],
            "used_for": "; ".join(dict.fromkeys(uses)),
            "population": who,
            "same_disease": "general" if general else {True: "yes", False: "no", None: "unknown"}[same],
            "would_have_entered": enrolled.verdict,
            "why": "; ".join(enrolled.reasons),
            "age": age,
            "age_kind": kind,
            "years_from_age": years,
            "age_from": low,
            "age_to": high,
            "enrichment": row["enrichment"],
            "background_therapy": row["background_therapy"],
            "follow_up_years": follow_up,
            "extrapolation": "; ".join(dict.fromkeys(named)),
            "source_id": row["source_id"],
            "locator": row["locator"],
        }
