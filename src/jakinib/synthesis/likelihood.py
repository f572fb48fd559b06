"""Fit and profile an exact model: estimate, standard error, profile-likelihood limits, likelihood ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import chdtrc, chdtri

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.model import Model, State
from jakinib.synthesis.quadrature import TAU_MAX

_TAU_GRID = (0.1, 0.5, 1.6)
_TAUS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
_FAR = 50.0
SIGMA = 0.5  # of intercepts, to start from where there is no better guess
# theta's lower and upper limit, theta = 0, tau's lower and upper limit: parameter, and side of the maximum
_SEARCHES = ((0, -1), (0, 1), (0, 0), (1, -1), (1, 1))
_LOW, _HIGH, _NULL = 0, 1, 2  # the first three are always made


@dataclass
class Likelihood:
    """A fitted exact model. ``theta``, ``tau`` with Hessian-based ``se``; ``log_likelihood`` is complete.

    ``points``: the nodes it needs, ``coarse``: those that lead a search; ``narrow``: whether intercepts
    without spread are a maximum of their own.

    ``limits(level)``: profile-likelihood interval of theta (an end that the data do not bound is infinite);
    ``tau_limits(level)``: of tau; ``p()``: likelihood-ratio test of theta = 0. All are searched together.
    """

    model: Model
    state: State
    free: Floats
    points: int
    coarse: int
    narrow: bool
    se: float
    notes: list[str] = field(default_factory=list)
    _found: dict[float, Floats] = field(default_factory=dict)

    @property
    def theta(self) -> float:
        return float(self.state.beta[0, 0])

    @property
    def tau(self) -> float:
        return float(self.state.beta[0, 1])

    @property
    def log_likelihood(self) -> float:
        return float(self.state.value[0])

    def limits(self, level: float) -> tuple[float, float]:
        found = self._profile(level)
        return float(found[0]), float(found[1])

    def tau_limits(self, level: float) -> tuple[float, float]:
        found = self._profile(level)
        return float(found[3]), float(found[4])

    def p(self) -> float:
        found = self._profile(next(iter(self._found), 0.95))
        return float(chdtrc(1.0, found[2]))

    def _profile(self, level: float) -> Floats:
        """Both limits of theta, the deviance at theta = 0, both limits of tau (NaN where it is not between
        studies or not free).
        """
        if level not in self._found:
            between = self.free[1] and self.model.between_studies
            found = np.array([math.nan, math.nan, math.nan, 0.0 if between else math.nan, math.nan])
            wanted = [_LOW, _HIGH, _NULL]
            if between:
                wanted += [3, 4] if self.tau > 0 else [4]
            searches = np.array([_SEARCHES[i] for i in wanted])
            target = math.sqrt(float(chdtri(1.0, 1 - level)))
            found[wanted] = self._search(searches[:, 0], searches[:, 1], target)
            self._found[level] = found
        return self._found[level]

    def _search(self, index: Ints, side: Floats, target: float) -> Floats:
        """Where the signed root of the likelihood ratio reaches its normal quantile: Newton, bracketed.

        All searches go side by side, and each moves its own parameter and all others at once: the profile
        and its slope are read from the quadratic that touches the likelihood where the search stands
        (Venzon & Moolgavkar 1988), once the others are near enough to their maximum for it to be exact.
        ``side`` 0: the deviance where the parameter is held at 0.
        """
        searches = _Searches(self, index, side, target)
        searches.place()
        if self.coarse < self.points:
            searches.run(self.coarse)
        found = searches.run(self.points)
        for j, state in searches.elsewhere(found).items():
            again = searches.alone(j, state, searches.centre[j], found[j]).run(self.points)[0]
            # the profile is the higher of both ridges: it falls later
            found[j] = side[j] * max(side[j] * found[j], side[j] * again) if side[j] else min(found[j], again)
        for j in (_LOW, _HIGH):
            # a likelihood of two ridges: the search followed the lower one back to the estimate, or
            # stopped before the other, on which theta = 0 is not excluded
            if abs(found[j] - searches.centre[j]) < 1e-3:
                found[j] = searches.alone(j, self.state, searches.centre[j]).run(self.points)[0]
            if found[_NULL] < target**2 and side[j] * found[j] < 0:
                found[j] = searches.alone(j, searches.state.take([_NULL]), 0.0).run(self.points)[0]
        if found[_NULL] > target**2 and found[_LOW] < 0 < found[_HIGH]:  # the lower ridge at theta = 0
            for state in (self.state, *(searches.state.take([j]) for j in (_LOW, _HIGH))):
                again = searches.alone(_NULL, state, float(state.beta[0, 0])).run(self.points)[0]
                found[_NULL] = min(found[_NULL], again)
        return found


class _Searches:
    """Where each search stands: ``x``, the bracket ``inner`` to ``outer``, and the state there."""

    def __init__(self, fit: Likelihood, index: Ints, side: Floats, target: float) -> None:
        self.fit, self.model, self.index, self.side, self.target = fit, fit.model, index, side, target
        P = len(index)
        self.state = fit.state.take([0] * P)
        self.free = fit.free & (np.arange(fit.model.size) != index[:, None])
        self.centre = self.state.beta[np.arange(P), index]
        self.lowest = np.where(index == 1, 0.0, self.centre - _FAR)
        self.highest = np.where(index == 1, TAU_MAX, self.centre + _FAR)
        width = min(fit.se, 5.0) if math.isfinite(fit.se) else 0.5
        x = self.centre + side * target * np.where(index == 0, width, 0.5)
        self.x = np.where(side == 0, 0.0, np.clip(x, self.lowest, self.highest))
        self.others, self.along, _ = self._others(self.state, self.free, index)

    def alone(self, j: int, state: State, centre: float, x: float | None = None) -> _Searches:
        """Search ``j`` again from a state (P = 1), from ``x`` on; ``centre`` is not excluded."""
        one = _Searches(self.fit, self.index[[j]], self.side[[j]], self.target)
        if one.side[0] != 0:
            near = centre + 0.3 * (one.x - one.centre) if x is None else np.array([x])
            one.x = np.clip(near, one.lowest, one.highest)
        one.centre, one.state = np.array([centre]), state
        one.others, one.along, _ = one._others(state, one.free, one.index)
        return one

    def place(self) -> None:
        """Places the searches at their ``x``, with tau the best of several."""
        P, tries = len(self.index), len(_TAU_GRID)
        beta, study = self._led(np.arange(P))
        more = np.flatnonzero(self.free[:, 1])
        trials = _at_each_tau(beta[more], _TAU_GRID)
        from_ = np.concatenate([np.arange(P), np.repeat(more, tries)])
        few = self.model.to_choose(self.fit.coarse)
        found = self.model.evaluate(
            np.concatenate([beta, trials]), study[from_], few, self.state.centre[from_]
        )
        values = found.value + found.gain
        row = np.arange(P)
        if len(more):
            best = P + np.arange(0, len(more) * tries, tries) + values[P:].reshape(-1, tries).argmax(axis=1)
            row[more] = np.where(values[best] > values[more], best, more)
        self.state = found.take(row)
        self.others, self.along, _ = self._others(self.state, self.free, self.index)

    def elsewhere(self, found: Floats) -> dict[int, State]:
        """Where the searches ended, the place of a higher maximum over the others if there is one.

        Looked for over tau where it is free, and with another spread of random intercepts.
        """
        state, model, coarse = self.state, self.model, self.fit.coarse
        values = state.value + state.gain + 0.5 * (self.others * state.gradient).sum(axis=1)
        ended = np.flatnonzero(np.isfinite(found))
        rows, beta, study = ended[:0], state.beta[:0], state.study[:0]
        if model.random_intercepts:
            sigma = state.beta[ended, 3]
            rows = ended[(sigma == 0.0) | self.fit.narrow]
            other = np.where(state.beta[rows, 3] == 0.0, SIGMA, 0.0)
            beta, study = _with_spread(state.beta[rows], other), state.study[rows]
        at = ended[self.free[ended, 1]]
        if len(at):
            few = model.to_choose(coarse)
            height, trials = _over_tau(model, state.beta[at], state.study[at], self.free[at], few, values[at])
            likely = np.flatnonzero(height > values[at] + 5e-3)
            rows = np.concatenate([rows, at[likely]])
            beta = np.concatenate([beta, trials.beta[likely]])
            study = np.concatenate([study, trials.study[likely]])
        if not len(rows):
            return {}
        climbed = model.maximise(model.evaluate(beta, study, coarse), self.free[rows], coarse, 1e-2, 1e-1)
        heights = climbed.value + climbed.gain
        best: dict[int, State] = {}
        for i in np.argsort(heights):  # the highest of a row is the last
            if heights[i] > values[rows[i]] + 1e-4:
                best[int(rows[i])] = climbed.take([i])
        return best

    def run(self, points: int) -> Floats:
        """The answers, to the accuracy of the nodes; the searches stand there afterwards."""
        P = len(self.index)
        peak, target = self.fit.log_likelihood, self.target
        inner, outer, answer = self.centre.copy(), np.full(P, np.nan), np.full(P, np.nan)
        reached = np.zeros(P)
        for iteration in range(40):
            at = np.flatnonzero(np.isnan(answer))
            left, value, slope = self._step(at, points, 0.1 if iteration < 12 else 3e-4)
            x, side, index, centre = self.x[at], self.side[at], self.index[at], self.centre[at]
            deviance = np.maximum(0.0, 2 * (peak - value))
            reached[at] = deviance
            root = np.sqrt(deviance)
            near, beyond = left < 3e-4, root >= target
            # only what is known well enough narrows the bracket
            known = near | ((left < 0.1) & (np.abs(root - target) > 0.05))
            outer[at] = np.where(known & beyond, x, outer[at])
            inner[at] = np.where(known & ~beyond, x, inner[at])
            climb = -side * slope / np.maximum(root, 1e-8) * (root > 1e-8)
            steep = climb > 1e-6
            reach = np.maximum(1.0, np.abs(x - centre))
            move = side * np.where(steep, (target - root) / np.where(steep, climb, 1.0), reach)
            new = x + np.clip(move, -4 * reach, 4 * reach)
            low, high = np.minimum(inner[at], outer[at]), np.maximum(inner[at], outer[at])
            new = np.where(np.isfinite(high) & ~((low < new) & (new < high)), (low + high) / 2, new)
            # Newton's error is squared at each step
            still = (np.abs(new - x) < 1e-5 * np.maximum(1.0, np.abs(x))) | (np.abs(root - target) < 2e-4)
            # excluded on a lower ridge, not on the one the search has come to
            wrong = still & near & ~beyond & (target - root > 0.01)
            outer[at] = np.where(wrong, np.nan, outer[at])
            still &= ~wrong
            end = near & ~beyond & (x == np.where(side > 0, self.highest[at], self.lowest[at]))
            unbounded = np.where(side > 0, np.inf, np.where(index == 1, 0.0, -np.inf))
            found = np.where(side == 0, deviance, np.where(end, unbounded, new))
            done = near & ((side == 0) | end | still)
            answer[at[done]] = found[done]
            if not np.isnan(answer).any():
                return answer
            new = np.clip(new, self.lowest[at], self.highest[at])
            self.x[at] = np.where(done | (side == 0), x, new)
        # the nodes are too few for the likelihood to stand still: as near as it was brought
        return np.where(np.isnan(answer), np.where(self.side == 0, reached, self.x), answer)

    def _step(self, at: Ints, points: int, enough: float) -> tuple[Floats, Floats, Floats]:
        """The searches ``at`` brought to their ``x``, with all others a Newton step from where they were.

        Returns the size of the step that is then left, and the profile and its slope.
        """
        beta, study = self._led(at)
        free, index = self.free[at], self.index[at]
        state = self.model.evaluate(beta, study, points, self.state.centre[at])
        others, along, left = self._others(state, free, index)
        rough = np.flatnonzero(~(left < enough))
        if len(rough):
            part = self.model.maximise(state.take(rough), free[rough], points, close=3e-7, still=1e-4)
            state = state.put(rough, part)
            others, along, left = self._others(state, free, index)
            left[rough] = np.minimum(left[rough], enough)
        self.state = self.state.put(at, state)
        self.others[at], self.along[at] = others, along
        value = state.value + state.gain + 0.5 * (others * state.gradient).sum(axis=1)
        slope = state.gradient[np.arange(len(at)), index] + (along * state.gradient).sum(axis=1)
        return left, value, slope

    def _led(self, at: Ints) -> tuple[Floats, Floats]:
        """``beta`` and ``study`` of the searches ``at`` once their parameter is at ``x``, to first order."""
        state, index, x, rows = self.state, self.index[at], self.x[at], np.arange(len(at))
        old = state.beta[at]
        move = x - old[rows, index]
        others = self.others[at]
        others = others * np.minimum(1.0, 2.0 / np.maximum(np.abs(others).max(axis=1, keepdims=True), 1e-300))
        beta = old + others + np.clip(self.along[at] * move[:, None], -2.0, 2.0)
        # a standard deviation is not led to its boundary by a guess
        beta = np.where(self.model.spread & self.free[at], np.clip(beta, 0.25 * old, TAU_MAX), beta)
        beta[rows, index] = x
        study = state.study[at]
        if self.model.intercept == "fixed":
            shift = np.matmul(state.cross[at], (beta - old)[:, :2, None])[..., 0]
            study = study + np.clip(state.step_study[at] + shift, -3.0, 3.0)
        return beta, study

    def _others(self, state: State, free: Floats, index: Floats) -> tuple[Floats, Floats, Floats]:
        """Newton step of the parameters not held, how they follow the one that is, and the size of the step.

        The size is infinite at a saddle and where a standard deviation would shrink to its boundary.
        """
        moving = free & ~self.model.pinned(state)
        across = np.take_along_axis(state.hessian, index[:, None, None], axis=2)
        steps = state.newton(moving, np.concatenate([state.gradient[:, :, None], across], axis=2))
        # a saddle, whose gradient is zero but for rounding, is left by `maximise`
        saddle = moving & self.model.spread & (state.beta == 0.0)
        others = np.where(saddle, 0.0, steps[..., 0])
        # the likelihood is a function of the square of a standard deviation: near 0 its scale is itself
        scale = np.where(moving & self.model.spread, np.clip(state.beta, 1e-9, 1.0), 1.0)
        left = (np.abs(others) / scale).max(axis=1, initial=0.0)
        left = np.maximum(left, np.abs(state.step_study).max(axis=1, initial=0.0))
        lost = saddle | (moving & self.model.spread & (state.beta + others < 0.25 * state.beta))
        return others, steps[..., 1], np.where(lost.any(axis=1), np.inf, left)


def fit(model: Model, beta: Floats, study: Floats, random: bool, points: int) -> Likelihood:
    """Maximise from a rough start; ``random``: whether tau is estimated (else held at 0)."""
    free = np.arange(model.size) != 1
    start = beta.copy()
    start[1] = 0.0
    # with random effects it is only a place to start from
    roughly = (1e-3, 1e-2) if random else ()
    state = model.maximise(model.evaluate(start[None], study[None], points), free, points, *roughly)
    narrow, places = False, state.beta
    if model.random_intercepts:  # the spread of the intercepts may have a maximum at 0 beside another
        start[3] = 0.0
        flat = model.evaluate(start[None], study[None], points)
        flat = model.maximise(flat, free & ~model.spread, points, *roughly)
        narrow = bool(flat.hessian[0, 3, 3] <= 0)
        places = _with_spread(state.beta, *_spreads(float(state.beta[0, 3])), *([0.0] if narrow else []))
        state = flat if narrow and flat.value[0] > state.value[0] else state
    coarse, common = points, state
    if random:
        free = np.ones(model.size, dtype=bool)
        study = np.repeat(state.study, len(places), axis=0)
        few = model.to_choose(points)
        _, found = _over_tau(model, places, study, free, few)
        found = found if few == points else model.anew(found, points)
        found = model.maximise(found, free, points, 1e-2, 1e-1)
        # a likelihood that rises from tau = 0 but is lower at every trial has a small maximum
        value = found.value + found.gain
        best = int(np.argmax(value))
        if value[best] > state.value[0] + state.gain[0] or state.hessian[0, 1, 1] > 0:
            state = found.take([best])
    state, points = model.refine(state, free, points)
    if state.value[0] < common.value[0]:  # the climb from a trial ended on a lower maximum
        state, points = model.refine(common, free, coarse)
    notes = []
    if state.beta[0, 1] >= TAU_MAX:
        notes.append(
            "the likelihood keeps rising with tau: the studies contradict one another; "
            f"tau is held at {TAU_MAX:g}"
        )
    coarse = model.leading(state, coarse)
    return Likelihood(
        model, state, free, points, coarse, narrow, _standard_error(state, free & model.spread, free), notes
    )


def _spreads(sigma: float) -> tuple[float, ...]:
    """Spreads of intercepts to try: with tau above 0 less may be needed, or some where there was none."""
    return (sigma, 0.3 * sigma) if sigma > 0.0 else (SIGMA,)


def _with_spread(beta: Floats, *sigmas: Floats | float) -> Floats:
    """The rows of ``beta`` (P, 4) with each of ``sigmas`` as the spread of intercepts, one after another."""
    places = np.tile(beta, (len(sigmas), 1))
    places[:, 3] = np.concatenate([np.broadcast_to(sigma, len(beta)) for sigma in sigmas])
    return places


def _over_tau(
    model: Model,
    beta: Floats,
    study: Floats,
    free: Floats,
    points: int,
    least: Floats | None = None,
) -> tuple[Floats, State]:
    """The best tau of a grid for each ``beta`` (P, size), all else free brought near to its maximum.

    The likelihood may have two maxima in tau. Returns the height (P,) it may rise to from there, by the
    quadratic that touches it. ``least`` (P,): of an ascent from elsewhere; trials that lead back to the tau
    of ``beta``, or past it, are not raised. A trial that stays below even if it rises by twice what the
    quadratic says is not followed.
    """
    free = np.broadcast_to(free, beta.shape)
    from_ = np.repeat(np.arange(len(free)), len(_TAUS))
    trials = model.evaluate(_at_each_tau(beta, _TAUS), study[from_], points)
    free = free[from_]
    now = trials.value + trials.gain
    floor = now.max() if least is None else least[from_]
    rise = (trials.newton(free & ~model.pinned(trials)) * trials.gradient).sum(axis=1)
    hold = free & (np.arange(model.size) != 1)
    trials = model.maximise(trials, hold, points, 1e-3, 1e-1, now + rise > floor - 0.5)
    tau, slope, curve = trials.beta[:, 1], trials.gradient[:, 1], trials.hessian[:, 1, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(curve < 0, -slope / curve, np.inf)
    counts = np.abs(step) < tau
    if least is not None:
        to, end = beta[from_, 1], tau + step
        counts &= (np.abs(end - to) >= 0.3 * np.maximum(to, 0.1)) & ((tau > to) == (end > to))
    height = trials.value + trials.gain + 0.5 * slope * np.where(counts, step, 0.0)
    height = height.reshape(len(beta), -1)
    best = height.argmax(axis=1)
    return height.max(axis=1), trials.take(np.arange(len(beta)) * len(_TAUS) + best)


def _at_each_tau(beta: Floats, taus: Sequence[float]) -> Floats:
    """Every row of ``beta`` (P, size) at each of the ``taus``, (P x taus, size)."""
    trials = np.repeat(beta, len(taus), axis=0)
    trials[:, 1] = np.tile(taus, len(beta))
    return trials


def _standard_error(state: State, spread: Floats, free: Floats) -> float:
    beta = state.beta[0]
    at = np.flatnonzero(free & ~(spread & ((beta == 0.0) | (beta >= TAU_MAX))))
    try:
        variance = float(np.linalg.inv(-state.hessian[0][np.ix_(at, at)])[0, 0])
    except np.linalg.LinAlgError:
        return math.nan
    return math.sqrt(variance) if variance > 0 and math.isfinite(variance) else math.nan
