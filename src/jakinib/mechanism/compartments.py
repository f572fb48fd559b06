"""Linear one- and two-compartment kinetics in closed form.

The response to one dose is a sum of exponentials; repeated doses are added up (superposition), at steady
state as a geometric series. No differential equation is solved, so the answer is exact to rounding for any
times.

Sources: Gibaldi & Perrier, Pharmacokinetics (2nd ed., 1982), chapters 1-3; the disposition polynomial of the
two-compartment model and the superposition principle are textbook results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jakinib.mechanism.errors import MechanismError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Disposition:
    """What happens to drug once in plasma.

    Parameters
    ----------
    CL : clearance, L/h, shape (persons,) or scalar
    Vc : central volume, L
    Q, Vp : intercompartmental clearance, L/h, and peripheral volume, L; both ``None`` for one compartment
    """

    CL: ArrayLike
    Vc: ArrayLike
    Q: ArrayLike | None = None
    Vp: ArrayLike | None = None

    def exponentials(self) -> tuple[Array, Array]:
        """Rates (1/h) and weights (1/L) of the response to a unit bolus, both of shape (1 or 2, persons)."""
        CL, Vc = np.atleast_1d(_positive("CL", self.CL), _positive("Vc", self.Vc))
        if self.Q is None or self.Vp is None:
            if not (self.Q is None and self.Vp is None):
                raise MechanismError("a second compartment needs both Q and Vp")
            CL, Vc = np.broadcast_arrays(CL, Vc)
            return (CL / Vc)[None], (1.0 / Vc)[None]
        CL, Vc, Q, Vp = np.broadcast_arrays(CL, Vc, _positive("Q", self.Q), _positive("Vp", self.Vp))
        k10, k12, k21 = CL / Vc, Q / Vc, Q / Vp
        total = k10 + k12 + k21
        fast = 0.5 * (total + np.sqrt(total * total - 4.0 * k10 * k21))
        slow = k10 * k21 / fast  # the other root without cancellation
        gap = Vc * (fast - slow)
        return np.stack([fast, slow]), np.stack([(fast - k21) / gap, (k21 - slow) / gap])


@dataclass(frozen=True)
class FirstOrder:
    """First-order absorption of ``fraction`` of the dose: rate constant ``ka`` (1/h) after ``lag`` (h)."""

    ka: ArrayLike
    lag: ArrayLike = 0.0
    fraction: ArrayLike = 1.0


@dataclass(frozen=True)
class ZeroOrder:
    """Zero-order absorption (an infusion) of ``fraction`` of the dose over ``duration`` (h) after ``lag``
    (h)."""

    duration: ArrayLike
    lag: ArrayLike = 0.0
    fraction: ArrayLike = 1.0


@dataclass(frozen=True)
class Bolus:
    """Immediate input of ``fraction`` of the dose after ``lag`` (h)."""

    lag: ArrayLike = 0.0
    fraction: ArrayLike = 1.0


Input = FirstOrder | ZeroOrder | Bolus
_Response = Callable[[Input, Array, Array], Array]


def single_dose(
    disposition: Disposition, inputs: Sequence[Input], dose_mg: float, times_h: ArrayLike
) -> Array:
    """Plasma concentration (ng/mL, total) after one dose at time 0.

    ``times_h`` has shape (times,); the result (persons, times). Times before the dose give 0. Parallel inputs
    (mixed absorption) add up; their fractions are taken as given.
    """
    times = np.atleast_1d(np.asarray(times_h, dtype=np.float64))
    return _sum(disposition, inputs, dose_mg, lambda i, rates, weights: _once(i, rates, weights, times))


def steady_state(
    disposition: Disposition, inputs: Sequence[Input], dose_mg: float, interval_h: float, times_h: ArrayLike
) -> Array:
    """Plasma concentration (ng/mL, total) at steady state, ``times_h`` after any dose; period
    ``interval_h``."""
    if not interval_h > 0:
        raise MechanismError(f"dosing interval must be positive; got {interval_h} h")
    times = np.atleast_1d(np.asarray(times_h, dtype=np.float64))
    return _sum(
        disposition,
        inputs,
        dose_mg,
        lambda i, rates, weights: _periodic(i, rates, weights, interval_h, times),
    )


def steady_state_grid(
    disposition: Disposition, inputs: Sequence[Input], dose_mg: float, interval_h: float, points: int
) -> Array:
    """:func:`steady_state` at ``points`` even times from 0 to ``interval_h``, faster for many persons.

    The same numbers to about 1e-12: on an even grid ``exp(-k t)`` is a product of a coarse and a fine
    exponential, so that a person needs about ``2 sqrt(points)`` of them for each rate, and the sum over
    rates is one small matrix product. The hours of an infusion are corrected element by element; the times
    before the lag and infusions that reach into the next interval are computed as in :func:`steady_state`.
    The last time is the end of the interval, before the next dose.
    """
    times = np.linspace(0.0, interval_h, points)
    rates, weights = disposition.exponentials()
    lags = [np.atleast_1d(np.asarray(each.lag, dtype=np.float64)) for each in inputs]
    last = max(float(lag.max()) for lag in lags)
    infusions = [(e, lag) for e, lag in zip(inputs, lags, strict=True) if isinstance(e, ZeroOrder)]
    ends = [np.atleast_1d(_positive("duration", each.duration)) + lag for each, lag in infusions]
    if last >= interval_h or any(
        float(end.max()) > interval_h or float((rates * end).max()) > 10.0 for end in ends
    ):  # an infusion that reaches into the next interval, or one so long that digits would cancel
        return steady_state(disposition, inputs, dose_mg, interval_h, times)
    persons = max(
        rates.shape[1], *(np.atleast_1d(np.asarray(p)).size for e in inputs for p in vars(e).values())
    )
    rates, weights = (np.broadcast_to(a, (len(a), persons)) for a in (rates, weights))
    every = [*rates]
    factors = [np.zeros(persons) for _ in rates]
    for each, lag in zip(inputs, lags, strict=True):
        fraction = np.asarray(each.fraction, dtype=np.float64)
        if isinstance(each, FirstOrder):
            ka = np.atleast_1d(_positive("ka", each.ka))
            factor = np.zeros(persons)
            for i, (rate, weight) in enumerate(zip(rates, weights, strict=True)):
                low, high = _apart(rate, ka)
                share = fraction * weight * ka / (high - low)
                factors[i] = factors[i] + share * np.exp(rate * lag) / -np.expm1(-low * interval_h)
                factor = factor - share * np.exp(ka * lag) / -np.expm1(-high * interval_h)
            every.append(np.broadcast_to(ka, (persons,)))
            factors.append(factor)
            continue
        for i, (rate, weight) in enumerate(zip(rates, weights, strict=True)):
            start = np.exp(rate * lag) / -np.expm1(-rate * interval_h)
            if isinstance(each, ZeroOrder):
                start = start * np.expm1(rate * each.duration) / (rate * each.duration)
            factors[i] = factors[i] + fraction * weight * start
    curve = _sum_of_exponentials(np.stack(every, axis=1), np.stack(factors, axis=1), times[1], points)
    for (each, _), end in zip(infusions, ends, strict=True):
        until = np.broadcast_to(end, (persons,))
        during = np.flatnonzero(times < until[:, None])  # what the infusion still lacks, element by element
        who = during // points
        left = until[who] - times[during - who * points]
        given = np.asarray(each.fraction) / np.asarray(each.duration)
        lacking = np.zeros(len(during))
        for rate, weight in zip(rates, weights, strict=True):
            lacking += (given * weight / rate)[who] * np.expm1(rate[who] * left)
        curve.reshape(-1)[during] -= lacking
    curve *= dose_mg * 1000.0
    early = int(np.searchsorted(times, last, side="left"))
    if early:
        curve[:, :early] = steady_state(disposition, inputs, dose_mg, interval_h, times[:early])
    return curve


def _sum_of_exponentials(rates: Array, factors: Array, step: float, points: int) -> Array:
    """``sum_k factors[:, k] exp(-rates[:, k] j step)``, j = 0 .. points - 1; arrays (persons, terms)."""
    fine = int(np.ceil(np.sqrt(points)))
    coarse = -(-points // fine)
    first = np.exp(-rates[:, None, :] * (np.arange(coarse) * fine * step)[:, None]) * factors[:, None, :]
    second = np.exp(-rates[:, :, None] * (np.arange(fine) * step))
    product = np.matmul(first, second).reshape(len(rates), coarse * fine)
    return np.ascontiguousarray(product[:, :points])


def repeated(
    disposition: Disposition,
    inputs: Sequence[Input],
    doses_mg: ArrayLike,
    given_at_h: ArrayLike,
    times_h: ArrayLike,
) -> Array:
    """Plasma concentration (ng/mL, total) after doses of any size at any times (superposition)."""
    times = np.atleast_1d(np.asarray(times_h, dtype=np.float64))
    doses, given = np.broadcast_arrays(np.atleast_1d(doses_mg), np.atleast_1d(given_at_h))
    parts: list[Array] = [
        single_dose(disposition, inputs, float(d), times - float(t))
        for d, t in zip(doses, given, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _sum(disposition: Disposition, inputs: Sequence[Input], dose_mg: float, response: _Response) -> Array:
    if not dose_mg > 0:
        raise MechanismError(f"dose must be positive; got {dose_mg} mg")
    if not inputs:
        raise MechanismError("at least one input (FirstOrder, ZeroOrder or Bolus) is needed")
    rates, weights = disposition.exponentials()
    total: Array | float = 0.0
    for each in inputs:
        part = response(each, rates, weights)
        total = total + np.atleast_1d(np.asarray(each.fraction, dtype=np.float64))[:, None] * part
    return np.asarray(total) * (dose_mg * 1000.0)  # mg/L -> ng/mL


def _once(each: Input, rates: Array, weights: Array, times: Array) -> Array:
    s = times[None, :] - np.atleast_1d(np.asarray(each.lag, dtype=np.float64))[:, None]
    after = s > 0 if isinstance(each, FirstOrder | ZeroOrder) else s >= 0
    s = np.where(after, s, 0.0)
    out: Array | float = 0.0
    if isinstance(each, FirstOrder):
        ka = np.atleast_1d(_positive("ka", each.ka))
        for rate, weight in zip(rates, weights, strict=True):
            low, high = _apart(rate, ka)
            curve = np.exp(-low[:, None] * s) - np.exp(-high[:, None] * s)
            out = out + (weight * ka / (high - low))[:, None] * curve
    elif isinstance(each, ZeroOrder):
        duration = np.atleast_1d(_positive("duration", each.duration))[:, None]
        for rate, weight in zip(rates, weights, strict=True):
            k = rate[:, None]
            running = np.minimum(s, duration)
            out = out + weight[:, None] / (k * duration) * -np.expm1(-k * running) * np.exp(
                -k * (s - running)
            )
    else:
        for rate, weight in zip(rates, weights, strict=True):
            out = out + weight[:, None] * np.exp(-rate[:, None] * s)
    return np.where(after, out, 0.0)


def _periodic(each: Input, rates: Array, weights: Array, tau: float, times: Array) -> Array:
    s = np.mod(times[None, :] - np.atleast_1d(np.asarray(each.lag, dtype=np.float64))[:, None], tau)
    out: Array | float = 0.0
    if isinstance(each, FirstOrder):
        ka = np.atleast_1d(_positive("ka", each.ka))
        for rate, weight in zip(rates, weights, strict=True):
            low, high = _apart(rate, ka)
            curve = np.exp(-low[:, None] * s) / -np.expm1(-low * tau)[:, None]
            curve -= np.exp(-high[:, None] * s) / -np.expm1(-high * tau)[:, None]
            out = out + (weight * ka / (high - low))[:, None] * curve
    elif isinstance(each, ZeroOrder):
        duration = np.atleast_1d(_positive("duration", each.duration))
        # an infusion longer than the interval is a steady flow of whole intervals plus a shorter infusion
        whole, rest = np.floor_divide(duration, tau), np.mod(duration, tau)
        rest_ = np.where(rest > 0, rest, 1.0)[:, None]
        for rate, weight in zip(rates, weights, strict=True):
            k, w = rate[:, None], (weight / (rate * duration))[:, None]
            flow = w * whole[:, None]
            running = np.minimum(s, rest_)
            now = -np.expm1(-k * running) * np.exp(-k * (s - running))
            past = -np.expm1(-k * rest_) * np.exp(-k * (s + tau - rest_)) / -np.expm1(-k * tau)
            out = out + flow + np.where(rest[:, None] > 0, w * (now + past), 0.0)
    else:
        for rate, weight in zip(rates, weights, strict=True):
            out = out + weight[:, None] * np.exp(-rate[:, None] * s) / -np.expm1(-rate * tau)[:, None]
    return np.asarray(out)


def _apart(rate: Array, ka: Array) -> tuple[Array, Array]:
    """The two rates, spread symmetrically about their mean where they nearly coincide.

    The divided difference of exponentials depends on the half gap only in the second order, so a half gap of
    2e-5 of the mean costs about 1e-10, while the quotient keeps eleven digits.
    """
    mean, half = 0.5 * (rate + ka), 0.5 * (ka - rate)
    least = 2e-5 * mean
    half = np.where(np.abs(half) < least, np.where(half < 0, -least, least), half)
    return mean - half, mean + half


def _positive(name: str, value: ArrayLike) -> Array:
    array = np.asarray(value, dtype=np.float64)
    if not np.all(array > 0) or not np.all(np.isfinite(array)):
        raise MechanismError(f"{name} must be positive and finite")
    return array
