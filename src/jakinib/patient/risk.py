"""The risk of one outcome on one treatment for one person, as numbers and as rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from jakinib.patient.baseline import Baseline
from jakinib.patient.difference import Difference
from jakinib.patient.effect import Effect

COLUMNS = [
    "outcome", "treatment", "status", "line", "without_year", "with_year", "difference_year", "low_year",
    "high_year", "years", "without", "with", "difference", "low", "high", "rate_difference", "nnh",
    "tipping_ratio", "tipping_factor", "measure", "ratio", "ratio_low", "ratio_high", "reference",
    "covers", "effect", "effect_events", "effect_population", "effect_subgroup", "effect_studies",
    "baseline", "baseline_kind", "baseline_rate", "baseline_low", "baseline_high", "marks", "assumptions",
    "lowest_year", "highest_year", "upper_bound_year", "combinations", "observed_event",
    "observed_events", "observed_n", "observed_year", "observed_year_low", "observed_year_high",
    "observed_population", "observed_belongs", "observed_lines", "observed_lowest", "observed_highest",
    "seen_elsewhere",
]  # fmt: skip
#: kinds of line in which "nobody had it" can be read
ZERO_KINDS = ("rate", "printed rate", "proportion", "printed percent", "count")
#: baselines that say what happens without the treatment to people like those the ratio was measured in
_OWN_BASELINE = ("own number", "comparator arm", "inert arm")
STATUS = {
    "estimated": "a ratio and a baseline for this disease",
    "no baseline": "a ratio, but no baseline rate to apply it to",
    "zero events": "nobody on the drug had it; the highest rate that fits is an upper bound, not no risk",
    "observed": "seen on the drug, without a usable ratio to people not on it",
    "not studied": "no report on this drug and outcome is held here",
}


@dataclass(frozen=True)
class Calculation:
    """One baseline and one ratio carried to risks: over one ``year`` and over the ``horizon``.

    ``marks``: what kind of evidence it is; ``assumptions``: what it takes for granted. ``tipping``: the ratio
    at which the difference over the horizon would reach the level asked about, None where none does.
    """

    effect: Effect
    baseline: Baseline
    year: Difference
    horizon: Difference
    marks: tuple[str, ...]
    assumptions: tuple[str, ...]
    tipping: float | None

    @property
    def stands_for(self) -> str:
        """Whose rate the baseline is meant to be: blank is people without the treatment, else the drug
        compared with, with ``?`` before it where the rate is not from people on it."""
        if not self.effect.active:
            return ""
        return ("" if self.baseline.kind == "comparator arm" else "?") + self.effect.reference

    @property
    def nnh(self) -> float | None:
        """People treated over the horizon for one more (below 0: one fewer) with the outcome.

        None when the interval of the difference holds zero, and when the baseline is that of a general
        population or of people not on the drug compared with: then it would be nobody's number.
        """
        d = self.horizon
        fits = self.baseline.kind in _OWN_BASELINE
        fits |= self.baseline.kind == "same disease" and not self.effect.active
        return 1 / d.difference if fits and not d.spans_zero and d.difference else None

    @property
    def rate_difference(self) -> float:
        """More events per 1,000 person-years, as constant rates."""
        return 1000 * (math.log1p(-self.year.without) - math.log1p(-self.year.with_))

    @property
    def tipping_factor(self) -> float | None:
        """How many times as strong as measured the ratio would have to be to reach the level."""
        return None if self.tipping is None else self.tipping / self.effect.estimate


@dataclass(frozen=True)
class Risk:
    """What is known about one treatment and outcome for one person.

    ``main``: the calculation from this drug in this disease, None when there is none. ``also``: others, each
    with its marks (the class, another disease). ``combinations``: how many baselines and ratios could stand
    for this person (published rates only, not an own number or an equation); over them the yearly difference
    runs ``lowest`` to ``highest`` (point estimates), and ``upper_bound`` is the highest upper limit.
    ``lines``: what was seen on the drug, every line that could stand for this person, the nearest first.
    """

    treatment: str
    outcome: str
    status: str
    main: Calculation | None
    also: tuple[Calculation, ...]
    combinations: int
    lowest: float | None
    highest: float | None
    upper_bound: float | None
    lines: tuple[dict[str, Any], ...]
    baselines: tuple[Baseline, ...]
    effects: tuple[Effect, ...]

    @property
    def observed(self) -> dict[str, Any] | None:
        """The line nearest to this person, None when nothing was reported."""
        return self.lines[0] if self.lines else None

    @property
    def elsewhere(self) -> tuple[dict[str, Any], ...]:
        """Lines with the outcome when the nearest has none: this disease if there are any, else the first of
        another."""
        if not self.lines or self.lines[0]["adds"]:
            return ()
        seen = [line for line in self.lines if line["adds"]]
        here = [line for line in seen if line["same_disease"] != "no"]
        return tuple(here or seen[:1])

    @property
    def span(self) -> tuple[float, float] | None:
        """Lowest and highest rate a year per 1,000 on the drug, over lines that could stand for this person
        (not those known to be from another disease); leaving an item out never lowers the highest."""
        rates = [x["yearly"] for x in self.lines if x["same_disease"] != "no" and x["yearly"] is not None]
        return (min(rates), max(rates)) if rates else None


def risk_rows(risk: Risk) -> list[dict[str, Any]]:
    """A row a calculation, or one row without; columns ``COLUMNS``, per 1,000 people."""
    calculations: list[tuple[str, Calculation | None]] = [("main", risk.main)] if risk.main else []
    calculations += [("also", c) for c in risk.also]
    seen = risk.observed or {}
    head = {"outcome": risk.outcome, "treatment": risk.treatment, "status": risk.status}
    tail = {
        "lowest_year": _per_1000(risk.lowest),
        "highest_year": _per_1000(risk.highest),
        "upper_bound_year": _per_1000(risk.upper_bound),
        "combinations": risk.combinations,
        "observed_event": seen.get("event"),
        "observed_events": seen.get("events"),
        "observed_n": seen.get("n"),
        "observed_year": seen.get("yearly"),
        "observed_year_low": seen.get("yearly_low"),
        "observed_year_high": seen.get("yearly_high"),
        "observed_population": seen.get("population"),
        "observed_belongs": seen.get("belongs"),
        "observed_lines": len(risk.lines),
        "observed_lowest": risk.span[0] if risk.span else None,
        "observed_highest": risk.span[1] if risk.span else None,
        "seen_elsewhere": "; ".join(line["event"] for line in risk.elsewhere),
    }
    return [head | _columns(line, c) | tail for line, c in calculations or [("", None)]]


def _columns(line: str, c: Calculation | None) -> dict[str, Any]:
    if c is None:
        return {"line": ""}
    e, b = c.effect, c.baseline
    return {
        "line": line,
        "without_year": 1000 * c.year.without,
        "with_year": 1000 * c.year.with_,
        "difference_year": 1000 * c.year.difference,
        "low_year": 1000 * c.year.low,
        "high_year": 1000 * c.year.high,
        "years": c.horizon.years,
        "without": 1000 * c.horizon.without,
        "with": 1000 * c.horizon.with_,
        "difference": 1000 * c.horizon.difference,
        "low": 1000 * c.horizon.low,
        "high": 1000 * c.horizon.high,
        "rate_difference": c.rate_difference,
        "nnh": c.nnh,
        "tipping_ratio": c.tipping,
        "tipping_factor": c.tipping_factor,
        "measure": e.measure,
        "ratio": e.estimate,
        "ratio_low": e.ci_low,
        "ratio_high": e.ci_high,
        "reference": e.reference,
        "covers": e.covers,
        "effect": e.row or "computed",
        "effect_events": "; ".join(e.events),
        "effect_population": e.population,
        "effect_subgroup": e.subgroup,
        "effect_studies": "; ".join(e.studies),
        "baseline": b.key,
        "baseline_kind": b.kind,
        "baseline_rate": 1000 * b.rate.value,
        "baseline_low": None if b.rate.fixed else 1000 * b.rate.low,
        "baseline_high": None if b.rate.fixed else 1000 * b.rate.high,
        "marks": "; ".join(c.marks),
        "assumptions": "; ".join(c.assumptions),
    }


def baseline_row(base: Baseline) -> dict[str, Any]:
    """A baseline, JSON-ready; rates per 1,000 person-years."""
    rate = base.rate
    return {
        "key": base.key,
        "kind": base.kind,
        "label": base.label,
        "per_1000_years": 1000 * rate.value,
        "low": None if rate.fixed else 1000 * rate.low,
        "high": None if rate.fixed else 1000 * rate.high,
        "population": base.population,
        "subgroup": base.subgroup,
        "n": base.n or None,
        "fits": {True: "yes", None: "unknown"}[base.fits],
        "default": base.default,
        "source_id": base.source_id,
        "locator": base.locator,
        "secondary": base.secondary,
        "notes": "; ".join(base.notes),
    }


def _per_1000(value: float | None) -> float | None:
    return None if value is None else 1000 * value
