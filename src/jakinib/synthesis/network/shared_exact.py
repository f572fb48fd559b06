"""Nodes that share coefficients on the exact likelihood: maximum likelihood, profile intervals.

Linear dose and equal members of a class are a design for the treatments' effects, Emax a curved one
(``emax``), exchangeable members normal about the mean of their class (``exchangeable``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import chdtri, ndtri

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.emax import Emax
from jakinib.synthesis.network.exact import best_tau
from jakinib.synthesis.network.exchangeable import MOST, S_MAX, Exchangeable
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.profile_limits import profile_limits
from jakinib.synthesis.network.random_effects import TAU_MAX, ExactModel, State, ascent, maximise, summit
from jakinib.synthesis.network.shared import Coefficient, Shared

_S_GRID = (0.1, 0.3, 0.7, 1.5)
_FLAT = 1e-6  # information of a direction without a finite maximum; a real one has far more


def network_of(nodes: Nodes, model: ExactModel, B: Floats) -> ExactModel:
    """The studies of ``model`` under the treatments' effects B b."""
    return model.with_design(B[model.data.treatment])


def climb(model: Any, start: State, free: Ints, random: bool) -> State:
    """The maximum over the coefficients, then over tau where it may move."""
    state = maximise(model, start, free, random=False)
    return best_tau(model, state, free) if random else state


def covariance_of(state: State, free: Ints, random: bool) -> Floats:
    """(P + 1, P + 1): of the coefficients and tau; zero for what does not move."""
    P = len(state.beta)
    moving = np.append(free, P) if random and state.tau > 0 else free
    out = np.zeros((P + 1, P + 1))
    if len(moving):
        out[np.ix_(moving, moving)] = np.linalg.pinv(-state.hessian[np.ix_(moving, moving)], hermitian=True)
    return out


def endless(state: State, free: Ints) -> dict[int, float]:
    """Coefficients without a finite maximum: position to -inf, inf, or NaN where no side is seen."""
    if not len(free):
        return {}
    values, vectors = np.linalg.eigh(-state.hessian[np.ix_(free, free)])
    found = {}
    for i in np.flatnonzero(values < _FLAT):
        for k in np.flatnonzero(np.abs(vectors[:, i]) > 1e-3):
            at = float(state.beta[free[k]])
            found[int(free[k])] = math.copysign(math.inf, at) if abs(at) > 4.0 else math.nan
    return found


def linear(nodes: Nodes, model: ExactModel, random: bool, tau: float, level: float) -> Shared:
    """The effects of a group proportional to its doses (equal, with doses of 1)."""
    largest = np.array([nodes.dose[nodes.members(g)].max() for g in nodes.names])
    B = nodes.linear()
    B[:, : len(largest)] /= largest
    part = network_of(nodes, model, B)
    P = B.shape[1]
    free = np.arange(P)
    state = climb(part, part.evaluate(np.zeros(P), tau), free, random)
    gone = endless(state, free)
    covariance = covariance_of(state, free, random)
    found = []
    for j in range(P):
        low, high = profile_limits(part, state, j, free, random, level, 0.0 if j in gone else None)
        theta = gone.get(j, float(state.beta[j]))
        if j in gone:
            low, high = (low, math.inf) if theta > 0 else (-math.inf, high) if theta < 0 else (low, high)
        se = math.nan if j in gone else math.sqrt(covariance[j, j])
        found.append(Coefficient(theta, se, low, high))
    scale = B.max(axis=1)
    of = [int(np.argmax(B[t])) for t in range(len(scale))]
    effects = [found[of[t]] * scale[t] for t in range(len(scale)) if t != nodes.reference]
    slopes = [found[k] * (1 / largest[k]) for k in range(len(largest))]
    return Shared(
        effects=tuple(effects),
        groups=tuple({"slope": slope} for slope in slopes),
        tau2=state.tau**2,
        s2=math.nan,
        value=state.value,
        interval="profile likelihood",
        reasons=tuple("" if k not in gone else _ENDLESS for k in range(len(largest))),
    )


_ENDLESS = "no finite estimate: no events on one side; the interval is one-sided"
_APART = "no finite estimate: no events on one side; Wald's interval needs one"


