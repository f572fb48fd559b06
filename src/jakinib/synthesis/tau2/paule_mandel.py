"""Paule & Mandel (1982): the tau2 at which the generalised Q equals its degrees of freedom."""

from __future__ import annotations

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
    y, v = np.asarray(y), np.asarray(v)
    tau2 = np.zeros(v.shape[:-1])
    target = np.broadcast_to(np.asarray(target, dtype=float), tau2.shape)
    solvable = (count(v) > 1) & (target > 0)
    goal = np.where(solvable, target, 1.0)
    for _ in range(100):
        m = moments(y, v, tau2)
        slope = ((m.w * m.residual) ** 2).sum(axis=-1)
        going = solvable & (m.q > goal) & (slope > 0)
        step = np.where(going, (m.q / goal - 1) * m.q / np.where(slope > 0, slope, 1.0), 0.0)
        tau2 = tau2 + step
        if not (step > 1e-14 * tau2).any():
            break
    return np.where((count(v) > 1) & (target <= 0), np.inf, tau2)
