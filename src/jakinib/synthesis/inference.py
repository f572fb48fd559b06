"""Intervals and tests around a pooled estimate, over one data set or a batch.

Sources: Hartung & Knapp (2001) and Sidik & Jonkman (2002), the ad hoc safeguard of Röver et al. (2015);
Q-profile: Viechtbauer (2007); I2: Higgins & Thompson (2002); prediction: Higgins, Thompson &
Spiegelhalter (2009).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.special import chdtrc, chdtri, ndtr, ndtri, stdtr, stdtrit

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.pairs import Fit
from jakinib.synthesis.tau2.moments import moments, spread
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
    df = fit.k - 1.0
    se = fit.se
    if ci in ("hk", "hk-adhoc"):
        se = se * np.sqrt(_residual_mean_square(fit, adhoc=ci == "hk-adhoc"))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(np.isfinite(fit.theta), fit.theta / se, np.nan)
        if ci == "wald":
            quantile: Any = ndtri(0.5 + level / 2)
            p = 2 * ndtr(-np.abs(statistic))
        else:
            safe = np.where(df > 0, df, np.nan)
            quantile = t_quantile(safe, 0.5 + level / 2)
            p = 2 * stdtr(safe, -np.abs(statistic))
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
    if fit.y is None or fit.v is None:
        raise ValueError("the Hartung-Knapp interval needs an inverse-variance method")
    df = fit.k - 1.0
    q = moments(fit.y, fit.v, 0.0 if fit.tau2 is None else fit.tau2).q
    s2 = q / np.where(df > 0, df, np.nan)
    s2 = np.maximum(s2, 1.0) if adhoc else np.where(s2 > 1e-20, s2, np.nan)
    return np.asarray(s2)


def t_quantile(df: Floats, p: float) -> Floats:
    """Student's t quantile, elementwise; NaN for NaN."""
    return _for_each_df(_t_quantile, df, p)


def _for_each_df(quantile: Callable[[float, float], float], df: Floats, p: float) -> Floats:
    """A quantile found once for each df: finding it takes longer than most fits."""
    if np.ndim(df) == 0:
        return np.float64(quantile(float(df), p))  # type: ignore[return-value]
    values, index = np.unique(df, return_inverse=True)
    return np.array([quantile(float(v), p) for v in values])[index].reshape(np.shape(df))


@cache
def _t_quantile(df: float, p: float) -> float:
    return float(stdtrit(df, p))


@cache
def _chi2_upper(df: float, p: float) -> float:
    return float(chdtri(df, p))


def heterogeneity(fit: Fit, level: float = 0.95, ci: str = "wald") -> Heterogeneity:
    """Test of homogeneity, I2, H2 and the Q-profile interval of tau2 (random effects by inverse variance)."""
    df = fit.k - 1.0
    nan = np.full(np.shape(df), np.nan)
    if fit.fitted is not None:
        return _likelihood_heterogeneity(fit, df, nan, level, ci)
    positive = df > 0
    safe = np.where(positive, df, 1.0)
    q = np.full(np.shape(df), np.nan) if fit.q is None else np.asarray(fit.q)
    q_p = np.where(positive, chdtrc(safe, np.maximum(q, 0)), np.nan)
    if fit.tau2 is None or fit.y is None or fit.v is None:
        with np.errstate(divide="ignore", invalid="ignore"):
            i2 = np.where(positive, np.where(q > df, 100 * (q - df) / q, 0.0), np.nan)
            h2 = np.where(positive, q / safe, np.nan)
        return Heterogeneity(df, q_p, np.where(np.isnan(q), nan, i2), nan, nan, h2, nan, nan)
    common = moments(fit.y, fit.v)
    scale = spread(common)
    typical = safe / np.where(scale > 0, scale, 1.0)

    def percent(tau2: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            share = np.where(np.isinf(tau2), 1.0, tau2 / (tau2 + typical))
        return np.where(positive, 100 * share, np.nan)

    tail = (1 - level) / 2
    goals = np.stack([_for_each_df(_chi2_upper, safe, p) for p in (tail, 1 - tail)])
    both = np.where(positive, solve_q(np.stack([fit.y] * 2), np.stack([fit.v] * 2), goals), np.nan)
    low, high = both[0], both[1]
    h2 = np.where(positive, fit.tau2 / typical + 1, np.nan)
    return Heterogeneity(df, q_p, percent(fit.tau2), percent(low), percent(high), h2, low, high)


def _likelihood_heterogeneity(fit: Fit, df: Floats, nan: Floats, level: float, ci: str) -> Heterogeneity:
    """Profile-likelihood limits of tau2, with a profile interval; an exact model has no Q and no I2."""
    low, high = nan.copy(), nan.copy()
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
    df = np.where(k > 2, k - 2.0, np.nan)
    margin = t_quantile(df, 0.5 + level / 2) * np.sqrt(tau2 + se**2)
    return theta - margin, theta + margin
