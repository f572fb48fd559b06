"""Smooth functions of one variable held as tables, many at a time, and their convolution with a normal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import erfcx, ndtr

from jakinib.synthesis.arms import Floats, Ints

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

    @cached_property
    def _cells(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Cubic of each cell in t = position - node, linear beyond the ends; each (rows * (G + 1),)."""
        d = self.slope * self.step[:, None]
        rise = np.diff(self.value, axis=1)
        zero = np.zeros((len(self.value), 1))
        c0 = np.concatenate([self.value[:, :1], self.value], axis=1)
        c1 = np.concatenate([d[:, :1], d], axis=1)
        c2 = np.concatenate([zero, 3 * rise - 2 * d[:, :-1] - d[:, 1:], zero], axis=1)
        c3 = np.concatenate([zero, d[:, :-1] + d[:, 1:] - 2 * rise, zero], axis=1)
        return c0.ravel(), c1.ravel(), c2.ravel(), c3.ravel()

    def rows(self, which: Any) -> Table:
        """Some of the functions."""
        return Table(self.low[which], self.step[which], self.value[which], self.slope[which])

    def _place(self, x: Floats) -> tuple[Floats, Ints]:
        G = self.value.shape[1]
        t = x - self.low[:, None]
        t /= self.step[:, None]
        node = np.floor(np.clip(t, -1.0, G - 1.0))
        cell = node.astype(np.intp)
        cell += 1 + (G + 1) * np.arange(len(x))[:, None]
        t -= np.maximum(node, 0.0, out=node)
        return t, cell

    def __call__(self, x: Floats) -> Floats:
        """Values at x (rows, n)."""
        t, cell = self._place(x)
        c0, c1, c2, c3 = self._cells
        value = c3[cell]
        value *= t
        value += c2[cell]
        value *= t
        value += c1[cell]
        value *= t
        value += c0[cell]
        return value

    def derivatives(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Values, first and second derivatives at x (rows, n)."""
        t, cell = self._place(x)
        a, b, c, d = (coefficient[cell] for coefficient in self._cells)
        h = self.step[:, None]
        value = a + t * (b + t * (c + t * d))
        return value, (b + t * (2 * c + 3 * t * d)) / h, (2 * c + 6 * t * d) / h**2


@dataclass(frozen=True)
class Extent:
    """Where functions by rows bend: about ``centre`` on the scale ``spread``, straight beyond ``reach``."""

    centre: Floats
    spread: Floats
    reach: Floats


def convolve(function: Function, x: Floats, sd: float, points: int = 13) -> tuple[Floats, Floats]:
    """log E exp f(x + sd Z) and its derivative in x, f log-concave by rows, x of shape (rows, n).

    Adaptive Gauss-Hermite: nodes centred on the mode of the integrand, scaled by its curvature.
    """
    if sd == 0.0:
        value, first, _ = function(x)
        return value, first
    u = np.zeros_like(x)
    _, first, second = function(x)
    # the slope of f falls, so the mode lies between 0 and sd * slope(x), and hardly beyond the ends of x:
    # Newton, halving where that is slow
    below, above = (x[:, :1] - x) / sd, (x[:, -1:] - x) / sd
    low = np.maximum(np.minimum(sd * first, 0.0), below + np.minimum(sd * first[:, :1], 0.0))
    high = np.minimum(np.maximum(sd * first, 0.0), above + np.maximum(sd * first[:, -1:], 0.0))
    last = np.full_like(x, np.inf)
    for _ in range(30):
        slope = sd * first - u
        low, high = np.where(slope > 0, u, low), np.where(slope > 0, high, u)
        step = slope / (1 + sd**2 * np.maximum(-second, 0.0))
        slow = (u + step < low) | (u + step > high) | (np.abs(step) > 0.5 * last)
        step = np.where(slow, 0.5 * (low + high) - u, step)
        last = np.abs(step)
        u = u + step
        _, first, second = function(x + sd * u)
        if last.max(initial=0.0) < 0.05:
            break
    scale = 1 / np.sqrt(1 + sd**2 * np.maximum(-second, 0.0))
    z, log_w = hermite(points)
    rows, n = x.shape
    nodes = u[..., None] + scale[..., None] * z
    value = function((x[..., None] + sd * nodes).reshape(rows, n * points))[0]
    joint = value.reshape(rows, n, points) + log_w - 0.5 * nodes**2
    top = joint.max(axis=-1, keepdims=True)
    weight = np.exp(joint - top)
    total = weight.sum(axis=-1)
    mean = (weight * nodes).sum(axis=-1) / total / sd  # by parts, the mean of f's slope
    return top[..., 0] + np.log(total) + np.log(scale) - 0.5 * np.log(2 * np.pi), mean


def convolve_wide(function: Function, over: Extent, x: Floats, sd: float) -> tuple[Floats, Floats]:
    """As ``convolve``, for a normal wider than the bends of f, where its nodes would step over them.

    Gauss-Legendre on panels that are narrow about f's centre, and beyond ``over`` straight lines, whose
    integral is known.
    """
    half = [0.0, 1.0, 2.0, 4.0, 8.0]
    edges = [s * over.spread for s in half] + [over.reach]
    nodes, weights = [], []
    z, w = np.polynomial.legendre.leggauss(8)
    for a, b in pairwise(edges):
        pieces = max(1, math.ceil(float((b - a).max()) / 2))
        width = (b - a)[:, None] / pieces
        place = a[:, None] + width * ((np.arange(pieces)[:, None] + (z + 1) / 2).ravel())
        weight = np.broadcast_to(width / 2 * np.tile(w, pieces), place.shape)
        nodes += [over.centre[:, None] - place, over.centre[:, None] + place]
        weights += [weight, weight]
    t = np.concatenate(nodes, axis=1)
    with np.errstate(divide="ignore"):
        mass = function(t)[0] + np.log(np.concatenate(weights, axis=1))
    top = mass.max(axis=1, keepdims=True)
    share = np.exp(mass - top)
    kernel = (t[:, None, :] - x[..., None]) / sd
    kernel = np.exp(-0.5 * np.square(kernel, out=kernel), out=kernel)
    total, first = np.moveaxis(np.matmul(kernel, np.stack([share, share * t], axis=-1)), -1, 0)
    total = np.maximum(total, 1e-300)  # far out only the straight lines count
    parts = [top + np.log(total) - math.log(sd) - 0.5 * math.log(2 * math.pi)]
    slopes = [(first / total - x) / sd**2]
    for side in (-1.0, 1.0):
        end = (over.centre + side * over.reach)[:, None]
        value, slope, _ = function(end)
        z = (x - end) / sd
        height = side * (z + slope * sd)
        # the normal integral times exp(height^2 / 2) below 0, where a steep slope would cancel otherwise
        scaled = 0.5 * erfcx(np.maximum(-height, 0.0) / math.sqrt(2))
        chance = np.where(height < 0, scaled, ndtr(height))
        square = np.where(height < 0, z**2, -((slope * sd) ** 2) - 2 * slope * (x - end))
        parts.append(value - 0.5 * square + np.log(chance))
        density = np.exp(-0.5 * np.maximum(height, 0.0) ** 2) / math.sqrt(2 * math.pi)
        slopes.append(slope + side / sd * density / chance)
    log_parts = np.stack(parts)
    top = log_parts.max(axis=0)
    share = np.exp(log_parts - top)
    total = share.sum(axis=0)
    return top + np.log(total), (share * np.stack(slopes)).sum(axis=0) / total


def enough(sd: float) -> int:
    """Nodes that ``convolve`` needs for an arm or a contrast, for a log-density good to about 1e-4."""
    return 5 if sd <= 0.5 else 7 if sd <= 0.9 else 9 if sd <= 1.1 else 13


_WIDE = 1.5  # up to here 13 nodes are good to 1e-5, beyond they step over the bends


def tabulate(
    function: Function, over: Extent, low: Floats, high: Floats, nodes: int, sd: float, points: int = 13
) -> Table:
    """The convolution as a table from ``low`` to ``high`` (rows,)."""
    step = (high - low) / (nodes - 1)
    x = low[:, None] + step[:, None] * np.arange(nodes)
    if sd > _WIDE:
        value, slope = convolve_wide(function, over, x, sd)
    else:
        value, slope = convolve(function, x, sd, points)
    return Table(low, step, value, slope)
