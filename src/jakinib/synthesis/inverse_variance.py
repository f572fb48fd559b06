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
    common = moments(y, v)
    between = None if tau2 == "ee" else ESTIMATORS[tau2](y, v, common)
    pooled = common if between is None else moments(y, v, between)
    none = 0 / pooled.w1  # NaN without a study, 0 with some
    theta, se = pooled.mean + none, 1 / np.sqrt(pooled.w1) + none
    return Fit(
        theta=theta,
        se=se,
        used=np.isfinite(v),
        weight=share(pooled.w),
        q=common.q,
        tau2=between,
        y=y,
        v=v,
        common=common,
        pooled=pooled,
    )
