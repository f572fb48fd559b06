"""Unconditional models: both arms' counts, with fixed (UM.FS) or random (UM.RS) study intercepts.

OR: binomial-normal (logistic mixed model); IRR: Poisson-normal (Stijnen, Hamza & Özdemir 2010; Jackson et
al. 2018, models 4 and 6, whose +-1/2 coding of the random treatment effect is used).
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.exact import Profiled, Start, fit_mixed, one_by_one, side_of
from jakinib.synthesis.kernels import binomial, poisson
from jakinib.synthesis.likelihood import SIGMA
from jakinib.synthesis.mixed import MixedModel
from jakinib.synthesis.pairs import Fit, Pairs


def fixed_studies(pairs: Pairs, measure: str, effects: str = "random") -> Fit:
    """UM.FS. A study without events fits perfectly whatever the effect, hence carries no information."""
    used = pairs.present & ~pairs.double_zero
    if measure == "OR":
        used = used & ~pairs.double_full
    return _unconditional(pairs, measure, effects, used, "fixed")


def random_studies(pairs: Pairs, measure: str, effects: str = "random") -> Fit:
    """UM.RS. Study intercepts and effects are independent normals; every study is used."""
    return _unconditional(pairs, measure, effects, pairs.present, "random")


def _unconditional(pairs: Pairs, measure: str, effects: str, used: Floats, intercept: str) -> Fit:
    random = effects == "random"
    count = binomial if measure == "OR" else poisson

    def fit_one(one: Pairs) -> Profiled:
        k = len(one.e1)
        kernel = count(np.concatenate([one.e1, one.e2]), np.concatenate([one.d1, one.d2]))
        model = MixedModel(kernel, (0.5, -0.5), k, intercept)
        events, size = one.e1 + one.e2, one.d1 + one.d2
        side = side_of(one, measure, conditional=intercept == "fixed")
        if intercept == "fixed":
            base = np.log((events + 0.5) / (size - events + 0.5 if measure == "OR" else size))
            return fit_mixed(Start(model, np.zeros(2), base, 12), random, side)
        total, all_size = events.sum(), size.sum()
        base = np.log((total + 0.5) / (all_size - total + 0.5 if measure == "OR" else all_size))
        return fit_mixed(Start(model, np.array([0.0, 0.0, base, SIGMA]), np.zeros(0), 10), random, side)

    if intercept == "random":
        events = (pairs.e1 + pairs.e2).sum(axis=-1, keepdims=True)
        full = (pairs.e1 + pairs.e2 == pairs.d1 + pairs.d2).all(axis=-1, keepdims=True)
        used = used & (events > 0) & ~(full & (measure == "OR"))
    return one_by_one(pairs, measure, used, fit_one, random)
