"""Everything for one person: statements of labels, distance to the studied, absolute risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.evidence.evidence import Evidence
from jakinib.patient import distance, label, prevent, unaccounted
from jakinib.patient.baseline import RULE, Baseline, Baselines
from jakinib.patient.difference import Difference, difference, tipping
from jakinib.patient.distance import Distances
from jakinib.patient.effect import Effect, Effects
from jakinib.patient.enrolled import Criteria
from jakinib.patient.label import Labels
from jakinib.patient.observed import Observed
from jakinib.patient.profile import Patient
from jakinib.patient.risk import COLUMNS, ZERO_KINDS, Calculation, Risk, baseline_row, risk_rows
from jakinib.patient.subgroup import stratum
from jakinib.plain import plain, records

if TYPE_CHECKING:
    import altair as alt

HORIZON = 5.0
LEVEL = 10.0
MOST_YEARS = 30.0


@dataclass(frozen=True)
class ForPatient:
    """The evidence as it stands for one person. ``horizon`` in years; ``level`` per 1,000 over the horizon.

    ``risks``: one a treatment and outcome. ``approval_rows``: JAK inhibitor -> the approvals held for
    this disease. The other ``..._rows`` are behind ``statements``, ``distance`` and ``missing``.
    """

    patient: Patient
    indication: str | None
    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    horizon: float
    level: float
    risks: tuple[Risk, ...]
    statement_rows: tuple[dict[str, Any], ...] = field(repr=False)
    distance_rows: tuple[dict[str, Any], ...] = field(repr=False)
    missing_rows: tuple[dict[str, Any], ...] = field(repr=False)
    prevent: str = ""
    rule: str = RULE
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    approval_rows: Mapping[str, tuple[dict[str, Any], ...]] = field(default_factory=dict, repr=False)

    @property
    def statements(self) -> pd.DataFrame:
        """Statements of labels and agencies, one row a treatment and statement."""
        return pd.DataFrame(list(self.statement_rows), columns=label.COLUMNS)

    @property
    def distance(self) -> pd.DataFrame:
        """The studies behind the numbers, one row each, and how far this person is from them."""
        return pd.DataFrame(list(self.distance_rows), columns=distance.COLUMNS)

    @property
    def missing(self) -> pd.DataFrame:
        """Risk factors of this person that no baseline rate carries."""
        return pd.DataFrame(list(self.missing_rows), columns=unaccounted.COLUMNS)

    def table(self) -> pd.DataFrame:
        """One row a calculation, or a treatment and outcome without one; risks per 1,000 people.

        ``line``: ``main``, ``also`` or blank. ``low`` and ``high`` are 95 % limits that carry baseline and
        effect; ``upper_bound`` is the highest over everything that could stand for this person.
        """
        return pd.DataFrame([row for risk in self.risks for row in risk_rows(risk)], columns=COLUMNS)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "patient": self.patient.to_dict(),
            "unknown": list(self.patient.unknown()),
            "indication": self.indication,
            "treatments": list(self.treatments),
            "outcomes": list(self.outcomes),
            "horizon_years": self.horizon,
            "level_per_1000": self.level,
            "baseline_rule": self.rule,
            "prevent": self.prevent or "used for mace",
            "risks": records(self.table()),
            "baselines": [
                {"treatment": r.treatment, "outcome": r.outcome, **baseline_row(b)}
                for r in self.risks
                for b in r.baselines
            ],
            "effects": [
                {"asked": r.treatment, **{k: plain(v) for k, v in asdict(e).items()}}
                for r in self.risks
                for e in r.effects
            ],
            "observed": [
                {"asked": r.treatment, "nearest": at == 0, **{k: plain(v) for k, v in line.items()}}
                for r in self.risks
                for at, line in enumerate(r.lines)
            ],
            "approvals": {t: [dict(r) for r in rows] for t, rows in self.approval_rows.items()},
            "statements": [dict(r) for r in self.statement_rows],
            "distance": [{k: plain(v) for k, v in r.items()} for r in self.distance_rows],
            "not_in_baselines": [dict(r) for r in self.missing_rows],
        }

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """The person's age against every population used."""
        from jakinib.report.studied import studied_figure

        return studied_figure(self)

    def __str__(self) -> str:
        from jakinib.report.person import in_text

        return in_text(self)


