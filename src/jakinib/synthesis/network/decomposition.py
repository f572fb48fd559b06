"""Where a network's Q comes from: heterogeneity within designs, inconsistency between them.

Sources: Krahn, Binder & König (2013); design-by-treatment interaction: Higgins et al. (2012). A design is
the set of treatments of a study; within a design there is no inconsistency to see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.gls import Gls, solve, weights
from jakinib.synthesis.network.tau2 import residual_trace


@dataclass(frozen=True)
class Test:
    """A sum of squares against chi-squared on ``df`` degrees of freedom; p is NaN where df is 0."""

    q: float
    df: int
    p: float


@dataclass(frozen=True)
class Decomposition:
    """Q = ``heterogeneity`` (within designs) + ``inconsistency`` (between designs), common-effect weights.

    ``inconsistency_random``: the test of inconsistency that allows for the heterogeneity within designs,
    ``tau_within`` (square root of the moment estimate in the full design model).
    ``designs``: (treatment indices, studies, Q within) of each.
    """

    total: Test
    heterogeneity: Test
    inconsistency: Test
    inconsistency_random: Test
    tau_within: float
    designs: tuple[tuple[tuple[int, ...], int, float], ...]


def chi2(q: float, df: int) -> Test:
    q = max(q, 0.0)
    return Test(q, df, float(chdtrc(df, q)) if df > 0 else float("nan"))


def decompose(y: Floats, v: Floats, common: Gls) -> Decomposition:
    """``y`` and ``v`` (infinite where absent) of shape (S, T) and the common-effect fit to them."""
    present = np.isfinite(v)
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, row in enumerate(present):
        groups.setdefault(tuple(np.flatnonzero(row).tolist()), []).append(i)
    several = [(np.array(t), np.array(s)) for t, s in groups.items() if len(s) > 1]
    df = int(present.sum()) - len(y) - (y.shape[1] - 1)
    df_within = sum((len(s) - 1) * (len(t) - 1) for t, s in groups.items() for s in [s])

    # designs of two arms, most of any network, are sums over their contrasts: all designs at once
    two = [(t, s) for t, s in several if len(t) == 2]
    studies = np.concatenate([s for _, s in two]) if two else np.zeros(0, dtype=np.intp)
    design = np.repeat(np.arange(len(two)), [len(s) for _, s in two])
    first, second = np.array([t for t, _ in two], dtype=np.intp).reshape(-1, 2)[design].T
    contrast = y[studies, first] - y[studies, second]
    variance = v[studies, first] + v[studies, second]

    def within(tau2: float) -> tuple[dict[tuple[int, ...], float], float]:
        weight = 1 / (variance + tau2)
        total, square = (np.bincount(design, x, minlength=len(two)) for x in (weight, weight**2))
        mean = np.bincount(design, weight * contrast, minlength=len(two)) / total
        q_two = np.bincount(design, weight * (contrast - mean[design]) ** 2, minlength=len(two))
        q = {tuple(t.tolist()): x for (t, _), x in zip(two, q_two.tolist(), strict=True)}
        trace = 2 * float((total - square / total).sum())
        for t, s in several:
            if len(t) > 2:
                fit = solve(y[np.ix_(s, t)], weights(v[np.ix_(s, t)], tau2))
                q[tuple(t.tolist())] = fit.q
                trace += residual_trace(fit.weight, fit.covariance)
        return q, trace

    q_within, trace = within(0.0)
    heterogeneity = sum(q_within.values())
    tau2 = max(0.0, 2 * (heterogeneity - df_within) / trace) if trace > 0 else 0.0
    if tau2 > 0:
        between = solve(y, weights(v, tau2)).q - sum(within(tau2)[0].values())
    else:
        between = common.q - heterogeneity
    return Decomposition(
        total=chi2(common.q, df),
        heterogeneity=chi2(heterogeneity, df_within),
        inconsistency=chi2(common.q - heterogeneity, df - df_within),
        inconsistency_random=chi2(between, df - df_within),
        tau_within=float(np.sqrt(tau2)),
        designs=tuple((t, len(s), q_within.get(t, 0.0)) for t, s in groups.items()),
    )
