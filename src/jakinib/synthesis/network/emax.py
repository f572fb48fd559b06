"""Emax dose-response within drug on a network's likelihood: effect(dose) = Emax dose / (ED50 + dose).

With y = dose / largest dose and r = ED50 / (ED50 + largest dose) the effect is e y / (r + (1 - r) y), e the
effect at the largest dose: r = 1 is the straight line, r = 0 a step that no dose changes, so that a search
over r in [0, 1] has both limits inside and an ED50 that runs off ends at one of them. r = (1 - cos phi) / 2
needs no bound.

Sources: Thomas, Sweeney & Somayaji (2014) for the model in meta-analysis; Mawdsley et al. (2016) in networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.random_effects import State


@dataclass(frozen=True)
class Emax:
    """``network``: a model whose coefficients are the treatments' effects (T,). The coefficients here: one a
    group (the effect at its ``anchor``), one a treatment alone, then phi of each group in ``curved``.

    ``anchor``: group to the relative dose at which its coefficient is the effect; 1 where not given, and
    infinite for Emax itself.
    """

    network: Any
    nodes: Nodes
    anchor: dict[str, float] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.nodes.names) + len(self.nodes.alone) + len(self.nodes.curved)

    def phi(self, name: str) -> int:
        """Position of a group's phi."""
        return len(self.nodes.names) + len(self.nodes.alone) + self.nodes.curved.index(name)

    def effects(self, beta: Floats) -> tuple[Floats, Floats, list[tuple[Ints, int, int, Floats, Floats]]]:
        """The treatments' effects (T,), their Jacobian (T, P), and, a curved group: (its treatments,
        coefficient, phi, derivative of the effects in both, in phi twice).
        """
        nodes = self.nodes
        T = len(nodes.treatments)
        d, J = np.zeros(T), np.zeros((T, len(beta)))
        bends: list[tuple[Ints, int, int, Floats, Floats]] = []
        for k, name in enumerate(nodes.names):
            members = np.array(nodes.members(name))
            y = nodes.dose[members] / nodes.dose[members].max()
            if name not in self.nodes.curved:
                d[members], J[members, k] = beta[k], 1.0
                continue
            at = self.phi(name)
            phi = float(beta[at])
            r, r1, r2 = (1 - math.cos(phi)) / 2, math.sin(phi) / 2, math.cos(phi) / 2
            f, f1, f2 = curve(y, r, self.anchor.get(name, 1.0))
            d[members], J[members, k] = beta[k] * f, f
            J[members, at] = beta[k] * f1 * r1
            bends.append((members, k, at, f1 * r1, beta[k] * (f2 * r1**2 + f1 * r2)))
        alone = nodes.alone
        columns = len(nodes.names) + np.arange(len(alone))
        d[alone] = beta[columns]
        J[alone, columns] = 1.0
        return d, J, bends

    def evaluate(self, beta: Floats, tau: float, fine: bool = False) -> State:
        """Log-likelihood and derivatives by the chain rule."""
        d, J, bends = self.effects(beta)
        state = self.network.evaluate(d, tau, fine)
        T, P = J.shape
        g, H = np.zeros(P + 1), np.zeros((P + 1, P + 1))
        g[:P], g[P] = J.T @ state.gradient[:T], state.gradient[T]
        H[:P, :P] = J.T @ state.hessian[:T, :T] @ J
        H[:P, P] = H[P, :P] = J.T @ state.hessian[:T, T]
        H[P, P] = state.hessian[T, T]
        for members, k, at, mixed, second in bends:
            pull = state.gradient[members]
            H[k, at] += pull @ mixed
            H[at, k] += pull @ mixed
            H[at, at] += pull @ second
        return State(beta, tau, state.value, g, H)

    def anchored(self, name: str, y0: float, beta: Floats) -> tuple[Emax, Floats]:
        """The same curves with the coefficient of one group the effect at relative dose ``y0``."""
        k = self.nodes.names.index(name)
        moved = beta.copy()
        r = (1 - math.cos(beta[self.phi(name)])) / 2
        # f with one anchor over f with another does not depend on the dose
        one, two = (curve(np.ones(1), r, y)[0][0] for y in (self.anchor.get(name, 1.0), y0))
        moved[k] = beta[k] * one / two
        return Emax(self.network, self.nodes, {**self.anchor, name: y0}), moved


def curve(y: Floats, r: float, y0: float) -> tuple[Floats, Floats, Floats]:
    """The effect at relative dose ``y`` over that at ``y0``, and two derivatives in r."""
    B = y + r * (1 - y)
    if math.isinf(y0):
        return y * (1 - r) / B, -y / B**2, 2 * y * (1 - y) / B**3
    f1 = y / y0 * (y - y0) / B**2
    return y / y0 * (y0 + r * (1 - y0)) / B, f1, -2 * (1 - y) * f1 / B
