"""Linear dose and equal members of a class on the exact likelihood: maximum likelihood, profile intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.exact import best_tau
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.profile_limits import profile_limits
from jakinib.synthesis.network.random_effects import ExactModel, State, maximise
from jakinib.synthesis.network.shared import Coefficient, Shared

ENDLESS = "no finite estimate: no events on one side; the interval is one-sided"
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


def bounded(theta: float, se: float, low: float, high: float) -> Coefficient:
    """A coefficient whose interval reaches an estimate that is infinite."""
    if math.isinf(theta):
        low, high = (low, math.inf) if theta > 0 else (-math.inf, high)
    return Coefficient(theta, se, low, high)


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
    covariance = covariance_of(state, np.setdiff1d(free, list(gone)), random)
    found = []
    for j in range(P):
        low, high = profile_limits(part, state, j, free, random, level, 0.0 if j in gone else None)
        se = math.nan if j in gone else math.sqrt(covariance[j, j])
        found.append(bounded(gone.get(j, float(state.beta[j])), se, low, high))
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
        reasons=tuple("" if k not in gone else ENDLESS for k in range(len(largest))),
    )
