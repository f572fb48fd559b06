"""Penalised (Firth) logistic network: study intercepts and treatments, bias reduced to first order.

Sources: Firth (1993), the score of a logistic regression with the Jeffreys penalty; Evrenoglou et al. (2022)
for networks, with Fletcher's (2012) dispersion for multiplicative random effects. It uses every study, those
without events included, and always has a finite maximum (Heinze & Schemper 2002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.fit import NetworkFit
from jakinib.synthesis.network.gls import laplacian
from jakinib.synthesis.result import LeftOut


def informative(data: NetworkData, measure: str) -> tuple[Any, list[LeftOut]]:
    """Every arm."""
    return np.ones(len(data.study), dtype=bool), []


@dataclass(frozen=True)
class FirthFit(NetworkFit):
    """``dispersion``: the factor on the variances (1 for a common effect)."""

    dispersion: float = 1.0


def fit(data: NetworkData, measure: str, effects: str) -> FirthFit:
    """Fit a connected network of counts among persons."""
    x, n, present = data.dense(data.events), data.dense(data.denominator), data.presence
    S, T = x.shape
    alpha = logit((x.sum(axis=1) + 0.5) / (n.sum(axis=1) + 1.0))
    theta = np.zeros(T)
    value = -np.inf
    for _ in range(500):
        score, weight, covariance, _ = _score(x, n, present, alpha, theta)
        step_alpha, step_theta = _solve(weight, covariance, score)
        largest = max(np.abs(step_alpha).max(), np.abs(step_theta).max())
        size = min(1.0, 3.0 / max(largest, 1e-300))
        for _ in range(30):
            new = _penalised(x, n, present, alpha + size * step_alpha, theta + size * step_theta)
            if new >= value - 1e-10 * max(1.0, abs(value)):
                break
            size /= 2
        alpha, theta, value = alpha + size * step_alpha, theta + size * step_theta, new
        if largest < 1e-10:
            break
    _, weight, covariance, p = _score(x, n, present, alpha, theta)
    dispersion = 1.0
    notes = []
    df = len(data.study) - S - (T - 1)
    if effects == "random":
        dispersion = _dispersion(x, n, present, p, df)
        notes.append(
            f"random effects are multiplicative: variances times {dispersion:.3g} (so no tau2 and no "
            "prediction interval)"
        )
    return FirthFit(
        theta=theta,
        covariance=covariance * dispersion,
        tau2=float("nan"),
        df=df,
        log_likelihood=value,
        notes=tuple(notes),
        dispersion=dispersion,
    )


def _probability(present: Any, alpha: Floats, theta: Floats) -> Floats:
    return np.asarray(np.where(present, expit(alpha[:, None] + theta), 0.0))


def _score(
    x: Floats, n: Floats, present: Any, alpha: Floats, theta: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Modified score an arm, weights, covariance (T, T) of theta, fitted probabilities."""
    p = _probability(present, alpha, theta)
    weight = n * p * (1 - p)
    covariance = _covariance(weight)
    total = weight.sum(axis=1)
    share = weight / total[:, None]
    through = share @ covariance  # (S, T): covariance of the weighted mean effect of a study with each theta
    own = (through * share).sum(axis=1)
    leverage = weight * (1 / total[:, None] + own[:, None] - 2 * through + covariance.diagonal())
    return x - n * p + leverage * (0.5 - p) * present, weight, covariance, p


def _covariance(weight: Floats) -> Floats:
    T = weight.shape[1]
    covariance = np.zeros((T, T))
    covariance[1:, 1:] = np.linalg.inv(laplacian(weight)[1:, 1:])
    return covariance


def _solve(weight: Floats, covariance: Floats, score: Floats) -> tuple[Floats, Floats]:
    total = weight.sum(axis=1)
    by_study = score.sum(axis=1)
    reduced = score.sum(axis=0) - (weight / total[:, None]).T @ by_study
    theta = covariance @ reduced
    return (by_study - weight @ theta) / total, theta


def _penalised(x: Floats, n: Floats, present: Any, alpha: Floats, theta: Floats) -> float:
    eta = np.where(present, alpha[:, None] + theta, 0.0)
    p = _probability(present, alpha, theta)
    weight = n * p * (1 - p)
    _, log_det = np.linalg.slogdet(laplacian(weight)[1:, 1:])
    likelihood = float((x * eta - n * np.logaddexp(0.0, eta))[present].sum())
    return likelihood + 0.5 * float(log_det + np.log(weight.sum(axis=1)).sum())


def _dispersion(x: Floats, n: Floats, present: Any, p: Floats, df: int) -> float:
    """Pearson's statistic by its degrees of freedom, corrected for small counts; at least 1."""
    if df <= 0:
        return 1.0
    variance = (n * p * (1 - p))[present]
    residual = (x - n * p)[present]
    pearson = float((residual**2 / variance).sum()) / df
    slope = ((1 - 2 * p[present]) / variance * residual).mean()
    return max(1.0, pearson / (1 + float(slope)))
