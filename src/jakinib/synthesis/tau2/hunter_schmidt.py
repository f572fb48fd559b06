"""Hunter & Schmidt (1990). Biased low; kept for comparison with older reviews."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import count, moments


def hunter_schmidt(y: Floats, v: Floats) -> Floats:
    """tau2 = max(0, (Q - k) / sum w)."""
    m = moments(y, v)
    enough = count(v) > 1
    return np.where(enough, np.maximum(0.0, (m.q - count(v)) / np.where(m.w1 > 0, m.w1, 1.0)), 0.0)