def exchangeable(nodes: Nodes, model: ExactModel, random: bool, tau: float, level: float) -> Shared:
    """The members of a group normal about its mean, with one variance s2 for all groups."""
    B, Z = nodes.linear(), nodes.exchangeable()
    P, M = B.shape[1], Z.shape[1]
    state, free, whole, estimate, equal = fit_exchangeable(
        network_of(nodes, model, np.hstack([B, Z])), P, M, random, tau
    )
    gone = endless(state, free[free < P])
    rest = [t for t in range(len(B)) if t != nodes.reference]
    theta, se = estimate.means(state, B[rest], Z[rest], whole)
    z = float(ndtri(0.5 + level / 2))
    lost = {rest.index(t): gone[j] for t in rest for j in gone if B[t, j] != 0}
    effects = []
    for i, (m, e) in enumerate(zip(theta.tolist(), se.tolist(), strict=True)):
        ends = Coefficient(lost.get(i, math.nan), math.nan, math.nan, math.nan)
        effects.append(ends if i in lost else Coefficient(m, e, m - z * e, m + z * e))
    means = []
    for k in range(len(nodes.names)):
        if k in gone:
            means.append(Coefficient(gone[k], math.nan, math.nan, math.nan))
            continue
        m, e = float(state.beta[k]), math.sqrt(max(whole[k, k], 0.0))
        means.append(Coefficient(m, e, m - z * e, m + z * e))
    return Shared(
        effects=tuple(effects),
        groups=tuple({"slope": mean} for mean in means),
        tau2=state.tau**2,
        s2=estimate.s(state.beta) ** 2,
        value=equal,
        interval="Wald, the variances between studies and members as estimated by maximum likelihood",
        reasons=tuple("" if k not in gone else _APART for k in range(len(nodes.names))),
    )


def fit_exchangeable(
    network: ExactModel, P: int, M: int, random: bool, tau: float
) -> tuple[State, Ints, Floats, Exchangeable, float]:
    """The maximum over (b, s, tau), its moving coefficients, the covariance of all, the model, and the
    log-likelihood at s = 0.
    """
    if M > MOST:
        raise ValueError(
            f"{M} exchangeable coefficients on the exact likelihood; at most {MOST} are integrated over. "
            "Name fewer, or use method='iv'"
        )
    model: Any = Exchangeable(network, P, M)
    fixed = np.arange(P)
    equal = climb(model, model.evaluate(np.zeros(P + 1), tau), fixed, random)
    best, moving = equal, fixed
    starts = [model.evaluate(_with(equal.beta, P, s), equal.tau) for s in _S_GRID]
    start = max(starts, key=lambda x: x.value)
    if start.value < equal.value and equal.hessian[P, P] > 0:
        start = model.evaluate(_with(equal.beta, P, 0.05), equal.tau)
    if start.value > equal.value:
        free = np.arange(P + 1)
        apart, _ = summit(model, start, free, random, iterations=30)
        apart = _polish(model, apart, free, random)
        if model.s(apart.beta) > 1e-3 and apart.value > equal.value:
            best, moving = apart, free
    return best, moving, covariance_of(best, moving, random), model, equal.value


def _polish(model: Exchangeable, state: State, free: Ints, random: bool) -> State:
    """Newton steps on the fine rule, from a maximum of the coarse one; as long as they gain."""
    P = len(state.beta)
    state = model.evaluate(state.beta, state.tau, fine=True)
    moving = np.append(free, P) if random and 0 < state.tau < TAU_MAX else free
    for _ in range(5):
        step = np.zeros(P + 1)
        step[moving] = ascent(state.hessian[np.ix_(moving, moving)], state.gradient[moving])
        if float(state.gradient @ step) < 1e-10:
            break
        step /= max(1.0, float(np.abs(step).max()))
        tau = min(max(state.tau + step[P], 0.0), TAU_MAX)
        after = model.evaluate(state.beta + step[:P], tau, fine=True)
        if after.value < state.value - 1e-3:  # less is the rule, whose error moves with its centre
            break
        state = after
    return state


def _with(beta: Floats, P: int, s: float) -> Floats:
    out = beta.copy()
    out[P] = math.asin(s / S_MAX)
    return out


