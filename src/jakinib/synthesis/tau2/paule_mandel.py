"""Paule & Mandel (1982): the tau2 at which the generalised Q equals its degrees of freedom."""

from __future__ import annotations

import math

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.moments import count, moments


def paule_mandel(y: Floats, v: Floats) -> Floats:
    """Root of Q(tau2) = k - 1; 0 where Q(0) is smaller already."""
    return solve_q(y, v, np.maximum(count(v) - 1.0, 0.0))


def solve_q(y: Floats, v: Floats, target: Floats) -> Floats:
    """tau2 >= 0 with Q(tau2) = target (shape (...)); 0 where Q(0) <= target, inf where target = 0 < Q.

    1 / Q is an increasing concave function of tau2 (Cauchy-Schwarz on y'Py, y'PPy, y'PPPy), so Newton
    steps on it approach the root from the left without overshoot.
    """
    y, v = np.asarray(y, dtype=float), np.asarray(v, dtype=float)
    shape, k = v.shape[:-1], v.shape[-1]
    target = np.broadcast_to(np.asarray(target, dtype=float), shape).ravel()
    flat = (math.prod(shape), k)
    y, v = y.reshape(flat), v.reshape(flat)
    several = count(v) > 1
    root = np.where(several & (target <= 0), np.inf, 0.0)
    active = np.flatnonzero(several & (target > 0))
    tau2, goal, y, v = np.zeros(len(active)), target[active], y[active], v[active]
    for _ in range(100):
        m = moments(y, v, tau2)
        weighted = m.w * m.residual
        slope = np.vecdot(weighted, weighted)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.fmax((m.q / goal - 1) * m.q / slope, 0.0)  # no slope: all estimates agree
        tau2 = tau2 + step
        root[active] = tau2
        # Newton's error is squared at each step: after one of 1e-9 only rounding is left
        keep = step > 1e-9 * tau2
        if not keep.any():
            break
        if not keep.all():
            active, tau2, goal, y, v = active[keep], tau2[keep], goal[keep], y[keep], v[keep]
    return root.reshape(shape)
