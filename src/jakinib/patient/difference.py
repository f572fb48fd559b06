"""Risk with and without a treatment: from a baseline rate and a relative effect, each with its uncertainty.

The baseline is a rate ``r`` per person-year, the effect a ratio on the log scale, ``theta ~ N(mu, se)``. With
``p0 = 1 - exp(-r t)``, the risk with treatment is

- rate ratio, hazard ratio: ``p1 = 1 - exp(-r t exp(theta))``
- odds ratio: ``logit p1 = logit p0 + theta``
- risk ratio: ``p1 = min(1, p0 exp(theta))``

The interval of ``D = p1 - p0`` carries both uncertainties, without simulation: ``D`` grows with ``theta``, so
``P(D <= d | r) = Phi((theta(r, d) - mu) / se)``, which is averaged over the distribution of ``r``
(Gauss-Legendre quadrature over its normal scores) and inverted by bisection. The two are independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv, ndtr, ndtri

Floats = NDArray[np.float64]
RATE_RATIOS = ("HR", "IRR")
MEASURES = (*RATE_RATIOS, "OR", "RR")
_STEPS = 42
# nodes on the scale of normal scores, from -6 to 6, and their probabilities
_NODES, _LENGTHS = np.polynomial.legendre.leggauss(200)
SCORES: Floats = 6 * _NODES
_DENSITY: Floats = _LENGTHS * np.exp(-(SCORES**2) / 2)
WEIGHTS: Floats = _DENSITY / _DENSITY.sum()


@dataclass(frozen=True)
class Rate:
    """A rate per person-year: ``value`` with its 95 % limits, and its quantiles ``at`` the normal scores
    ``SCORES`` (one value when its uncertainty is not known)."""

    value: float
    low: float
    high: float
    at: Floats

    @property
    def fixed(self) -> bool:
        return self.at.size == 1


@dataclass(frozen=True)
class Difference:
    """Risks over ``years``: without, with, and the difference with its interval; all in 0 to 1."""

    years: float
    without: float
    with_: float
    difference: float
    low: float
    high: float

    @property
    def spans_zero(self) -> bool:
        return self.low <= 0 <= self.high


def fixed_rate(value: float) -> Rate:
    """A rate whose uncertainty is not known; it is taken as it stands."""
    return Rate(value, value, value, np.array([value]))


def counted_rate(events: float, person_years: float) -> Rate:
    """Events in person-years: Gamma(events + 1/2, person-years), the posterior of Jeffreys' prior."""
    low, high = gammaincinv(events + 0.5, [0.025, 0.975]) / person_years
    at = np.asarray(gammaincinv(events + 0.5, ndtr(SCORES)) / person_years, dtype=np.float64)
    return Rate(events / person_years, float(low), float(high), at)


def counted_share(events: float, n: float, years: float) -> Rate:
    """Persons with an event of ``n`` over ``years``: Beta(events + 1/2, n - events + 1/2), as a rate."""
    a, b = events + 0.5, n - events + 0.5
    low, high = -np.log1p(-betaincinv(a, b, [0.025, 0.975])) / years
    at = -np.log1p(-betaincinv(a, b, ndtr(SCORES))) / years
    value = -np.log1p(-events / n) / years if events < n else np.inf
    return Rate(float(value), float(low), float(high), at)


def printed_rate(value: float, low: float, high: float, level: float = 0.95) -> Rate:
    """A printed rate with its interval at ``level``: log-normal, its spread from the width of the interval
    (from the upper half alone where the lower limit is 0)."""
    z = float(ndtri(0.5 + level / 2))
    se = np.log(high / low) / (2 * z) if low > 0 else np.log(high / value) / z
    if not se > 0:
        return fixed_rate(value)
    return Rate(value, low, high, np.asarray(value * np.exp(float(se) * SCORES), dtype=np.float64))


def risk(rate: float | Floats, years: float) -> float | Floats:
    """Risk over ``years`` at a constant rate per year."""
    answer: Floats = -np.expm1(-np.asarray(rate) * years)
    return answer if np.ndim(rate) else float(answer)


def risk_with(rate: float, measure: str, theta: float, years: float) -> float:
    """Risk over ``years`` when a log ratio ``theta`` acts on a baseline rate."""
    without = -np.expm1(-rate * years)
    if measure in RATE_RATIOS:
        return float(-np.expm1(-rate * years * np.exp(theta)))
    if measure == "RR":
        return float(min(1.0, without * np.exp(theta)))
    odds = without / (1 - without) * np.exp(theta) if without < 1 else np.inf
    return float(odds / (1 + odds)) if np.isfinite(odds) else 1.0


def difference(
    rate: Rate, measure: str, theta: float, se: float, years: float, level: float = 0.95
) -> Difference:
    """Difference of risks over ``years`` with an interval that carries baseline and effect.

    Parameters
    ----------
    rate
        Baseline, per person-year.
    measure
        ``HR``, ``IRR``, ``OR`` or ``RR``.
    theta, se
        Log ratio and its standard error, more than 0.
    years
        Horizon, more than 0.

    Raises
    ------
    ValueError
        Another measure, or a standard error or horizon that is not positive.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure {measure!r} does not act on a baseline; give one of {', '.join(MEASURES)}")
    if not se > 0 or not years > 0:
        raise ValueError(f"standard error {se} and horizon {years} years: give se > 0 and years > 0")
    without = float(risk(rate.value, years))
    with_ = risk_with(rate.value, measure, theta, years)
    tail = (1 - level) / 2
    low, high = _quantiles(rate.at, measure, theta, se, years, np.array([tail, 1 - tail]))
    return Difference(years, without, with_, with_ - without, low, high)


def _quantiles(
    rates: Floats, measure: str, theta: float, se: float, years: float, at: Floats
) -> tuple[float, float]:
    p0 = np.asarray(risk(rates, years))
    if rates.size == 1:  # only the effect is uncertain: its quantiles, carried through
        ends = [risk_with(float(rates[0]), measure, theta + se * float(ndtri(q)), years) for q in at]
        return (ends[0] - float(p0[0]), ends[1] - float(p0[0]))
    low, high = np.full(2, -1.0), np.full(2, 1.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = ndtr((_theta(p0, rates * years, middle[:, None], measure) - theta) / se) @ WEIGHTS
        low, high = np.where(below < at, middle, low), np.where(below < at, high, middle)
    return (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2)


def _theta(p0: Floats, mean: Floats, d: Floats, measure: str) -> Floats:
    """The log ratio at which the difference is ``d``; -inf below what is possible, inf above."""
    p1 = p0 + d
    inside = (p1 > 0) & (p1 < 1)
    q = np.where(inside, p1, 0.5)
    with np.errstate(divide="ignore"):
        if measure in RATE_RATIOS:
            answer = np.log(-np.log1p(-q) / mean)
        elif measure == "RR":
            answer = np.log(q / p0)
        else:
            answer = np.log(q / (1 - q)) - np.log(p0 / (1 - p0))
    return np.where(inside, answer, np.where(p1 <= 0, -np.inf, np.inf))


def tipping(rate: float, measure: str, years: float, level: float) -> float | None:
    """The ratio at which the difference over ``years`` reaches ``level`` (a risk, 0 to 1).

    None when no ratio can reach it: the risk with treatment would be 0 or less, or 1 or more.
    """
    without = float(risk(rate, years))
    target = without + level
    if not 0 < target < 1 or not 0 < without < 1:
        return None
    if measure in RATE_RATIOS:
        return float(-np.log1p(-target) / (rate * years))
    if measure == "RR":
        return target / without
    return (target / (1 - target)) / (without / (1 - without))