def emax(nodes: Nodes, network: Any, random: bool, tau: float, level: float) -> Shared:
    """A curve Emax dose / (ED50 + dose) through the doses of each drug; ``network``: effects by treatment."""
    model: Any = Emax(network, nodes)
    G, P = len(nodes.names), model.size
    free = np.arange(P)
    start = np.zeros(P)
    start[G + len(nodes.alone) :] = math.pi / 2
    state = climb(model, model.evaluate(start, tau), free, random)
    for name in model.curved:  # the likelihood may have a maximum at another shape
        for r in (0.02, 0.2, 0.8, 0.98):
            beta = state.beta.copy()
            beta[model.phi(name)] = math.acos(1 - 2 * r)
            other = maximise(
                model, model.evaluate(beta, state.tau), np.setdiff1d(free, model.phi(name)), False
            )
            other = maximise(model, other, free, random)
            if other.value > state.value + 1e-9:
                state = other
    target = float(chdtri(1.0, 1 - level)) / 2
    gone = {j: x for j, x in endless(state, free).items() if j < G + len(nodes.alone)}
    # phi at an end of its range, where the curve is the straight line or the step, is no estimate
    shapes = {name: _shape(model, state, name, free, random, target) for name in model.curved}
    beta = state.beta.copy()
    ends = [model.phi(g) for g in model.curved if shapes[g].end]
    out, groups, reasons = [], [], []
    columns = {g: k for k, g in enumerate(nodes.names)}
    alone = {t: G + i for i, t in enumerate(nodes.alone)}
    for t, own in enumerate(nodes.group):
        if t == nodes.reference:
            continue
        j = alone[t] if own is None else columns[own]
        at, here, se = model, state, math.nan
        if own is not None and own in model.curved:
            y0 = float(nodes.dose[t] / nodes.dose[nodes.members(own)].max())
            at, moved = model.anchored(own, y0, beta)
            here = at.evaluate(moved, state.tau)
        if j not in gone:
            se = math.sqrt(max(0.0, float(_own(at, here, j, ends, free, random))))
        low, high = profile_limits(at, here, j, free, random, level, 0.0 if j in gone else None)
        theta = gone.get(j, float(here.beta[j]))
        if j in gone:
            low, high = (low, math.inf) if theta > 0 else (-math.inf, high) if theta < 0 else (low, high)
        out.append(Coefficient(theta, se, low, high))
    nothing = Coefficient(math.nan, math.nan, math.nan, math.nan)
    for name in nodes.names:
        if name not in model.curved:
            groups.append({"emax": nothing, "ed50": nothing})
            reasons.append("one dose: neither Emax nor ED50 can be told; its effect is a node of its own")
            continue
        shape = shapes[name]
        largest = float(nodes.dose[nodes.members(name)].max())
        ed50 = Coefficient(
            _odds(shape.r) * largest, math.nan, _odds(shape.low) * largest, _odds(shape.high) * largest
        )
        top = nothing
        if columns[name] in gone:
            ed50, reason = nothing, _ENDLESS
        elif shape.low == 0 and shape.high == 1:
            ed50 = nothing
            reason = "the doses do not tell the shape: no ED50 from 0 to infinity is excluded"
        elif shape.high == 1 or shape.end:
            ed50 = replace(ed50, theta=math.nan)
            reason = (
                "no upper limit to ED50 (a straight line is not excluded), and so no Emax"
                if shape.high == 1
                else "the best curve is a step, the same effect at every dose: ED50 runs off to 0"
            )
            if shape.r == 0:
                top = _emax_limits(model, state, name, free, ends, random, level)
        else:
            reason = ""
            top = _emax_limits(model, state, name, free, ends, random, level)
        groups.append({"emax": top, "ed50": ed50})
        reasons.append(reason)
    return Shared(
        effects=tuple(out),
        groups=tuple(groups),
        tau2=state.tau**2,
        s2=math.nan,
        value=state.value,
        interval="profile likelihood",
        reasons=tuple(reasons),
    )


def _emax_limits(
    model: Emax, state: State, name: str, free: Ints, ends: list[int], random: bool, level: float
) -> Coefficient:
    """Emax with its profile limits, where ED50 is bounded."""
    at, moved = model.anchored(name, math.inf, state.beta)
    here = at.evaluate(moved, state.tau)
    k = model.nodes.names.index(name)
    se = math.sqrt(max(0.0, _own(at, here, k, ends, free, random)))
    return Coefficient(float(moved[k]), se, *profile_limits(at, here, k, free, random, level))


def _own(model: Emax, state: State, j: int, ends: list[int], free: Ints, random: bool) -> float:
    return float(covariance_of(state, np.setdiff1d(free, ends), random)[j, j])


def _odds(r: float) -> float:
    return math.inf if r >= 1 else r / (1 - r)


@dataclass(frozen=True)
class _Shape:
    """r = ED50 / (ED50 + largest dose) with profile limits; ``end``: at 0 or 1."""

    r: float
    low: float
    high: float

    @property
    def end(self) -> bool:
        return self.r in (0.0, 1.0)


def _shape(model: Any, state: State, name: str, free: Ints, random: bool, target: float) -> _Shape:
    at = model.phi(name)
    others = free[free != at]

    def fall(r: float, near: State) -> tuple[float, State]:
        beta = near.beta.copy()
        beta[at] = math.acos(1 - 2 * r)
        found = maximise(model, model.evaluate(beta, near.tau), others, random)
        return state.value - found.value, found

    best = (1 - math.cos(float(state.beta[at]))) / 2
    for end in (0.0, 1.0):
        if abs(best - end) < 1e-3 and fall(end, state)[0] < 1e-7:
            best = end
    limits = []
    for end in (0.0, 1.0):
        lost, _ = fall(end, state)
        if lost < target or best == end:
            limits.append(end)
            continue
        inside, outside, near = best, end, state
        for _ in range(30):  # by halves: the profile need not be smooth
            middle = (inside + outside) / 2
            lost, found = fall(middle, near)
            if lost < target:
                inside, near = middle, found
            else:
                outside = middle
            if abs(outside - inside) < 1e-7:
                break
        limits.append((inside + outside) / 2)
    return _Shape(best, *limits)
