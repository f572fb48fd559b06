"""A network on the exact likelihood: contrasts with normal random effects, by adaptive quadrature.

Study s with m arms contributes the integral of exp(l(X b + tau C z)) over standard normal z in m - 1
dimensions, where l is a kernel of ``conditional`` and C C' is (I - J / m) / 2, so that every contrast has
variance tau^2 and two contrasts that share an arm correlate by one half. Derivatives in (b, tau) are
expectations under the same quadrature (Louis 1982). Nodes are centred on each study's mode and scaled by its
curvature (Naylor & Smith 1982): a trapezoid sum for two arms, which stays exact for the one-sided integrands
of studies with a zero cell, else a Gauss-Hermite product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.baseline import Baseline
from jakinib.synthesis.network.conditional import (
    Kernel,
    binomial_contrasts,
    cloglog_arms,
    cloglog_constant,
    cloglog_contrasts,
    normal_contrasts,
    poisson_arms,
    poisson_constant,
    poisson_contrasts,
)
from jakinib.synthesis.network.data import BINOMIAL, NORMAL, POISSON, NetworkData
from jakinib.synthesis.network.two_arms import TwoArms
from jakinib.synthesis.quadrature import TAU_MAX, gauss_hermite

# nodes a dimension, by the number of dimensions of a study's random effects: coarse and fine
_POINTS = {2: (7, 13), 3: (5, 9), 4: (4, 6)}
_LEFT_OUT = 1e-2  # of a study's log-likelihood, at tau 4


@cache
def _basis(m: int) -> Floats:
    """(m, m - 1): orthonormal contrasts divided by sqrt 2."""
    centred = np.eye(m) - 1 / m
    vectors = np.linalg.svd(centred)[0][:, : m - 1]
    return vectors / math.sqrt(2)


@cache
def _nodes(dimension: int, fine: bool) -> tuple[Floats, Floats]:
    """Nodes (Q, dimension) and log weights with the normal density divided out."""
    if dimension > 4:
        return simplex(dimension)
    return gauss_hermite(_POINTS[dimension][fine], dimension)


def simplex(d: int) -> tuple[Floats, Floats]:
    """A rule of degree five for d normals in d^2 + 3 d + 3 nodes; weights not negative up to d = 7.

    Centre, the vertices of a regular simplex and the middles of its edges on the sphere of radius
    sqrt(d + 2), and their mirror images (Lu & Darmofal 2004). With nine or more arms a weight would be
    negative: there the vertices go, which leaves degree three.
    """
    vertices = np.linalg.svd(np.eye(d + 1) - 1 / (d + 1))[0][:, :d] * math.sqrt((d + 1) / d)
    i, j = np.triu_indices(d + 1, 1)
    middles = math.sqrt(d / (2 * (d - 1))) * (vertices[i] + vertices[j])
    w_vertex = d**2 * (7 - d) / (2 * (d + 1) ** 2 * (d + 2) ** 2)
    w_middle = 2 * (d - 1) ** 2 / ((d + 1) ** 2 * (d + 2) ** 2)
    if d > 7:  # mean and covariance exact
        w_vertex, w_middle = 0.0, (d / (d + 2)) / (d * (d + 1))
    sets = [(np.zeros((1, d)), 2 / (d + 2))]
    if w_vertex > 0:
        sets += [(vertices, w_vertex), (-vertices, w_vertex)]
    sets += [(middles, w_middle), (-middles, w_middle)]
    nodes = np.concatenate([x * math.sqrt(d + 2) for x, _ in sets])
    weight = np.concatenate([np.full(len(x), w) for x, w in sets])
    square = (nodes**2).sum(axis=1)
    return nodes, np.log(weight) + 0.5 * square


@dataclass
class Group:
    """Studies of one kind with ``m`` arms. ``arms``: (k, m) positions in the network's arms.

    ``rule``: their own way to integrate, for two arms and where the baseline can be integrated out.
    """

    kernel: Kernel
    arms: Ints
    rule: Baseline | TwoArms | None = None
    mode: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def m(self) -> int:
        return int(self.arms.shape[1])


def groups(data: NetworkData, binomial: str = "logit") -> list[Group]:
    """The studies of a network by kind and number of arms. ``binomial``: "logit" or "cloglog"."""
    found = []
    for kind in np.unique(data.kind).tolist():
        for m in np.unique(data.arms[data.kind == kind]).tolist():
            members = np.flatnonzero((data.kind == kind) & (data.arms == m))
            arms = data.starts[members][:, None] + np.arange(m)
            e, d = data.events[arms], data.denominator[arms]
            rule: Baseline | TwoArms | None = None
            if kind == BINOMIAL:
                make = binomial_contrasts if binomial == "logit" else cloglog_contrasts
                kernel = make(e, d)
                if binomial == "cloglog" and m > 2:
                    rule = Baseline(cloglog_arms(e, d), *cloglog_constant(e, d), e.sum(axis=1))
            elif kind == POISSON:
                kernel = poisson_contrasts(e, d)
                if m > 3:
                    rule = Baseline(poisson_arms(e, d), *poisson_constant(e, d), e.sum(axis=1))
            else:
                kernel = normal_contrasts(data.y[arms], data.v[arms])
            if m == 2:
                rule = TwoArms(kernel, len(arms), tabulate=kind != NORMAL)
            found.append(Group(kernel, arms, rule))
    return found


@dataclass(frozen=True)
class State:
    """``beta`` (P,) and ``tau`` with the log-likelihood, its gradient and Hessian in (beta, tau)."""

    beta: Floats
    tau: float
    value: float
    gradient: Floats
    hessian: Floats


class ExactModel:
    """``X``: (arms, P) design of the linear predictors; only its contrasts within studies matter.

    ``fine``: whether nodes are always laid finer, which three arms and more need where tau is large.
    """

    def __init__(self, data: NetworkData, X: Floats, binomial: str = "logit") -> None:
        self.data, self.X, self.fine = data, X, False
        self.groups = groups(data, binomial)

    def with_design(self, X: Floats) -> ExactModel:
        """The same studies under another design."""
        other = object.__new__(ExactModel)
        other.data, other.X, other.fine = self.data, X, self.fine
        other.groups = [replace(g, mode=g.mode.copy()) for g in self.groups]
        return other

    def evaluate(self, beta: Floats, tau: float, fine: bool = False) -> State:
        P = len(beta)
        value = 0.0
        gradient, hessian = np.zeros(P + 1), np.zeros((P + 1, P + 1))
        eta = self.X @ beta
        for group in self.groups:
            # far out on a plateau a step may overflow: its value is then not finite and the step is halved
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                v, g, h, gt, htt, ht = _study(group, eta[group.arms], tau, fine or self.fine)
            x = self.X[group.arms]
            flat = x.reshape(-1, P)
            value += float(v.sum())
            gradient[:P] += flat.T @ g.ravel()
            gradient[P] += gt.sum()
            hessian[:P, :P] += flat.T @ np.matmul(h, x).reshape(-1, P)
            cross = flat.T @ ht.ravel()
            hessian[:P, P] += cross
            hessian[P, :P] += cross
            hessian[P, P] += htt.sum()
        return State(beta, tau, value, gradient, hessian)


def _study(
    group: Group, eta: Floats, tau: float, fine: bool
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Value (k,), derivatives in eta (k, m), (k, m, m), in tau (k,), twice (k,), and mixed (k, m)."""
    basis = _basis(group.m)
    if tau == 0.0:
        value, g, h = group.kernel(eta[:, None, :])
        value, g, h = value[:, 0], g[:, 0], h[:, 0]
        # tau2 enters through its own square: the first derivative is zero, the second is not
        along = g @ basis
        second = (along**2).sum(axis=1) + np.einsum("kab,ai,bi->k", h, basis, basis)
        zero = np.zeros(len(eta))
        return value, g, h, zero, second, np.zeros_like(g)
    if group.rule is not None:
        return group.rule.study(eta, tau, fine)
    centre, scale, log_scale = _adapt(group, eta, tau, basis)
    x, log_w = _nodes(group.m - 1, fine)
    z = centre[:, None, :] + np.matmul(x, np.swapaxes(scale, 1, 2))
    shift = z @ basis.T
    value, g, h = group.kernel(eta[:, None, :] + tau * shift)
    joint = log_w - 0.5 * (z**2).sum(axis=-1) + log_scale[:, None] + value
    top = joint.max(axis=1, keepdims=True)
    weight = np.exp(joint - top)
    total = weight.sum(axis=1, keepdims=True)
    weight = weight / total
    # extended by tau: the linear predictor moves with tau along `shift`
    slope = (g * shift).sum(axis=-1)
    extended = np.concatenate([g, slope[..., None]], axis=-1)
    weighted = weight[..., None] * extended
    mean = weighted.sum(axis=1)
    outer = np.matmul(np.swapaxes(weighted, 1, 2), extended) - mean[:, :, None] * mean[:, None, :]
    hs = np.matmul(h, shift[..., None])[..., 0]
    m = group.m
    curve = outer[:, :m, :m] + (weight[..., None, None] * h).sum(axis=1)
    mixed = outer[:, :m, m] + (weight[..., None] * hs).sum(axis=1)
    second = outer[:, m, m] + (weight * (hs * shift).sum(axis=-1)).sum(axis=1)
    return (top + np.log(total))[:, 0], mean[:, :m], curve, mean[:, m], second, mixed


