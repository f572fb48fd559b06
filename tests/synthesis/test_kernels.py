"""The noncentral hypergeometric likelihood against the plain sum over its whole support."""

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp

from jakinib.synthesis.kernels import hypergeometric
from synthesis.tables import inputs


def _choose(n, x):
    return gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)


@pytest.mark.parametrize("dataset", ["bcg", "li2007", "egger2001", "nielweise2007", "lee2004"])
def test_large_supports_are_summed_as_if_in_full(dataset):
    # far from a study's own estimate too: log odds ratios from -4 to 4
    eta = np.linspace(-4, 4, 41)
    frame = inputs()[dataset]
    columns = [frame[c].to_numpy(float) for c in ("e1", "n1", "e2", "n2")]
    value, first, second = hypergeometric(*columns)(np.tile(eta, (len(frame), 1)))
    for i, (a, n1, c, n2) in enumerate(zip(*columns, strict=True)):
        x = np.arange(max(0, a + c - n2), min(a + c, n1) + 1)
        terms = _choose(n1, x) + _choose(n2, a + c - x) + eta[:, None] * x
        total = logsumexp(terms, axis=1)
        p = np.exp(terms - total[:, None])
        mean = p @ x
        exact = _choose(n1, a) + _choose(n2, c) + eta * a - total
        spread = ((x - mean[:, None]) ** 2 * p).sum(axis=1)
        near = exact > -90  # beyond, the study's likelihood is nothing: exp(-90)
        # the log-gammas of n = 1e5 leave about 1e-9
        assert value[i, near] == pytest.approx(exact[near], abs=1e-8)
        assert first[i, near] == pytest.approx((a - mean)[near], abs=1e-6)
        assert second[i, near] == pytest.approx(-spread[near], abs=1e-5)
        assert value[i] == pytest.approx(exact, rel=1e-5)
