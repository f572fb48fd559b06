"""DerSimonian & Laird (1986): Q set equal to its expectation."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import count, moments, spread


def dersimonian_laird(y: Floats, v: Floats) -> Floats:
    """tau2 = max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w))."""
    m = moments(y, v)
    scale = spread(m)
    enough = scale > 0
    return np.where(enough, np.maximum(0.0, (m.q - count(v) + 1) / np.where(enough, scale, 1.0)), 0.0)