class PatientEvidence:
    """One evidence base as the questions of this room read it. It holds nothing of any person."""

    def __init__(self, ev: Evidence) -> None:
        self.ev = ev
        self.criteria = Criteria(ev)
        self.labels = Labels(ev, self.criteria)
        self.distances = Distances(ev, self.criteria)
        self.effects = Effects(ev, self.criteria)
        self.baselines = Baselines(ev, self.criteria)
        self.observed = Observed(ev, self.criteria)
        self.risk_factors = records(ev["risk_factors"])
        self._differences: dict[tuple[str, str, float], Difference] = {}

    def difference(self, baseline: Baseline, effect: Effect, years: float) -> Difference:
        """As :func:`difference`; kept where it says nothing of a person."""
        if not baseline.published:
            return difference(baseline.rate, effect.measure, effect.theta, effect.se, years)
        key = (baseline.key, f"{effect.key}/{effect.treatment}", years)
        if key not in self._differences:
            if len(self._differences) > 50_000:
                self._differences.clear()
            made = difference(baseline.rate, effect.measure, effect.theta, effect.se, years)
            self._differences[key] = made
        return self._differences[key]


@lru_cache(maxsize=4)
def _held(key: _ById) -> PatientEvidence:
    return PatientEvidence(key.ev)


class _ById:
    """Evidence as a key: by identity, since frames have no hash."""

    def __init__(self, ev: Evidence) -> None:
        self.ev = ev

    def __hash__(self) -> int:
        return id(self.ev)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.ev is self.ev


def for_patient(
    patient: Patient,
    treatments: Sequence[str],
    outcome: str | Sequence[str] | None = None,
    *,
    evidence: Evidence | None = None,
    horizon: float = HORIZON,
    level: float = LEVEL,
    baseline: Mapping[str, float] | None = None,
) -> ForPatient:
    """Read the evidence for one person.

    Parameters
    ----------
    patient
        The profile; what is unknown in it stays unknown.
    treatments, outcome
        Keys or labels; by default the main safety outcomes.
    evidence
        By default the shipped corpus.
    horizon
        Years, more than 0 and at most 30.
    level
        People per 1,000 over the horizon, for the tipping point; not 0.
    baseline
        Your own baseline of an outcome, in people per 1,000 a year (more than 0).

    Raises
    ------
    UnknownNameError
        A treatment, outcome or indication that the evidence does not have, with near matches.
    ValueError
        No treatment; a horizon, level or baseline that cannot be.
    """
    from jakinib.patient.compare import MAIN_OUTCOMES, shipped

    ev = evidence or shipped()
    keys = tuple(dict.fromkeys(ev.name("treatment", t) for t in treatments))
    if not keys:
        raise ValueError("give at least one treatment, such as 'upadacitinib 15 mg qd'")
    asked = [outcome] if isinstance(outcome, str) else list(outcome or MAIN_OUTCOMES)
    outcomes = tuple(dict.fromkeys(ev.name("outcome", o) for o in asked))
    if not 0 < horizon <= MOST_YEARS:
        raise ValueError(f"horizon: {horizon:g} is not possible; more than 0 to {MOST_YEARS:g} years")
    if not -1000 < level < 1000 or level == 0:
        raise ValueError(f"level: {level:g} is not possible; -1000 to 1000 per 1,000 people, not 0")
    own = {ev.name("outcome", name): rate / 1000 for name, rate in (baseline or {}).items()}
    for name, rate in own.items():
        if not 0 < rate < 10:
            raise ValueError(
                f"baseline of {name}: {1000 * rate:g} is not possible; above 0 to 10,000 per 1,000 a year"
            )
    indication = ev.name("population", patient.indication) if patient.indication else None
    held = _held(_ById(ev))
    facts = {**patient.facts(), "indication": indication}
    risks = tuple(
        _risk(held, patient, facts, t, o, own.get(o), horizon, level) for o in outcomes for t in keys
    )
    return ForPatient(
        patient=patient,
        indication=indication,
        treatments=keys,
        outcomes=outcomes,
        horizon=horizon,
        level=level,
        risks=risks,
        statement_rows=tuple(held.labels.statements(facts, keys)),
        distance_rows=tuple(held.distances.rows(facts, _used(risks, ev.names), _seen(risks), horizon)),
        missing_rows=tuple(unaccounted.unaccounted(held.risk_factors, facts, outcomes)),
        prevent=prevent.why_not(patient),
        names=ev.names,
        approval_rows={t: tuple(held.labels.approvals(t, indication)) for t in keys if held.labels.is_jak(t)},
    )


