"""Network meta-regression: one slope for all treatments, or a slope a treatment, exchangeable about a mean.

Source: Cooper et al. (2009), shared and exchangeable interactions. On the exact likelihood by maximum
likelihood, in an inverse-variance network by least squares, both with the variances estimated anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.exact_split import independent, meta_regression
from jakinib.synthesis.network.exchangeable_nodes import fit_exchangeable
from jakinib.synthesis.network.fit import two_sided
from jakinib.synthesis.network.linear_mixed import Problem, fit_beside


@dataclass(frozen=True)
class Slopes:
    """``slope``, ``se``, ``p``: of the mean first, then, where exchangeable, of each treatment but the
    reference. ``p`` is by likelihood ratio for a shared slope on the exact likelihood, else Wald's.
    """

    slope: Floats
    se: Floats
    p: Floats
    tau2: float
    s2: float


def slopes(
    data: NetworkData, network: Any, method: str, tau2: str, x: Floats, reference: int, exchangeable: bool
) -> Slopes | None:
    """``x``: the covariate, a value an arm; None where the studies do not tell a slope from the effects."""
    unit = float(np.sqrt(((x - x.mean()) ** 2).mean())) or 1.0
    x = x / unit  # a spread of 1: slopes are then of the size of effects
    rest = [t for t in range(len(data.treatments)) if t != reference]
    own = (data.treatment[:, None] == np.array(rest)).astype(float)
    column = np.where(data.treatment == reference, 0.0, x)
    X, P = np.column_stack([own, column]), len(rest) + 1
    if P - 1 not in independent(X, data):
        return None
    M = len(rest) if exchangeable else 0
    Z = own * x[:, None] if exchangeable else np.zeros((len(x), 0))
    # a row a slope: the mean, then mean + u of each treatment
    rows = np.zeros((1 + M, P + M))
    rows[:, P - 1] = 1.0
    rows[1:, P:] = np.eye(M)
    if method == "exact" and not exchangeable:
        found = meta_regression(network.exact, network.best, x, reference, network.random)
        estimate, se, p = np.array([[found.estimate], [found.se], [found.p]])
        return Slopes(estimate / unit, se / unit, p, found.tau2, math.nan)
    if method == "exact":
        design = network.exact.with_design(np.hstack([X, Z]))
        state, covariance, model, _ = fit_exchangeable(design, P, M, network.random, 0.0)
        estimate, se = model.means(state, rows[:, :P], rows[:, P:], covariance)
        between, s2 = state.tau**2, model.s(state.beta) ** 2
    else:
        study, _, y, v = network.arms
        mixed = fit_beside(Problem(y, v, study, X, Z), tau2, network.tau2)
        estimate, se = mixed.means(rows)
        between, s2 = mixed.tau2, mixed.s2
    return Slopes(estimate / unit, se / unit, two_sided(estimate, se), between, s2 / unit**2)
