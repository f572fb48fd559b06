"""Fit and profile an exact model: estimate, standard error, profile-likelihood limits, likelihood ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import chdtrc, chdtri

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.mixed import TAU_MAX, MixedModel, State

_TAU_GRID = (0.15, 0.4, 0.8, 1.6)
_FAR = 50.0


@dataclass
class Likelihood:
    """A fitted exact model. ``theta``, ``tau`` with Hessian-based ``se``; ``log_likelihood`` is complete.

    ``limits(level)``: profile-likelihood interval of theta (an end that the data do not bound is infinite);
    ``tau_limits(level)``: of tau; ``p()``: likelihood-ratio test of theta = 0.
    """

    model: MixedModel
    state: State
    free: tuple[int, ...]
    points: int
    se: float
    notes: list[str] = field(default_factory=list)

    @property
    def theta(self) -> float:
        return float(self.state.beta[0])

    @property
    def tau(self) -> float:
        return float(self.state.beta[1])

    @property
    def log_likelihood(self) -> float:
        return self.state.value

    def limits(self, level: float) -> tuple[float, float]:
        return self._limit(0, -1, level), self._limit(0, 1, level)

    def tau_limits(self, level: float) -> tuple[float, float]:
        low = self._limit(1, -1, level) if self.tau > 0 else 0.0
        return max(low, 0.0), self._limit(1, 1, level)

    def p(self) -> float:
        held = self._held(self.state, 0, 0.0)
        return float(chdtrc(1.0, max(0.0, 2 * (self.state.value - held.value))))

    def _held(self, near: State, index: int, value: float) -> State:
        """The maximum with one parameter held at a value, from a state near by and along its tangent."""
        free = tuple(i for i in self.free if i != index)
        beta = near.beta.copy()
        beta[index] = value
        moving = [i for i in free if not (i in (1, 3) and near.beta[i] in (0.0, TAU_MAX))]
        if moving:
            turn = near.hessian[np.ix_(moving, moving)]
            if (turn[0, 0] if len(moving) == 1 else np.linalg.eigvalsh(turn)[-1]) < 0:
                slope = -np.linalg.solve(turn, near.hessian[moving, index])
                beta[moving] += np.clip(slope * (value - near.beta[index]), -2.0, 2.0)
            for i in moving:
                if i in (1, 3):  # a standard deviation is not led to its boundary by a guess
                    beta[i] = min(max(beta[i], 0.25 * near.beta[i]), TAU_MAX)
        study = near.study
        if self.model.intercept == "fixed":
            study = study + np.clip(near.cross @ (beta - near.beta)[:2], -3.0, 3.0)
        start = self.model.evaluate(beta, study, self.points)
        return self.model.maximise(start, free, self.points, close=3e-7, still=1e-4)

    def _limit(self, index: int, side: int, level: float) -> float:
        """Where the signed root of the likelihood ratio reaches its normal quantile: Newton, bracketed."""
        target = math.sqrt(float(chdtri(1.0, 1 - level)))
        centre = float(self.state.beta[index])
        lowest, highest = (0.0, TAU_MAX) if index == 1 else (centre - _FAR, centre + _FAR)
        width = self.se if index == 0 and math.isfinite(self.se) else 0.5
        inner, outer = centre, math.nan
        x, state = centre + side * target * min(width, 5.0), self.state
        for _ in range(30):
            x = min(max(x, lowest), highest)
            state = self._held(state, index, x)
            root = math.sqrt(max(0.0, 2 * (self.state.value - state.value)))
            if root >= target:
                outer = x
            else:
                inner = x
                if x in (lowest, highest):
                    return (0.0 if side < 0 else math.inf) if index == 1 else side * math.inf
            slope = -side * float(state.gradient[index]) / root if root > 1e-8 else 0.0
            step = side * (target - root) / slope if slope > 1e-6 else side * max(1.0, abs(x - centre))
            new = x + math.copysign(min(abs(step), 4 * max(1.0, abs(x - centre))), step)
            if math.isfinite(outer) and not min(inner, outer) < new < max(inner, outer):
                new = (inner + outer) / 2
            # Newton's error is squared at each step
            if abs(new - x) < 1e-5 * max(1.0, abs(x)) or abs(root - target) < 1e-8:
                return new
            x = new
        return x


def fit(
    model: MixedModel,
    beta: Floats,
    study: Floats,
    random: bool,
    points: int,
) -> Likelihood:
    """Maximise from a rough start; ``random``: whether tau is estimated (else held at 0)."""
    others = tuple(range(2, model.size))
    common = (0, *others)
    start = beta.copy()
    start[1] = 0.0
    state = model.evaluate(start, study, points)
    state = model.maximise(state, common, points)
    free: tuple[int, ...] = common
    if random:
        free = (0, 1, *others)
        best = state
        for tau in _TAU_GRID:
            trial_beta = state.beta.copy()
            trial_beta[1] = tau
            trial = model.evaluate(trial_beta, state.study, points)
            if trial.value > best.value:
                best = trial
        # a likelihood that rises from tau = 0 but is lower at every point of the grid has a small maximum
        if best is state and state.hessian[1, 1] > 0:
            trial_beta = state.beta.copy()
            trial_beta[1] = 0.05
            best = model.evaluate(trial_beta, state.study, points)
        state = best
    state, points = model.refine(state, free, points)
    notes = []
    if state.beta[1] >= TAU_MAX:
        notes.append(
            "the likelihood keeps rising with tau: the studies contradict one another; "
            f"tau is held at {TAU_MAX:g}"
        )
    return Likelihood(model, state, free, points, _standard_error(state, free), notes)


def _standard_error(state: State, free: Sequence[int]) -> float:
    at = [i for i in free if not (i in (1, 3) and (state.beta[i] == 0.0 or state.beta[i] >= TAU_MAX))]
    information = -state.hessian[np.ix_(at, at)]
    try:
        variance = float(np.linalg.inv(information)[at.index(0), at.index(0)])
    except np.linalg.LinAlgError:
        return math.nan
    return math.sqrt(variance) if variance > 0 and math.isfinite(variance) else math.nan
