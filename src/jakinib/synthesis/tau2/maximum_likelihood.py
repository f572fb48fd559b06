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
from jakinib.synthesis.tau2.root import root


def maximum_likelihood(y: Floats, v: Floats) -> Floats:
    """tau2 that maximises the likelihood."""
    with np.errstate(divide="ignore", invalid="ignore"):  # no excess where all estimates agree
        return _maximise(y, v, restricted=False)


def restricted_maximum_likelihood(y: Floats, v: Floats) -> Floats:
    """tau2 that maximises the restricted likelihood."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _maximise(y, v, restricted=True)


#: of a moment estimate: where a maximum is looked for when the likelihood falls from zero on
_FRACTIONS = tuple(0.3**i for i in range(8))


def _maximise(y: Floats, v: Floats, restricted: bool) -> Floats:
    """The higher of the maximum at zero, if there is one, and the maximum inside."""
    y, v = np.asarray(y, dtype=float), np.asarray(v, dtype=float)
    shape = v.shape[:-1]
    flat = (math.prod(shape), v.shape[-1])
    y, v = y.reshape(flat), v.reshape(flat)
    estimate = np.zeros(len(y))
    at_zero = moments(y, v)
    excess = _excess(at_zero, restricted)
    rising = excess < -1e-14  # at rounding the maximum is zero
    rows = np.flatnonzero(rising)
    if len(rows):
        if len(rows) < len(y):
            y_up, v_up, m, excess = y[rows], v[rows], Moments(*(x[rows] for x in at_zero)), excess[rows]
        else:
            y_up, v_up, m = y, v, at_zero
        estimate[rows] = _root(
            y_up, v_up, np.zeros(len(rows)), excess, _newton_step(m, restricted), restricted
        )
    # where the likelihood falls at zero it may rise again: look for a place from which it goes up
    rows = np.flatnonzero(~rising & (count(v) > 1))
    if len(rows):
        start = np.maximum(dersimonian_laird(y[rows], v[rows]), hedges(y[rows], v[rows]))
        rows, start = rows[start > 0], start[start > 0]
    for fraction in _FRACTIONS:
        if not len(rows):
            break
        point = fraction * start
        excess = _excess(moments(y[rows], v[rows], point), restricted)
        up = excess < 0
        if up.any():
            y_up, v_up, low = y[rows[up]], v[rows[up]], point[up]
            inner = _root(y_up, v_up, low, excess[up], 2 * low, restricted)
            at = [log_likelihood(y_up, v_up, t, restricted) for t in (np.zeros(len(low)), inner)]
            estimate[rows[up]] = np.where(at[1] > at[0], inner, 0.0)
        rows, start = rows[~up], start[~up]
    return estimate.reshape(shape)


def _derivative(m: Moments, restricted: bool) -> tuple[Floats, Floats]:
    """Twice the derivative of the log-likelihood in tau2: y'PPy, and the trace that it is less."""
    weighted = m.w * m.residual
    return np.vecdot(weighted, weighted), spread(m) if restricted else m.w1


def _excess(m: Moments, restricted: bool) -> Floats:
    """Below zero where the likelihood rises. With equal variances it is a straight line in tau2."""
    quadratic, trace = _derivative(m, restricted)
    found: Floats = trace / quadratic - 1
    return found


def _newton_step(m: Moments, restricted: bool) -> Floats:
    """With the mean of observed and expected information, y'PPPy (Gilmour, Thompson & Cullis 1995)."""
    quadratic, trace = _derivative(m, restricted)
    weighted = m.w * m.residual
    information = np.vecdot(m.w * weighted, weighted)
    information -= np.vecdot(m.w, weighted) ** 2 / m.w1
    step: Floats = (quadratic - trace) / np.maximum(information, 1e-16 * m.w2)
    return step


def _root(y: Floats, v: Floats, low: Floats, value: Floats, start: Floats, restricted: bool) -> Floats:
    """Of the excess; ``value``: that at ``low``, below zero."""
    return root(lambda at, t: _excess(moments(y[at], v[at], t), restricted), low, value, start)


def log_likelihood(y: Floats, v: Floats, tau2: Floats, restricted: bool) -> Floats:
    """(Restricted) log-likelihood at tau2, the mean profiled out, up to a constant; shape (...)."""
    m = moments(y, v, tau2)
    logs = np.where(m.w > 0, np.log(np.where(m.w > 0, m.w, 1.0)), 0.0).sum(axis=-1)
    value = 0.5 * (logs - m.q)
    return value - 0.5 * np.log(m.w1) if restricted else value  # type: ignore[no-any-return]
