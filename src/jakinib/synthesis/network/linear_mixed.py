"""Inverse-variance network with any design, some of its coefficients exchangeable: one mixed linear model.

Arm estimates y = study + X b + Z u + e with u ~ N(0, s2 I) and arm variances v + tau2 / 2 (``gls``). The
coefficients solve Henderson's equations (1975) with the study means swept out; tau2 and s2 maximise the
restricted likelihood (Patterson & Thompson 1971) or the likelihood. With Z empty this is generalised least
squares; with X the treatments it is the network itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jakinib.synthesis.arms import Floats, Ints


@dataclass(frozen=True)
class Mixed:
    """``coefficients`` (P + M,): b, then u; ``covariance`` of (b, u - true u); ``tau2``, ``s2`` (NaN where
    not modelled); ``q``: the residual sum of squares of the contrasts; ``log_likelihood``: as maximised.
    """

    coefficients: Floats
    covariance: Floats
    tau2: float
    s2: float
    q: float
    log_likelihood: float

    def means(self, rows: Floats) -> tuple[Floats, Floats]:
        """Estimates and standard errors of sums of the coefficients, ``rows`` (n, P + M)."""
        variance = np.einsum("ip,pq,iq->i", rows, self.covariance, rows)
        return rows @ self.coefficients, np.sqrt(np.maximum(variance, 0.0))


@dataclass(frozen=True)
class Problem:
    """``y``, ``v``, ``study`` (arms,); ``X`` (arms, P) of full rank within studies; ``Z`` (arms, M)."""

    y: Floats
    v: Floats
    study: Ints
    X: Floats
    Z: Floats

    def rank(self) -> int:
        """Of X and Z together, within studies."""
        both = np.column_stack([self.X, self.Z])
        count = np.bincount(self.study)
        mean = np.stack([np.bincount(self.study, weights=c) for c in both.T], axis=1) / count[:, None]
        return int(np.linalg.matrix_rank(both - mean[self.study]))

    def solve(self, tau2: float, s2: float, restricted: bool = True) -> Mixed:
        """The coefficients with both variances held."""
        exchangeable = self.Z.shape[1] > 0 and s2 > 0
        P, M = self.X.shape[1], self.Z.shape[1] if exchangeable else 0
        D = np.column_stack([self.X, self.Z]) if exchangeable else self.X
        w = 1 / (self.v + tau2 / 2)
        total = np.bincount(self.study, weights=w)
        both = np.column_stack([D, self.y])
        mean = np.stack([np.bincount(self.study, weights=w * c) for c in both.T], axis=1) / total[:, None]
        both = (both - mean[self.study]) * np.sqrt(w)[:, None]
        D, y = both[:, :-1], both[:, -1]
        left = D.T @ D
        left[range(P, P + M), range(P, P + M)] += 1 / s2 if exchangeable else 0.0
        inverse = np.linalg.inv(left)
        right = D.T @ y
        found = inverse @ right
        value = float(np.log(w).sum() - np.log(total).sum()) - (M * math.log(s2) if exchangeable else 0.0)
        value -= float(y @ y - right @ found)
        if restricted:
            value -= float(np.linalg.slogdet(left)[1])
        elif exchangeable:
            value -= float(np.linalg.slogdet(left[P:, P:])[1])
        residual = y - D @ found
        whole = np.zeros((P + self.Z.shape[1], P + self.Z.shape[1]))
        whole[: P + M, : P + M] = inverse
        coefficients = np.zeros(len(whole))
        coefficients[: P + M] = found
        return Mixed(
            coefficients,
            whole,
            tau2,
            s2 if self.Z.shape[1] else math.nan,
            float(residual @ residual),
            0.5 * value,
        )


def fit_beside(problem: Problem, method: str, own: float) -> Mixed:
    """With tau2 estimated anew by ``method`` "reml" or "ml"; else, as where the effect is common (``own`` is
    NaN), with the network's ``own``.
    """
    estimated = method in ("reml", "ml") and not math.isnan(own)
    given = None if estimated else 0.0 if math.isnan(own) else own
    return fit(problem, tau2=given, restricted=method != "ml")


def fit(problem: Problem, *, tau2: float | None, restricted: bool = True) -> Mixed:
    """The maximum over s2 (where Z has columns) and over tau2 unless it is given.

    A variance that no contrast can tell is 0: tau2 where the coefficients take all of them, s2 where Z adds
    nothing to X (one member a class).
    """
    scale = float(np.median(problem.v)) * 2
    P = problem.X.shape[1]
    if tau2 is None and len(problem.y) - len(np.unique(problem.study)) <= P:
        tau2 = 0.0
    exchangeable = problem.Z.shape[1] > 0 and problem.rank() > P

    def value(tau2_: float, s2: float) -> float:
        return problem.solve(tau2_, s2, restricted).log_likelihood

    if tau2 is None and exchangeable:

        def inner(s2: float) -> float:
            return _highest(lambda t: value(t, s2), scale)

        s2 = _highest(lambda s: value(inner(s), s), scale)
        found = (inner(s2), s2)
    elif tau2 is None:
        found = (_highest(lambda t: value(t, 0.0), scale), 0.0)
    elif exchangeable:
        found = (tau2, _highest(lambda s: value(tau2, s), scale))
    else:
        found = (tau2, 0.0)
    return problem.solve(*found, restricted)


def _highest(value: Callable[[float], float], scale: float) -> float:
    """Where a likelihood over a variance of 0 or more is highest: grid, then Brent's method."""
    from scipy.optimize import minimize_scalar

    grid = scale * np.concatenate([[0.0], 10.0 ** np.arange(-3, 3.1, 0.5)])
    values = [value(float(x)) for x in grid]
    best = int(np.argmax(values))
    if best == 0 and values[0] >= value(float(grid[1]) / 100):
        return 0.0
    # over the root of the variance, in which the likelihood is closest to a parabola near nought
    low, high = math.sqrt(grid[max(best - 1, 0)]), math.sqrt(grid[min(best + 1, len(grid) - 1)])
    root = minimize_scalar(
        lambda x: -value(float(x) ** 2), bounds=(low, high), options={"xatol": 1e-9 * high}
    )
    return float(root.x) ** 2
