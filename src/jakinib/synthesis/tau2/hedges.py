"""Hedges & Olkin (1985), also Cochran's ANOVA estimator: the unweighted variance less the mean within it."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import Moments, unweighted


def hedges(y: Floats, v: Floats, common: Moments | None = None) -> Floats:
    """tau2 = max(0, sum (y - mean y)^2 / (k - 1) - mean v)."""
    known, found, squares = unweighted(y, v)
    k = np.maximum(found, 2)
    within = np.add.reduce(np.where(known, v, 0.0), axis=-1) / k
    return np.maximum(0.0, squares / (k - 1) - within) * (found > 1)  # type: ignore[no-any-return]
