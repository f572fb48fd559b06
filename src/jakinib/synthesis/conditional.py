"""Conditional models: each study's events given their total. No study intercepts to estimate.

OR: noncentral hypergeometric-normal (CM.EL; van Houwelingen, Zwinderman & Stijnen 1993; Stijnen, Hamza &
Özdemir 2010) or its binomial approximation for rare events (CM.AL). IRR: the events of the treatment given
the total are binomial with log odds theta_i + log(t1 / t2), exactly.
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.exact import Profiled, Start, fit_mixed, one_by_one, side_of
from jakinib.synthesis.kernels import binomial, hypergeometric
from jakinib.synthesis.mixed import MixedModel
from jakinib.synthesis.pairs import Fit, Pairs


def conditional_exact(pairs: Pairs, measure: str, effects: str = "random") -> Fit:
    """CM.EL for OR and IRR. Studies without events (or with nothing but events) carry no information."""
    return _conditional(pairs, measure, effects, exact=True)


def conditional_approximate(pairs: Pairs, measure: str = "OR", effects: str = "random") -> Fit:
    """CM.AL: the hypergeometric replaced by a binomial with odds n1 / n2; for rare events."""
    return _conditional(pairs, measure, effects, exact=False)


def _conditional(pairs: Pairs, measure: str, effects: str, exact: bool) -> Fit:
    random = effects == "random"
    used = pairs.present & ~pairs.double_zero
    if measure == "OR":
        used = used & ~pairs.double_full

    def fit_one(one: Pairs) -> Profiled:
        hyper = exact and measure == "OR"
        if hyper:
            kernel = hypergeometric(one.e1, one.d1, one.e2, one.d2)
        else:
            kernel = binomial(one.e1, one.e1 + one.e2, np.log(one.d1 / one.d2))
        model = MixedModel(kernel, (1.0,), len(one.e1))
        side = side_of(one, measure if hyper else "IRR", conditional=True)
        return fit_mixed(Start(model, np.zeros(2), np.zeros(0), 12), random, side)

    return one_by_one(pairs, measure, used, fit_one, random)
