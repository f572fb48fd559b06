"""The weighted sums that every estimator of tau2 is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jakinib.synthesis.arms import Floats


class Moments(NamedTuple):
    """``w``, ``residual`` and ``weighted`` = w residual: shape (..., k); the others (...).

    ``w1`` = sum w, ``q`` = sum w residual^2.
    """

    w: Floats
    w1: Floats
    mean: Floats
    residual: Floats
    weighted: Floats
    q: Floats


def moments(y: Floats, v: Floats, tau2: Floats | None = None) -> Moments:
    """Inverse-variance mean at a given tau2 (shape (...), none for 0), over the last axis."""
    w = 1.0 / (v if tau2 is None else v + np.asarray(tau2)[..., None])
    w1 = np.add.reduce(w, axis=-1)
    mean = np.vecdot(w, y) / (w1 + (w1 == 0))
    residual = y - mean[..., None]
    weighted = w * residual
    return Moments(w, w1, mean, residual, weighted, np.vecdot(weighted, residual))


def spread(m: Moments) -> Floats:
    """sum w - sum w^2 / sum w, as 2 sum_{i<j} w_i w_j / sum w: one dominating study does not cancel it."""
    before = np.add.accumulate(m.w, axis=-1)
    found: Floats = 2 * np.vecdot(m.w[..., 1:], before[..., :-1]) / (m.w1 + (m.w1 == 0))
    return found


def count(m: Moments) -> Floats:
    """Number of studies with an estimate."""
    return np.add.reduce(m.w > 0, axis=-1)  # type: ignore[no-any-return]


def unweighted(y: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Which studies have an estimate (..., k), how many, and their squared deviations from the plain mean."""
    known = np.isfinite(v)
    found = np.add.reduce(known, axis=-1)
    mean = np.add.reduce(np.where(known, y, 0.0), axis=-1) / np.maximum(found, 2)
    apart = known * (y - mean[..., None])
    return known, found, np.vecdot(apart, apart)


def twice(share: Floats, weighted: Floats) -> tuple[Floats, Floats]:
    """PPy and y'PPPy, both over sum w, where ``weighted`` is Py.

    With ``share``, w / sum w, and not with w, whose powers would leave the range of numbers. The second is
    a sum of squares: a product of the two vectors would cancel where one study dominates.
    """
    apart = weighted - np.vecdot(share, weighted)[..., None]
    again = share * apart
    return again, np.vecdot(again, apart)
