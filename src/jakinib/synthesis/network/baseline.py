"""Random effects of a study with a flat baseline: an integral over the baseline of integrals arm by arm.

The contrasts of arms with independent normal effects of variance tau^2 / 2 have variance tau^2 and correlate
by one half, and what the arms have in common disappears in the flat baseline. So the study's likelihood, an
integral in as many dimensions as it has contrasts, is one over the baseline of a product over its arms of
integrals in one dimension: its cost grows with the arms, not with their power. Given the total, counts over
person-time have the same likelihood (the flat baseline integrates to the multinomial, times the total).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.quadrature import gauss_hermite

# t -> log-likelihood of an arm and two derivatives in its linear predictor
ArmKernel = Callable[[Floats], tuple[Floats, Floats, Floats]]
_POINTS = (13, 25)


def rule(total: Floats) -> tuple[Floats, Floats]:
    """Nodes and log weights (k, 31) for integrands of unit curvature that fall off like exp(x t - exp(t)).

    ``total`` (k,): x, the events of the study. From nine events up Gauss-Hermite. For fewer, whose left tail
    is slow, the trapezoidal rule after t = w - (exp(-w) - 1) / 2, which makes it as short as the right one.
    Both leave 1e-10 of the integral (Gauss-Hermite with one event: 3e-5).
    """
    x, w = np.polynomial.hermite_e.hermegauss(31)
    v = np.linspace(-3.9, 6.4, 31)
    step = v[1] - v[0]
    few = (total < 9)[:, None]
    nodes = np.where(few, v - 0.5 * np.expm1(-v), x)
    return nodes, np.where(few, np.log(step * (1 + 0.5 * np.exp(-v))), np.log(w) + 0.5 * x**2)


class Baseline:
    """Studies of m arms, their baseline integrated out. ``arms`` takes predictors of shape (k, nodes, m, 1)
    or (k, nodes, m, points); ``constant`` (k,); ``start`` (k,): a baseline to begin with; ``total``
    (k,): events.
    """

    def __init__(self, arms: ArmKernel, constant: Floats, start: Floats, total: Floats) -> None:
        self.arms, self.constant, self.start = arms, constant, start
        self.rule = rule(total)
        self.centre: Floats | None = None

    def study(
        self, eta: Floats, tau: float, fine: bool
    ) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """Value (k,), derivatives in eta (k, m), (k, m, m), in tau (k,), twice (k,), and mixed (k, m)."""
        mean_eta = eta.mean(axis=1)
        mu = (self.start if self.centre is None else self.centre) - mean_eta
        arm_mode = np.zeros((len(eta), 1, eta.shape[1]))
        for _ in range(40):
            t = mu[:, None, None] + eta[:, None, :]
            arm_mode, part = self._arms(t, tau, fine, arm_mode)
            slope, curve = part[1].sum(axis=(1, 2)), -part[2].sum(axis=(1, 2))
            lost = ~(np.isfinite(slope) & np.isfinite(curve))
            step = np.where(lost, 0.0, slope / np.maximum(curve, 1e-10))
            mu = mu + np.clip(step, -2.0, 2.0)
            if np.abs(step).max(initial=0.0) < 0.02:
                break
        self.centre = np.where(np.isfinite(mu), mu, self.start) + mean_eta
        scale = 1 / np.sqrt(np.where(lost, 1.0, np.maximum(curve, 1e-10)))
        nodes, log_weight = self.rule
        t = (mu[:, None] + scale[:, None] * nodes)[:, :, None] + eta[:, None, :]
        _, (value, g, h, gt, htt, ht) = self._arms(t, tau, fine, np.broadcast_to(arm_mode, t.shape))
        joint = value.sum(axis=2) + log_weight
        top = joint.max(axis=1, keepdims=True)
        weight = np.exp(joint - top)
        total = weight.sum(axis=1, keepdims=True)
        weight = weight / total
        m = eta.shape[1]
        extended = np.concatenate([g, gt.sum(axis=2, keepdims=True)], axis=2)
        weighted = weight[..., None] * extended
        mean = weighted.sum(axis=1)
        outer = np.matmul(np.swapaxes(weighted, 1, 2), extended) - mean[:, :, None] * mean[:, None, :]
        own = (weight[..., None] * h).sum(axis=1)
        curve = outer[:, :m, :m] + own[:, :, None] * np.eye(m)
        mixed = outer[:, :m, m] + (weight[..., None] * ht).sum(axis=1)
        second = outer[:, m, m] + (weight * htt.sum(axis=2)).sum(axis=1)
        return (
            self.constant + (top + np.log(total))[:, 0] + np.log(scale),
            mean[:, :m],
            curve,
            mean[:, m],
            second,
            mixed,
        )

    def _arms(self, t: Floats, tau: float, fine: bool, mode: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        """Each arm's integral over its own effect, by Gauss-Hermite about its mode; shapes (k, nodes, m).

        Returns the modes and the log-likelihood with derivatives in t (one, two), tau (one, two), both.
        """
        s = tau / math.sqrt(2)
        z = mode
        for _ in range(20):
            _, g, h = self.arms((t + s * z)[..., None])
            precision = 1 - s * s * np.minimum(h[..., 0], 0.0)
            step = (s * g[..., 0] - z) / precision
            step = np.where(np.isfinite(step), np.clip(step, -4.0, 4.0), 0.0)
            z = z + step
            if np.abs(step).max(initial=0.0) < 0.05:
                break
        root = 1 / np.sqrt(np.where(np.isfinite(precision), precision, 1.0))
        x, log_weight = gauss_hermite(_POINTS[fine], 1)
        u = z[..., None] + root[..., None] * x[:, 0]
        value, g, h = self.arms(t[..., None] + s * u)
        joint = value + log_weight - 0.5 * u**2
        top = joint.max(axis=-1, keepdims=True)
        weight = np.exp(joint - top)
        total = weight.sum(axis=-1, keepdims=True)
        weight = weight / total
        along = g * u
        first, slope = (weight * g).sum(axis=-1), (weight * along).sum(axis=-1)
        weighted = weight * h
        second = weighted.sum(axis=-1) + (weight * g * g).sum(axis=-1) - first**2
        mixed = (weighted * u).sum(axis=-1) + (weight * g * along).sum(axis=-1) - first * slope
        twice = (weighted * u * u).sum(axis=-1) + (weight * along * along).sum(axis=-1) - slope**2
        log_value = (top + np.log(total))[..., 0] + np.log(root)
        return z, (log_value, first, second, slope / math.sqrt(2), twice / 2, mixed / math.sqrt(2))
