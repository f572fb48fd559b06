"""Profile-likelihood limits of one coefficient of a model on the exact likelihood."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import chdtri

from jakinib.synthesis.arms import Ints
from jakinib.synthesis.network.random_effects import State, ascent, summit
from jakinib.synthesis.network.ridge import other_ridge, outermost
from jakinib.synthesis.quadrature import TAU_MAX

_FAR = 60.0


def profile_limits(
    model: Any,
    best: State,
    j: int,
    free: Ints,
    random: bool,
    level: float,
    centre: float | None = None,
    unit: float = 1.0,
) -> tuple[float, float]:
    """Where the log-likelihood, maximal over the ``free`` others, has fallen by half the chi2 quantile.

    ``model``: anything with ``evaluate(beta, tau)``. ``centre``: where to begin when the estimate itself is
    infinite. ``unit``: a change of the coefficient that matters; beyond 60 of them a limit is infinite.
    """
    search = _Search(model, best, j, free[free != j], random, math.sqrt(float(chdtri(1.0, 1 - level))))
    start = float(best.beta[j]) if centre is None else centre
    return search.limit(-1, start, unit), search.limit(1, start, unit)


class _Search:
    def __init__(self, model: Any, best: State, j: int, others: Ints, random: bool, target: float) -> None:
        self.model, self.best, self.j = model, best, j
        self.others, self.random, self.target = others, random, target

    def held(self, x: float, near: State) -> tuple[State, float]:
        """The state at ``x`` and its signed root: the square root of twice the fall from the maximum."""
        P = len(self.best.beta)
        step = np.zeros(P + 1)
        moving = self.others
        if self.random and 0 < near.tau < TAU_MAX:
            moving = np.append(moving, P)
        if len(moving):
            curve = near.hessian
            pull = curve[moving, self.j] * (x - near.beta[self.j])
            step[moving] = np.clip(ascent(curve[np.ix_(moving, moving)], pull), -2.0, 2.0)
        beta = near.beta + step[:P]
        beta[self.j] = x
        state = self.model.evaluate(beta, min(max(0.0, near.tau + step[P]), TAU_MAX))
        state, peak = summit(self.model, state, self.others, self.random)
        return replace(state, value=peak), math.sqrt(max(0.0, 2 * (self.best.value - peak)))

    def limit(self, side: int, start: float, unit: float) -> float:
        """The limit on the higher of two ridges, where there are two."""
        goal = self.best.value - self.target**2 / 2
        return outermost(
            self._along(side, start, self.best, unit),
            self.j,
            lambda state: other_ridge(self.model, state, self.others, goal) if self.random else None,
            lambda higher: self._along(side, float(higher.beta[self.j]), higher, unit),
        )

    def _along(self, side: int, start: float, near: State, unit: float) -> tuple[float, State]:
        """Bracket outwards (inwards from an infinite estimate), then safeguarded secant steps.

        Returns the limit and the state there.
        """
        x = start
        inner = outer = math.nan
        curve = -self._curvature()
        width = self.target / math.sqrt(curve) if curve > 0 else math.inf
        step = width if width < 20 * unit else unit
        state, fall = (near, 0.0) if near is self.best and start == near.beta[self.j] else self.held(x, near)
        while math.isnan(inner) or math.isnan(outer):
            if fall >= self.target:
                outer = x
            else:
                inner = x
            if not (math.isnan(inner) or math.isnan(outer)):
                break
            x += side * step if fall < self.target else -side * step
            step *= 1.5
            if abs(x) > _FAR * unit:
                return side * math.inf, state
            state, fall = self.held(x, state)
        for _ in range(25):
            slope = -side * float(state.gradient[self.j]) / fall if fall > 1e-8 else 0.0
            new = x + side * (self.target - fall) / slope if slope > 0 else math.nan
            if not min(inner, outer) < new < max(inner, outer):
                new = (inner + outer) / 2
            x = new
            state, fall = self.held(x, state)
            if abs(fall - self.target) < 1e-7 or abs(outer - inner) < 1e-9 * unit:
                return x, state
            if fall >= self.target:
                outer = x
            else:
                inner = x
        return outer, state  # on a plateau: the wider limit

    def _curvature(self) -> float:
        """Of the profile at the maximum."""
        moving = self.others
        H, j = self.best.hessian, self.j
        if self.random and self.best.tau > 0:
            moving = np.append(moving, len(self.best.beta))
        if not len(moving):
            return float(H[j, j])
        inner = np.linalg.pinv(H[np.ix_(moving, moving)], hermitian=True)
        return float(H[j, j] - H[j, moving] @ inner @ H[moving, j])
