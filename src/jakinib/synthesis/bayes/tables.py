"""Smooth functions of one variable held as tables, many at a time, and their convolution with a normal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from jakinib.synthesis.arms import Floats

Function = Callable[[Floats], tuple[Floats, Floats, Floats]]


@cache
def hermite(points: int) -> tuple[Floats, Floats]:
    """Nodes and log weights of the standard normal, its density divided out."""
    x, w = np.polynomial.hermite_e.hermegauss(points)
    return x, np.log(w) + 0.5 * x**2


@dataclass(frozen=True)
class Table:
    """Functions by rows: ``value``, ``slope`` (rows, G) at ``low + step * j``; ``low``, ``step`` (rows,).

    Between the nodes cubic Hermite interpolation, beyond them a straight line.
    """

    low: Floats
    step: Floats
    value: Floats
    slope: Floats

    def _place(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
        G = self.value.shape[1]
        position = (x - self.low[:, None]) / self.step[:, None]
        inside = np.clip(position, 0.0, G - 1.0)
        index = np.minimum(inside.astype(np.intp), G - 2)
        t = inside - index
        flat = index + G * np.arange(len(x))[:, None]
        v, s = self.value.ravel(), self.slope.ravel()
        h = self.step[:, None]
        return t, v[flat], v[flat + 1], s[flat] * h, s[flat + 1] * h, h, (position - inside) * h

    def __call__(self, x: Floats) -> Floats:
        """Values at x (rows, n)."""
        t, a, b, da, db, h, beyond = self._place(x)
        rise = b - a
        c2, c3 = 3 * rise - 2 * da - db, da + db - 2 * rise
        value = a + t * (da + t * (c2 + t * c3))
        return np.asarray(value + beyond * np.where(t < 0.5, da, db) / h)

    def derivatives(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Values, first and second derivatives at x (rows, n)."""
        t, a, b, da, db, h, beyond = self._place(x)
        rise = b - a
        c2, c3 = 3 * rise - 2 * da - db, da + db - 2 * rise
        first = (da + t * (2 * c2 + 3 * t * c3)) / h
        second = np.where(beyond != 0, 0.0, (2 * c2 + 6 * t * c3) / h**2)
        return a + t * (da + t * (c2 + t * c3)) + beyond * first, first, second


def convolve(function: Function, x: Floats, sd: float, points: int = 13) -> tuple[Floats, Floats]:
    """log E exp f(x + sd Z) and its derivative in x, f log-concave by rows, x of shape (rows, n).

    Adaptive Gauss-Hermite: nodes centred on the mode of the integrand, scaled by its curvature.
    """
    if sd == 0.0:
        value, first, _ = function(x)
        return value, first
    u = np.zeros_like(x)
    for _ in range(12):
        _, first, second = function(x + sd * u)
        step = (sd * first - u) / (1 + sd**2 * np.maximum(-second, 0.0))
        u = u + np.clip(step, -3.0, 3.0)
        if np.abs(step).max(initial=0.0) < 0.05:
            break
    scale = 1 / np.sqrt(1 + sd**2 * np.maximum(-second, 0.0))
    z, log_w = hermite(points)
    rows, n = x.shape
    nodes = u[..., None] + scale[..., None] * z
    value, first, _ = function((x[..., None] + sd * nodes).reshape(rows, n * points))
    joint = value.reshape(rows, n, points) + log_w - 0.5 * nodes**2
    top = joint.max(axis=-1, keepdims=True)
    weight = np.exp(joint - top)
    total = weight.sum(axis=-1)
    mean = (weight * first.reshape(rows, n, points)).sum(axis=-1) / total
    return top[..., 0] + np.log(total) + np.log(scale) - 0.5 * np.log(2 * np.pi), mean


def tabulate(function: Function, low: Floats, high: Floats, nodes: int, sd: float, points: int = 13) -> Table:
    """The convolution as a table from ``low`` to ``high`` (rows,)."""
    step = (high - low) / (nodes - 1)
    x = low[:, None] + step[:, None] * np.arange(nodes)
    value, slope = convolve(function, x, sd, points)
    return Table(low, step, value, slope)
