"""What a network method returns for one connected component."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.decomposition import Decomposition
from jakinib.synthesis.network.ranking import p_scores
from jakinib.synthesis.network.split import Split


@dataclass(frozen=True)
class Comparisons:
    """Comparisons a v b on the scale of analysis; each array of the shape of ``a``."""

    theta: Floats
    se: Floats
    low: Floats
    high: Floats
    p: Floats
    prediction_low: Floats
    prediction_high: Floats


@dataclass(frozen=True)
class NetworkFit:
    """``theta`` (T,): effects against the component's first treatment (0), ``covariance`` (T, T) of it.

    ``tau2``: NaN for a common effect; ``df``: degrees of freedom left for heterogeneity and inconsistency.
    ``interval``: how intervals are found. ``decomposition``, ``split``, ``contribution`` (all pairs by
    direct comparisons), ``direct`` (the direct comparisons as index pairs): None where the method has none.
    ``model``: the fitted model itself, for methods that know more.
    """

    theta: Floats
    covariance: Floats
    tau2: float
    df: int
    tau2_low: float = float("nan")
    tau2_high: float = float("nan")
    log_likelihood: float = float("nan")
    interval: str = "wald"
    notes: tuple[str, ...] = ()
    model: Any = None
    arrays: dict[str, Any] = field(default_factory=dict)

    def compare(self, a: Ints, b: Ints, level: float) -> Comparisons:
        """Estimates, intervals, tests and prediction intervals of a v b."""
        theta = self.theta[a] - self.theta[b]
        c = self.covariance
        variance = c[a, a] + c[b, b] - 2 * c[a, b]
        # an estimated covariance that is not positive gives no standard error, least of all one of 0
        lost = variance < -1e-10 * (np.abs(c[a, a]) + np.abs(c[b, b]))
        se = np.where(lost, np.nan, np.sqrt(np.maximum(variance, 0.0)))
        margin = ndtri(0.5 + level / 2) * se
        low, high = predict(theta, se, self.tau2, self.df, level)
        return Comparisons(theta, se, theta - margin, theta + margin, two_sided(theta, se), low, high)

    def scores(self, lower_is_better: bool) -> Floats:
        """P-scores (T,)."""
        return p_scores(self.theta, self.covariance, lower_is_better)

    def split(self) -> Split | None:
        """Direct against indirect evidence, or None."""
        return None

    def decomposition(self) -> Decomposition | None:
        """Q decomposed, or None."""
        return None

    def contribution(self) -> Any:
        """(edges, shares) or None."""
        return None


def two_sided(theta: Floats, se: Floats) -> Floats:
    """Normal two-sided p; NaN where se is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p: Floats = np.where(se > 0, 2 * ndtr(-np.abs(theta / se)), np.nan)
    return p


def predict(theta: Floats, se: Floats, tau2: float, df: int, level: float) -> tuple[Floats, Floats]:
    """Limits for the effect in a new study, t quantile on ``df``; NaN for a common effect or df < 1."""
    if np.isnan(tau2) or df < 1:
        nan = np.full(np.shape(theta), np.nan)
        return nan, nan
    margin = stdtrit(df, 0.5 + level / 2) * np.sqrt(tau2 + se**2)
    return theta - margin, theta + margin
