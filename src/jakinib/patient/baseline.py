"""How often it happens without the treatment: every rate that could stand for this person, by one rule.

``RULE`` says which rate is used when the user gives none. All candidates are shown, and the range they span.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from jakinib.evidence.evidence import Evidence
from jakinib.patient import prevent
from jakinib.patient.difference import Rate, counted_rate, counted_share, fixed_rate, printed_rate
from jakinib.patient.effect import WEEKS_A_YEAR, Effect
from jakinib.patient.enrolled import Criteria
from jakinib.patient.profile import Patient
from jakinib.patient.subgroup import Stratum, stratum
from jakinib.plain import records

RULE = (
    "The baseline is, in this order: your own number; for major cardiovascular events the PREVENT equations, "
    "when all they need is given; where the comparator is a drug, the rate on that drug in the same study; "
    "the rate in people with the same disease, in the narrowest stratum this person is known to belong to; "
    "the rate in the general population, likewise; the comparator arms of the trials. Among equals the "
    "source with most people; where none says how many, the middle rate. Rates that count events, not "
    "persons, are not used."
)
KINDS = ("own number", "equation", "comparator arm", "same disease", "general population", "inert arm")


@dataclass(frozen=True)
class Baseline:
    """A rate per person-year without the treatment.

    ``kind``: one of ``KINDS``. ``fits``: True when the person is known to belong to its stratum, None when
    that is unknown. ``events``: rows of ``events`` it was read or computed from. ``notes``: assumptions.
    """

    key: str
    kind: str
    label: str
    rate: Rate
    population: str
    subgroup: str
    study: str
    n: float
    events: tuple[str, ...]
    source_id: str
    locator: str
    secondary: bool
    fits: bool | None
    notes: tuple[str, ...]
    default: bool = False

    @property
    def published(self) -> bool:
        """Is it from the evidence, not from the user or an equation?"""
        return self.kind not in ("own number", "equation")


class Baselines:
    """The baseline rates of one evidence base, read once."""

    def __init__(self, ev: Evidence, criteria: Criteria) -> None:
        self.ev, self.criteria = ev, criteria
        self._arms: dict[str, list[Baseline]] = {}

    @cached_property
    def _background(self) -> dict[str, list[Baseline]]:
        by_outcome: dict[str, list[Baseline]] = {}
        events = self.ev["events"]
        for row in records(events[(events["role"] == "background") & (events["use"] == "default")]):
            rate = rate_of(row) if row["counts"] == "persons" else None
            if rate is not None and stratum(row["subgroup"]).understood:
                general = row["population"] == "general-population"
                kind = "general population" if general else "same disease"
                by_outcome.setdefault(row["outcome"], []).append(self._from_row(row, rate, kind))
        return by_outcome

    @cached_property
    def _events(self) -> dict[str, dict[str, Any]]:
        return {row["event"]: row for row in records(self.ev["events"])}

    @cached_property
    def _secondary(self) -> set[str]:
        sources = self.ev["sources"]
        return set(sources.loc[sources["secondary"].fillna(False).astype(bool), "source_id"])

    def candidates(
        self,
        outcome: str,
        effect: Effect,
        patient: Patient,
        facts: Mapping[str, Any],
        own: float | None = None,
        same_disease: bool = True,
    ) -> list[Baseline]:
        """What could stand for this person, the default first.

        A stratum that the person is known not to belong to is no candidate; one that an unknown item would
        decide is, and is never the default. ``own`` is the user's rate per person-year; without
        ``same_disease`` the effect comes from people with another one, whose rates are no candidates.
        """
        found = [own_number(own)] if own is not None else []
        if outcome == "mace" and not prevent.why_not(patient):
            found.append(_equation(patient))
        found += self.comparator_arms(effect) if same_disease else []
        indication = facts.get("indication")
        for base in self._background.get(outcome, []):
            if base.kind == "general population" or indication in (None, base.population):
                found.append(base)
        placed = []
        for base in found:
            fits = stratum(base.subgroup or None).fits(facts)
            if indication is None and base.kind == "same disease":
                fits = fits and None  # a rate of one disease stands for somebody whose disease is unknown
            if fits is False:
                continue
            if effect.active and base.kind in ("same disease", "general population"):
                note = f"taken as the rate on {effect.reference}, which it is not"
                base = replace(base, notes=(*base.notes, note))
            placed.append(base if fits else replace(base, fits=None))
        return _ordered(placed)

    def comparator_arms(self, effect: Effect) -> list[Baseline]:
        """The comparator's own arms in the studies behind the effect, pooled."""
        key = f"{effect.key}/{effect.reference}"
        if key not in self._arms:
            self._arms[key] = self._comparator(effect)
        return self._arms[key]

    def _comparator(self, effect: Effect) -> list[Baseline]:
        if effect.origin == "computed":
            rows = [self._events[e] for e in effect.events]
        else:
            rows = [
                row
                for row in self._events.values()
                if row["study"] == effect.studies[0]
                and row["outcome"] == effect.outcome
                and row["use"] == "default"
                and row["counts"] == "persons"
                and (row["subgroup"] or "") == effect.subgroup
                and row["role"] != "background"
            ]
        rows = [row for row in rows if row["treatment"] == effect.reference]
        kind = "comparator arm" if effect.active else "inert arm"
        if len(rows) == 1:
            rate = rate_of(rows[0])
            return [self._from_row(rows[0], rate, kind)] if rate is not None and rate.value > 0 else []
        years = [_years(row) for row in rows]
        if not rows or any(y is None or row["events"] is None for y, row in zip(years, rows, strict=True)):
            return []
        events, total = sum(row["events"] for row in rows), sum(y for y in years if y)
        if not events or not total:
            return []
        note = "person-years where printed, else persons times weeks; arms of several trials added"
        first = self._from_row(rows[0], counted_rate(events, total), kind)
        return [
            replace(
                first,
                key="+".join(row["event"] for row in rows),
                label=f"{effect.reference} arms of {len(rows)} trials",
                n=float(sum(row["n"] or 0 for row in rows)),
                events=tuple(row["event"] for row in rows),
                study="",
                source_id="; ".join(sorted({row["source_id"] for row in rows})),
                locator="",
                notes=(*first.notes, note),
            )
        ]

    def _from_row(self, row: Mapping[str, Any], rate: Rate, kind: str) -> Baseline:
        study = self.criteria.studies[row["study"]]
        notes = []
        if rate.fixed:
            notes.append("the source prints no interval: only the effect's uncertainty is in the difference")
        if not row["person_years"] and row["rate"] is None:
            notes.append(f"persons over {row['period_weeks']:g} weeks, taken as a constant rate")
        if row["definition"]:
            notes.append(f"as the source defines it: {row['definition']}")
        return Baseline(
            key=row["event"],
            kind=kind,
            label=study["name"],
            rate=rate,
            population=row["population"],
            subgroup=row["subgroup"] or "",
            study=row["study"],
            n=float(row["n"] or 0),
            events=(row["event"],),
            source_id=row["source_id"],
            locator=row["locator"],
            secondary=row["source_id"] in self._secondary,
            fits=True,
            notes=tuple(notes),
        )


