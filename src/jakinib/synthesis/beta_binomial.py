"""Beta-binomial model of the arms: risks vary between studies, one odds ratio between their means.

Events in group j of study i are beta-binomial with mean p_j and one intra-class correlation rho. The pairing
of the groups is not used; studies without events are. Sources: Griffiths (1973); Kuss (2015).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, xlog1py

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.exact import Profiled, Start, fit_mixed, one_by_one, side_of
from jakinib.synthesis.kernels import log_choose
from jakinib.synthesis.mixed import MixedModel, State
from jakinib.synthesis.pairs import Fit, Pairs


def beta_binomial(pairs: Pairs, measure: str = "OR", effects: str = "random") -> Fit:
    """Log odds ratio of the mean risks, over one data set or a batch."""
    events = (pairs.e1 + pairs.e2).sum(axis=-1, keepdims=True)
    size = (pairs.d1 + pairs.d2).sum(axis=-1, keepdims=True)
    used = pairs.present & (events > 0) & (events < size)

    def fit_one(one: Pairs) -> Profiled:
        base = float(np.log((one.e2.sum() + 0.5) / (one.d2.sum() - one.e2.sum() + 0.5)))
        start = Start(_BetaBinomial(one), np.array([0.0, 0.1, base]), np.zeros(0), 1)
        fitted = fit_mixed(start, True, side_of(one, measure, conditional=False))
        spread = fitted.tau**2
        fitted.notes.append(f"intra-class correlation of the arms' risks {spread / (1 + spread):.3g}")
        return fitted

    return one_by_one(pairs, measure, used, fit_one, random=False)


class _BetaBinomial(MixedModel):
    """Parameters theta, s, alpha: logit p2 = alpha, logit p1 = alpha + theta, rho / (1 - rho) = s^2.

    With phi = s^2 the probability is a product of (p + j phi), j < events, (1 - p + j phi), j < n - events,
    over (1 + j phi), j < n. Studies that share a factor are counted, so a step costs the size of the largest
    arm, not of all arms.
    """

    def __init__(self, pairs: Pairs) -> None:
        super().__init__((), len(pairs.e1))
        self.size = 3
        self._groups = [
            (_reaching(e), _reaching(d - e)) for e, d in ((pairs.e1, pairs.d1), (pairs.e2, pairs.d2))
        ]
        self._all = _reaching(np.concatenate([pairs.d1, pairs.d2]))
        self._constant = float(log_choose(pairs.d1, pairs.e1).sum() + log_choose(pairs.d2, pairs.e2).sum())

    def evaluate(self, beta: Floats, study: Floats, points: int) -> State:
        theta, s, alpha = (float(b) for b in beta)
        phi = s * s
        j = np.arange(len(self._all))
        value = self._constant - float(xlog1py(self._all, j * phi).sum())
        ratio = j / (1 + j * phi)
        d_phi, d_phi2 = -float(self._all @ ratio), float(self._all @ ratio**2)
        logits = np.zeros(2), np.zeros(2), np.zeros(2)  # first, second, mixed with phi
        for g, logit in enumerate((alpha + theta, alpha)):
            p, q = float(expit(logit)), float(expit(-logit))
            d_p = d_p2 = d_p_phi = 0.0
            for counts, at, sign in zip(self._groups[g], (p, q), (1.0, -1.0), strict=True):
                i = np.arange(len(counts))
                base = at + i * phi
                value += float(counts @ np.log(np.maximum(base, 1e-300)))
                inverse = 1 / np.maximum(base, 1e-300)
                d_p += sign * float(counts @ inverse)
                d_p2 -= float(counts @ inverse**2)
                d_phi += float(counts @ (i * inverse))
                d_phi2 -= float(counts @ (i * inverse) ** 2)
                d_p_phi -= sign * float(counts @ (i * inverse**2))
            logits[0][g] = d_p * p * q
            logits[1][g] = d_p2 * (p * q) ** 2 + d_p * p * q * (q - p)
            logits[2][g] = d_p_phi * p * q
        first, second, mixed = logits
        gradient = np.array([first[0], 2 * s * d_phi, first.sum()])
        hessian = np.array(
            [
                [second[0], 2 * s * mixed[0], second[0]],
                [2 * s * mixed[0], 2 * d_phi + 4 * phi * d_phi2, 2 * s * mixed.sum()],
                [second[0], 2 * s * mixed.sum(), second.sum()],
            ]
        )
        return State(beta, study, value, gradient, hessian, study, np.zeros((0, 2)))


def _reaching(counts: Floats) -> Floats:
    """How many of the counts exceed j, for j = 0, 1, ..."""
    return len(counts) - np.cumsum(np.bincount(counts.astype(int)))[:-1].astype(float)
