"""Maximum likelihood and restricted maximum likelihood of the normal-normal model.

Sources: Raudenbush (2009) for the scoring equations; Viechtbauer (2005) for the estimators compared.
"""

from __future__ import annotations

import math

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.dersimonian_laird import dersimonian_laird
from jakinib.synthesis.tau2.hedges import hedges
from jakinib.synthesis.tau2.moments import Moments, count, moments, spread


def maximum_likelihood(y: Floats, v: Floats) -> Floats:
    """tau2 that maximises the likelihood."""
    return _maximise(y, v, restricted=False)


def restricted_maximum_likelihood(y: Floats, v: Floats) -> Floats:
    """tau2 that maximises the restricted likelihood."""
    return _maximise(y, v, restricted=True)


_FRACTIONS = (0.7, 0.5, 0.3, 0.2, 0.1, 0.05)  # of the start: where a maximum passed over is looked for


def _climb(y: Floats, v: Floats, start: Floats, restricted: bool) -> Floats:
    """Newton steps on the score, kept inside the bracket in which it changes sign."""
    estimate, active = start.copy(), np.arange(len(start))
    tau2, ya, va = start, y, v
    low, high = np.zeros_like(tau2), np.full_like(tau2, np.inf)
    for _ in range(200):
        score, information = _score(moments(ya, va, tau2), restricted)
        up = score > 0
        low, high = np.where(up, tau2, low), np.where(up, high, tau2)
        new = tau2 + score / information
        outside = np.where(np.isfinite(high), (low + high) / 2, 2 * tau2 + 1e-8)
        # a step below zero goes to zero itself: the score there says whether it is the maximum
        new = np.where(new <= low, np.where(low == 0, 0.0, outside), np.where(new >= high, outside, new))
        at_zero = (tau2 == 0) & ~up
        new = np.where(at_zero, 0.0, new)
        done = at_zero | (np.abs(new - tau2) <= 1e-13 * new)
        estimate[active] = new
        if done.all():
            break
        keep = ~done
        active, tau2, ya, va = active[keep], new[keep], ya[keep], va[keep]
        low, high = low[keep], high[keep]
    return estimate


def _maximise(y: Floats, v: Floats, restricted: bool) -> Floats:
    """The higher of the maximum at zero, if there is one, and the maximum inside."""
    y, v = np.asarray(y, dtype=float), np.asarray(v, dtype=float)
    shape = v.shape[:-1]
    flat = (math.prod(shape), v.shape[-1])
    y, v = y.reshape(flat), v.reshape(flat)
    start = np.maximum(dersimonian_laird(y, v), hedges(y, v))
    estimate = start.copy()
    active = np.flatnonzero(count(v) > 1)
    estimate[active] = _climb(y[active], v[active], start[active], restricted)
    # a step from the start to zero may pass over a maximum: look for a place from which it goes up
    passed = active[(estimate[active] == 0) & (start[active] > 0)]
    for fraction in _FRACTIONS:
        if not len(passed):
            break
        point = fraction * start[passed]
        up = _score(moments(y[passed], v[passed], point), restricted)[0] > 0
        if up.any():
            found = passed[up]
            estimate[found] = _climb(y[found], v[found], point[up], restricted)
        passed = passed[~up]
    # two maxima are possible: an inner one must beat the boundary
    inner = np.flatnonzero(estimate > 0)
    if len(inner):
        at_zero = moments(y[inner], v[inner])
        falling = _score(at_zero, restricted)[0] <= 0
        if falling.any():
            check = inner[falling]
            zero = np.zeros(len(check))
            better = log_likelihood(y[check], v[check], zero, restricted) > log_likelihood(
                y[check], v[check], estimate[check], restricted
            )
            estimate[check[better]] = 0.0
    return estimate.reshape(shape)


def _score(m: Moments, restricted: bool) -> tuple[Floats, Floats]:
    """Twice the score, and twice the observed information where positive, else twice the expected."""
    weighted = m.w * m.residual
    squares = weighted * weighted
    y_pp_y = squares.sum(axis=-1)
    weighted_squares = m.w * squares
    y_ppp_y = weighted_squares.sum(axis=-1) - (m.w * weighted).sum(axis=-1) ** 2 / m.w1
    if restricted:
        trace = spread(m)
        trace2 = m.w2 - 2 * (m.w**3).sum(axis=-1) / m.w1 + (m.w2 / m.w1) ** 2
    else:
        trace, trace2 = m.w1, m.w2
    trace2 = np.maximum(trace2, 1e-16 * m.w2)  # a dominating study cancels it to rounding
    observed = 2 * y_ppp_y - trace2
    return y_pp_y - trace, np.where(observed > 0.1 * trace2, observed, trace2)


def log_likelihood(y: Floats, v: Floats, tau2: Floats, restricted: bool) -> Floats:
    """(Restricted) log-likelihood at tau2, the mean profiled out, up to a constant; shape (...)."""
    m = moments(y, v, tau2)
    logs = np.where(m.w > 0, np.log(np.where(m.w > 0, m.w, 1.0)), 0.0).sum(axis=-1)
    value = 0.5 * (logs - m.q)
    return value - 0.5 * np.log(m.w1) if restricted else value  # type: ignore[no-any-return]
