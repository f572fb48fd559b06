"""Exact conditional test of a common odds or rate ratio: no approximation at any number of events.

Given every study's total, the sum of the treatment's events under no effect has a distribution that is the
convolution of the studies' hypergeometric (OR) or binomial (IRR) ones. Sources: Gart (1970); two-sided p as
the probability of all sums no more likely than the observed one.
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.kernels import log_choose
from jakinib.synthesis.pairs import Pairs


def exact_p(pairs: Pairs, measure: str) -> float:
    """Two-sided exact p of no effect for one data set (arrays of shape (k,)); OR or IRR.

    1.0 where no study carries information.
    """
    distribution, lowest = np.ones(1), 0.0
    for e1, d1, e2, d2 in zip(pairs.e1, pairs.d1, pairs.e2, pairs.d2, strict=True):
        if d1 <= 0 or d2 <= 0:
            continue
        x, p = _null(e1 + e2, d1, d2, measure)
        distribution = np.convolve(distribution, p)
        lowest += float(x[0])
    observed = distribution[round(float(pairs.e1.sum()) - lowest)]
    # ties differ by rounding only: R's fisher.test uses the same margin
    return float(min(1.0, distribution[distribution <= observed * (1 + 1e-7)].sum()))


def _null(total: float, d1: float, d2: float, measure: str) -> tuple[Floats, Floats]:
    if measure == "IRR":
        x = np.arange(total + 1)
        log_p = log_choose(total, x) + x * np.log(d1) + (total - x) * np.log(d2)
    else:
        x = np.arange(max(0.0, total - d2), min(total, d1) + 1)
        log_p = log_choose(d1, x) + log_choose(d2, total - x)
    p = np.exp(log_p - log_p.max())
    return x, p / p.sum()
