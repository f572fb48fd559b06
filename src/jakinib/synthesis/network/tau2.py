"""Between-study variance of a network: method of moments, maximum likelihood, restricted likelihood.

Sources: moments: Jackson, White & Riley (2012), DerSimonian & Laird's estimator for any design; likelihoods
of the contrasts of a common-variance network: Lu & Ades (2004), Jackson et al. (2014).
"""

from __future__ import annotations

import math

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.gls import Gls, residual, solve, weights
from jakinib.synthesis.tau2.root import root

ESTIMATORS = ("dl", "reml", "ml")


def estimate_tau2(method: str, y: Floats, v: Floats, common: Gls) -> float:
    """tau2 of contrasts from arm estimates ``y`` and variances ``v`` (infinite where absent), both (S, T).

    ``common``: the fit to them with tau2 = 0. Zero where there are no degrees of freedom to estimate it.
    """
    present = np.isfinite(v)
    df = int(present.sum() - present.any(axis=1).sum()) - (y.shape[1] - 1)
    if df <= 0:
        return 0.0
    if method == "dl":
        return _moments(common, df)
    if method in ("reml", "ml"):
        return _likelihood(y, v, common, df, restricted=method == "reml")
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


def _moments(fit: Gls, df: int) -> float:
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


#: of the moment estimate: where a maximum is looked for when the likelihood falls from zero on
_FRACTIONS = (1.0, 0.3, 3.0, 0.1)


def _likelihood(y: Floats, v: Floats, common: Gls, df: int, restricted: bool) -> float:
    """The higher of the maximum at zero, if there is one, and the maximum inside."""

    def excess(t: float) -> float:
        return _excess(solve(y, weights(v, t)), restricted)

    def inside(low: float, value: float, start: float) -> float:
        one = (np.array([x]) for x in (low, value, start))
        return float(root(lambda _, t: np.array([excess(float(t[0]))]), *one)[0])

    first = _excess(common, restricted)
    if first < 0:
        return inside(0.0, first, _newton_step(common, restricted))
    start = _moments(common, df) or 0.1 * float(np.median(v[np.isfinite(v)]))
    for t in (fraction * start for fraction in _FRACTIONS):
        if (value := excess(t)) < 0:
            inner = inside(t, value, 2 * t)
            at = [log_likelihood(y, v, x, restricted) for x in (0.0, inner)]
            return inner if at[1] > at[0] else 0.0
    return 0.0


def _derivative(fit: Gls, restricted: bool) -> tuple[float, float]:
    """Twice the derivative of the log-likelihood in tau2 / 2 (an arm's share): y'PPy and what it is less."""
    weight = fit.weight
    quadratic = float(np.sum((weight * fit.residual) ** 2))
    if restricted:
        return quadratic, residual_trace(weight, fit.covariance)
    total = weight.sum(axis=1)
    return quadratic, float((total - (weight**2).sum(axis=1) / np.where(total > 0, total, 1.0)).sum())


def _excess(fit: Gls, restricted: bool) -> float:
    """Below zero where the likelihood rises. With equal variances it is a straight line in tau2."""
    quadratic, trace = _derivative(fit, restricted)
    return trace / quadratic - 1 if quadratic > 0 else math.inf


def _newton_step(fit: Gls, restricted: bool) -> float:
    """With the mean of observed and expected information, y'PPPy (Gilmour, Thompson & Cullis 1995)."""
    quadratic, trace = _derivative(fit, restricted)
    first = fit.weight * fit.residual
    information = float(np.sum(first * fit.weight * residual(first, fit.weight, fit.covariance)))
    return 2 * (quadratic - trace) / information
