"""Maximum likelihood and restricted maximum likelihood of the normal-normal model.

Sources: Raudenbush (2009) for the scoring equations; Viechtbauer (2005) for the estimators compared.
"""

from __future__ import annotations

import math

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.dersimonian_laird import dersimonian_laird
from jakinib.synthesis.tau2.hedges import hedges
from jakinib.synthesis.tau2.moments import Moments, count, moments, spread, twice
from jakinib.synthesis.tau2.root import root
from jakinib.synthesis.tau2.settle import settle


def maximum_likelihood(y: Floats, v: Floats, common: Moments | None = None) -> Floats:
    """tau2 that maximises the likelihood."""
    return _maximise(y, v, common, restricted=False)


def restricted_maximum_likelihood(y: Floats, v: Floats, common: Moments | None = None) -> Floats:
    """tau2 that maximises the restricted likelihood."""
    return _maximise(y, v, common, restricted=True)


#: of a moment estimate: where a maximum is looked for when the likelihood falls from zero on
_FRACTIONS = 0.3 ** np.arange(8)


def _maximise(y: Floats, v: Floats, common: Moments | None, restricted: bool) -> Floats:
    """The higher of the maximum at zero, if there is one, and the maximum inside."""
    with np.errstate(all="ignore"):  # no excess where all estimates agree
        common = common or moments(y, v)
        excess = _excess(common, restricted)
        rising = (excess < -1e-14) & (spread(common) > 0)  # at rounding the maximum is zero
        start = dersimonian_laird(y, v, common)
        if np.count_nonzero(rising) == rising.size:
            return _highest(y, v, start, restricted)
        shape, k = np.shape(v)[:-1], np.shape(v)[-1]
        sets = math.prod(shape)
        y, v = np.reshape(y, (sets, k)), np.reshape(v, (sets, k))
        rising, start = np.reshape(rising, -1), np.reshape(start, -1)
        found = np.zeros(len(start))
        rows = np.flatnonzero(rising)
        if len(rows):
            found[rows] = _highest(y[rows], v[rows], start[rows], restricted)
        rows = np.flatnonzero(~rising)
        y, v = y[rows], v[rows]
        start = np.maximum(start[rows], hedges(y, v))
        some = start > 0
        if some.any():
            found[rows[some]] = _beyond(y[some], v[some], start[some], restricted)
        return found.reshape(shape)[()]


def _highest(y: Floats, v: Floats, start: Floats, restricted: bool) -> Floats:
    """The maximum, where the likelihood rises at zero, also where two moment estimates are far apart."""
    found = _climb(y, v, start, restricted)
    other = hedges(y, v)
    apart = other > 10 * found
    if np.count_nonzero(apart):
        k, found, rows = np.shape(v)[-1], np.array(found), np.flatnonzero(apart)
        y, v = np.reshape(y, (-1, k))[rows], np.reshape(v, (-1, k))[rows]
        near, far = found.flat[rows], _climb(y, v, np.reshape(other, -1)[rows], restricted)
        at = [log_likelihood(y, v, t, restricted) for t in (near, far)]
        found.flat[rows] = np.where(at[1] > at[0], far, near)
    return found[()]


def _climb(y: Floats, v: Floats, start: Floats, restricted: bool) -> Floats:
    """A maximum, where the likelihood rises at zero."""
    found, lost = settle(lambda t, y, v: _step(t, moments(y, v, t), restricted), start, y, v, times=8)
    if lost is not None:
        k = np.shape(v)[-1]
        y, v = np.reshape(y, (-1, k))[lost], np.reshape(v, (-1, k))[lost]
        common = moments(y, v)
        within = (count(common) - 1) / spread(common)
        found = np.array(found)
        found.flat[lost] = _root(y, v, np.zeros(len(lost)), _excess(common, restricted), within, restricted)
    return found[()]


def _beyond(y: Floats, v: Floats, start: Floats, restricted: bool) -> Floats:
    """0 or a higher maximum, where the likelihood falls at zero; it is looked for from ``start`` down."""
    found = np.zeros(len(start))
    points = _FRACTIONS[:, None] * start
    excess = _excess(moments(y, v, points), restricted)
    up = excess < 0
    rows = np.flatnonzero(up.any(axis=0))
    if len(rows):
        first = up[:, rows].argmax(axis=0)
        y, v, low = y[rows], v[rows], points[first, rows]
        inner = _root(y, v, low, excess[first, rows], 2 * low, restricted)
        at = [log_likelihood(y, v, t, restricted) for t in (np.zeros(len(low)), inner)]
        found[rows] = np.where(at[1] > at[0], inner, 0.0)
    return found


def _excess(m: Moments, restricted: bool) -> Floats:
    """Below zero where the likelihood rises. With equal variances it is a straight line in tau2.

    tr(P) / y'PPy - 1 (tr(W) in the place of tr(P) without the restriction): twice the derivative of the
    log-likelihood is y'PPy less the trace.
    """
    found: Floats = (spread(m) if restricted else m.w1) / np.vecdot(m.weighted, m.weighted) - 1
    return found


def _step(tau2: Floats, m: Moments, restricted: bool) -> Floats:
    """Newton's on the excess, corrected for its curvature to the third order; NaN where it leads astray.

    In units of sum w. With the trace T: T' = -tr(PP), T'' = 2 tr(PPP); (y'PPy)' = -2 y'PPPy and so on.
    """
    p = m.w / m.w1[..., None]
    square = p * p
    p2, p3, p4 = np.vecdot(p, p), np.vecdot(square, p), np.vecdot(square, square)
    trace: Floats | float
    if restricted:
        trace = spread(m) / m.w1
        second, third = p2 - 2 * p3 + p2 * p2, p3 - 3 * p4 + 3 * p2 * p3 - p2 * p2 * p2
    else:
        trace, second, third = 1.0, p2, p3
    b, d = second / trace, third / trace
    (again, cubic), slope = twice(p, m.weighted), np.vecdot(m.weighted, m.weighted)
    a, c = cubic / slope, np.vecdot(again, again) / slope
    ratio = trace * m.w1 / slope
    rise = 2 * a - b
    newton = (1 / ratio - 1) / rise
    bend = -newton * (d - 2 * a * b - 3 * c + 4 * a * a) / rise
    step = newton * (bend + np.sqrt(1 + bend * bend)) / m.w1
    # a minimum, or one study of so much weight that nothing is left of the trace
    trusted = (rise > 0) & (second > 1e-10 * p2)
    return np.maximum(tau2 + step + 0 / trusted, 0.0)  # type: ignore[no-any-return]


def _root(y: Floats, v: Floats, low: Floats, value: Floats, start: Floats, restricted: bool) -> Floats:
    """Of the excess; ``value``: that at ``low``, below zero."""
    return root(lambda at, t: _excess(moments(y[at], v[at], t), restricted), low, value, start)


def log_likelihood(y: Floats, v: Floats, tau2: Floats | float, restricted: bool) -> Floats:
    """(Restricted) log-likelihood at tau2, the mean profiled out, up to a constant; shape (...)."""
    m = moments(y, v, np.asarray(tau2))
    logs = np.where(m.w > 0, np.log(np.where(m.w > 0, m.w, 1.0)), 0.0).sum(axis=-1)
    value = 0.5 * (logs - m.q)
    return value - 0.5 * np.log(m.w1) if restricted else value  # type: ignore[no-any-return]
