"""Peto's one-step odds ratio. Source: Yusuf, Peto, Lewis, Collins & Sleight (1985)."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.pairs import Fit, Pairs, share

MEASURES = ("OR",)


def peto(pairs: Pairs, measure: str = "OR") -> Fit:
    """Sum of observed minus expected over the sum of hypergeometric variances, along the last axis.

    Good for rare events in groups of about equal size; biased with a large effect or unequal groups.
    """
    e1, d1, e2, d2 = pairs.e1, pairs.d1, pairs.e2, pairs.d2
    total = np.where(pairs.present, d1 + d2, 2.0)
    events = e1 + e2
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = e1 - events * d1 / total
        variance = d1 * d2 * events * (total - events) / (total**2 * np.where(total > 1, total - 1, 1.0))
        sum_variance = variance.sum(axis=-1)
        theta = excess.sum(axis=-1) / sum_variance
        used = variance > 0
        y = np.where(used, excess / variance, 0.0)
        q = (variance * (y - theta[..., None]) ** 2).sum(axis=-1)
        se = 1 / np.sqrt(np.where(sum_variance > 0, sum_variance, np.nan))
        v = 1 / variance
    return Fit(theta=theta, se=se, used=used, weight=share(variance), q=q, y=y, v=v)
