"""Searches over tau for likelihoods that tests write out as dense sums."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize_scalar


def lowest(below: Callable[[float], float], taus: Sequence[float]) -> float:
    """The least value over ``taus`` and between the neighbours of the best of them."""
    values = [below(tau) for tau in taus]
    at = int(np.argmin(values))
    ends = taus[max(at - 1, 0)], taus[min(at + 1, len(taus) - 1)]
    near = minimize_scalar(below, bounds=ends, method="bounded", options={"xatol": 1e-7})
    return min(values[at], float(near.fun))
