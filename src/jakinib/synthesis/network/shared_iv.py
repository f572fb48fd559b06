"""Nodes that share coefficients in an inverse-variance network, in one step with tau2 between studies."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.data import NORMAL, NetworkData
from jakinib.synthesis.network.exact import one_hot
from jakinib.synthesis.network.linear_mixed import Problem, fit_beside
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.random_effects import ExactModel
from jakinib.synthesis.network.shared import Shared, wald


def problem(fit: Any, X: Floats, Z: Floats) -> Problem:
    """The arms of an inverse-variance fit under a design by treatment: ``X`` (T, P), ``Z`` (T, M)."""
    study, treatment, y, v = fit.arms
    return Problem(y, v, study, X[treatment], Z[treatment])


def linear(nodes: Nodes, network: Any, tau2: str, level: float, exchangeable: bool) -> Shared:
    """Dose lines or classes; ``network``: the fit of the network. ``tau2``: "reml", "ml", or "dl", where the
    network's own is kept, as where the effect is common. ``value`` is minus half the misfit at that tau2.
    """
    B = nodes.linear()
    none = np.zeros((len(B), 0))
    Z = nodes.exchangeable() if exchangeable else none
    own = 0.0 if math.isnan(network.tau2) else network.tau2
    found = fit_beside(problem(network, B, Z), tau2, network.tau2)
    rest = [t for t in range(len(B)) if t != nodes.reference]
    theta, se = found.means(np.hstack([B, Z])[rest])
    z = float(ndtri(0.5 + level / 2))
    free = np.eye(len(B))[:, rest]
    misfit = problem(network, B, none).solve(own, 0.0).q - problem(network, free, none).solve(own, 0.0).q
    groups = [
        {"slope": wald(float(found.coefficients[k]), math.sqrt(found.covariance[k, k]), z)}
        for k in range(len(nodes.names))
    ]
    return Shared(
        effects=tuple(wald(m, e, z) for m, e in zip(theta.tolist(), se.tolist(), strict=True)),
        groups=tuple(groups),
        tau2=found.tau2,
        s2=found.s2,
        value=-0.5 * misfit,
        interval="Wald, the variances as estimated",
        reasons=("",) * len(groups),
    )


def normal_model(data: NetworkData, network: Any) -> ExactModel:
    """The network's estimates as a normal likelihood by treatment."""
    _, _, y, v = network.arms
    given = replace(data, y=y, v=v, kind=np.full(len(data.studies), NORMAL))
    return ExactModel(given, one_hot(given))