def _adapt(group: Group, eta: Floats, tau: float, basis: Floats) -> tuple[Floats, Floats, Floats]:
    """Mode of z, a square root of its inverse curvature and its log determinant, study by study."""
    k, d = len(eta), group.m - 1
    z = group.mode if group.mode.shape == (k, d) else np.zeros((k, d))
    eye = np.eye(d)
    radius, last = np.full((k, 1), 2.0), np.zeros((k, d))
    for _ in range(40):
        _, g, h = group.kernel((eta + tau * z @ basis.T)[:, None, :])
        gradient = tau * g[:, 0] @ basis - z
        precision = eye - tau**2 * np.matmul(np.matmul(basis.T, h[:, 0]), basis)
        # an overflow far out on a plateau: that study keeps the prior's centre and scale
        lost = ~(np.isfinite(gradient).all(axis=1) & np.isfinite(precision).all(axis=(1, 2)))
        if lost.any():
            z, gradient = np.where(lost[:, None], 0.0, z), np.where(lost[:, None], 0.0, gradient)
            precision = np.where(lost[:, None, None], eye, precision)
        step = np.linalg.solve(precision, gradient[..., None])[..., 0]
        # where a plateau turns into a slope Newton's steps may go to and fro: then half as far
        back = (step * last).sum(axis=1, keepdims=True) < 0
        radius = np.where(back, np.minimum(radius, 0.5 * np.abs(last).max(axis=1, keepdims=True)), radius)
        last = np.clip(step, -radius, radius)
        z = z + last
        if np.abs(last).max(initial=0.0) < 0.01:  # nodes that moved with the start would blur the value
            break
    group.mode = z
    # a mixture over the baseline need not be log-concave: keep the scale positive
    values, vectors = np.linalg.eigh(precision)
    values = np.maximum(values, 1e-3)
    return z, vectors / np.sqrt(values)[:, None, :], -0.5 * np.log(values).sum(axis=1)


