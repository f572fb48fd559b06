"""Inverse-variance pooling: common effect, and random effects with any estimator of tau2."""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.effect_sizes import effect_sizes
from jakinib.synthesis.pairs import MEASURES as MEASURES
from jakinib.synthesis.pairs import Fit, Pairs, share
from jakinib.synthesis.tau2 import ESTIMATORS
from jakinib.synthesis.tau2.moments import moments


def inverse_variance(
    pairs: Pairs,
    measure: str,
    tau2: str = "reml",
    add: float = 0.5,
    add_to: str = "only0",
    drop_double_zero: bool = True,
) -> Fit:
    """Weights 1 / (v + tau2) over the last axis of ``pairs`` (shape (..., k)).

    ``tau2``: ``"ee"`` for a common effect, else a name in ``tau2.ESTIMATORS``. ``add``, ``add_to``,
    ``drop_double_zero``: see ``effect_sizes``. ``q`` is Cochran's Q, with the weights 1 / v.
    """
    y, v = effect_sizes(pairs, measure, add, add_to, drop_double_zero)
    between = None if tau2 == "ee" else ESTIMATORS[tau2](y, v)
    common = moments(y, v)
    m = common if between is None else moments(y, v, between)
    used = np.isfinite(v)
    none = m.w1 <= 0
    with np.errstate(divide="ignore"):
        se = np.where(none, np.nan, 1 / np.sqrt(m.w1))
    theta = np.where(none, np.nan, m.mean)
    return Fit(theta=theta, se=se, used=used, weight=share(m.w), q=common.q, tau2=between, y=y, v=v)
