"""Intervals and tests around a pooled estimate, over one data set or a batch.

Sources: Hartung & Knapp (2001) and Sidik & Jonkman (2002), the ad hoc safeguard of Röver et al. (2015);
Q-profile: Viechtbauer (2007); I2: Higgins & Thompson (2002); prediction: Higgins, Thompson &
Spiegelhalter (2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.special import chdtrc, chdtri, ndtr, ndtri, stdtr, stdtrit

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.pairs import Fit
from jakinib.synthesis.tau2.moments import spread
from jakinib.synthesis.tau2.paule_mandel import solve_q


@dataclass(frozen=True)
class Interval:
    """On the scale of analysis, shape of the batch: ``se`` (as adjusted), statistic, p, limits."""

    se: Floats
    statistic: Floats
    p: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Heterogeneity:
    """``i2`` in percent, ``h2``, and the Q-profile limits; NaN where not defined. Shape of the batch."""

    q_df: Floats
    q_p: Floats
    i2: Floats
    i2_low: Floats
    i2_high: Floats
    h2: Floats
    tau2_low: Floats
    tau2_high: Floats


def interval(fit: Fit, ci: str = "wald", level: float = 0.95) -> Interval:
    """Confidence interval and two-sided test of no effect.

    An exact model has its own: ``"profile"`` or ``"wald"``.
    ``ci``: ``"wald"`` (normal quantile), ``"t"`` (t quantile, k - 1 degrees of freedom), ``"hk"``
    (Hartung-Knapp: variance scaled by the weighted residual mean square, t quantile), ``"hk-adhoc"`` (the
    same, never smaller than the unscaled variance). NaN where k < 2 for the t-based ones, and where the
    Hartung-Knapp variance collapses because the estimates agree to rounding.
    """
    if fit.fitted is not None:
        return _likelihood_interval(fit, ci, level)
    se = fit.se
    if ci in ("hk", "hk-adhoc"):
        se = se * np.sqrt(_residual_mean_square(fit, adhoc=ci == "hk-adhoc"))
    statistic = fit.theta / se  # that of an infinite theta is NaN, as its se
    if ci == "wald":
        quantile: Any = ndtri(0.5 + level / 2)
        p = 2 * ndtr(-abs(statistic))
    else:
        quantile = t_quantile(fit.k - 1.0, 0.5 + level / 2)
        p = 2 * stdtr(fit.df, -abs(statistic))
    margin = quantile * se
    return Interval(se, statistic, p, fit.theta - margin, fit.theta + margin)


def _likelihood_interval(fit: Fit, ci: str, level: float) -> Interval:
    """Profile limits and the likelihood-ratio test; Wald only where asked for and tau2 is not zero."""
    low, high, p, statistic = (np.full(np.shape(fit.theta), np.nan) for _ in range(4))
    quantile = float(ndtri(0.5 + level / 2))
    for at in np.ndindex(np.shape(fit.theta)):
        one = fit.fitted[at]
        if one is None:
            continue
        if uses_wald(fit, ci, at):
            statistic[at] = one.theta / one.se
            p[at] = 2 * ndtr(-abs(one.theta / one.se))
            low[at], high[at] = one.theta - quantile * one.se, one.theta + quantile * one.se
        else:
            low[at], high[at] = one.limits(level)
            p[at] = one.p()
            statistic[at] = -ndtri(p[at] / 2) * np.sign(one.theta)
    return Interval(fit.se, statistic, p, low, high)


def uses_wald(fit: Fit, ci: str, at: Any = ()) -> bool:
    """Whether an exact model's interval is Wald's: asked for, with a standard error, off the boundary."""
    one = fit.fitted[at]
    boundary = fit.tau2 is not None and one.tau == 0.0
    return ci == "wald" and not boundary and bool(np.isfinite(one.se))


def _residual_mean_square(fit: Fit, adhoc: bool) -> Floats:
    if fit.pooled is None:
        raise ValueError("the Hartung-Knapp interval needs an inverse-variance method")
    s2 = fit.pooled.q / fit.df
    return np.maximum(s2, 1.0) if adhoc else np.where(s2 > 1e-20, s2, np.nan)[()]


def t_quantile(df: Floats, p: float) -> Floats:
    """Student's t quantile, elementwise; NaN without degrees of freedom."""
    return _for_each_df(_t_quantile, df, p)