def ascent(hessian: Floats, gradient: Floats) -> Floats:
    """Newton step for a maximum; directions of wrong or no curvature are turned uphill."""
    if not len(gradient) or not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
        return np.zeros(len(gradient))
    try:
        lower = np.linalg.cholesky(-hessian)
        if lower.diagonal().min() > 1e-5 * lower.diagonal().max():
            half = np.linalg.solve(lower, gradient)
            return np.asarray(np.linalg.solve(lower.T, half))
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(-hessian)
    floor = 1e-8 * max(float(np.abs(values).max()), 1e-8)
    return np.asarray(vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), floor)))


def newton_step(state: State, free: Ints, random: bool) -> tuple[Floats, bool]:
    """The Newton step over the ``free`` coefficients and, where it may move, tau (last); 0 elsewhere.

    And whether tau = 0 is a saddle: its gradient is zero there, but the likelihood bends upwards.
    """
    P = len(state.beta)
    moving = free
    if random and not (
        (state.tau == 0.0 and state.hessian[P, P] <= 0) or (state.tau >= TAU_MAX and state.gradient[P] >= 0)
    ):
        moving = np.append(free, P)
    newton = np.zeros(P + 1)
    if len(moving):
        newton[moving] = ascent(state.hessian[np.ix_(moving, moving)], state.gradient[moving])
    return newton, len(moving) > len(free) and state.tau == 0.0


