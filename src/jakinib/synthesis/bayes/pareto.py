"""How far importance weights can be trusted: the shape of their tail.

Source: Zhang & Stephens (2009) for the fit of the generalised Pareto distribution; Vehtari et al. (2024).
"""

from __future__ import annotations

import math

import numpy as np

from jakinib.synthesis.arms import Floats


@np.errstate(all="ignore")
def pareto_k(log_weight: Floats) -> float:
    """Shape of the generalised Pareto tail of the weights; below 0.5 good, above 0.7 not to be trusted."""
    n = len(log_weight)
    tail = int(min(0.2 * n, 3 * math.sqrt(n)))
    if tail < 5:
        return math.nan
    weight = np.exp(np.sort(log_weight) - log_weight.max())
    excess = weight[-tail:] - weight[-tail - 1]
    excess = np.sort(excess[excess > 0])
    if len(excess) < 5:
        return -math.inf
    m = len(excess)
    grid = 20 + int(math.sqrt(m))
    b = 1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    b = b / (3 * excess[int(m / 4 + 0.5) - 1]) + 1 / excess[-1]
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    profile = m * (np.log(-b / k) - k - 1)
    share = np.exp(profile - profile.max())
    share = share / share.sum()
    best = float((b * share).sum() / share.sum())
    shape = float(np.log1p(-best * excess).mean())
    return (m * shape + 5) / (m + 10)
