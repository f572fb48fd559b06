"""Beta-binomial model of the arms: risks vary between studies, one odds ratio between their means.

Events in group j of study i are beta-binomial with mean p_j and one intra-class correlation rho. The pairing
of the groups is not used; studies without events are. Sources: Griffiths (1973); Kuss (2015).
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import expit, xlog1py

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.exact import Profiled, Start, fit_mixed, one_by_one, side_of
from jakinib.synthesis.kernels import log_choose
from jakinib.synthesis.model import Model, State
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


class _BetaBinomial(Model):
    """Parameters theta, s, alpha: logit p2 = alpha, logit p1 = alpha + theta, rho / (1 - rho) = s^2.

    With phi = s^2 the probability is a product of (p + j phi), j < events, (1 - p + j phi), j < n - events,
    over (1 + j phi), j < n. Studies that share a factor are counted, and long runs of factors are summed by
    a Gauss rule for whole numbers, so a step does not cost more for a million persons.
    """

    between_studies = False

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(len(pairs.e1), 3)
        self._groups = [(_rule(e), _rule(d - e)) for e, d in ((pairs.e1, pairs.d1), (pairs.e2, pairs.d2))]
        self._all = _rule(np.concatenate([pairs.d1, pairs.d2]))
        self._constant = float(log_choose(pairs.d1, pairs.e1).sum() + log_choose(pairs.d2, pairs.e2).sum())

    def evaluate(self, beta: Floats, study: Floats, points: int, centre: Floats | None = None) -> State:
        theta, s, alpha = beta.T
        phi = s * s
        P = len(beta)
        j, counts = self._all
        value = self._constant - xlog1py(counts, j * phi[:, None]).sum(axis=1)
        ratio = j / (1 + j * phi[:, None])
        d_phi, d_phi2 = -ratio @ counts, ratio**2 @ counts
        first, second, mixed = (np.zeros((P, 2)) for _ in range(3))  # in the logits; mixed with phi
        for g, logit in enumerate((alpha + theta, alpha)):
            p, q = expit(logit), expit(-logit)
            d_p, d_p2, d_p_phi = (np.zeros(P) for _ in range(3))
            for (i, counts), at, sign in zip(self._groups[g], (p, q), (1.0, -1.0), strict=True):
                base = np.maximum(at[:, None] + i * phi[:, None], 1e-300)
                value = value + np.log(base) @ counts
                inverse = 1 / base
                along = i * inverse
                d_p += sign * (inverse @ counts)
                d_p2 -= inverse**2 @ counts
                d_phi = d_phi + along @ counts
                d_phi2 = d_phi2 - along**2 @ counts
                d_p_phi -= sign * ((along * inverse) @ counts)
            first[:, g] = d_p * p * q
            second[:, g] = d_p2 * (p * q) ** 2 + d_p * p * q * (q - p)
            mixed[:, g] = d_p_phi * p * q
        gradient = np.stack([first[:, 0], 2 * s * d_phi, first.sum(axis=1)], axis=1)
        both, turn = second.sum(axis=1), 2 * s * mixed.sum(axis=1)
        hessian = np.array(
            [
                [second[:, 0], 2 * s * mixed[:, 0], second[:, 0]],
                [2 * s * mixed[:, 0], 2 * d_phi + 4 * phi * d_phi2, turn],
                [second[:, 0], turn, both],
            ]
        ).transpose(2, 0, 1)
        none = np.zeros((P, 0))
        return State(
            beta, study, value, gradient, hessian, np.zeros(P), none, none[..., None], none[..., None]
        )


def _rule(counts: Floats) -> tuple[Floats, Floats]:
    """Nodes j and weights w: sum_i sum_{j < counts_i} f(j) = w @ f(j) for f as smooth as log(p + j phi)."""
    top = float(counts.max(initial=0.0))
    doubling = 64.0 * 2.0 ** np.arange(40)
    cuts = np.unique(np.concatenate([[0.0, 64.0], counts, doubling[doubling < top]]))
    cuts = cuts[cuts <= max(top, 0.0)]
    nodes, weights = [np.zeros(0)], [np.zeros(0)]
    for start, end in itertools.pairwise(cuts):
        reaching = float((counts > start).sum())
        j, w = (np.arange(start, end), np.ones(int(end - start)))
        if start >= 64 and end - start > 24:
            x, w = _whole_number_gauss(int(end - start))
            j = start + x
        nodes.append(j)
        weights.append(reaching * w)
    return np.concatenate(nodes), np.concatenate(weights)


def _whole_number_gauss(size: int, points: int = 16) -> tuple[Floats, Floats]:
    """Gauss rule for the sum over 0, ..., size - 1 (discrete Chebyshev polynomials; Golub & Welsch 1969)."""
    m = np.arange(1.0, points)
    off = np.sqrt(m**2 * (float(size) ** 2 - m**2) / (4 * (4 * m**2 - 1)))
    jacobi = np.diag(np.full(points, (size - 1) / 2)) + np.diag(off, 1) + np.diag(off, -1)
    x, vectors = np.linalg.eigh(jacobi)
    return x, size * vectors[0] ** 2
