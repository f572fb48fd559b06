"""Network on the exact likelihood, conditional on each study's total, by maximum likelihood.

Common effect: Stijnen, Hamza & Özdemir (2010), the noncentral hypergeometric network. Random effects: the
same with normal random effects (``random_effects``). Intervals are by profile likelihood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import chdtrc, chdtri, ndtri

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.decomposition import Decomposition, Test
from jakinib.synthesis.network.exact_split import design_by_treatment, node_splits
from jakinib.synthesis.network.fit import Comparisons, NetworkFit, predict, two_sided
from jakinib.synthesis.network.random_effects import ExactModel, State, ascent, maximise, summit
from jakinib.synthesis.network.ridge import other_ridge, outermost, within_reach
from jakinib.synthesis.network.separation import bounded_above, carries, classes, split_studies
from jakinib.synthesis.network.split import Split
from jakinib.synthesis.quadrature import TAU_MAX
from jakinib.synthesis.result import LeftOut

_TAU_GRID = (0.15, 0.4, 0.8, 1.6)
_FAR = 60.0
_TAU_ROOT = math.sqrt(float(chdtri(1.0, 0.05)))  # of the limits of tau2 that a fit carries
_WIDE = 0.7  # from here on coarse nodes leave more than 1e-5 of a study's log-likelihood


def informative(data: NetworkData, measure: str) -> tuple[Any, list[LeftOut]]:
    """Arms whose study carries information on the comparison (boolean), and the studies that do not."""
    keep = carries(data)
    events = data.total(np.nan_to_num(data.events))
    left_out = [
        LeftOut(
            data.studies[i],
            "no event in any arm: no information on the comparison"
            if events[i] == 0
            else "everyone in every arm had the event: no information on the comparison",
        )
        for i in np.flatnonzero(~keep)
    ]
    return keep[data.study], left_out


def one_hot(data: NetworkData) -> Floats:
    """(arms, T): 1 at the arm's treatment."""
    X = np.zeros((len(data.study), len(data.treatments)))
    X[np.arange(len(data.study)), data.treatment] = 1.0
    return X


@dataclass(frozen=True)
class ExactFit(NetworkFit):
    """``exact``: the model over all studies; ``best``: its limit at the maximum; ``label``: the class of
    treatments with finite differences; ``bounded``: see ``separation``; ``random``: whether tau is free.
    """

    exact: Any = None
    best: Any = None
    label: Any = None
    bounded: Any = None
    random: bool = False
    profile: bool = True

    def compare(self, a: Ints, b: Ints, level: float) -> Comparisons:
        theta = self.theta[a] - self.theta[b]
        c = self.covariance
        se = np.sqrt(np.maximum(c[a, a] + c[b, b] - 2 * c[a, b], 0.0))
        finite = self.label[a] == self.label[b]
        above, below = self.bounded[a, b], self.bounded[b, a]
        theta = np.where(
            finite, theta, np.where(above & ~below, -np.inf, np.where(below & ~above, np.inf, np.nan))
        )
        se = np.where(finite, se, np.nan)
        margin = ndtri(0.5 + level / 2) * se
        low, high, p = theta - margin, theta + margin, two_sided(theta, se)
        # profiling every pair of a large network would take minutes; Wald's interval stands there
        if self.profile and len(a) <= 120:
            for i in range(len(a)):
                low[i], high[i], p[i] = self._profile(int(a[i]), int(b[i]), level)
        prediction_low, prediction_high = predict(theta, se, self.tau2, self.df, level)
        return Comparisons(theta, se, low, high, p, prediction_low, prediction_high)

    def scores(self, lower_is_better: bool) -> Floats:
        """P-scores (T,); NaN where some treatments have no finite comparison."""
        if (self.label != self.label[0]).any():
            return np.full(len(self.theta), np.nan)
        return super().scores(lower_is_better)

    def split(self) -> Split | None:
        """Node-splitting on the exact likelihood; None where some treatments have no finite comparison."""
        if (self.label != self.label[0]).any():
            return None
        return node_splits(self.exact, self.best, self.theta, self.covariance, self.random)

    def decomposition(self) -> Decomposition | None:
        """The design-by-treatment interaction by likelihood ratio; None as for ``split``."""
        if (self.label != self.label[0]).any():
            return None
        nan = Test(math.nan, 0, math.nan)
        test = design_by_treatment(self.exact, self.best, self.random)
        return Decomposition(nan, nan, test, nan, math.nan, ())

    # -- profile likelihood ------------------------------------------------------------------------

    @cached_property
    def _store(self) -> dict[Any, Any]:
        return {}

    def _profile(self, a: int, b: int, level: float) -> tuple[float, float, float]:
        """Profile limits of theta_a - theta_b and the likelihood-ratio p of no difference."""
        key = (a, b, level)
        if key not in self._store:
            target = math.sqrt(float(chdtri(1.0, 1 - level)))
            line = Line(self, a, b)
            low = line.limit(-1, target) if self.bounded[b, a] else -math.inf
            high = line.limit(1, target) if self.bounded[a, b] else math.inf
            self._store[key] = (low, high, line.p())
        found: tuple[float, float, float] = self._store[key]
        return found

    @property
    def peak(self) -> float:
        """The maximal log-likelihood."""
        return self.log_likelihood


