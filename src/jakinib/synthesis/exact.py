"""What the exact models share: which studies speak, separation, and one fit after another over a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import chdtrc, chdtri

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.likelihood import fit
from jakinib.synthesis.mixed import MixedModel
from jakinib.synthesis.pairs import Fit, Pairs

_END = 60.0  # a log odds ratio as good as infinite


class Profiled(Protocol):
    """A fitted likelihood that knows its profile."""

    notes: list[str]

    @property
    def theta(self) -> float: ...
    @property
    def tau(self) -> float: ...
    @property
    def se(self) -> float: ...
    @property
    def log_likelihood(self) -> float: ...
    def limits(self, level: float) -> tuple[float, float]: ...
    def tau_limits(self, level: float) -> tuple[float, float]: ...
    def p(self) -> float: ...


@dataclass
class Separated:
    """Events on one side only: the estimate is infinite and one limit is finite.

    ``curve(theta)`` is the log-likelihood of the common-effect model, profiled; it rises towards ``side``.
    """

    side: int
    curve: Callable[[float], float]
    log_likelihood: float
    notes: list[str]
    se: float = math.nan
    tau: float = 0.0

    @property
    def theta(self) -> float:
        return self.side * math.inf

    def limits(self, level: float) -> tuple[float, float]:
        drop = float(chdtri(1.0, 1 - level)) / 2
        inside, outside = self.side * _END, -self.side * _END
        if self.log_likelihood - self.curve(outside) < drop:
            return -math.inf, math.inf
        while abs(inside - outside) > 1e-9:
            middle = (inside + outside) / 2
            if self.log_likelihood - self.curve(middle) < drop:
                inside = middle
            else:
                outside = middle
        end = (inside + outside) / 2
        return (-math.inf, end) if self.side < 0 else (end, math.inf)

    def tau_limits(self, level: float) -> tuple[float, float]:
        return math.nan, math.nan

    def p(self) -> float:
        return float(chdtrc(1.0, max(0.0, 2 * (self.log_likelihood - self.curve(0.0)))))


@dataclass(frozen=True)
class Start:
    """A model with its rough starting point and the nodes to begin with."""

    model: MixedModel
    beta: Floats
    study: Floats
    points: int


def fit_mixed(start: Start, random: bool, side: int) -> Profiled:
    """Maximum likelihood; ``side``: -1 or 1 when the likelihood rises to -inf or inf in theta, else 0."""
    if side == 0:
        return fit(start.model, start.beta, start.study, random, start.points)
    model = start.model
    free = tuple(range(2, model.size))
    near = [None]

    def curve(theta: float) -> float:
        beta = start.beta.copy()
        beta[:2] = theta, 0.0
        study = start.study
        state = near[0]
        if state is not None:
            beta[2:] = state.beta[2:]
            if model.intercept == "fixed":
                study = state.study + state.cross @ (beta - state.beta)[:2]
        state = model.maximise(model.evaluate(beta, study, start.points), free, start.points)
        near[0] = state  # type: ignore[call-overload]
        return state.value

    for theta in range(0, int(_END), 4):
        curve(float(side * theta))
    best = curve(side * _END)
    note = "events on one side only: the estimate is infinite, the interval has one finite end"
    if random:
        note += "; heterogeneity is not identified and was set to zero"
    return Separated(side, curve, best, [note])


def one_by_one(
    pairs: Pairs, measure: str, used: Floats, fit_one: Callable[[Pairs], Profiled], random: bool
) -> Fit:
    """``fit_one`` on the used studies of each data set of the batch."""
    shape = pairs.e1.shape[:-1]
    theta, se, tau2 = (np.full(shape, np.nan) for _ in range(3))
    fitted = np.empty(shape, dtype=object)
    for at in np.ndindex(shape):
        keep = used[at]
        if not keep.any():
            continue
        one = fit_one(Pairs(*(getattr(pairs, name)[at][keep] for name in ("e1", "d1", "e2", "d2"))))
        theta[at], se[at], tau2[at], fitted[at] = one.theta, one.se, one.tau**2, one
    return Fit(theta=theta, se=se, used=used, tau2=tau2 if random else None, fitted=fitted)


def side_of(pairs: Pairs, measure: str, conditional: bool) -> int:
    """-1 or 1 when every informative study lies at the end of what its totals allow, else 0."""
    e1, n1, e2, n2 = pairs.e1, pairs.d1, pairs.e2, pairs.d2
    if measure == "IRR":
        return -1 if not e1.any() else 1 if not e2.any() else 0
    if conditional:
        total = e1 + e2
        if (e1 == np.maximum(0.0, total - n2)).all():
            return -1
        return 1 if (e1 == np.minimum(total, n1)).all() else 0
    if not e1.any() or (e2 == n2).all():
        return -1
    return 1 if not e2.any() or (e1 == n1).all() else 0
