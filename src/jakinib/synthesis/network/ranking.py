"""Ranking of treatments: P-scores, SUCRA from rank probabilities.

Sources: Rücker & Schwarzer (2015); Salanti, Ades & Ioannidis (2011).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from jakinib.synthesis.arms import Floats

CAUTION = (
    "A rank says nothing about the size of a difference or its certainty: treatments that do not differ "
    "still get an order. Read ranks only beside the estimates and their intervals."
)


def p_scores(theta: Floats, covariance: Floats, lower_is_better: bool = True) -> Floats:
    """Mean certainty, over the others, that a treatment is better: shape (T,), between 0 and 1."""
    T = len(theta)
    if T < 2:
        return np.full(T, np.nan)
    difference = theta[:, None] - theta[None, :]
    d = np.diag(covariance)
    variance = d[:, None] + d[None, :] - 2 * covariance
    np.fill_diagonal(variance, 1.0)
    variance = np.where(variance >= 0, variance, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        better = ndtr(-difference / np.sqrt(variance))
    np.fill_diagonal(better, 0.0)
    score: Floats = better.sum(axis=1) / (T - 1)
    return score if lower_is_better else 1 - score


def sucra(probability: Floats) -> Floats:
    """Surface under the cumulative ranking from rank probabilities (T, T), rank 1 the first column."""
    T = len(probability)
    if T < 2:
        return np.full(T, np.nan)
    return np.asarray(np.cumsum(probability, axis=1)[:, :-1].sum(axis=1) / (T - 1))
