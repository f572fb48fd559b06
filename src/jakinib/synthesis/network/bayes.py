"""Bayesian network: binomial, Poisson and printed estimates, random or common effects, without simulation.

The model is that of Dias, Sutton, Ades & Welton (2013), the one of R's gemtc and multinma: normal priors on
the effects against the reference and on each study's baseline, a prior on tau, contrasts of a study
correlated by one half. How it is computed: ``jakinib.synthesis.bayes``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.bayes.posterior import LOST, Posterior, Sampler
from jakinib.synthesis.bayes.priors import Priors
from jakinib.synthesis.bayes.sensitivity import ALTERNATIVES, reweighted
from jakinib.synthesis.network.bayes_split import node_splits
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.fit import Comparisons, NetworkFit
from jakinib.synthesis.network.split import Split
from jakinib.synthesis.result import LeftOut, number


def informative(data: NetworkData, measure: str) -> tuple[Any, list[LeftOut]]:
    """Every arm: under a prior on its baseline even a study without events says something."""
    return np.ones(len(data.study), dtype=bool), []


@dataclass(frozen=True)
class BayesFit(NetworkFit):
    """``posterior``: weighted points of effects and tau; ``priors``."""

    posterior: Any = None
    priors: Any = None
    splits: Any = None  # how its node-splits are found
    again: Any = None  # the same fit under other priors

    def under(self, tau: str, refit: bool = True) -> BayesFit | None:
        """The fit under another prior of tau: re-weighted where its points carry it, else fitted again (or
        None).
        """
        if tau == self.priors.tau:
            return self
        found = reweighted(self.posterior, self.priors, tau)
        priors = replace(self.priors, tau=tau)
        if found is None:
            fitted: BayesFit | None = self.again(priors) if refit else None
            return fitted
        theta, covariance = _moments(found)
        low, middle, high = (float(q) ** 2 for q in found.tau_summary[2])
        return replace(
            self,
            theta=theta,
            covariance=covariance,
            tau2=middle,
            tau2_low=low,
            tau2_high=high,
            notes=(),
            posterior=found,
            priors=priors,
        )

    def sensitivity(self, refit: bool = True) -> list[BayesFit]:
        """The fit under each of the stated priors of tau (``ALTERNATIVES``); none for a common effect."""
        if math.isnan(self.tau2):
            return []
        found = [self.under(tau, refit) for tau in ALTERNATIVES]
        return [fit for fit in found if fit is not None]

    def compare(self, a: Ints, b: Ints, level: float) -> Comparisons:
        """Posterior means, standard deviations, equal-tailed intervals, predictive intervals; ``p`` is twice
        the smaller posterior probability of a side.
        """
        post: Posterior = self.posterior
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        rows = []
        for i, j in zip(a.tolist(), b.tolist(), strict=True):
            x = post.contrast(i, j)
            mean, sd = post.mean_sd(x)
            low, high = post.quantiles(x, tails)
            new = (math.nan, math.nan)
            if not math.isnan(self.tau2):
                new = tuple(post.quantiles(x, tails, post.tau).tolist())
            below = min(1.0, float(post.cdf(x, np.zeros(1))[0]))
            rows.append((mean, sd, low, high, 2 * min(below, 1 - below), *new))
        columns = np.array(rows, dtype=float).reshape(-1, 7).T
        return Comparisons(*columns)

    def rank_probability(self, lower_is_better: bool = True) -> Floats:
        """(T, T): probability that a treatment has a rank."""
        found: Floats = self.posterior.rank_probability(lower_is_better)
        return found if not self.posterior.lost else np.full_like(found, math.nan)

    def split(self) -> Split | None:
        """Direct against indirect evidence: the model fitted once more for each comparison."""
        found: Split | None = None if self.posterior.lost else self.splits(self.posterior, self.priors)
        return found

    def density(self, a: int, b: int, points: int = 201) -> tuple[Floats, Floats]:
        """Marginal posterior density of theta_a - theta_b: where, and how high."""
        x = self.posterior.contrast(a, b)
        mean, sd = self.posterior.mean_sd(x)
        at = np.linspace(mean - 5 * sd, mean + 5 * sd, points)
        cdf = self.posterior.cdf(x, at)
        return at, np.gradient(cdf, at)

    def loo(self) -> tuple[Floats, Floats]:
        """Log predictive density of each study given the others, and its Pareto k."""
        found: tuple[Floats, Floats] = self.posterior.loo()
        return (found[0] * math.nan, found[1]) if self.posterior.lost else found


def fit(
    data: NetworkData, measure: str, effects: str, *, priors: Priors | None = None, reference: str = ""
) -> BayesFit:
    """Posterior of a connected network. ``reference``: the treatment the priors are relative to; the first
    by name where the component does not hold it.
    """
    priors = priors or Priors()
    priors.check(measure)
    random = effects == "random"
    base = data.treatments.index(reference) if reference in data.treatments else 0
    link = "logit" if measure == "OR" else "cloglog"

    def posterior(own: Priors, pair: tuple[int, int] | None = None) -> Posterior:
        return Sampler(data, measure, link, base, own, random, pair).run()

    post = posterior(priors)
    T = len(data.treatments)
    if post.lost:
        return _lost(data, post, priors)
    theta, covariance = _moments(post)
    notes = [f"priors: {priors}" if random else f"priors: {str(priors).split('; ', 1)[1]}"]
    tau2 = low = high = math.nan
    if random:
        mean, sd, quantiles = post.tau_summary
        low, tau2, high = (float(q) ** 2 for q in quantiles)
        notes.append(
            f"tau {number(mean)} (SD {number(sd)}; median {number(float(quantiles[1]))}, 95 % "
            f"{number(float(quantiles[0]))} to {number(float(quantiles[2]))})"
        )
    notes.append(
        f"log marginal likelihood {post.log_evidence:.3f}; {len(post.weight)} points, effectively "
        f"{post.ess:.0f}; Pareto k {post.k:.2f}"
    )
    if post.k > 0.7:
        notes.append("Pareto k above 0.7: the re-weighting is not to be trusted, read the tails with caution")
    done = BayesFit(
        theta=theta,
        covariance=covariance,
        tau2=tau2,
        df=len(data.study) - len(data.studies) - (T - 1),
        tau2_low=low,
        tau2_high=high,
        log_likelihood=math.nan,
        interval="equal-tailed posterior (credible)",
        notes=tuple(notes),
        posterior=post,
        priors=priors,
        splits=lambda post, own: node_splits(data, post, lambda pair: posterior(own, pair)),
        again=lambda other: fit(data, measure, effects, priors=other, reference=reference),
    )
    if measure not in ("OR", "IRR", "HR"):
        return done
    return replace(done, notes=(*done.notes, *_moves(done)))


def _lost(data: NetworkData, post: Posterior, priors: Priors) -> BayesFit:
    T = len(data.treatments)
    nothing = replace(post, d=np.full_like(post.d, math.nan))
    return BayesFit(
        theta=np.full(T, math.nan),
        covariance=np.full((T, T), math.nan),
        tau2=math.nan,
        df=len(data.study) - len(data.studies) - (T - 1),
        interval="none",
        notes=(f"priors: {priors}", LOST),
        posterior=nothing,
        priors=priors,
    )


def _moments(post: Posterior) -> tuple[Floats, Floats]:
    mean = post.weight @ post.d
    centred = post.d - mean
    return mean, (centred * post.weight[:, None]).T @ centred


def _moves(fit: BayesFit) -> list[str]:
    """What other priors of tau do to the effects against the reference, in posterior standard deviations."""
    sd = np.sqrt(np.diag(fit.covariance))
    use = sd > 0
    said = []
    for other in fit.sensitivity(refit=False):
        if other is not fit:
            shift = np.abs(other.theta - fit.theta)[use] / sd[use]
            width = np.sqrt(np.diag(other.covariance))[use] / sd[use]
            span = " to ".join(dict.fromkeys(f"{w:.2f}" for w in (width.min(), width.max())))
            said.append(f"{other.priors.tau}: at most {shift.max():.2f} SD, SD times {span}")
    return [f"effects move under another prior of tau: {'; '.join(said)}"] if said else []