class Line:
    """The likelihood with theta_a - theta_b held: b is taken as the zero of all treatments."""

    def __init__(self, fit: ExactFit, a: int, b: int) -> None:
        self.fit, self.a, self.b = fit, a, b
        T = len(fit.theta)
        self.T = T
        columns = [t for t in range(T) if t not in (a, b)]
        self.free = np.array(columns, dtype=np.intp)
        spread = fit.theta - fit.theta[b]
        # treatments without a finite difference start far out, in the direction they diverge
        for t in range(T):
            if fit.label[t] != fit.label[b]:
                up, down = fit.bounded[b, t], fit.bounded[t, b]
                spread[t] = 0.0 if up == down else (8.0 if up else -8.0)
        self.start = spread
        self.finite = fit.label[a] == fit.label[b]
        beta = spread.copy()
        beta[b] = 0.0
        self.tau = math.sqrt(fit.tau2) if fit.random else 0.0

    def held(self, value: float, near: State | None) -> State:
        """The maximum with the difference held, from a state near by."""
        # where counts barely bound anything the maximum is a plateau: a dozen steps are as good as a hundred
        state, peak = summit(self.fit.exact, self._near(value, near), self.free, self.fit.random)
        return replace(state, value=peak)

    def _near(self, value: float, near: State | None) -> State:
        """Where the others would move to, by their curvature, when the difference is set to ``value``."""
        model: ExactModel = self.fit.exact
        if near is None:
            beta, tau = self.start.copy(), self.tau
        else:
            beta, tau = near.beta.copy(), near.tau
            moving, curve = self._moving(near)
            step = np.zeros(self.T + 1)
            step[moving] = ascent(
                curve[np.ix_(moving, moving)], curve[moving, self.a] * (value - beta[self.a])
            )
            step = np.clip(step, -2.0, 2.0)
            beta, tau = beta + step[: self.T], min(max(0.0, tau + step[self.T]), TAU_MAX)
        beta[self.a] = value
        return model.evaluate(beta, tau)

    def _moving(self, state: State) -> tuple[Ints, Floats]:
        P = self.T
        if self.fit.random and not (state.tau == 0.0 and state.hessian[P, P] <= 0) and state.tau < TAU_MAX:
            return np.append(self.free, P), state.hessian
        return self.free, state.hessian

    def p(self) -> float:
        model: ExactModel = self.fit.exact
        start = self._near(0.0, self._origin() if self.finite else None)
        state, value = summit(model, start, self.free, self.fit.random)
        other = self._other(state, value)
        value = value if other is None else other.value
        return float(chdtrc(1.0, max(0.0, 2 * (self.fit.peak - value))))

    def _other(self, state: State, value: float) -> State | None:
        """A higher maximum over tau with the difference held as in ``state``."""
        fit = self.fit
        if not fit.random:
            return None
        root = math.sqrt(max(0.0, 2 * (fit.peak - value)))
        taus = within_reach(self.tau, math.sqrt(fit.tau2_low), math.sqrt(fit.tau2_high), root / _TAU_ROOT)
        return other_ridge(fit.exact, state, self.free, value, taus)

    def _origin(self) -> State:
        if "origin" not in self.__dict__:
            best: State = self.fit.best
            if (self.fit.label == self.fit.label[0]).all():  # the maximum itself, shifted
                self.origin: State = replace(best, beta=self.start.copy())
            else:
                self.origin = self.fit.exact.evaluate(self.start.copy(), self.tau)
        return self.origin

    def limit(self, side: int, target: float) -> float:
        """Where the log-likelihood has fallen by target^2 / 2 on one side."""
        found = self._venzon_moolgavkar(side, target) if self.finite else None
        return outermost(
            found or self._bracket(side, target),
            self.a,
            lambda state: self._other(state, self.fit.peak - target**2 / 2),
            lambda higher: self._bracket(side, target, higher),
        )

    def _venzon_moolgavkar(self, side: int, target: float) -> tuple[float, State] | None:
        """Venzon & Moolgavkar (1988): Newton on the limit and all other parameters at once.

        Returns the limit and a state beside it.
        """
        goal = self.fit.peak - target**2 / 2
        model: ExactModel = self.fit.exact
        state = self._origin()
        P = self.T
        for iteration in range(16):
            moving, g, H = self._squared(state)
            a = self.a
            inner = H[np.ix_(moving, moving)]
            try:
                solved = np.linalg.solve(inner, np.stack([g[moving], H[moving, a]], axis=1))
            except np.linalg.LinAlgError:
                return None
            level = state.value - 0.5 * float(g[moving] @ solved[:, 0])
            slope = float(g[a] - H[moving, a] @ solved[:, 0])
            curve = float(H[a, a] - H[moving, a] @ solved[:, 1])
            if not curve < 0:
                return None
            disc = slope**2 - 2 * curve * (level - goal)
            delta = -slope / curve if disc < 0 else (-slope - side * math.sqrt(disc)) / curve
            step = np.zeros(P + 1)
            step[a] = delta
            step[moving] = -solved[:, 0] - solved[:, 1] * delta
            if np.abs(step).max() > 6.0 or (iteration > 0 and abs(delta) > 3.0):
                return None
            tau2 = state.tau**2 + step[P]
            if iteration > 0 and disc >= 0 and np.abs(step).max() < 1e-3 and (step[P] == 0 or tau2 > 1e-3):
                # Newton's error after a step is of the order of its square
                x = float(state.beta[a] + delta)
                return (x, state) if side * (x - self.start[a]) > 0 else None
            # tau2 at least a tenth of what it was: the boundary is approached, not jumped
            tau2 = max(state.tau**2 + step[P], 0.1 * state.tau**2)
            tau = math.sqrt(tau2) if tau2 > 1e-6 else 0.0
            state = model.evaluate(state.beta + step[:P], min(tau, TAU_MAX))
            if state.tau == 0.0 and self.fit.random and state.hessian[P, P] > 0:
                state = model.evaluate(state.beta, 0.03)
                continue
            moved = max(float(np.abs(step[:P]).max()), abs(step[P]) if tau else 0.0)
            if moved < 1e-6 and abs(state.value - goal) < 1e-7:
                inside = side * (state.beta[a] - self.start[a]) > 0
                return (float(state.beta[a]), state) if inside else None
        return None

    def _squared(self, state: State) -> tuple[Ints, Floats, Floats]:
        """The moving parameters, gradient and Hessian in (beta, tau2), in which the profile is smooth."""
        P = self.T
        if not self.fit.random or state.tau == 0.0:
            return self.free, state.gradient, state.hessian
        g, H = state.gradient.copy(), state.hessian.copy()
        H[P, P] = (H[P, P] - g[P] / state.tau) / (4 * state.tau**2)
        H[P, :P] /= 2 * state.tau
        H[:P, P] /= 2 * state.tau
        g[P] /= 2 * state.tau
        if H[P, P] >= 0:  # not near a maximum: leave tau2 where it is for this step
            return self.free, g, H
        return np.append(self.free, P), g, H

    def _bracket(self, side: int, target: float, near: State | None = None) -> tuple[float, State]:
        """The signed root of the likelihood ratio by safeguarded secant steps, from ``near`` on.

        Returns the limit and the state there.
        """
        if near is None and self.finite:
            near = self._origin()
        centre = 0.0 if near is None else float(near.beta[self.a])
        state = self.held(centre, near)

        def root(s: State) -> float:
            return math.sqrt(max(0.0, 2 * (self.fit.peak - s.value)))

        value = root(state)
        # an infinite estimate lies beyond the limit: walk inwards or outwards until it is bracketed
        step, inner, outer = 1.0, math.nan, math.nan
        x = centre
        while True:
            if value >= target:
                outer = x
            else:
                inner = x
            if not math.isnan(inner) and not math.isnan(outer):
                break
            x = x + side * step if value < target else x - side * step
            step *= 2.0
            if abs(x) > _FAR:
                return side * math.inf, state
            state = self.held(x, state)
            value = root(state)
        low, high = inner, outer
        for _ in range(12):
            slope = -side * float(state.gradient[self.a]) / value if value > 1e-8 else 0.0
            new = x + side * (target - value) / slope if slope > 1e-8 else math.nan
            if not min(low, high) < new < max(low, high):
                new = (low + high) / 2
            if abs(new - x) < 1e-4 * max(1.0, abs(x)) and abs(value - target) < 1e-3:
                return new, state
            x = new
            state = self.held(x, state)
            value = root(state)
            if abs(value - target) < 1e-6:
                return x, state
            if value >= target:
                high = x
            else:
                low = x
        return high, state  # on a plateau: the wider limit