def _risk(
    held: PatientEvidence,
    patient: Patient,
    facts: Mapping[str, Any],
    treatment: str,
    outcome: str,
    own: float | None,
    horizon: float,
    level: float,
) -> Risk:
    found = held.effects.found(treatment, outcome, facts["indication"])
    lines = tuple(held.observed.ranked(treatment, outcome, facts))
    sure: list[tuple[Any, Effect, list[Baseline]]] = []
    wide: list[tuple[Effect, list[Baseline]]] = []
    far: dict[str, tuple[Any, Effect, list[Baseline]]] = {}
    for effect in found:
        fits = effect.fits(facts)
        if effect.unusable or fits is False:
            continue
        same = held.criteria.same_indication(effect.population, facts["indication"])
        baselines = held.baselines.candidates(outcome, effect, patient, facts, own, same is not False)
        near = same is not False and effect.covers != "class"
        if near and baselines:
            wide.append((effect, baselines))
        default = baselines[0] if baselines and baselines[0].default else None
        if fits is None or default is None:
            continue
        rank = _effect_rank(effect, same, default)
        if near:
            sure.append((rank, effect, baselines))
        else:
            where = effect.covers if same is not False else f"other {effect.covers}"
            if where not in far or rank < far[where][0]:
                far[where] = (rank, effect, baselines)
    sure.sort(key=lambda s: s[0])
    main = _calculate(held, facts, sure[0][1], sure[0][2][0], horizon, level) if sure else None
    also = [
        _calculate(held, facts, e, b[0], horizon, level)
        for _, e, b in sorted(far.values(), key=lambda f: f[0])
    ]
    spread = [held.difference(b, e, 1.0) for e, candidates in wide for b in candidates if b.published]
    points = [d.difference for d in spread]
    has_ratio = any(not e.unusable and e.covers != "class" for e in found)
    status = (
        "estimated"
        if main
        else "zero events"
        if lines and not lines[0]["adds"] and lines[0]["kind"] in ZERO_KINDS
        else "observed"
        if lines
        else "no baseline"
        if has_ratio
        else "not studied"
    )
    return Risk(
        treatment=treatment,
        outcome=outcome,
        status=status,
        main=main,
        also=tuple(also),
        combinations=len(spread),
        lowest=min(points, default=None),
        highest=max(points, default=None),
        upper_bound=max((d.high for d in spread), default=None),
        lines=lines,
        baselines=tuple(sure[0][2]) if sure else (),
        effects=tuple(found),
    )


def _effect_rank(effect: Effect, same: bool | None, base: Baseline) -> tuple[Any, ...]:
    """The disease itself, the dose itself, a baseline on the comparator itself, the stratum, randomised,
    against no drug, as published."""
    return (
        {True: 0, None: 1, False: 2}[same],
        ("dose", "drug", "class").index(effect.covers),
        effect.active and base.kind in ("same disease", "general population"),
        not stratum(effect.subgroup or None).conditions,
        not effect.randomised,
        effect.network,
        effect.active,
        effect.origin == "computed" and len(effect.studies) == 1,
        -effect.count,
        effect.key,
    )


