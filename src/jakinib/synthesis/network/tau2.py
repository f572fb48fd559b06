"""Between-study variance of a network: method of moments, maximum likelihood, restricted likelihood.

Sources: moments: Jackson, White & Riley (2012), DerSimonian & Laird's estimator for any design; likelihoods
of the contrasts of a common-variance network: Lu & Ades (2004), Jackson et al. (2014).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.gls import solve, weights

ESTIMATORS = ("dl", "reml", "ml")


def estimate_tau2(method: str, y: Floats, v: Floats) -> float:
    """tau2 of contrasts from arm estimates ``y`` and variances ``v`` (infinite where absent), both (S, T).

    Zero where there are no degrees of freedom to estimate it.
    """
    present = np.isfinite(v)
    df = int(present.sum() - present.any(axis=1).sum()) - (y.shape[1] - 1)
    if df <= 0:
        return 0.0
    if method == "dl":
        return _moments(y, v, df)
    if method in ("reml", "ml"):
        return _likelihood(y, v, restricted=method == "reml")
    raise ValueError(f"tau2 {method!r} is not one of {', '.join(ESTIMATORS)}")


def residual_trace(weight: Floats, covariance: Floats) -> float:
    """Trace of the residual projection P = C - C X cov X' C, C = diag(w) - w w' / sum(w) in each study."""
    total = weight.sum(axis=1)
    safe = np.where(total > 0, total, 1.0)
    square = (weight**2).sum(axis=1)
    trace = float((weight.sum(axis=1) - square / safe).sum())
    # sum over studies of C C, cut at the treatments
    cross = (weight**2 / safe[:, None]).T @ weight
    matrix = (weight * (square / safe**2)[:, None]).T @ weight - cross - cross.T
    np.fill_diagonal(matrix, matrix.diagonal() + (weight**2).sum(axis=0))
    return trace - float((covariance * matrix).sum())


def _moments(y: Floats, v: Floats, df: int) -> float:
    fit = solve(y, weights(v))
    trace = residual_trace(fit.weight, fit.covariance)
    return max(0.0, 2 * (fit.q - df) / trace) if trace > 0 else 0.0


def log_likelihood(y: Floats, v: Floats, tau2: float, restricted: bool) -> float:
    """Log-likelihood of all contrasts at its maximum over the effects, without the constant of 2 pi."""
    weight = weights(v, tau2)
    fit = solve(y, weight)
    present = weight > 0
    value = 0.5 * float(np.log(weight[present]).sum())
    value -= 0.5 * float(np.log(weight.sum(axis=1)[present.any(axis=1)]).sum()) + 0.5 * fit.q
    return value - 0.5 * fit.log_det if restricted else value


def _likelihood(y: Floats, v: Floats, restricted: bool) -> float:
    def value(t: float) -> float:
        return log_likelihood(y, v, t, restricted)

    scale = float(np.median(v[np.isfinite(v)]))
    start = _moments(y, v, 1)
    grid = np.unique(np.concatenate([[0.0, start], scale * np.array([0.01, 0.1, 0.5, 2.0, 10.0, 100.0])]))
    values = [value(t) for t in grid]
    best = int(np.argmax(values))
    while best == len(grid) - 1 and grid[-1] < 1e8 * scale:
        grid = np.append(grid, grid[-1] * 10)
        values.append(value(grid[-1]))
        best = int(np.argmax(values))
    low = float(grid[max(best - 1, 0)])
    high = float(grid[min(best + 1, len(grid) - 1)])
    return maximum(lambda t: _score(y, v, t, restricted), low, high)


def _score(y: Floats, v: Floats, tau2: float, restricted: bool) -> float:
    """Twice the derivative of the log-likelihood in tau2 / 2 (an arm's share)."""
    weight = weights(v, tau2)
    fit = solve(y, weight)
    total = weight.sum(axis=1)
    safe = np.where(total > 0, total, 1.0)
    residual = np.where(weight > 0, y - fit.theta, 0.0)
    residual = residual - ((weight * residual).sum(axis=1) / safe)[:, None]
    quadratic = float(((weight * residual) ** 2).sum())
    if restricted:
        return quadratic - residual_trace(weight, fit.covariance)
    return quadratic - float((total - (weight**2).sum(axis=1) / safe).sum())


def maximum(score: Callable[[float], float], low: float, high: float) -> float:
    """Where a score that falls through zero in [low, high] does so; ``low`` if it is negative throughout."""
    from scipy.optimize import brentq

    if score(low) <= 0:
        return low
    if score(high) >= 0:
        return high
    return float(brentq(score, low, high, xtol=1e-14 * max(high, 1e-8), rtol=1e-12))
