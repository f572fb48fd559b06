"""Two groups compared in each of k studies, for one data set or a batch of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from jakinib.synthesis.arms import RATIO_MEASURES, Floats
from jakinib.synthesis.tau2.moments import Moments

COUNT_MEASURES = ("OR", "RR", "RD", "AS")
TIME_MEASURES = ("IRR", "IRD")
GENERIC_MEASURES = ("HR", "MD", "GEN")
MEASURES = COUNT_MEASURES + TIME_MEASURES + GENERIC_MEASURES
LOG_MEASURES = RATIO_MEASURES

MEASURE_NAMES = {
    "OR": "odds ratio",
    "RR": "risk ratio",
    "RD": "risk difference",
    "AS": "arcsine risk difference",
    "IRR": "incidence rate ratio",
    "IRD": "incidence rate difference",
    "HR": "hazard ratio",
    "MD": "mean difference",
    "GEN": "estimate",
}


@dataclass(frozen=True)
class Pairs:
    """Events and denominators of the treatment (1) and the reference (2).

    ``e1, d1, e2, d2``: shape (..., k), any leading axes being the batch. ``d`` is persons, or person-years
    for IRR and IRD. ``y, v`` (same shape): estimate and variance on the scale of analysis of a study that
    has no counts, ``v`` NaN elsewhere. A study that a data set of the batch does not have: ``d1 = d2 = 0``.
    """

    e1: Floats
    d1: Floats
    e2: Floats
    d2: Floats
    y: Floats | None = None
    v: Floats | None = None

    @property
    def present(self) -> Any:
        """Studies with counts, shape (..., k)."""
        return (self.d1 > 0) & (self.d2 > 0)

    @property
    def double_zero(self) -> Any:
        """Studies with counts and no event in either group, shape (..., k)."""
        return self.present & (self.e1 + self.e2 == 0)

    @property
    def double_full(self) -> Any:
        """Studies in which every person of both groups had the event, shape (..., k)."""
        return self.present & (self.e1 == self.d1) & (self.e2 == self.d2)


@dataclass(frozen=True)
class Fit:
    """What an estimator returns, on the scale of analysis; each array has the shape of the batch.

    ``theta``, ``se``: estimate and standard error (NaN: see ``Pairwise.notes``). ``used``: shape (..., k),
    the studies that carried information. ``weight``: shape (..., k), their share, summing to 1.
    ``q``: weighted sum of squared deviations with ``k - 1`` degrees of freedom. ``tau2``: between-study
    variance (None for a common effect). ``y, v``: per-study estimates and variances, NaN where none.
    ``common, pooled``: of inverse variance, their moments without and with tau2.
    ``fitted``: of an exact model, the likelihood of each data set (object array, None where no study was
    used), which knows its profile, its log-likelihood and its notes.
    """

    theta: Floats
    se: Floats
    used: Any
    weight: Floats | None = None
    q: Floats | None = None
    tau2: Floats | None = None
    y: Floats | None = None
    v: Floats | None = None
    fitted: Any = None
    common: Moments | None = None
    pooled: Moments | None = None

    @cached_property
    def k(self) -> Any:
        return self.used.sum(axis=-1)

    @cached_property
    def df(self) -> Any:
        """k - 1; NaN where that is not above zero."""
        return np.where(self.k > 1, self.k - 1.0, np.nan)[()]


def share(weight: Floats) -> Floats:
    """Weights scaled to sum to 1 along the last axis; zero where all are zero."""
    total = weight.sum(axis=-1, keepdims=True)
    found: Floats = weight / (total + (total == 0))
    return found
