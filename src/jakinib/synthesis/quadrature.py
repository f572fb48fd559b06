"""Rules for integrals of a log-concave density with a normal one: trapezoid sums and Gauss-Hermite products.

A trapezoid sum over all of an integrand converges exponentially once its step resolves the integrand, and
stays exact for the one-sided integrands of studies with a zero cell, where Gauss-Hermite does not.
"""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np

from jakinib.synthesis.arms import Floats

TAU_MAX = 10.0  # on the log scale: beyond it the likelihood of separated studies is flat
DROP = 24.0  # exp(-24) of the mode is nothing
_FAR = math.sqrt(2 * DROP) + 0.1  # how far a log-concave integrand may be from its mode until then
_WIDENING = np.array([1.0, 1.6, 2.6, 4.2, 7.0, 1e9])


@cache
def gauss_hermite(points: int, dimension: int) -> tuple[Floats, Floats]:
    """Nodes (Q, dimension) and log weights (Q,), the normal density divided out, of the product rule."""
    x, w = np.polynomial.hermite_e.hermegauss(points)
    log_w = np.log(w) - 0.5 * math.log(2 * math.pi) + 0.5 * x**2
    nodes = np.array(list(itertools.product(x, repeat=dimension)))
    return nodes, np.array(list(itertools.product(log_w, repeat=dimension))).sum(axis=1)


def probes(centre: Floats, scale: Floats) -> Floats:
    """Where to look how far an integrand reaches: its mode (..., 1), then ever farther to both sides."""
    width = np.minimum(scale * _FAR * _WIDENING, _FAR)
    return np.concatenate([centre, centre - width, centre + width], axis=-1)


def ends(probe: Floats, height: Floats) -> tuple[Floats, Floats]:
    """The nearest ``probe`` (..., 1) on both sides at which the log integrand has fallen by ``DROP``."""
    w = len(_WIDENING)
    fallen = height[..., :1] - height[..., 1:] >= DROP
    fallen[..., [w - 1, -1]] = True
    first = np.arange(fallen.size // (2 * w)).reshape(fallen.shape[:-1]) * (2 * w + 1) + 1
    left, right = fallen[..., :w].argmax(axis=-1), fallen[..., w:].argmax(axis=-1)
    return probe.take(first + left)[..., None], probe.take(first + w + right)[..., None]


def trapezoid(left: Floats, right: Floats, scale: Floats, sd: Floats, steps: Floats) -> tuple[Floats, Floats]:
    """Nodes (..., Q) from ``left`` to ``right`` (..., 1) and their log weights, the normal density included.

    ``steps``: how near the nodes must be, in ``scale`` of the integrand and in eta, which moves by ``sd``
    with the variable.
    """
    span = right - left
    with np.errstate(divide="ignore"):
        step = np.minimum(steps[0] * scale, steps[1] / sd)
    # the cap is met only far from the maximum, where a rough value is enough to turn back
    size = min(math.ceil(float((span / step).max())), int(352 / steps[0]))
    span = span / size
    z = left + span * np.arange(size + 1.0)
    return z, np.log(span) - 0.5 * math.log(2 * math.pi) - 0.5 * (z * z)
