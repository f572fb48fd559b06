"""Exchangeable coefficients on a network's likelihood: integrated out by a rule about their mode.

With linear predictors X b + Z (s z), z standard normal, the likelihood is the integral over z of the
network's own; derivatives in (b, s, tau) are expectations under the same rule (Louis 1982), whose nodes are
centred on the mode of z and scaled by its curvature (Naylor & Smith 1982). With one or two exchangeable
coefficients the rule is a product of Gauss-Hermite, with more one of degree five (``random_effects``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.random_effects import State, ascent, simplex
from jakinib.synthesis.quadrature import gauss_hermite

S_MAX = 5.0  # beyond it, on the log scale, the likelihood is flat
MOST = 12  # exchangeable coefficients; the nodes grow with their square
_POINTS = {1: (15, 31), 2: (7, 15), 3: (0, 7), 4: (0, 4)}  # coarse and fine; 0: the rule of degree five


@dataclass(frozen=True)
class Posterior:
    """``z`` (Q, M) with ``weight`` (Q,), and the score (Q, P + 2) in (b, s, tau) at each."""

    z: Floats
    weight: Floats
    score: Floats


class Exchangeable:
    """``network``: a model whose coefficients are (b, u); the last ``M`` of them are exchangeable.

    The coefficients here are (b, phi) with s = S_MAX sin(phi), which keeps s within its ceiling; the
    likelihood is even in s, as it is in tau.
    """

    def __init__(self, network: Any, P: int, M: int) -> None:
        self.network, self.P, self.M = network, P, M
        self.mode = np.zeros(M)
        self.posterior: Posterior | None = None

    def s(self, beta: Floats) -> float:
        """The standard deviation between the exchangeable coefficients."""
        return S_MAX * abs(math.sin(beta[self.P]))

    def evaluate(self, beta: Floats, tau: float, fine: bool = False) -> State:
        """The log-likelihood and its derivatives in (b, phi, tau)."""
        P = self.P
        s, s1 = S_MAX * math.sin(beta[P]), S_MAX * math.cos(beta[P])
        state = self._evaluate(beta[:P], s, tau, fine)
        gradient, hessian = state.gradient.copy(), state.hessian.copy()
        hessian[P] *= s1
        hessian[:, P] *= s1
        hessian[P, P] -= s * gradient[P]
        gradient[P] *= s1
        return State(beta, tau, state.value, gradient, hessian)

    def _evaluate(self, b: Floats, s: float, tau: float, fine: bool) -> State:
        """The same in (b, s, tau)."""
        P, M = self.P, self.M
        if s == 0.0:
            inner = self.network.evaluate(np.concatenate([b, np.zeros(M)]), tau)
            keep = np.append(np.arange(P), P + M)
            into = np.append(np.arange(P), P + 1)
            g, H = np.zeros(P + 2), np.zeros((P + 2, P + 2))
            g[into] = inner.gradient[keep]
            H[np.ix_(into, into)] = inner.hessian[np.ix_(keep, keep)]
            u = slice(P, P + M)
            H[P, P] = float(inner.gradient[u] @ inner.gradient[u] + inner.hessian[u, u].trace())
            self.posterior = Posterior(np.zeros((1, M)), np.ones(1), g[None])
            return State(np.append(b, s), tau, inner.value, g, H)
        precision = self._centre(b, s, tau)
        values, vectors = np.linalg.eigh(precision)
        values = np.maximum(values, 1e-3)
        root = vectors / np.sqrt(values)
        x, log_w = _rule(M, fine)
        z = self.mode + x @ root.T
        states = [self.network.evaluate(np.concatenate([b, s * one]), tau) for one in z]
        log = log_w - 0.5 * (z**2).sum(axis=1) + np.array([q.value for q in states])
        log = np.where(np.isfinite(log), log, -np.inf)
        top = float(log.max())
        weight = np.exp(log - top)
        total = float(weight.sum())
        weight = weight / total
        score, H = np.zeros((len(z), P + 2)), np.zeros((P + 2, P + 2))
        for q, state in enumerate(states):
            if weight[q] == 0.0:
                continue
            # (b, u, tau) moves with (b, s, tau) by this matrix
            A = np.zeros((P + M + 1, P + 2))
            A[:P, :P] = np.eye(P)
            A[P : P + M, P] = z[q]
            A[P + M, P + 1] = 1.0
            score[q] = state.gradient @ A
            H += weight[q] * (A.T @ state.hessian @ A + np.outer(score[q], score[q]))
        mean = weight @ score
        H -= np.outer(mean, mean)
        self.posterior = Posterior(z, weight, score)
        value = top + float(np.log(total)) - 0.5 * float(np.log(values).sum())
        return State(np.append(b, s), tau, value, mean, H)

    def _centre(self, b: Floats, s: float, tau: float) -> Floats:
        """Newton to the mode of z; returns minus the curvature there."""
        P, M = self.P, self.M
        u = slice(P, P + M)
        z = self.mode
        for _ in range(30):
            state = self.network.evaluate(np.concatenate([b, s * z]), tau)
            precision = np.eye(M) - s * s * state.hessian[u, u]
            step = ascent(-precision, s * state.gradient[u] - z)
            z = z + np.clip(step, -1.5, 1.5)
            if np.abs(step).max() < 1e-6:  # a rough centre would make the integral rough
                break
        self.mode = z
        return np.asarray(precision)

    def means(self, state: State, X: Floats, Z: Floats, covariance: Floats) -> tuple[Floats, Floats]:
        """Mean and standard error of X b + Z u given the data; ``covariance`` of (b, phi, tau)."""
        P = self.P
        s, s1 = S_MAX * math.sin(state.beta[P]), S_MAX * math.cos(state.beta[P])
        self._evaluate(state.beta[:P], s, state.tau, fine=True)
        assert self.posterior is not None
        p = self.posterior
        each = X @ state.beta[:P] + s * p.z @ Z.T
        mean = p.weight @ each
        away = each - mean
        spread = away.T @ (p.weight[:, None] * away)
        slope = away.T @ (p.weight[:, None] * p.score)
        slope[:, :P] += X
        slope[:, P] += Z @ (p.weight @ p.z)
        slope[:, P] *= s1
        total = spread + slope @ covariance @ slope.T
        return mean, np.sqrt(np.maximum(total.diagonal(), 0.0))


def _rule(M: int, fine: bool) -> tuple[Floats, Floats]:
    points = _POINTS.get(M, (0, 0))[fine]
    if not points:
        return simplex(M)
    return gauss_hermite(points, M)
