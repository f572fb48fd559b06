"""The weighted sums that every estimator of tau2 is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jakinib.synthesis.arms import Floats


class Moments(NamedTuple):
    """``w``, ``residual``: shape (..., k); the others (...).

    ``q`` = sum w (y - mean)^2, ``w1`` = sum w, ``w2`` = sum w^2.
    """

    w: Floats
    residual: Floats
    mean: Floats
    q: Floats
    w1: Floats
    w2: Floats


def moments(y: Floats, v: Floats, tau2: Floats | float = 0.0) -> Moments:
    """Inverse-variance mean at a given tau2 (shape (...)), over the last axis."""
    w = 1.0 / (v + np.asarray(tau2)[..., None])
    w1 = np.add.reduce(w, axis=-1)
    mean = np.vecdot(w, y) / np.where(w1 > 0, w1, 1.0)
    residual = y - mean[..., None]
    q = np.vecdot(w * residual, residual)
    return Moments(w, residual, mean, q, w1, np.vecdot(w, w))


def spread(m: Moments) -> Floats:
    """sum w - sum w^2 / sum w, as 2 sum_{i<j} w_i w_j / sum w: one dominating study does not cancel it."""
    before = np.cumsum(m.w, axis=-1)[..., :-1]
    pairs = (m.w[..., 1:] * before).sum(axis=-1)
    return 2 * pairs / np.where(m.w1 > 0, m.w1, 1.0)  # type: ignore[no-any-return]


def count(v: Floats) -> Floats:
    """Number of studies with an estimate."""
    return np.isfinite(v).sum(axis=-1)  # type: ignore[no-any-return]
