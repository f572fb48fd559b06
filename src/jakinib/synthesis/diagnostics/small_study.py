"""Tests of small-study effects suited to binary outcomes.

Sources: Peters et al. (2006), Harbord, Egger & Sterne (2006). Both keep their level where Egger's test,
whose estimate and standard error are correlated for rare events, does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr

from jakinib.synthesis.arms import Floats, read_arms
from jakinib.synthesis.effect_sizes import effect_sizes
from jakinib.synthesis.peto import peto
from jakinib.synthesis.result import json_ready, number, p_text
from jakinib.synthesis.select_pairs import select_pairs


@dataclass(frozen=True)
class SmallStudy:
    """``coefficient`` (log odds ratio scale) with ``se``, ``t`` on ``df`` degrees of freedom and ``p``."""

    test: str
    coefficient: float
    se: float
    t: float
    df: int
    p: float
    k: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        head = (
            f"{self.test}: {number(self.coefficient)} (SE {number(self.se)}), {p_text(self.p)}, k = {self.k}"
        )
        return "\n".join([head, *(f"  note: {note}" for note in self.notes)])


def peters(arms: Any, reference: str | None = None, *, treatment: str | None = None) -> SmallStudy:
    """Log odds ratio regressed on 1 / persons, weighted by events x non-events / persons of the study.

    Studies without events, or with nothing but events, have no weight; 0.5 is added where a cell is zero.
    """
    pairs = select_pairs(read_arms(arms), "OR", treatment, reference).pairs
    y, v = effect_sizes(pairs, "OR")
    keep = np.isfinite(v) & pairs.present
    events = (pairs.e1 + pairs.e2)[keep]
    total = (pairs.d1 + pairs.d2)[keep]
    weight = 1 / (1 / events + 1 / (total - events))
    return _regress("Peters' test", y[keep], 1 / total, weight)


def harbord(arms: Any, reference: str | None = None, *, treatment: str | None = None) -> SmallStudy:
    """Efficient score over the root of its variance regressed on that root; the intercept is tested
    (here as the slope of score / variance on 1 / root, weighted by the variance: the same regression)."""
    pairs = select_pairs(read_arms(arms), "OR", treatment, reference).pairs
    fit = peto(pairs)
    assert fit.y is not None and fit.v is not None
    keep = fit.used
    v = 1 / fit.v[keep]
    return _regress("Harbord's test", fit.y[keep], 1 / np.sqrt(v), v)


def _regress(test: str, y: Floats, x: Floats, weight: Floats) -> SmallStudy:
    """Weighted least squares of y on x; the coefficient of x is the bias."""
    k, df = len(y), len(y) - 2
    if df < 1 or np.ptp(x) == 0:
        why = "not estimable: it needs three informative studies of different size"
        return SmallStudy(test, math.nan, math.nan, math.nan, max(df, 0), math.nan, k, (why,))
    design = np.stack([np.ones(k), x], axis=1) * np.sqrt(weight)[:, None]
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ design.T @ (y * np.sqrt(weight))
    rest = y * np.sqrt(weight) - design @ b
    se = math.sqrt(float(rest @ rest) / df * inverse[1, 1])
    t = float(b[1]) / se if se > 0 else math.nan
    notes = () if k >= 10 else ("fewer than ten studies: the test has little power",)
    return SmallStudy(test, float(b[1]), se, t, df, 2 * float(stdtr(df, -abs(t))), k, notes)