def tau_limits(model: ExactModel, best: State, free: Ints, level: float) -> tuple[float, float]:
    """Profile-likelihood limits of tau2: infinite where heterogeneity up to TAU_MAX is not excluded."""
    target = math.sqrt(float(chdtri(1.0, 1 - level)))
    P = len(best.beta)

    def root(tau: float, near: State) -> tuple[float, float, State]:
        """Signed root of twice the fall of the profile, its slope in tau, and the state."""
        beta = near.beta.copy()
        if len(free):
            shift = ascent(near.hessian[np.ix_(free, free)], near.hessian[free, P] * (tau - near.tau))
            beta[free] += np.clip(shift, -1.0, 1.0)
        state, value = summit(model, model.evaluate(beta, tau), free, random=False)
        fall = math.sqrt(max(0.0, 2 * (best.value - value)))
        return fall, -float(state.gradient[P]) / max(fall, 1e-8), state

    def solve(inner: float, outer: float, x: float, f: float, slope: float, near: State) -> float:
        """The tau between ``inner`` (too little fall) and ``outer``, from ``x`` with its fall and slope."""
        for _ in range(12):
            new = x + (target - f) / slope if abs(slope) > 1e-6 else math.nan
            if not min(inner, outer) < new < max(inner, outer):
                new = (inner + outer) / 2
            if abs(new - x) < 1e-5 * max(x, 0.1) and abs(f - target) < 1e-4:
                return new
            x = new
            f, slope, near = root(x, near)
            if abs(f - target) < 1e-6 or abs(outer - inner) < 1e-7:
                return x
            if f > target:
                outer = x
            else:
                inner = x
        return outer  # on a plateau: the wider limit

    low = 0.0
    if best.tau > 0:
        f, _, near = root(0.0, best)
        if f > target:
            x = 0.5 * best.tau
            f, slope, near = root(x, best)
            inner, outer = (best.tau, x) if f > target else (x, 0.0)
            low = solve(inner, outer, x, f, slope, near)
    curve = -best.hessian[P, P]
    wald = best.tau + target / math.sqrt(curve) if best.tau > 0 and curve > 0 else 0.0
    inner, outer, near = best.tau, min(max(0.3, 1.5 * best.tau, min(wald, 3 * best.tau)), TAU_MAX), best
    while True:
        f, slope, near = root(outer, near)
        if f > target:
            return low**2, solve(inner, outer, outer, f, slope, near) ** 2
        if outer >= TAU_MAX:
            return low**2, math.inf
        inner, outer = outer, min(outer * 1.7, TAU_MAX)