def _calculate(
    held: PatientEvidence,
    facts: Mapping[str, Any],
    effect: Effect,
    base: Baseline,
    horizon: float,
    level: float,
) -> Calculation:
    year = held.difference(base, effect, 1.0)
    over = year if horizon == 1 else held.difference(base, effect, horizon)
    same = held.criteria.same_indication(effect.population, facts["indication"])
    network = "network meta-analysis, indirect in part or whole"
    marks = [network if effect.network else "randomised" if effect.randomised else "observational"]
    assumptions = [
        f"the ratio, measured in {', '.join(held.criteria.studies[s]['name'] for s in effect.studies)}, "
        f"holds for this person and over {horizon:g} years"
    ]
    if effect.covers == "drug":
        marks.append("doses pooled")
        assumptions.append("the dose acts as the pooled doses did")
    if effect.covers == "class":
        marks.append("class")
        assumptions.append("the drug acts as the JAK inhibitors pooled did")
    if same is False:
        marks.append("other disease")
        assumptions.append(f"a ratio from {effect.population} holds in this disease")
    elif same is None:
        marks.append("mixed diseases")
    shut = [s for s in effect.studies if held.criteria.enrolled(facts, s).verdict == "no"]
    if shut and same is not False:
        marks.append(f"shut out of {', '.join(held.criteria.studies[s]['name'] for s in shut)}")
    if effect.subgroup:
        marks.append(f"stratum: {effect.subgroup}")
    else:
        assumptions.append("the ratio of everyone in the study holds in people like this one")
    if effect.active:
        marks.append(f"against {effect.reference}")
    if effect.lopsided:
        assumptions.append("the printed interval is not even about the ratio; its width alone is carried")
    if effect.measure == "RR":
        assumptions.append("the risk ratio over the trial holds over any time")
    if effect.measure == "OR":
        assumptions.append("the odds ratio over the trial holds over any time")
    if base.kind == "general population":
        marks.append("baseline of the general population")
    if base.secondary:
        marks.append("baseline read in a secondary source")
    return Calculation(
        effect=effect,
        baseline=base,
        year=year,
        horizon=over,
        marks=tuple(marks),
        assumptions=(*assumptions, *base.notes, "a constant rate over time, and no competing death"),
        tipping=tipping(base.rate.value, effect.measure, horizon, level / 1000),
    )


def _seen(risks: Sequence[Risk]) -> dict[str, float]:
    """Study -> the longest period in weeks over which a rate was seen, for studies no ratio is taken from."""
    ratios = {s for r in risks for c in (r.main, *r.also) if c for s in c.effect.studies}
    weeks: dict[str, float] = {}
    for line in (r.observed for r in risks):
        if line and line["period_weeks"] and line["study"] not in ratios:
            weeks[line["study"]] = max(weeks.get(line["study"], 0.0), float(line["period_weeks"]))
    return weeks


def _used(risks: Sequence[Risk], names: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """(study, population) -> what its numbers are used for, in words."""
    used: dict[tuple[str, str], dict[str, list[str]]] = {}

    def add(study: str, population: str, use: str, outcome: str) -> None:
        used.setdefault((study, population), {}).setdefault(use, []).append(names.get(outcome, outcome))

    for risk in risks:
        for calculation in (risk.main, *risk.also):
            if calculation is None:
                continue
            effect, base = calculation.effect, calculation.baseline
            for study in effect.studies:
                add(study, effect.population, "ratio", risk.outcome)
            if base.study:
                add(base.study, base.population, "baseline", risk.outcome)
        if risk.observed:
            add(risk.observed["study"], risk.observed["population"], "seen on the drug", risk.outcome)
    return {
        where: [f"{use}: {', '.join(dict.fromkeys(outcomes))}" for use, outcomes in uses.items()]
        for where, uses in used.items()
    }
