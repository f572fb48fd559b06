"""Maximum likelihood of exact models with normal random effects, by adaptive quadrature.

Study i contributes the integral over standard normal z of ``exp(sum_j l_ij(eta_ij))`` with

    eta_ij = alpha_i + c_j (theta + tau z2) + sigma z1

where ``l_ij`` is a kernel. ``alpha_i`` is absent (conditional models), free in every study, or one common
``alpha`` with ``sigma`` the standard deviation of the study intercepts. Being linear in every parameter,
``eta`` gives first and second derivatives of the log-likelihood as posterior expectations under the same
quadrature (Louis 1982), so every step is a Newton step; free study intercepts are eliminated from it (Schur
complement). Nodes are centred and scaled study by study: a trapezoid sum for one random effect, which
stays exact for the one-sided integrands of studies with a zero cell, a Gauss-Hermite product for two (Naylor
& Smith 1982; Pinheiro & Bates 1995). Nodes are added until the log-likelihood stands still.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.kernels import Kernel

TAU_MAX = 10.0  # on the log scale: beyond it the likelihood of separated studies is flat
_TOLERANCE = 1e-10
_DROP = 30.0  # exp(-30) of the mode is nothing
_WIDENING = np.array([1.0, 1.6, 2.6, 4.2, 7.0, 1e9])


@dataclass(frozen=True)
class State:
    """Parameters and the log-likelihood there. ``beta`` = theta, tau (, alpha, sigma); ``study``: alpha_i."""

    beta: Floats
    study: Floats
    value: float
    gradient: Floats
    hessian: Floats
    step_study: Floats
    cross: Floats


@cache
def _product_rule(points: int) -> tuple[Floats, Floats]:
    """Nodes (Q, 2) and log weights (Q,), the normal density divided out, of a Gauss-Hermite product."""
    x, w = np.polynomial.hermite_e.hermegauss(points)
    log_w = np.log(w) - 0.5 * math.log(2 * math.pi) + 0.5 * x**2
    nodes = np.stack([np.repeat(x, len(x)), np.tile(x, len(x))], axis=1)
    log_weights = np.add.outer(log_w, log_w).ravel()
    keep = log_weights - 0.5 * (nodes**2).sum(axis=1) > -40
    return nodes[keep], log_weights[keep]


@dataclass(frozen=True)
class _Grid:
    """Nodes in use, and how far the linear predictor may move before they are laid anew."""

    beta: Floats
    study: Floats
    points: int
    z: Floats
    base: Floats
    room: float


class MixedModel:
    """A model over k studies. ``kernels``: pairs (kernel, c). ``intercept``: None, "fixed" or "random"."""

    def __init__(self, kernels: Sequence[tuple[Kernel, float]], k: int, intercept: str | None = None) -> None:
        self.kernels, self.k, self.intercept = tuple(kernels), k, intercept
        self.size = 4 if intercept == "random" else 2
        self._centre: dict[tuple[int, ...], Floats] = {}
        self._grid: dict[tuple[int, ...], _Grid] = {}

    def evaluate(self, beta: Floats, study: Floats, points: int) -> State:
        """Log-likelihood, its gradient and Hessian in ``beta`` (study intercepts eliminated)."""
        random = tuple(i for i in (1, 3) if i < self.size and beta[i] != 0.0)
        grid = self._grid.get(random)
        if grid is not None and self._still_fits(grid, beta, study, points):
            z, base = grid.z, grid.base
        elif len(random) == 2:
            centre, scale, log_scale = self._adapt(beta, study, random)
            x, log_w = _product_rule(points)
            z = centre[:, None, :] + np.matmul(x, scale.transpose(0, 2, 1))
            base = log_w - 0.5 * (z**2).sum(axis=-1) + log_scale[:, None]
            # the widest shift of eta that leaves every study's nodes where its integrand is
            width = np.sqrt((scale**2).sum(axis=2)) * beta[list(random)]
            self._grid[random] = _Grid(beta, study, points, z, base, 0.3 * float(width.min()))
        elif random:
            z, base = self._line(beta, study, random, points)
        else:
            z, base = np.zeros((self.k, 1, 0)), np.zeros((self.k, 1))
        value, ga, gt, haa, hat, htt = self._derivatives(beta, study, z, random)
        joint = base + value
        top = joint.max(axis=1, keepdims=True)
        weight = np.exp(joint - top)
        total = weight.sum(axis=1, keepdims=True)
        weight /= total
        log_likelihood = float((top + np.log(total)).sum())
        # parameters in order theta, tau, (alpha, sigma) or (alpha_i): the score along each at every node
        # (k, parameters, nodes), and how eta moves with it
        zt = z[..., random.index(1)] if 1 in random else None
        zs = z[..., random.index(3)] if 3 in random else None
        moves = [("t", None), ("t", zt)]
        if self.intercept is not None:
            moves.append(("a", None))
        if self.intercept == "random":
            moves.append(("a", zs))
        score = np.zeros((self.k, len(moves), z.shape[1]))
        bend = {"tt": weight * htt, "at": weight * hat, "aa": weight * haa}
        hessian = np.zeros((self.k, len(moves), len(moves)))
        live = [p for p in range(len(moves)) if p in (0, 2) or p in random]
        for p in live:
            along, multiplier = moves[p]
            first = gt if along == "t" else ga
            score[:, p] = first if multiplier is None else first * multiplier
            for q in live[: live.index(p) + 1]:
                other, multiplier_q = moves[q]
                term = bend["".join(sorted(along + other))]
                if multiplier is not None:
                    term = term * multiplier
                if multiplier_q is not None:
                    term = term * multiplier_q
                hessian[:, p, q] = hessian[:, q, p] = term.sum(axis=1)
        weighted = score * weight[:, None, :]
        mean = weighted.sum(axis=2)
        hessian += np.matmul(weighted, score.transpose(0, 2, 1)) - mean[:, :, None] * mean[:, None, :]
        # where a standard deviation is zero its nodes are not spanned: d2/dtau2 = g^2 + h at z = 0
        for i, g, h in ((1, gt, htt), (3, ga, haa)):
            if i < self.size and i not in random:
                hessian[:, i, i] = (weight * (g * g + h)).sum(axis=1)
        if self.intercept == "fixed":
            curve = np.minimum(hessian[:, 2, 2], -1e-12)
            cross = hessian[:, 2, :2]
            reduced = hessian[:, :2, :2].sum(axis=0) - np.einsum("kp,kq->pq", cross / curve[:, None], cross)
            gradient = mean[:, :2].sum(axis=0) - (cross * (mean[:, 2] / curve)[:, None]).sum(axis=0)
            return State(
                beta, study, log_likelihood, gradient, reduced, -mean[:, 2] / curve, -cross / curve[:, None]
            )
        return State(
            beta, study, log_likelihood, mean.sum(axis=0), hessian.sum(axis=0), study, np.zeros((0, 2))
        )

    def _derivatives(
        self, beta: Floats, study: Floats, z: Floats, random: tuple[int, ...]
    ) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        effect = beta[0] + (beta[1] * z[..., random.index(1)] if 1 in random else np.zeros(z.shape[:2]))
        intercept: Floats | float = 0.0
        if self.intercept == "fixed":
            intercept = study[:, None]
        elif self.intercept == "random":
            intercept = beta[2] + (beta[3] * z[..., random.index(3)] if 3 in random else 0.0)
        value = ga = gt = haa = hat = htt = np.zeros(())
        for kernel, c in self.kernels:
            l0, l1, l2 = kernel(intercept + c * effect)
            value = value + l0
            ga, gt = ga + l1, gt + c * l1
            haa, hat, htt = haa + l2, hat + c * l2, htt + c * c * l2
        return value, ga, gt, haa, hat, htt

    def _line(
        self, beta: Floats, study: Floats, random: tuple[int, ...], points: int
    ) -> tuple[Floats, Floats]:
        """Nodes (k, Q, 1) and log weights of a trapezoid sum over all of each study's integrand.

        The integrand is log-concave, so it has fallen by exp(-_DROP) at most sqrt(2 _DROP) from its mode.
        The sum converges exponentially once the step resolves both the posterior and the bend of the
        likelihood, which is of width 1 in eta, hence of width 1 / tau in z.
        """
        centre, scale, _ = self._adapt(beta, study, random)
        far = math.sqrt(2 * _DROP) + 0.1
        width = np.minimum(scale[:, 0] * far * _WIDENING, far)
        probe = np.concatenate([centre, centre - width, centre + width], axis=1)
        height = self._derivatives(beta, study, probe[:, :, None], random)[0] - 0.5 * probe**2
        fallen = height[:, :1] - height[:, 1:] >= _DROP
        fallen[:, [len(_WIDENING) - 1, -1]] = True
        rows = np.arange(self.k)
        left = width[rows, fallen[:, : len(_WIDENING)].argmax(axis=1)]
        right = width[rows, fallen[:, len(_WIDENING) :].argmax(axis=1)]
        span = left + right
        step = np.minimum(0.55 * scale[:, 0, 0], 0.6 / beta[random[0]])
        # the cap is met only far from the maximum, where a rough value is enough to turn back
        size = min(math.ceil(float((span / step).max()) * points / 16), 40 * points) + 1
        z = (centre[:, 0] - left)[:, None] + span[:, None] * np.linspace(0.0, 1.0, size)
        log_weight = np.log(span / (size - 1)) - 0.5 * math.log(2 * math.pi)
        base = log_weight[:, None] - 0.5 * z**2
        room = 0.3 * float(scale.min()) * float(beta[random[0]])
        self._grid[random] = _Grid(beta, study, points, z[..., None], base, room)
        return z[..., None], base

    def _still_fits(self, grid: _Grid, beta: Floats, study: Floats, points: int) -> bool:
        """Whether eta has moved little enough anywhere on the nodes; those beyond |z| = 3 hardly count."""
        if points != grid.points:
            return False
        move = np.abs(beta - grid.beta)
        shift = float(move[0] + 3.0 * move[1])
        if self.intercept == "random":
            shift += float(move[2] + 3.0 * move[3])
        elif self.intercept == "fixed":
            shift += float(np.abs(study - grid.study).max(initial=0.0))
        return shift <= grid.room

    def _adapt(self, beta: Floats, study: Floats, random: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
        """Posterior mode of z and a square root of its inverse curvature, study by study.

        Roughly is enough: any centre and scale give the same integral, only with more or fewer nodes.
        """
        d = len(random)
        z = self._centre.get(random)
        if z is None:
            z = np.zeros((self.k, d))
        sd = beta[list(random)]
        for _ in range(50):
            _, ga, gt, haa, hat, htt = (
                a[:, 0] for a in self._derivatives(beta, study, z[:, None, :], random)
            )
            g = {1: gt, 3: ga}
            h = {(1, 1): htt, (1, 3): hat, (3, 1): hat, (3, 3): haa}
            gradient = np.stack([g[i] for i in random], axis=-1) * sd - z
            precision = np.empty((self.k, d, d))
            for a, i in enumerate(random):
                for b, j in enumerate(random):
                    precision[:, a, b] = -h[i, j] * sd[a] * sd[b] + (i == j)
            if d == 1:
                step = gradient / precision[:, 0]
            else:
                step = np.linalg.solve(precision, gradient[..., None])[..., 0]
            reach = 2.0 / np.maximum(1.0, sd)  # at most 2 in eta: longer steps overshoot the bend
            z = z + np.clip(step, -reach, reach)
            if np.abs(step).max(initial=0.0) < 0.05:
                break
        self._centre[random] = z
        if d == 1:
            scale = 1 / np.sqrt(precision)
            return z, scale, np.log(scale[:, 0, 0])
        lower = np.linalg.cholesky(precision)
        scale = np.linalg.inv(lower).transpose(0, 2, 1)
        return z, scale, -np.log(np.einsum("kii->ki", lower)).sum(axis=1)

    def maximise(
        self, state: State, free: Sequence[int], points: int, close: float = 1e-10, still: float = 1e-6
    ) -> State:
        """Newton ascent over the ``free`` positions of ``beta`` and the study intercepts.

        Ends before a step shorter than ``close``, or after one shorter than ``still``: Newton's error is
        squared at each step, and the likelihood is off by the square of that again.
        Standard deviations stay in [0, TAU_MAX]; one that reaches zero stays there if the likelihood falls
        with it.
        """
        for _ in range(30):
            moving = [i for i in free if not self._pinned(state, i)]
            newton = np.zeros(self.size)
            if moving:
                newton[moving] = _ascent(state.hessian[np.ix_(moving, moving)], state.gradient[moving])
                for i in moving:
                    if i in (1, 3) and state.beta[i] == 0.0:
                        newton[i] = 0.1  # leave a saddle: the gradient there is zero
            along = float(np.abs(state.step_study).max(initial=0.0)) if self.intercept == "fixed" else 0.0
            if np.abs(newton).max(initial=0.0) < close and along < 100 * close:
                break
            size = min(1.0, 2.0 / max(np.abs(newton).max(initial=0.0), 1e-300))
            best = None
            for _ in range(12):
                beta = state.beta + size * newton
                for i in (1, 3):
                    if i < self.size:
                        beta[i] = min(max(beta[i], 0.0), TAU_MAX)
                        if beta[i] < 1e-5 and state.beta[i] > 0 and i in free:
                            beta[i] = 0.0
                study = state.study
                if self.intercept == "fixed":
                    move = state.step_study * min(1.0, size) + state.cross @ (beta - state.beta)[:2]
                    study = study + np.clip(move, -3.0, 3.0)
                trial = self.evaluate(beta, study, points)
                if trial.value >= state.value - 1e-12 * abs(state.value):
                    best = trial
                    break
                size /= 2
            if best is None:
                break
            ended = (
                np.abs(best.beta - state.beta).max(initial=0.0) < still
                and np.abs(best.study - state.study).max(initial=0.0) < still
            )
            state = best
            if ended:
                break
        return state

    def _pinned(self, state: State, i: int) -> bool:
        if i not in (1, 3):
            return False
        if state.beta[i] == 0.0:
            return bool(state.hessian[i, i] <= 0)
        return bool(state.beta[i] >= TAU_MAX and state.gradient[i] >= 0)

    def refine(self, state: State, free: Sequence[int], points: int) -> tuple[State, int]:
        """Maximise, adding nodes until the log-likelihood at the maximum stands still."""
        state = self.maximise(state, free, points)
        dimension = sum(1 for i in (1, 3) if i < self.size and state.beta[i] != 0.0)
        limit = 64 if dimension < 2 else 24
        while dimension and points < limit:
            more = 2 * points if dimension == 1 else math.ceil(1.5 * points)
            finer = self.evaluate(state.beta, state.study, more)
            error = abs(finer.value - state.value)
            if error < _TOLERANCE:
                break
            points = more
            state = self.maximise(finer, free, points)
            # the error falls geometrically: twice the nodes square it, half as many again raise it to 3 / 2
            if error < _TOLERANCE ** (1 / 2 if dimension == 1 else 2 / 3):
                break
        return state, points


def _ascent(hessian: Floats, gradient: Floats) -> Floats:
    """Newton step for a maximum; directions of wrong or no curvature are turned uphill."""
    if len(gradient) == 1:
        return gradient / max(abs(float(hessian[0, 0])), 1e-16)
    values, vectors = np.linalg.eigh(-hessian)
    floor = 1e-8 * max(float(np.abs(values).max()), 1e-8)
    return vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), floor))  # type: ignore[no-any-return]
