"""Log-likelihood of one arm's count as a function of its linear predictor, arms by rows."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.bayes.tables import Function
from jakinib.synthesis.kernels import log_choose


def arm_likelihood(events: Floats, size: Floats, link: str, prior_sd: Floats | None = None) -> Function:
    """``link``: "logit" or "cloglog" (binomial) or "log" (Poisson, ``size`` person-time).

    ``prior_sd``: standard deviation, infinite for none, of a normal prior multiplied in. All (rows,).
    """
    x, n = events[:, None], size[:, None]
    precision = np.zeros_like(n) if prior_sd is None else 1 / prior_sd[:, None] ** 2
    with np.errstate(divide="ignore"):
        constant = np.where(precision > 0, 0.5 * np.log(precision / (2 * np.pi)), 0.0)
    constant = constant + (x * np.log(n) - gammaln(x + 1) if link == "log" else log_choose(n, x))

    def function(t: Floats) -> tuple[Floats, Floats, Floats]:
        if link == "logit":
            soft = np.exp(-np.abs(t))
            p = np.where(t >= 0, 1.0, soft) / (1 + soft)
            value = x * t - n * (np.maximum(t, 0.0) + np.log1p(soft))
            first, second = x - n * p, -n * p * (1 - p)
        elif link == "log":
            mean = n * np.exp(np.minimum(t, 500.0))
            value, first, second = x * t - mean, x - mean, -mean
        else:
            h = np.exp(np.clip(t, -500.0, 500.0))
            with np.errstate(divide="ignore", invalid="ignore"):
                chance = -np.expm1(-h)
                odds = np.where(h < 1e-12, 1.0, h * np.exp(-np.minimum(h, 700.0)) / chance)
                log_chance = np.where(h < 1e-12, t, np.log(chance))
            value = np.where(x > 0, x * log_chance, 0.0) - (n - x) * h
            first = x * odds - (n - x) * h
            second = x * odds * (1 - h - odds) - (n - x) * h
        value = value + constant - 0.5 * precision * t**2
        return value, first - precision * t, second - precision

    return function