def _for_each_df(quantile: Callable[[float, float], float], df: Floats, p: float) -> Floats:
    """A quantile found once for each df: finding it takes longer than most fits."""
    if np.ndim(df) == 0:
        return np.float64(quantile(float(df), p))  # type: ignore[return-value]
    values, index = np.unique(df, return_inverse=True)
    return np.array([quantile(float(v), p) for v in values])[index].reshape(np.shape(df))


@cache
def _t_quantile(df: float, p: float) -> float:
    return float(stdtrit(df, p)) if df > 0 else math.nan


@cache
def _chi2_upper(df: float, p: float) -> float:
    return float(chdtri(df, p)) if df > 0 else math.nan


def heterogeneity(fit: Fit, level: float = 0.95, ci: str = "wald") -> Heterogeneity:
    """Test of homogeneity, I2, H2 and the Q-profile interval of tau2 (random effects by inverse variance)."""
    all_df = fit.k - 1.0
    nan = np.nan * all_df
    if fit.fitted is not None:
        return _likelihood_heterogeneity(fit, all_df, nan, level, ci)
    df = fit.df
    q = nan if fit.q is None else fit.q
    q_p = chdtrc(df, np.maximum(q, 0))
    if fit.tau2 is None or fit.common is None or fit.y is None or fit.v is None:
        i2 = np.maximum(100 * (q - df) / q, 0.0)
        return Heterogeneity(all_df, q_p, i2, nan, nan, q / df, nan, nan)
    typical = df / spread(fit.common)
    tail = (1 - level) / 2
    goals = np.array([_for_each_df(_chi2_upper, all_df, p) for p in (tail, 1 - tail)])
    limits = solve_q(fit.y, fit.v, goals, fit.tau2, fit.pooled) + 0 * df
    i2, h2 = 100 / (1 + typical / fit.tau2), fit.tau2 / typical + 1
    i2_low, i2_high = 100 / (1 + typical / limits)
    return Heterogeneity(all_df, q_p, i2, i2_low, i2_high, h2, *limits)


def _likelihood_heterogeneity(fit: Fit, df: Floats, nan: Floats, level: float, ci: str) -> Heterogeneity:
    """Profile-likelihood limits of tau2, with a profile interval; an exact model has no Q and no I2."""
    low, high = (np.full(np.shape(df), np.nan) for _ in range(2))
    if fit.tau2 is not None and ci in ("profile", "credible"):
        for at in np.ndindex(np.shape(df)):
            if fit.fitted[at] is not None and fit.k[at] > 1:
                low[at], high[at] = (x**2 for x in fit.fitted[at].tau_limits(level))
    return Heterogeneity(df, nan, nan, nan, nan, nan, low, high)


def predictive(fit: Fit, level: float = 0.95) -> tuple[Floats, Floats]:
    """Equal-tailed posterior predictive limits for the effect in a new study."""
    low, high = (np.full(np.shape(fit.theta), np.nan) for _ in range(2))
    if fit.tau2 is not None:
        for at in np.ndindex(np.shape(fit.theta)):
            if fit.fitted[at] is not None:
                low[at], high[at] = fit.fitted[at].prediction(level)
    return low, high


def prediction(
    theta: Floats, se: Floats, tau2: Floats, k: Floats, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Limits for the effect in a new study: theta -+ t(k - 2) sqrt(tau2 + se^2); NaN where k < 3."""
    margin = t_quantile(k - 2.0, 0.5 + level / 2) * np.sqrt(tau2 + se * se)
    return theta - margin, theta + margin
