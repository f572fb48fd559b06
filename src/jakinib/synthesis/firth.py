"""Penalised (Firth) logistic regression: common odds ratio with study intercepts, always finite.

The log-likelihood plus half the log determinant of the information removes the first-order bias and keeps
the estimate finite under separation. Sources: Firth (1993); Heinze & Schemper (2002), whose profile penalised
likelihood gives the interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import chdtrc, chdtri, expit

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.exact import Profiled, one_by_one
from jakinib.synthesis.pairs import Fit, Pairs


def firth(pairs: Pairs, measure: str = "OR", effects: str = "common") -> Fit:
    """Log odds ratio over one data set or a batch.

    Studies without events (or with nothing but events) say nothing about the effect and would act through
    the penalty alone; they are left out.
    """
    used = pairs.present & ~pairs.double_zero & ~pairs.double_full

    def fit_one(one: Pairs) -> Profiled:
        return _Penalised(one)

    return one_by_one(pairs, measure, used, fit_one, random=False)


@dataclass
class _Point:
    theta: float
    study: Floats
    value: float
    slope: float


@dataclass
class _Penalised:
    pairs: Pairs
    notes: list[str] = field(default_factory=list)
    tau: float = 0.0
    best: _Point = field(init=False)
    se: float = field(init=False)

    def __post_init__(self) -> None:
        p = self.pairs
        rate = (p.e1 + p.e2 + 1) / (p.d1 + p.d2 + 2)
        self.best = self._maximise(0.0, np.log(rate / (1 - rate)), hold=False)
        _, _, s = self._information(*self._weights(self.best.theta, self.best.study)[:2])
        self.se = 1 / math.sqrt(s)

    @property
    def theta(self) -> float:
        return self.best.theta

    @property
    def log_likelihood(self) -> float:
        return self.best.value

    def _weights(self, theta: float, study: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        p1, p2 = expit(study + theta / 2), expit(study - theta / 2)
        return self.pairs.d1 * p1 * (1 - p1), self.pairs.d2 * p2 * (1 - p2), p1, p2

    @staticmethod
    def _information(w1: Floats, w2: Floats) -> tuple[Floats, Floats, float]:
        """Study diagonal, study-effect border, and the effect's information with the studies eliminated."""
        total = w1 + w2
        return total, 0.5 * (w1 - w2), float((w1 * w2 / total).sum())

    def _value(self, theta: float, study: Floats) -> float:
        p = self.pairs
        up, down = study + theta / 2, study - theta / 2
        likelihood = p.e1 * up - p.d1 * np.logaddexp(0, up) + p.e2 * down - p.d2 * np.logaddexp(0, down)
        w1, w2, _, _ = self._weights(theta, study)
        with np.errstate(divide="ignore", invalid="ignore"):
            total, _, s = self._information(w1, w2)
            value = (
                float(likelihood.sum() + 0.5 * np.log(total).sum()) + 0.5 * math.log(s)
                if s > 0
                else -math.inf
            )
        return value if math.isfinite(value) else -math.inf

    def _maximise(self, theta: float, study: Floats, hold: bool) -> _Point:
        """Scoring steps on the modified score; theta stays where it is when ``hold``."""
        p = self.pairs
        value = self._value(theta, study)
        slope = 0.0
        for _ in range(500):
            w1, w2, p1, p2 = self._weights(theta, study)
            a, b, s = self._information(w1, w2)
            u1 = p.e1 - p.d1 * p1 + 0.5 * w1 * (1 - 2 * p1) * (1 / a + (w2 / a) ** 2 / s)
            u2 = p.e2 - p.d2 * p2 + 0.5 * w2 * (1 - 2 * p2) * (1 / a + (w1 / a) ** 2 / s)
            along, slope = u1 + u2, float(0.5 * (u1 - u2).sum())
            step = 0.0 if hold else (slope - float((b / a * along).sum())) / s
            move = (along - b * step) / a
            size = min(1.0, 3.0 / max(abs(step), float(np.abs(move).max()), 1e-300))
            for _ in range(40):
                new = self._value(theta + size * step, study + size * move)
                if new >= value - 1e-13 * abs(value):
                    break
                size /= 2
            theta, study, value = theta + size * step, study + size * move, new
            if max(abs(step), float(np.abs(move).max())) < 1e-10:
                break
        return _Point(theta, study, value, slope)

    def limits(self, level: float) -> tuple[float, float]:
        target = math.sqrt(float(chdtri(1.0, 1 - level)))
        return self._limit(-1, target), self._limit(1, target)

    def _limit(self, side: int, target: float) -> float:
        inner, outer, x, point = self.theta, math.nan, self.theta + side * target * self.se, self.best
        for _ in range(100):
            point = self._maximise(x, point.study, hold=True)
            root = math.sqrt(max(0.0, 2 * (self.best.value - point.value)))
            inner, outer = (inner, x) if root >= target else (x, outer)
            slope = -side * point.slope / root if root > 1e-8 else 0.0
            new = x + side * (target - root) / slope if slope > 1e-6 else x + side
            new = min(max(new, x - 5.0), x + 5.0)
            if math.isfinite(outer) and not min(inner, outer) < new < max(inner, outer):
                new = (inner + outer) / 2
            if abs(new - x) < 1e-9 * max(1.0, abs(x)):
                break
            x = new
        return x

    def tau_limits(self, level: float) -> tuple[float, float]:
        return math.nan, math.nan

    def p(self) -> float:
        null = self._maximise(0.0, self.best.study, hold=True)
        return float(chdtrc(1.0, max(0.0, 2 * (self.best.value - null.value))))
