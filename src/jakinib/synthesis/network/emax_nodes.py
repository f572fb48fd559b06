"""Emax dose within drug on the exact likelihood: maximum likelihood, profile intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import chdtri

from jakinib.synthesis.arms import Ints
from jakinib.synthesis.network.emax import Emax
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.profile_limits import profile_limits
from jakinib.synthesis.network.random_effects import State, maximise
from jakinib.synthesis.network.shared import Coefficient, Shared
from jakinib.synthesis.network.shared_exact import ENDLESS, bounded, climb, covariance_of, endless


def emax(nodes: Nodes, network: Any, random: bool, tau: float, level: float) -> Shared:
    """A curve Emax dose / (ED50 + dose) through the doses of each drug; ``network``: effects by treatment."""
    model: Any = Emax(network, nodes)
    G, P = len(nodes.names), model.size
    free = np.arange(P)
    start = np.zeros(P)
    start[G + len(nodes.alone) :] = math.pi / 2
    state = climb(model, model.evaluate(start, tau), free, random)
    for name in nodes.curved:  # the likelihood may have a maximum at another shape
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
    shapes = {name: _shape(model, state, name, free, random, target) for name in nodes.curved}
    beta = state.beta.copy()
    ends = [model.phi(g) for g in nodes.curved if shapes[g].end] + list(gone)
    out, groups, reasons = [], [], []
    columns = {g: k for k, g in enumerate(nodes.names)}
    alone = {t: G + i for i, t in enumerate(nodes.alone)}
    for t, own in enumerate(nodes.group):
        if t == nodes.reference:
            continue
        j = alone[t] if own is None else columns[own]
        at, here, se = model, state, math.nan
        if own is not None and own in nodes.curved:
            y0 = float(nodes.dose[t] / nodes.dose[nodes.members(own)].max())
            at, moved = model.anchored(own, y0, beta)
            here = at.evaluate(moved, state.tau)
        if j not in gone:
            se = math.sqrt(max(0.0, float(_own(at, here, j, ends, free, random))))
        low, high = profile_limits(at, here, j, free, random, level, 0.0 if j in gone else None)
        out.append(bounded(gone.get(j, float(here.beta[j])), se, low, high))
    nothing = Coefficient(math.nan, math.nan, math.nan, math.nan)
    for name in nodes.names:
        if name not in nodes.curved:
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
            ed50, reason = nothing, ENDLESS
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
