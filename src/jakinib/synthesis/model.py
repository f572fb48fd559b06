"""A log-likelihood at several points of its parameters at once, and Newton's way to its maximum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.quadrature import TAU_MAX

_TOLERANCE = 1e-10
_SPREAD = np.array([False, True, False, True])
FULL = 16  # points at which the nodes of two random effects are as near as they need be
LINES = 11  # from so many on, two random effects are summed line by line, with fewer by a product of nodes
_SPREAD_OUT = 2.0  # standard deviations from which on a product of nodes leads astray


@dataclass(frozen=True)
class State:
    """The log-likelihood ``value`` (P,) at P points, its gradient (P, size) and Hessian (P, size, size).

    ``beta`` (P, size) = theta, tau (, alpha, sigma). Study intercepts ``study`` (P, k) are eliminated from
    the derivatives: ``step_study`` is their own Newton step, ``gain`` (P,) what it is worth, and ``cross``
    (P, k, 2) how they follow theta and tau. Without free study intercepts k is 0 there. ``centre`` (P, k, d):
    where the nodes of the d random effects were laid.
    """

    beta: Floats
    study: Floats
    value: Floats
    gradient: Floats
    hessian: Floats
    gain: Floats
    step_study: Floats
    cross: Floats
    centre: Floats

    @classmethod
    def joined(cls, states: list[State]) -> State:
        """The points of all states, one after another."""
        return cls(*map(np.concatenate, zip(*(vars(state).values() for state in states), strict=True)))

    def take(self, which: Ints | list[int]) -> State:
        """Some of the points, in the order given."""
        return State(*(part[which] for part in vars(self).values()))

    def put(self, which: Ints, part: State) -> State:
        """The state with some of its points replaced."""
        if len(which) == len(self.value):
            return part
        both = State(*(own.copy() for own in vars(self).values()))
        for name, own in vars(both).items():
            if name != "centre":
                own[which] = getattr(part, name)
            elif own.shape[2] == part.centre.shape[2]:
                own[which] = part.centre
        return both

    def newton(self, moving: Floats, towards: Floats | None = None) -> Floats:
        """Newton steps for a maximum over the ``moving`` (P, size) of ``beta``, 0 elsewhere.

        Directions of wrong or no curvature are turned uphill. ``towards`` (P, size, r): other right sides
        than the gradient.
        """
        right = self.gradient[:, :, None] if towards is None else towards
        inner = -self.hessian
        if not moving.all():
            right = right * moving[:, :, None]
            inner = np.where(moving[:, :, None] & moving[:, None, :], inner, 0.0)
            largest = np.abs(inner).max(axis=(1, 2), initial=0.0)
            at = np.arange(moving.shape[1])
            inner[:, at, at] += np.where(moving, 0.0, largest[:, None])
        step = _solved(inner, right)
        if step is None:
            known = np.isfinite(inner).all(axis=(1, 2), keepdims=True)
            if not known.all():  # far out, where the likelihood overflows: no step
                inner, right = np.where(known, inner, np.eye(inner.shape[1])), np.where(known, right, 0.0)
            values, vectors = np.linalg.eigh(inner)
            size = np.abs(values)
            floor = 1e-8 * np.maximum(size.max(axis=1, keepdims=True), 1e-8)
            turned = np.matmul(vectors.transpose(0, 2, 1), right) / np.maximum(size, floor)[:, :, None]
            step = np.matmul(vectors, turned) * moving[:, :, None]
        return step[:, :, 0] if towards is None else step


def _solved(inner: Floats, right: Floats) -> Floats | None:
    """``inner`` (P, n, n) inverted on ``right`` (P, n, r) if all are well above singular, else None."""
    try:
        diagonal = np.linalg.cholesky(inner).diagonal(axis1=1, axis2=2)
    except np.linalg.LinAlgError:
        return None
    if not (diagonal.min(axis=1, initial=np.inf) > 1e-3 * diagonal.max(axis=1, initial=0.0)).all():
        return None
    solved: Floats = np.linalg.solve(inner, right)
    return solved


class Model(ABC):
    """Parameters theta, tau (, alpha, sigma): an effect and a standard deviation, and those of intercepts.

    ``intercept``: None, "fixed" (one a study, eliminated) or "random" (alpha, sigma). ``between_studies``:
    whether tau is the standard deviation of the effect between ``k`` studies.
    """

    between_studies = True

    def __init__(self, k: int, size: int, intercept: str | None = None) -> None:
        self.k, self.size, self.intercept = k, size, intercept

    @abstractmethod
    def evaluate(self, beta: Floats, study: Floats, points: int, centre: Floats | None = None) -> State:
        """Log-likelihood, its gradient and Hessian in ``beta`` (study intercepts eliminated), at P points.

        ``points``: nodes of a random effect. ``centre``: of a state near by, where to look for their place.
        """

    @property
    def random_intercepts(self) -> bool:
        """Whether alpha and sigma are among the parameters."""
        return self.intercept == "random"

    @property
    def spread(self) -> Floats:
        """Which of ``beta`` are standard deviations, (size,)."""
        return _SPREAD[: self.size]

    def anew(self, state: State, points: int) -> State:
        """The state by other nodes: an ascent compares values, which must be of one rule."""
        return self.evaluate(state.beta, state.study, points, state.centre)

    def maximise(
        self,
        state: State,
        free: Floats,
        points: int,
        close: float = 1e-10,
        still: float = 3e-5,
        which: Floats | None = None,
    ) -> State:
        """Newton ascent over the ``free`` (P, size) or (size,) of ``beta`` and the study intercepts.

        Ends before a step shorter than ``close``, or after one shorter than ``still``: Newton's error is
        squared at each step, and the likelihood is off by the square of that again.
        Standard deviations stay in [0, TAU_MAX]; one that reaches zero stays there if the likelihood falls
        with it. ``which`` (P,): the points that move; the others stay where they are.
        """
        free = np.broadcast_to(free, state.beta.shape)
        live = np.arange(len(free)) if which is None else np.flatnonzero(which)
        for _ in range(30):
            start = state if len(live) == len(free) else state.take(live)
            newton = self._newton(start, free[live])
            largest = np.abs(newton).max(axis=1, initial=0.0)
            along = np.abs(start.step_study).max(axis=1, initial=0.0)
            far = np.flatnonzero((largest >= close) | (along >= 100 * close))
            if not len(far):
                break
            if len(far) < len(live):
                live, start, newton, largest = live[far], start.take(far), newton[far], largest[far]
            end, better = self._climbed(start, newton, largest, free[live], points)
            state = state.put(live, end)
            moved = np.maximum(
                np.abs(end.beta - start.beta).max(axis=1, initial=0.0),
                np.abs(end.study - start.study).max(axis=1, initial=0.0),
            )
            live = live[better & (moved >= still)]
            if not len(live):
                break
        return state

    def _newton(self, state: State, free: Floats) -> Floats:
        """The Newton step of what is ``free`` and not pinned, away from saddles."""
        moving = free & ~self.pinned(state)
        newton = state.newton(moving)
        # the gradient of a saddle is zero
        newton[moving & self.spread & (state.beta == 0.0)] = 0.1
        return newton

    def _climbed(
        self, start: State, newton: Floats, largest: Floats, free: Floats, points: int
    ) -> tuple[State, Floats]:
        """The ends of Newton steps, shorter where the likelihood falls along one; which are no lower (P,)."""
        size = np.minimum(1.0, 2.0 / np.maximum(largest, 1e-300))
        end, failed = start, np.arange(len(size))
        least = start.value - 1e-7 - 1e-12 * np.abs(start.value)  # nodes laid anew shift it by so much
        for _ in range(12):
            from_ = start if len(failed) == len(size) else start.take(failed)
            beta, study = self._moved(from_, newton[failed], size[failed], free[failed])
            end = end.put(failed, self.evaluate(beta, study, points, from_.centre))
            failed = failed[~(end.value[failed] >= least[failed])]
            if not len(failed):
                break
            size[failed] /= 2
        better = np.ones(len(size), dtype=bool)
        better[failed] = False
        return end.put(failed, start.take(failed)) if len(failed) else end, better

    def _moved(self, state: State, newton: Floats, size: Floats, free: Floats) -> tuple[Floats, Floats]:
        """``beta`` and ``study`` after ``size`` (P,) of a Newton step, standard deviations kept in range."""
        beta = state.beta + size[:, None] * newton
        kept = np.minimum(np.maximum(beta, 0.0), TAU_MAX)
        kept[(kept < 1e-5) & (state.beta > 0) & free] = 0.0
        beta = np.where(self.spread, kept, beta)
        if self.intercept != "fixed":
            return beta, state.study
        move = state.step_study * size[:, None]
        move = move + np.matmul(state.cross, (beta - state.beta)[:, :2, None])[..., 0]
        return beta, state.study + np.clip(move, -3.0, 3.0)

    def pinned(self, state: State) -> Floats:
        """The standard deviations (P, size) that stay at the end of their range."""
        curve = np.einsum("Pii->Pi", state.hessian)
        low = (state.beta == 0.0) & (curve <= 0)
        high = (state.beta >= TAU_MAX) & (state.gradient >= 0)
        pinned: Floats = self.spread & (low | high)
        return pinned

    def refine(self, state: State, free: Floats, points: int) -> tuple[State, int]:
        """Maximise from one point, adding nodes until the log-likelihood at the maximum stands still."""
        state = self.maximise(state, free, points)
        if self._effects(state) == 2:
            points = max(points, FULL)
            state = self.maximise(self.anew(state, points), free, points)
        while self._effects(state) == 1 and points < 64:
            more = 2 * points
            finer = self.anew(state, more)
            error = abs(float(finer.value[0] - state.value[0]))
            if error < _TOLERANCE:
                break
            points = more
            state = self.maximise(finer, free, points)
            if error < _TOLERANCE ** (1 / 2):  # twice the nodes square the error
                break
        return state, points

    def to_choose(self, points: int) -> int:
        """With how many points to choose between places, before an ascent from the best."""
        return 7 if self.random_intercepts else points // 2

    def leading(self, state: State, points: int) -> int:
        """With how many points to lead a search from there: a product where it is good enough."""
        wide = self.random_intercepts and bool((state.beta[:, self.spread] > _SPREAD_OUT).any())
        return LINES if wide else points

    def _effects(self, state: State) -> int:
        """How many random effects there are at the first point."""
        return int((state.beta[0, self.spread] != 0.0).sum())
