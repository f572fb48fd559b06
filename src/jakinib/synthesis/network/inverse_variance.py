"""Inverse-variance network: Rücker's graph-theoretical model (2012), equal to generalised least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.arm_effects import arm_effects
from jakinib.synthesis.network.contribution import contributions, hat_matrix
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.decomposition import Decomposition, decompose
from jakinib.synthesis.network.edges import edges
from jakinib.synthesis.network.fit import NetworkFit
from jakinib.synthesis.network.gls import Gls, solve, weights
from jakinib.synthesis.network.split import Split, split
from jakinib.synthesis.network.tau2 import estimate_tau2
from jakinib.synthesis.result import LeftOut


def informative(data: NetworkData, measure: str, add: float = 0.5) -> tuple[Any, list[LeftOut]]:
    """Arms the method can use (boolean), and the studies it cannot."""
    _, v, left_out = arm_effects(data, measure, add)
    return np.isfinite(v), left_out


@dataclass(frozen=True)
class InverseVarianceFit(NetworkFit):
    """``y``, ``v`` (S, T) with v infinite where absent; ``common``: the fit with tau2 = 0."""

    y: Any = None
    v: Any = None
    common: Any = None

    @property
    def arms(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Study, treatment, estimate and variance of every arm, each (arms,)."""
        study, treatment = np.nonzero(np.isfinite(self.v))
        return study, treatment, self.y[study, treatment], self.v[study, treatment]

    def split(self) -> Split:
        tau2 = 0.0 if np.isnan(self.tau2) else self.tau2
        pairs = edges(np.isfinite(self.v))
        return split(self.y, self.v, tau2, pairs, self.theta, self.covariance)

    def decomposition(self) -> Decomposition:
        return decompose(self.y, self.v, self.common)

    def contribution(self) -> Any:
        tau2 = 0.0 if np.isnan(self.tau2) else self.tau2
        pairs = edges(np.isfinite(self.v))
        hat = hat_matrix(pairs, weights(self.v, tau2), self.covariance)
        return pairs, contributions(pairs, hat, len(self.theta))


def fit(
    data: NetworkData, measure: str, effects: str, *, tau2: str = "reml", add: float = 0.5
) -> InverseVarianceFit:
    """Fit a connected network; every study must give estimates (see ``informative``)."""
    arm_y, arm_v, _ = arm_effects(data, measure, add)
    y, v = data.dense(arm_y), data.dense(arm_v, np.inf)
    common = solve(y, weights(v))
    df = len(data.study) - len(data.studies) - (len(data.treatments) - 1)
    between = estimate_tau2(tau2, y, v, common) if effects == "random" else float("nan")
    used: Gls = solve(y, weights(v, between)) if effects == "random" and between > 0 else common
    notes = []
    if effects == "random" and df <= 0:
        notes.append("heterogeneity cannot be estimated (no degrees of freedom); tau2 is taken as 0")
    return InverseVarianceFit(
        theta=used.theta,
        covariance=used.covariance,
        tau2=between,
        df=df,
        notes=tuple(notes),
        y=y,
        v=v,
        common=common,
    )


def study_estimates(data: NetworkData, measure: str, add: float = 0.5) -> tuple[Floats, Floats]:
    """Arm estimates and variances as (S, T), v infinite where absent or not estimable."""
    y, v, _ = arm_effects(data, measure, add)
    return data.dense(y), data.dense(v, np.inf)
