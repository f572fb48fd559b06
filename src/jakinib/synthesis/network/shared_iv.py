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
from jakinib.synthesis.network.linear_mixed import Mixed, Problem, fit
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.random_effects import ExactModel
from jakinib.synthesis.network.shared import Coefficient, Shared


def problem(fit: Any, X: Floats, Z: Floats) -> Problem:
    """The arms of an inverse-variance fit under a design by treatment: ``X`` (T, P), ``Z`` (T, M)."""
    study, treatment = np.nonzero(np.isfinite(fit.v))
    return Problem(fit.y[study, treatment], fit.v[study, treatment], study, X[treatment], Z[treatment])


def linear(nodes: Nodes, network: Any, tau2: str, level: float, exchangeable: bool) -> Shared:
    """Dose lines or classes; ``network``: the fit of the network. ``tau2``: "reml", "ml", or "dl", where the
    network's own is kept, as where the effect is common. ``value`` is minus half the misfit at that tau2.
    """
    B = nodes.linear()
    none = np.zeros((len(B), 0))
    Z = nodes.exchangeable() if exchangeable else none
    own = 0.0 if math.isnan(network.tau2) else network.tau2
    estimated = tau2 in ("reml", "ml") and not math.isnan(network.tau2)
    found: Mixed = fit(problem(network, B, Z), tau2=None if estimated else own, restricted=tau2 != "ml")
    rest = [t for t in range(len(B)) if t != nodes.reference]
    both = np.hstack([B, Z])[rest]
    theta = both @ found.coefficients
    se = np.sqrt(np.maximum(np.einsum("tp,pq,tq->t", both, found.covariance, both), 0.0))
    z = float(ndtri(0.5 + level / 2))
    free = np.eye(len(B))[:, rest]
    misfit = problem(network, B, none).solve(own, 0.0).q - problem(network, free, none).solve(own, 0.0).q
    groups = [
        {"slope": _wald(float(found.coefficients[k]), math.sqrt(found.covariance[k, k]), z)}
        for k in range(len(nodes.names))
    ]
    return Shared(
        effects=tuple(_wald(m, e, z) for m, e in zip(theta.tolist(), se.tolist(), strict=True)),
        groups=tuple(groups),
        tau2=found.tau2,
        s2=found.s2,
        value=-0.5 * misfit,
        interval="Wald, the variances as estimated",
        reasons=("",) * len(groups),
    )


def _wald(theta: float, se: float, z: float) -> Coefficient:
    return Coefficient(theta, se, theta - z * se, theta + z * se)


def normal_model(data: NetworkData, network: Any) -> ExactModel:
    """The network's estimates as a normal likelihood by treatment."""
    study, treatment = np.nonzero(np.isfinite(network.v))
    given = replace(
        data,
        y=network.y[study, treatment],
        v=network.v[study, treatment],
        kind=np.full(len(data.studies), NORMAL),
    )
    return ExactModel(given, one_hot(given))