def _higher(trial: State, state: State, free: Ints, random: bool, gain: float) -> bool:
    """Whether a step led upwards that promised to ``gain``, twice the rise of the quadratic."""
    if trial.value >= state.value - 1e-11 * max(1.0, abs(state.value)):
        return True
    # what three arms' nodes leave out moves with them: near the maximum the slope knows better than the value
    if not (gain < _LEFT_OUT and trial.value > state.value - _LEFT_OUT):
        return False
    return float(trial.gradient @ newton_step(trial, free, random)[0]) < 0.5 * gain


def maximise(model: ExactModel, state: State, free: Ints, random: bool, iterations: int = 60) -> State:
    """Newton ascent over the ``free`` coefficients and, with ``random``, tau in [0, TAU_MAX]."""
    P = len(state.beta)
    for _ in range(iterations):
        newton, saddle = newton_step(state, free, random)
        if saddle:
            newton[P] = 0.1
        largest = float(np.abs(newton).max(initial=0.0))
        # a direction without a maximum flattens out: there what is left to gain ends it
        gain = float(state.gradient @ newton)
        if largest < 1e-11 or (gain < 1e-12 and not saddle):
            break
        size = min(1.0, 2.0 / largest)
        best = None
        for _ in range(12):
            tau = min(max(state.tau + size * newton[P], 0.0), TAU_MAX)
            if tau < 1e-4 and state.tau > 0:
                tau = 0.0
            trial = model.evaluate(state.beta + size * newton[:P], tau)
            if _higher(trial, state, free, random, gain if size == 1.0 else math.inf):
                best = trial
                break
            size /= 2
        if best is None:
            break
        moved = max(float(np.abs(best.beta - state.beta).max(initial=0.0)), abs(best.tau - state.tau))
        state = best
        if moved < 1e-7 or (size == 1.0 and gain < 1e-10):
            break
    return state


def summit(
    model: ExactModel, state: State, free: Ints, random: bool, iterations: int = 12
) -> tuple[State, float]:
    """The maximal value near ``state`` and a state beside it: Newton until the step left is worth 1e-4.

    What that last step would gain, half its slope, is added: the value is then right to about 1e-6, for one
    evaluation less than a maximum found to the last digit.
    """
    P = len(state.beta)
    gain = math.inf
    for _ in range(iterations):
        newton, saddle = newton_step(state, free, random)
        if saddle:
            state = model.evaluate(state.beta, 0.05)
            continue
        gain = float(state.gradient @ newton)
        if gain < 1e-4 and state.tau + newton[P] >= 0:
            return state, state.value + 0.5 * gain
        size = min(1.0, 2.0 / max(float(np.abs(newton).max(initial=0.0)), 1e-300))
        for _ in range(12):
            tau = min(max(state.tau + size * newton[P], 0.0), TAU_MAX)
            trial = model.evaluate(state.beta + size * newton[:P], 0.0 if tau < 1e-4 else tau)
            if _higher(trial, state, free, random, gain if size == 1.0 else math.inf):
                break
            size /= 2
        else:
            return state, state.value
        state = trial
    return state, state.value
