"""DerSimonian & Laird (1986): Q set equal to its expectation."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import Moments, count, moments, spread


def dersimonian_laird(y: Floats, v: Floats, common: Moments | None = None) -> Floats:
    """tau2 = max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w))."""
    m = common or moments(y, v)
    scale = spread(m)
    found = (m.q - count(m) + 1) / (scale + (scale == 0))
    return np.where(scale > 0, np.maximum(0.0, found), 0.0)[()]
