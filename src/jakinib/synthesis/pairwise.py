"""Two treatments compared over studies: ``jk.pairwise``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from jakinib.synthesis.analysis import Analysis, Choices, analyse, choose
from jakinib.synthesis.arms import Floats, read_arms
from jakinib.synthesis.bayes.posterior import LOST
from jakinib.synthesis.conditional_test import exact_p
from jakinib.synthesis.effect_sizes import effect_sizes
from jakinib.synthesis.inference import uses_wald
from jakinib.synthesis.methods import METHODS
from jakinib.synthesis.pairs import MEASURE_NAMES, TIME_MEASURES, Fit, Pairs
from jakinib.synthesis.result import LeftOut, json_ready, number, p_text
from jakinib.synthesis.select_pairs import Selected, select_pairs

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


@dataclass(frozen=True)
class Study:
    """One study of a comparison. Counts are None where only an estimate was given.

    ``estimate, ci_low, ci_high`` on the scale people read, ``theta, se`` on the scale of analysis, NaN
    where the study alone has none; ``weight`` is its share in percent (0 when it carried no
    information, NaN for an exact model, which has no study weights).
    """

    study: str
    events: int | None
    denominator: float | None
    reference_events: int | None
    reference_denominator: float | None
    theta: float
    se: float
    estimate: float
    ci_low: float
    ci_high: float
    weight: float
    used: bool


@dataclass(frozen=True)
class Pairwise:
    """A pooled comparison of ``treatment`` with ``reference``.

    ``estimate, ci_low, ci_high, prediction``: on the scale people read (OR, RD, ...). ``theta, se``: on the
    scale of analysis (log for ratio measures), ``se`` as adjusted by ``ci``. ``statistic, p``: test of no
    effect; ``p_exact``: the exact conditional test of no effect in any study (cm.el only). ``tau2`` (limits
    by Q-profile, in an exact model by profile likelihood), ``i2`` (percent, with limits), ``h2``, ``q`` with
    ``q_df`` and ``q_p``; NaN where the method has none. ``log_likelihood``: of an exact model, constants
    included. ``k``: studies that carried information; ``events``: their events in both groups.
    ``studies``: every study compared. ``left_out``: every study of the table that did not count, and why.
    ``notes``: whatever a reader must know, and the reason of every NaN.
    """

    treatment: str
    reference: str
    measure: str
    method: str
    effects: str
    ci: str
    level: float
    theta: float
    se: float
    statistic: float
    p: float
    estimate: float
    ci_low: float
    ci_high: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    i2_low: float
    i2_high: float
    h2: float
    q: float
    q_df: int
    q_p: float
    log_likelihood: float
    p_exact: float
    prediction: tuple[float, float]
    k: int
    events: int
    studies: tuple[Study, ...]
    left_out: tuple[LeftOut, ...]
    populations: tuple[str, ...]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """One row a study and a last row for the pooled estimate (``row`` is "study" or "pooled")."""
        import pandas as pd

        time = self.measure in TIME_MEASURES
        size = "person_years" if time else "n"
        rows = [
            {
                "row": "study",
                "study": s.study,
                "events": s.events,
                size: s.denominator,
                "reference_events": s.reference_events,
                f"reference_{size}": s.reference_denominator,
                "estimate": s.estimate,
                "ci_low": s.ci_low,
                "ci_high": s.ci_high,
                "theta": s.theta,
                "se": s.se,
                "weight": s.weight,
                "used": s.used,
            }
            for s in self.studies
        ]
        counted = [s for s in self.studies if s.used]
        pooled = {
            "row": "pooled",
            "study": f"pooled ({self.method})",
            "events": sum(s.events or 0 for s in counted),
            size: sum(s.denominator or 0 for s in counted),
            "reference_events": sum(s.reference_events or 0 for s in counted),
            f"reference_{size}": sum(s.reference_denominator or 0 for s in counted),
            "estimate": self.estimate,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "theta": self.theta,
            "se": self.se,
            "weight": sum(s.weight for s in counted),
            "used": True,
        }
        return pd.DataFrame([*rows, pooled])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; a number that is not finite is None (``notes`` says why)."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        name = MEASURE_NAMES[self.measure]
        percent = f"{100 * self.level:g} %"
        lines = [
            f"{self.treatment} v {self.reference}: {name} {number(self.estimate)} "
            f"({percent} CI {number(self.ci_low)} to {number(self.ci_high)}), {p_text(self.p)}",
            f"  {METHODS[self.method].title}; {self.effects} effect{'s' * (self.effects == 'random')}; "
            f"interval: {self.ci}; {self.k} of {len(self.studies) + len(self._outside)} studies, "
            f"{self.events} events",
        ]
        if not math.isnan(self.tau2):
            span = (
                "" if math.isnan(self.tau2_low) else f" ({number(self.tau2_low)} to {number(self.tau2_high)})"
            )
            lines.append(f"  tau2 {number(self.tau2)}{span}")
        if not math.isnan(self.q):
            lines.append(
                f"  Q {number(self.q)} on {self.q_df} df, {p_text(self.q_p)}; I2 {number(self.i2, 2)} %"
            )
        if not math.isnan(self.prediction[0]):
            low, high = self.prediction
            lines.append(f"  {percent} prediction interval {number(low)} to {number(high)}")
        lines += [f"  left out: {study}: {reason}" for study, reason in self.left_out]
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    @property
    def _outside(self) -> set[str]:
        return {name for name, _ in self.left_out} - {s.study for s in self.studies}

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """Forest plot: a row a study, the pooled estimate as a diamond below."""
        from jakinib.synthesis.forest import forest

        return forest(self)


def pairwise(
    arms: Any,
    measure: str = "OR",
    method: str = "mh",
    reference: str | None = None,
    *,
    treatment: str | None = None,
    effects: str | None = None,
    ci: str | None = None,
    level: float = 0.95,
    add: float = 0.5,
    add_to: str = "only0",
    drop_double_zero: bool = True,
    priors: Any = None,
    merge_arms: bool = False,
) -> Pairwise:
    """Pool the comparison of two treatments over the studies of an arm table.

    ``measure``: OR, RR, RD, AS (arcsine difference), IRR, IRD from counts; HR, MD, GEN from contrast rows.
    ``method``: a name in ``methods.METHODS``. ``reference``: the comparator; when not given, the treatment
    called placebo, else the later of two (the result says which). ``treatment``: needed only when more than
    one other is in the table. ``effects``, ``ci``: the method's default when not given. ``add, add_to,
    drop_double_zero``: continuity correction of inverse variance (see ``effect_sizes``). ``priors``:
    ``Priors`` of method "bayes". ``merge_arms``: add up several arms of one treatment within a study.

    An arm table that is legal always gives a result; what cannot be estimated is NaN with the reason in
    ``notes``. Raises ArmTableError for a table that is not legal and ValueError for choices that do not go
    together.
    """
    choices = choose(measure, method, effects, ci, level, add, add_to, drop_double_zero, priors)
    selected = select_pairs(read_arms(arms, merge_arms=merge_arms), measure, treatment, reference)
    return result(selected, choices, analyse(selected.pairs, choices))


def result(selected: Selected, choices: Choices, analysis: Analysis) -> Pairwise:
    """The readable result of one analysed data set."""
    fit, limits, spread = analysis.fit, analysis.interval, analysis.heterogeneity
    to_read = math.exp if choices.log_scale else float
    used = np.asarray(fit.used, dtype=bool)
    tau2 = math.nan if fit.tau2 is None else float(fit.tau2)
    studies = _studies(selected, choices, analysis)
    left_out = [
        *selected.left_out,
        *(
            LeftOut(name, _no_information(selected.pairs, i, choices))
            for i, name in enumerate(selected.studies)
            if not used[i]
        ),
    ]
    theta = float(fit.theta)
    fitted = None if fit.fitted is None else fit.fitted[()]
    return Pairwise(
        treatment=selected.treatment,
        reference=selected.reference,
        measure=choices.measure,
        method=choices.method,
        effects=choices.effects,
        ci=_interval_used(choices, analysis),
        level=choices.level,
        theta=theta,
        se=float(limits.se),
        statistic=float(limits.statistic),
        p=float(limits.p),
        estimate=_exp(to_read, theta),
        ci_low=_exp(to_read, float(limits.low)),
        ci_high=_exp(to_read, float(limits.high)),
        tau2=tau2,
        tau2_low=float(spread.tau2_low),
        tau2_high=float(spread.tau2_high),
        i2=float(spread.i2),
        i2_low=float(spread.i2_low),
        i2_high=float(spread.i2_high),
        h2=float(spread.h2),
        q=math.nan if fit.q is None else float(fit.q),
        q_df=max(int(spread.q_df), 0),
        q_p=float(spread.q_p),
        log_likelihood=math.nan if fitted is None else float(fitted.log_likelihood),
        p_exact=exact_p(selected.pairs, choices.measure) if choices.method == "cm.el" else math.nan,
        prediction=(
            _exp(to_read, float(analysis.prediction_low)),
            _exp(to_read, float(analysis.prediction_high)),
        ),
        k=int(fit.k),
        events=_counted(selected, fit),
        studies=studies,
        left_out=tuple(left_out),
        populations=selected.populations,
        notes=tuple(_notes(selected, choices, analysis)),
    )


def _interval_used(choices: Choices, analysis: Analysis) -> str:
    fit = analysis.fit
    if fit.fitted is None or fit.fitted[()] is None or uses_wald(fit, choices.ci) or choices.ci == "credible":
        return choices.ci
    return "profile"


def _exp(to_read: Any, value: float) -> float:
    try:
        return float(to_read(value))
    except OverflowError:
        return math.inf


def _studies(selected: Selected, choices: Choices, analysis: Analysis) -> tuple[Study, ...]:
    fit, pairs = analysis.fit, selected.pairs
    if fit.y is not None and fit.v is not None:
        y, v = fit.y, fit.v
    else:
        y, v = effect_sizes(pairs, choices.measure)
    known = np.isfinite(v)
    theta: Floats = np.where(known, y, np.nan)
    se: Floats = np.sqrt(np.where(known, v, np.nan))
    z = float(ndtri(0.5 + choices.level / 2))
    read = np.exp if choices.log_scale else np.asarray
    with np.errstate(over="ignore"):
        estimate, low, high = read(theta), read(theta - z * se), read(theta + z * se)
    weight = np.full(len(selected.studies), np.nan) if fit.weight is None else 100 * fit.weight
    return tuple(
        Study(
            study=name,
            events=int(e1) if rows is not None else None,
            denominator=d1 if rows is not None else None,
            reference_events=int(e2) if rows is not None else None,
            reference_denominator=d2 if rows is not None else None,
            theta=own,
            se=error,
            estimate=read_own,
            ci_low=read_low,
            ci_high=read_high,
            weight=percent,
            used=used,
        )
        for name, rows, e1, d1, e2, d2, own, error, read_own, read_low, read_high, percent, used in zip(
            selected.studies,
            selected.arm_rows,
            *(
                column.tolist()
                for column in (
                    *(pairs.e1, pairs.d1, pairs.e2, pairs.d2),
                    *(theta, se, estimate, low, high, weight, np.asarray(fit.used, dtype=bool)),
                )
            ),
            strict=True,
        )
    )


def _no_information(pairs: Pairs, i: int, choices: Choices) -> str:
    if not pairs.present[i]:
        return f"given as an estimate; {choices.method} needs counts"
    if pairs.double_zero[i]:
        if METHODS[choices.method].takes_correction and choices.drop_double_zero:
            return "no event in either group: not corrected and pooled (drop_double_zero)"
        if METHODS[choices.method].takes_correction:
            return "no event in either group: no variance without a continuity correction"
        return f"no event in either group: no information on the {MEASURE_NAMES[choices.measure]}"
    if choices.measure not in TIME_MEASURES and pairs.double_full[i]:
        return "everyone in both groups had the event: no information on the comparison"
    return "its estimate or variance is not finite without a continuity correction"


# events from which a simulated common-effect interval fell below 90 % coverage when effects differed
_MANY = 20


def _counted(selected: Selected, fit: Fit) -> int:
    return int((selected.pairs.e1 + selected.pairs.e2)[np.asarray(fit.used, dtype=bool)].sum())


def _notes(selected: Selected, choices: Choices, analysis: Analysis) -> list[str]:
    fit, k = analysis.fit, int(analysis.fit.k)
    theta, name = float(fit.theta), MEASURE_NAMES[choices.measure]
    notes = []
    if selected.reference_chosen:
        notes.append(f"no reference was named; {selected.reference!r} was taken")
    if len(selected.populations) > 1:
        notes.append(f"the studies come from several populations: {', '.join(selected.populations)}")
    if selected.counts == "events":
        notes.append("events were counted, not persons; a person may have had several")
    if k == 0:
        notes.append(f"not estimable: no study carries information on the {name}")
    elif math.isnan(theta):
        notes.append(
            LOST if choices.ci == "credible" else f"not estimable: the {name} is not defined by these counts"
        )
    elif math.isnan(float(fit.se)) and math.isfinite(theta):
        notes.append("no standard error: without events (or without variation) the variance would be zero")
    if fit.fitted is not None and fit.fitted[()] is not None:
        notes += fit.fitted[()].notes
        if choices.ci == "wald" and not uses_wald(fit, "wald"):
            notes.append("tau2 is on its boundary of zero: the interval is by profile likelihood, not Wald")
    elif math.isinf(theta):
        side = selected.treatment if theta < 0 else selected.reference
        notes.append(
            f"no event under {side!r} in any informative study: the {name} has no finite estimate and no "
            "standard error; an exact method (cm.el) gives a one-sided limit"
        )
    if k == 1:
        notes.append(
            "one informative study: heterogeneity cannot be estimated"
            + "; what is said of it is its prior" * (choices.ci == "credible" and fit.tau2 is not None)
        )
    if choices.effects == "common" and choices.log_scale and k > 2 and _counted(selected, fit) >= _MANY:
        notes.append(
            "one effect is assumed in all studies; where effects differ the interval is too narrow "
            "(docs/simulation.md): compare a random-effects method, or the multiverse"
        )
    if choices.ci in ("hk", "hk-adhoc", "t") and math.isnan(float(analysis.interval.low)) and k > 0:
        notes.append(
            f"no {choices.ci} interval: "
            + (
                "it needs two informative studies"
                if k < 2
                else "the estimates agree so closely that its variance collapses; use ci='hk-adhoc'"
            )
        )
    if fit.tau2 is not None and k < 3 and choices.ci != "credible":
        notes.append("no prediction interval: it needs three informative studies")
    return notes