def rate_of(row: Mapping[str, Any]) -> Rate | None:
    """The rate per person-year of a row of ``events``: from counts, else as printed, else from persons over
    weeks; None when it holds none of these."""
    if row["below_threshold"]:
        return None
    if row["events"] is not None and row["person_years"]:
        return counted_rate(row["events"], row["person_years"])
    if row["rate"] is not None:
        if row["rate"] <= 0:
            return None
        low, high = row["ci_low"], row["ci_high"]
        if low is None or high is None or not low < row["rate"] < high:
            return fixed_rate(row["rate"] / 100)
        return printed_rate(row["rate"] / 100, low / 100, high / 100, (row["ci_level"] or 95.0) / 100)
    if row["events"] is not None and row["n"] and row["period_weeks"]:
        return counted_share(row["events"], row["n"], row["period_weeks"] / WEEKS_A_YEAR)
    return None


def own_number(rate: float) -> Baseline:
    """The user's own rate per person-year, taken as it stands."""
    return Baseline(
        key="own",
        kind="own number",
        label="your own number",
        rate=fixed_rate(rate),
        population="",
        subgroup="",
        study="",
        n=0.0,
        events=(),
        source_id="",
        locator="",
        secondary=False,
        fits=True,
        notes=("given by the user: only the effect's uncertainty is in the difference",),
    )


def _equation(patient: Patient) -> Baseline:
    notes = (
        "general population of the United States; the disease to be treated is not in the equations",
        "atherosclerotic cardiovascular disease stands for major cardiovascular events",
        "the equations give no interval: only the effect's uncertainty is in the difference",
    )
    return Baseline(
        key="prevent",
        kind="equation",
        label="PREVENT equations",
        rate=fixed_rate(prevent.ascvd_rate(patient)),
        population="general-population",
        subgroup="",
        study="",
        n=0.0,
        events=(),
        source_id="",
        locator=prevent.SOURCE,
        secondary=False,
        fits=True,
        notes=notes,
    )


def _years(row: Mapping[str, Any]) -> float | None:
    if row["person_years"]:
        return float(row["person_years"])
    if row["n"] and row["period_weeks"]:
        return float(row["n"] * row["period_weeks"] / WEEKS_A_YEAR)
    return None


def _rank(base: Baseline) -> tuple[int, int, int]:
    """Kind, then the narrowest stratum: one with an age before one without, more conditions before fewer."""
    return (KINDS.index(base.kind), *_width(base.subgroup))


@lru_cache(maxsize=4096)
def _width(subgroup: str) -> tuple[int, int]:
    read: Stratum = stratum(subgroup or None)
    age = any(c.item == "age" for c in read.conditions)
    return (-int(age), -len(read.conditions))


def _ordered(found: list[Baseline]) -> list[Baseline]:
    """The default first, then by rank; no default when the person is known to belong to none."""
    sure = sorted((b for b in found if b.fits), key=lambda b: (_rank(b), -b.n, b.key))
    chosen: Baseline | None = None
    if sure:
        equals = [b for b in sure if _rank(b) == _rank(sure[0])]
        by_rate = sorted(equals, key=lambda b: (b.rate.value, b.key))
        chosen = equals[0] if equals[0].n else by_rate[len(by_rate) // 2]
    rest = sorted(
        (b for b in found if b is not chosen), key=lambda b: (b.fits is None, _rank(b), -b.n, b.key)
    )
    return ([replace(chosen, default=True)] if chosen else []) + rest
