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
from jakinib.synthesis.model import Model, State
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

    ``curve(theta)``: the log-likelihood of the common-effect model, profiled, and its slope; it rises towards
    ``side``. Known before: ``log_likelihood`` at its end, ``null`` at 0 and ``least`` at the other end.
    """

    side: int
    curve: Callable[[float], tuple[float, float]]
    log_likelihood: float
    null: float
    least: float
    notes: list[str]
    se: float = math.nan
    tau: float = 0.0

    @property
    def theta(self) -> float:
        return self.side * math.inf

    def limits(self, level: float) -> tuple[float, float]:
        """By Newton steps on the root of the likelihood ratio, bracketed."""
        target = math.sqrt(float(chdtri(1.0, 1 - level)))
        inside, outside = self.side * _END, -self.side * _END
        if 2 * (self.log_likelihood - self.least) < target**2:
            return -math.inf, math.inf
        x = 0.0
        for _ in range(100):
            value, slope = self.curve(x)
            root = math.sqrt(max(0.0, 2 * (self.log_likelihood - value)))
            inside, outside = (x, outside) if root < target else (inside, x)
            new = x + root * (root - target) / slope if slope != 0.0 else math.nan
            if not min(inside, outside) < new < max(inside, outside):
                new = (inside + outside) / 2
            if abs(new - x) < 1e-9:
                break
            x = new
        return (-math.inf, new) if self.side < 0 else (new, math.inf)

    def tau_limits(self, level: float) -> tuple[float, float]:
        return math.nan, math.nan

    def p(self) -> float:
        return float(chdtrc(1.0, max(0.0, 2 * (self.log_likelihood - self.null))))


@dataclass(frozen=True)
class Start:
    """A model with its rough starting point and the nodes to begin with."""

    model: Model
    beta: Floats
    study: Floats
    points: int


def fit_mixed(start: Start, random: bool, side: int) -> Profiled:
    """Maximum likelihood; ``side``: -1 or 1 when the likelihood rises to -inf or inf in theta, else 0.

    One study tells nothing of heterogeneity: tau is then held at 0, as other methods take it.
    """
    random = random and (start.model.k > 1 or not start.model.between_studies)
    if side == 0:
        return fit(start.model, start.beta, start.study, random, start.points)
    model, points = start.model, 3 * start.points  # there is no later refinement
    free = np.arange(model.size) >= 2

    def at(theta: Floats, beta: Floats, study: Floats) -> State:
        """The maximum at each theta (P,), starting from other parameters shifted in proportion."""
        shifts = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])[:, None] * (theta - beta[:, 0])
        trials = np.repeat(beta[None], len(shifts), axis=0)
        trials[:, :, 0], trials[:, :, 1] = theta, 0.0
        studies = np.repeat(study[None], len(shifts), axis=0)
        if model.size > 2:
            trials[:, :, 2] += shifts
        else:
            studies = studies + shifts[..., None]
        flat = model.evaluate(
            trials.reshape(-1, model.size), studies.reshape(len(shifts) * len(theta), -1), points
        )
        best = flat.value.reshape(len(shifts), -1).argmax(axis=0) * len(theta) + np.arange(len(theta))
        return model.maximise(flat.take(best), free, points)

    ends = side * np.array([_END, 0.0, -_END])
    near = at(ends, np.repeat(start.beta[None], 3, axis=0), np.repeat(start.study[None], 3, axis=0))
    best, null, least = near.value.tolist()
    last = [near.take([1])]

    def curve(theta: float) -> tuple[float, float]:
        last[0] = at(np.array([theta]), last[0].beta, last[0].study)
        return float(last[0].value[0]), float(last[0].gradient[0, 0])

    note = "events on one side only: the estimate is infinite, the interval has one finite end"
    if random:
        note += "; heterogeneity is not identified and was set to zero"
    return Separated(side, curve, best, null, least, [note])


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
