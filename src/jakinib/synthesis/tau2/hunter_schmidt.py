"""Hunter & Schmidt (1990). Biased low; kept for comparison with older reviews."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import Moments, count, moments


def hunter_schmidt(y: Floats, v: Floats, common: Moments | None = None) -> Floats:
    """tau2 = max(0, (Q - k) / sum w)."""
    m = common or moments(y, v)
    k = count(m)
    return np.where(k > 1, np.maximum(0.0, (m.q - k) / (m.w1 + (m.w1 == 0))), 0.0)[()]
