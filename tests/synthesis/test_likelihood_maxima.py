"""(Restricted) likelihood of tau2 can have two maxima: the higher one counts."""

import numpy as np
import pytest

from jakinib.synthesis.effect_sizes import effect_sizes
from jakinib.synthesis.pairs import Pairs
from jakinib.synthesis.tau2.maximum_likelihood import (
    log_likelihood,
    maximum_likelihood,
    restricted_maximum_likelihood,
)


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("k", [3, 8, 30])
def test_no_place_on_a_fine_grid_is_higher(restricted, k):
    rng = np.random.default_rng(3)
    n2 = rng.integers(20, 3000, (3000, k))
    n1 = np.round(n2 * rng.uniform(0.3, 4, n2.shape)).astype(int)
    risk = np.exp(rng.normal(-4, 1.2, n2.shape)).clip(0, 0.5)
    pairs = Pairs(*(x.astype(float) for x in (rng.binomial(n1, risk), n1, rng.binomial(n2, risk), n2)))
    y, v = effect_sizes(pairs, "OR")
    several = np.isfinite(v).sum(axis=-1) > 1
    y, v = y[several], v[several]
    tau2 = (restricted_maximum_likelihood if restricted else maximum_likelihood)(y, v)
    found = log_likelihood(y, v, tau2, restricted)
    scale = np.nanmedian(np.where(np.isfinite(v), v, np.nan), axis=-1)
    for step in np.geomspace(1e-3, 1e3, 80):
        assert (log_likelihood(y, v, step * scale, restricted) <= found + 1e-7).all()


@pytest.mark.parametrize("restricted", [False, True])
def test_the_higher_of_two_maxima_inside_is_found(restricted):
    # two precise studies agree but for a little, the others are far apart
    y = np.array([0.0, 1e-3, 3.0, -4.0, 5.0, -2.5, 6.0])
    v = np.array([1e-7, 1e-7, 0.1, 0.1, 0.1, 0.1, 0.1])
    tau2 = (restricted_maximum_likelihood if restricted else maximum_likelihood)(y, v)
    grid = np.geomspace(1e-9, 1e3, 2000)
    assert log_likelihood(y, v, tau2, restricted) >= log_likelihood(y, v, grid, restricted).max()
