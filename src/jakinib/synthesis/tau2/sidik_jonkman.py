"""Sidik & Jonkman (2005): a two-step estimator that is never zero unless all estimates agree."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import Moments, moments, unweighted


def sidik_jonkman(y: Floats, v: Floats, common: Moments | None = None) -> Floats:
    """tau2 = tau0^2 sum r (y - mean_r)^2 / (k - 1) with r = 1 / (v / tau0^2 + 1), tau0^2 = var y (by k)."""
    _, found, squares = unweighted(y, v)
    k = np.maximum(found, 2)
    tau0 = squares / k
    enough = (found > 1) & (tau0 > 0)
    safe = np.where(enough, tau0, 1.0)
    # sum r (y - m)^2 = tau0^2 sum w (y - m)^2 with w = 1 / (v + tau0^2)
    return np.where(enough, safe * moments(y, v, safe).q / (k - 1), 0.0)[()]
