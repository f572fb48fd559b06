"""Paule & Mandel (1982): the tau2 at which the generalised Q equals its degrees of freedom."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import Moments, count, moments, twice
from jakinib.synthesis.tau2.settle import settle


def paule_mandel(y: Floats, v: Floats, common: Moments | None = None) -> Floats:
    """Root of Q(tau2) = k - 1; 0 where Q(0) is smaller already."""
    common = common or moments(y, v)
    # with one study Q is zero, whatever it is compared with
    return solve_q(y, v, np.maximum(count(common) - 1.0, 1.0), None, common)


def solve_q(
    y: Floats, v: Floats, target: Floats, start: Floats | None = None, at_start: Moments | None = None
) -> Floats:
    """tau2 >= 0 with Q(tau2) = target (shape (...)); 0 where Q(0) <= target, inf where target = 0 < Q.

    ``start``: a tau2 to begin with, ``at_start``: its moments.

    1 / Q is an increasing concave function of tau2 (Cauchy-Schwarz on y'Py, y'PPy, y'PPPy), so Newton
    steps on it fall short of the root; they are lengthened by its curvature, but not without limit.
    """
    with np.errstate(all="ignore"):
        at_start = at_start or moments(y, v, start)
        first = _step(0.0 if start is None else start, at_start, target)
        root, _ = settle(lambda t, y, v, goal: _step(t, moments(y, v, t), goal), first, y, v, target)
        if np.count_nonzero(target <= 0):
            root = np.where(target > 0, root, np.where(count(at_start) > 1, np.inf, 0.0))
    return root


def _step(tau2: Floats | float, m: Moments, goal: Floats) -> Floats:
    """Newton's on 1 / Q, corrected for its curvature to the third order."""
    slope = np.vecdot(m.weighted, m.weighted)
    _, second = twice(m.w / m.w1[..., None], m.weighted)
    newton = (m.q / goal - 1) * (m.q / slope)
    bend = newton * (m.w1 * (second / slope) - slope / m.q)
    longer = np.minimum(bend + np.sqrt(1 + bend * bend), 4.0)
    # no slope: all estimates agree
    return np.fmax(tau2 + newton * longer, 0.0)  # type: ignore[no-any-return]
