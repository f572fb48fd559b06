"""Two treatments, Bayesian: the posterior of a network of two, so that both say the same.

Model, priors and computation are those of ``jakinib.synthesis.network.bayes``. ``theta`` is the posterior
mean (of the log ratio), ``se`` its posterior standard deviation, ``estimate`` the mean brought to the scale
people read; the interval has equal tails; ``p`` is twice the smaller posterior probability of a side;
``tau2`` is the square of the posterior median of tau.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jakinib.synthesis.arms import RATIO_MEASURES, Floats
from jakinib.synthesis.bayes.priors import Priors
from jakinib.synthesis.pairs import Fit, Pairs
from jakinib.synthesis.result import number

MEASURES = ("OR", "IRR", "HR", "MD", "GEN")
_HERE = np.ones(1, dtype=np.intp)


@dataclass
class PairPosterior:
    """One data set's posterior, asked as a fitted likelihood is (see ``exact.Profiled``)."""

    fit: Any
    notes: list[str]
    log_likelihood: float = math.nan

    def __post_init__(self) -> None:
        self._found: dict[float, Any] = {}

    def _numbers(self, level: float) -> Any:
        if level not in self._found:
            self._found[level] = self.fit.compare(_HERE, _HERE - 1, level)
        return self._found[level]

    @property
    def theta(self) -> float:
        return float(self._numbers(0.95).theta[0])

    @property
    def se(self) -> float:
        return float(self._numbers(0.95).se[0])

    @property
    def tau(self) -> float:
        return math.sqrt(self.fit.tau2)

    def limits(self, level: float) -> tuple[float, float]:
        found = self._numbers(level)
        return float(found.low[0]), float(found.high[0])

    def tau_limits(self, level: float) -> tuple[float, float]:
        """The 2.5 and 97.5 % quantiles of tau, whatever the level of the effect's interval."""
        return math.sqrt(self.fit.tau2_low), math.sqrt(self.fit.tau2_high)

    def prediction(self, level: float) -> tuple[float, float]:
        found = self._numbers(level)
        return float(found.prediction_low[0]), float(found.prediction_high[0])

    def p(self) -> float:
        return float(self._numbers(0.95).p[0])


def bayes(pairs: Pairs, measure: str, effects: str, priors: Priors | None = None) -> Fit:
    """Posterior of each data set of the batch; every study counts, those without events too.

    Raises ValueError for a mean difference or another estimate of unknown unit without ``priors``.
    """
    from jakinib.synthesis.network.bayes import fit

    priors = priors or Priors()
    random = effects == "random"
    given = np.zeros(pairs.e1.shape, bool) if pairs.v is None else np.isfinite(pairs.v)
    used = pairs.present | given
    shape = pairs.e1.shape[:-1]
    theta, se, tau2 = (np.full(shape, np.nan) for _ in range(3))
    fitted = np.empty(shape, dtype=object)
    for at in np.ndindex(shape):
        keep = used[at]
        if not keep.any():
            continue
        one = fit(_network(pairs, at, keep, given[at], measure), measure, effects, priors=priors)
        if one.posterior.lost:
            continue  # NaN, the reason in the notes of the result
        notes = [note for note in one.notes if not note.startswith("effects move")]
        log_scale = measure in RATIO_MEASURES
        notes.insert(0, "the estimate is the posterior mean" + " of the logarithm" * log_scale)
        if random and measure in RATIO_MEASURES:
            notes += _others(one)
        elpd, k = one.loo()
        notes.append(
            f"leave-one-study-out log predictive density {elpd.sum():.2f}"
            + (f"; not to be trusted in {int((k > 0.7).sum())} studies (Pareto k)" if (k > 0.7).any() else "")
        )
        found = PairPosterior(one, notes)
        theta[at], se[at], tau2[at], fitted[at] = found.theta, found.se, one.tau2, found
    return Fit(theta=theta, se=se, used=used, tau2=tau2 if random else None, fitted=fitted)


def _others(one: Any) -> list[str]:
    said = []
    for other in one.sensitivity(refit=False):
        if other is not one:
            found = other.compare(_HERE, _HERE - 1, 0.95)
            middle, low, high = (number(math.exp(x[0])) for x in (found.theta, found.low, found.high))
            said.append(f"{other.priors.tau}: {middle} ({low} to {high})")
    return [f"under another prior of tau (95 %): {'; '.join(said)}"] if said else []


def _network(pairs: Pairs, at: tuple[int, ...], keep: Any, given: Any, measure: str) -> Any:
    """The studies of one data set as a network: treatment 0 the reference, 1 the treatment."""
    from jakinib.synthesis.network.data import BINOMIAL, NORMAL, POISSON, NetworkData

    def arms(reference: Floats, treatment: Floats) -> Floats:
        return np.stack([reference[keep], treatment[keep]], axis=1).ravel()

    k = int(keep.sum())
    printed = given[keep]
    nothing = np.full(keep.shape, np.nan)
    y = nothing if pairs.y is None else pairs.y[at]
    v = nothing if pairs.v is None else pairs.v[at]
    counts = POISSON if measure == "IRR" else BINOMIAL
    return NetworkData(
        studies=tuple(str(i + 1) for i in range(k)),
        treatments=("reference", "treatment"),
        study=np.repeat(np.arange(k), 2),
        treatment=np.tile(np.arange(2), k),
        events=np.where(np.repeat(printed, 2), np.nan, arms(pairs.e2[at], pairs.e1[at])),
        denominator=np.where(np.repeat(printed, 2), np.nan, arms(pairs.d2[at], pairs.d1[at])),
        y=arms(0 * y, y),
        v=arms(v / 2, v / 2),
        kind=np.where(printed, NORMAL, counts).astype(np.intp),
    )