def best_tau(model: ExactModel, state: State, free: Ints) -> State:
    """From the maximum at tau = 0 to the maximum over tau, of which there may be two.

    A trial counts as high as it would rise with the others at their maximum, by the
    quadratic that touches it.
    """
    trials = []
    for tau in _TAU_GRID:
        trial = model.evaluate(state.beta, tau)
        slope = trial.gradient[free]
        step = ascent(trial.hessian[np.ix_(free, free)], slope)
        rise = 0.5 * float(slope @ step) if np.abs(step).max(initial=0.0) < 4.0 else 0.0
        trials.append((trial.value + rise, trial))
    starts = []
    height, best = max(trials, key=lambda t: t[0])
    if height > state.value:
        starts.append(best)
    height, largest = trials[-1]
    if height > max(state.value, best.value) - 0.5 and largest is not best:
        starts.append(largest)
    P = len(state.beta)
    if state.hessian[P, P] <= 0:  # tau = 0 is a maximum of its own
        starts.append(state)
    elif not starts:
        starts.append(model.evaluate(state.beta, 0.05))
    return max((maximise(model, start, free, random=True) for start in starts), key=lambda s: s.value)


def fit(data: NetworkData, measure: str, effects: str) -> ExactFit:
    """Maximum likelihood in a connected network; every study must be informative."""
    binomial = "logit" if measure == "OR" else "cloglog"
    exact = ExactModel(data, one_hot(data), binomial)
    bounded = bounded_above(data)
    label = classes(bounded)
    separated = bool((label != label[0]).any())
    T = len(data.treatments)
    model = exact
    if separated:
        limit, _ = split_studies(data, label)
        model = ExactModel(limit, one_hot(limit), binomial)
    free = np.array([t for t in range(T) if t != label[t]], dtype=np.intp)
    state = maximise(model, model.evaluate(np.zeros(T), 0.0), free, random=False)
    random = effects == "random"
    df = len(data.study) - len(data.studies) - (T - 1)
    # what is left to tell heterogeneity from, once treatments without a finite comparison are apart
    left = len(model.data.study) - len(model.data.studies) - len(free)
    notes = []
    if random and left > 0:
        state = best_tau(model, state, free)
        if state.tau > _WIDE and (data.arms > 2).any():
            model.fine = exact.fine = True
            state = maximise(model, model.evaluate(state.beta, state.tau), free, random=True)
    if random and left <= 0:
        notes.append("heterogeneity cannot be estimated (no degrees of freedom); tau2 is taken as 0")
    covariance = np.zeros((T, T))
    # at the boundary of tau the others are as if it were known
    moving = np.append(free, T) if random and state.tau > 0 else free
    if len(moving):
        inverse = np.linalg.pinv(-state.hessian[np.ix_(moving, moving)], hermitian=True)
        covariance[np.ix_(free, free)] = inverse[: len(free), : len(free)]
    low = high = math.nan
    if random and left > 0:
        low, high = tau_limits(model, state, free, 0.95)
    if separated:
        notes.append(
            "some treatments have no finite comparison, because no event was seen (or everyone had one) "
            "where it would take one: the estimate is then 0 or infinite and the interval one-sided"
        )
    many = T * (T - 1) // 2 > 120
    if many:
        notes.append(
            "intervals of all pairs are Wald's; those against one reference are by profile likelihood"
        )
    return ExactFit(
        theta=state.beta,
        covariance=covariance,
        tau2=state.tau**2 if random else math.nan,
        df=df,
        tau2_low=low,
        tau2_high=high,
        log_likelihood=state.value,
        interval="profile likelihood",
        notes=tuple(notes),
        exact=exact,
        best=state,
        label=label,
        bounded=bounded,
        random=random and left > 0,
    )
