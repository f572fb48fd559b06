"""Exchangeable doses, members of a class or slopes on the exact likelihood: maximum likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtri

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.exchangeable import MOST, S_MAX, Exchangeable
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.random_effects import ExactModel, State, ascent, summit
from jakinib.synthesis.network.shared import Coefficient, Shared, wald
from jakinib.synthesis.network.shared_exact import climb, covariance_of, endless, network_of
from jakinib.synthesis.quadrature import TAU_MAX

_S_GRID = (0.1, 0.3, 0.7, 1.5)
_NO_WALD = "no finite estimate: no events on one side; Wald's interval needs one"


def exchangeable(nodes: Nodes, model: ExactModel, random: bool, tau: float, level: float) -> Shared:
    """The members of a group normal about its mean, with one variance s2 for all groups."""
    B, Z = nodes.linear(), nodes.exchangeable()
    P, M = B.shape[1], Z.shape[1]
    state, whole, estimate, equal = fit_exchangeable(
        network_of(nodes, model, np.hstack([B, Z])), P, M, random, tau
    )
    gone = endless(state, np.arange(P))
    rest = [t for t in range(len(B)) if t != nodes.reference]
    theta, se = estimate.means(state, B[rest], Z[rest], whole)
    z = float(ndtri(0.5 + level / 2))
    lost = {rest.index(t): gone[j] for t in rest for j in gone if B[t, j] != 0}
    effects = []
    for i, (m, e) in enumerate(zip(theta.tolist(), se.tolist(), strict=True)):
        ends = Coefficient(lost.get(i, math.nan), math.nan, math.nan, math.nan)
        effects.append(ends if i in lost else wald(m, e, z))
    means = []
    for k in range(len(nodes.names)):
        if k in gone:
            means.append(Coefficient(gone[k], math.nan, math.nan, math.nan))
            continue
        m, e = float(state.beta[k]), math.sqrt(max(whole[k, k], 0.0))
        means.append(wald(m, e, z))
    return Shared(
        effects=tuple(effects),
        groups=tuple({"slope": mean} for mean in means),
        tau2=state.tau**2,
        s2=estimate.s(state.beta) ** 2,
        value=equal,
        interval="Wald, the variances between studies and members as estimated by maximum likelihood",
        reasons=tuple("" if k not in gone else _NO_WALD for k in range(len(nodes.names))),
    )


def fit_exchangeable(
    network: ExactModel, P: int, M: int, random: bool, tau: float
) -> tuple[State, Floats, Exchangeable, float]:
    """The maximum over (b, phi, tau), their covariance, the model, and the log-likelihood at s = 0."""
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
    moving = np.setdiff1d(moving, list(endless(best, fixed)))
    return best, covariance_of(best, moving, random), model, equal.value


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
