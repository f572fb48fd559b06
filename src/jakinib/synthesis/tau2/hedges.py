"""Hedges & Olkin (1985), also Cochran's ANOVA estimator: the unweighted variance less the mean within it."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import count


def hedges(y: Floats, v: Floats) -> Floats:
    """tau2 = max(0, sum (y - mean y)^2 / (k - 1) - mean v)."""
    known = np.isfinite(v)
    k = np.maximum(count(v), 2)
    mean = np.where(known, y, 0.0).sum(axis=-1) / k
    spread = np.where(known, (y - mean[..., None]) ** 2, 0.0).sum(axis=-1) / (k - 1)
    within = np.where(known, v, 0.0).sum(axis=-1) / k
    return np.where(count(v) > 1, np.maximum(0.0, spread - within), 0.0)
