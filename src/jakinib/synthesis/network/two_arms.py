"""Random effects of a study with two arms: an integral over one normal effect, as a trapezoid sum."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.kernels import Kernel as OneKernel
from jakinib.synthesis.network.conditional import Kernel
from jakinib.synthesis.network.interpolated import Interpolated
from jakinib.synthesis.quadrature import ends, probes, trapezoid

# between nodes, in scales of the integrand and in eta: coarse and fine
_STEPS = (np.array([0.8, 0.7]), np.array([0.4, 0.35]))
_SIGN = np.array([1.0, -1.0])
_OUTER = np.outer(_SIGN, _SIGN)


class TwoArms:
    """k studies of two arms. ``kernel``: their log-likelihoods in eta; ``tabulate``: where they are dear."""

    def __init__(self, kernel: Kernel, k: int, tabulate: bool) -> None:
        def one(difference: Floats) -> tuple[Floats, Floats, Floats]:
            value, g, h = kernel(0.5 * difference[..., None] * _SIGN)
            return value, g[..., 0], h[..., 0, 0]

        self.kernel: OneKernel = Interpolated(one, k) if tabulate else one
        self.centre = np.zeros((k, 1))

    def study(
        self, eta: Floats, tau: float, fine: bool
    ) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """Value (k,), derivatives in eta (k, 2), (k, 2, 2), in tau (k,), twice (k,), and mixed (k, 2)."""
        difference = (eta[:, 0] - eta[:, 1])[:, None]
        centre, scale = self._mode(difference, tau)
        probe = probes(centre, scale)
        height = self.kernel(difference + tau * probe)[0] - 0.5 * probe**2
        left, right = ends(probe, height)
        z, base = trapezoid(left, right, scale, np.array(tau), _STEPS[fine])
        value, slope, curve = self.kernel(difference + tau * z)
        joint = base + value
        top = joint.max(axis=1, keepdims=True)
        weight = np.exp(joint - top)
        total = weight.sum(axis=1, keepdims=True)
        weight /= total
        # expectations of the score and of its square and slope, times 1, z and z^2
        rows = np.stack([weight * slope, weight * (slope * slope + curve)], axis=1)
        (g, gt, _), (h, ht, htt) = np.matmul(rows, np.stack([np.ones_like(z), z, z * z], axis=2)).transpose(
            1, 2, 0
        )
        h, ht, htt = h - g * g, ht - g * gt, htt - gt * gt
        value = (top + np.log(total))[:, 0]
        return value, g[:, None] * _SIGN, h[:, None, None] * _OUTER, gt, htt, ht[:, None] * _SIGN

    def _mode(self, difference: Floats, tau: float) -> tuple[Floats, Floats]:
        """Mode of z (k, 1) and its scale, roughly: any give the same integral, with more or fewer nodes."""
        z = self.centre
        radius, last = np.full_like(z, 2.0), np.zeros_like(z)
        for _ in range(40):
            _, slope, curve = self.kernel(difference + tau * z)
            precision = 1 - tau * tau * curve
            gradient = tau * slope - z
            # an overflow far out on a plateau: that study keeps the prior's centre and scale
            lost = ~np.isfinite(gradient + precision)
            z = np.where(lost, 0.0, z)
            precision = np.where(lost, 1.0, np.maximum(precision, 1e-3))
            step = np.where(lost, 0.0, gradient / precision)
            # where a plateau turns into a slope Newton's steps may go to and fro: then half as far
            radius = np.where(step * last < 0, np.minimum(radius, 0.5 * np.abs(last)), radius)
            last = np.clip(step, -radius, radius)
            z = z + last
            if np.abs(last).max(initial=0.0) < 0.05:
                break
        self.centre = z
        return z, 1 / np.sqrt(precision)
