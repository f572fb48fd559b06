"""The search that likelihood estimators of tau2 share, for pairs and networks, one data set or a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats


def root(excess: Callable[[Any, Floats], Floats], low: Floats, value: Floats, start: Floats) -> Floats:
    """Where ``excess`` rises through zero, for each of n data sets.

    Steps along the line through the last two points, kept inside the bracket in which it changes sign.

    ``excess(at, t)``: of the data sets ``at`` (a slice or indices) at their tau2 ``t``. ``value`` (n,): that
    at ``low``, below zero. ``start`` (n,): the first step, above ``low``. NaN is not below zero.
    """
    estimate, active = start.copy(), np.arange(len(start))
    high, before, past, t = np.full_like(start, np.inf), low, value, start
    at: Any = slice(None)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(200):
            value = excess(at, t)
            below = value < 0
            low, high = np.where(below, t, low), np.where(below, high, t)
            new = t - value * ((t - before) / (value - past))
            inside = (new > low) & (new < high)
            if not inside.all():
                new = np.where(inside, new, np.where(np.isfinite(high), (low + high) / 2, 4 * t))
                new = np.where(value == 0, t, new)
            # the error of such a step shrinks faster than any constant: after 1e-9 only rounding is left
            keep = np.abs(new - t) > np.where(inside, 1e-9, 1e-13) * t
            estimate[at] = new
            if not keep.any():
                break
            before, past, t = t, value, new
            if not keep.all():
                at = active = active[keep]
                t, low, high, before, past = t[keep], low[keep], high[keep], before[keep], past[keep]
    return estimate
