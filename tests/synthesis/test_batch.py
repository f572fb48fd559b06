"""Data sets that are done leave a batch early: every one must still get what it gets alone."""

from __future__ import annotations

import numpy as np
import pytest

import jakinib as jk
from jakinib.synthesis.pairs import Pairs
from jakinib.synthesis.tau2.paule_mandel import solve_q

NUMBERS = ("theta", "se", "ci_low", "ci_high", "tau2", "i2", "q", "prediction_low", "prediction_high")


def batch(seed=3, sets=60, k=7):
    rng = np.random.default_rng(seed)
    n = rng.integers(20, 300, (2, sets, k))
    rate = rng.choice([0.005, 0.05, 0.4], (sets, 1))
    e1, e2 = rng.binomial(n[0], rate * rng.uniform(0.2, 1.5, (sets, k))), rng.binomial(n[1], rate)
    n[:, ::5, 4:] = 0  # some data sets have fewer studies
    e1[::5, 4:] = e2[::5, 4:] = 0
    return Pairs(e1 * 1.0, n[0] * 1.0, e2 * 1.0, n[1] * 1.0)


@pytest.mark.parametrize("method", ["iv-dl", "iv-reml", "iv-ml", "iv-pm"])
@pytest.mark.parametrize("ci", ["wald", "hk"])
def test_a_batch_gives_each_data_set_what_it_gets_alone(method, ci):
    pairs = batch()
    together = jk.pairwise_many(pairs, "OR", method, ci=ci)
    for i in range(len(together)):
        alone = jk.pairwise_many(
            Pairs(*(getattr(pairs, x)[i : i + 1] for x in ("e1", "d1", "e2", "d2"))), "OR", method, ci=ci
        )
        for name in NUMBERS:
            ours, single = getattr(together, name)[i], getattr(alone, name)[0]
            assert ours == pytest.approx(single, rel=1e-10, abs=1e-12, nan_ok=True), (i, name)


def test_the_root_of_q_is_a_root():
    rng = np.random.default_rng(5)
    y, v = rng.normal(0, 1, (200, 6)), rng.uniform(0.01, 0.5, (200, 6))
    target = rng.uniform(0.5, 12, 200)
    tau2 = solve_q(y, v, target)
    w = 1 / (v + tau2[:, None])
    mean = (w * y).sum(axis=1, keepdims=True) / w.sum(axis=1, keepdims=True)
    q = (w * (y - mean) ** 2).sum(axis=1)
    assert (tau2 > 0).sum() > 50
    assert q[tau2 > 0] == pytest.approx(target[tau2 > 0], rel=1e-12)
    assert (q[tau2 == 0] <= target[tau2 == 0]).all()


def test_the_root_of_q_beside_one_study_of_all_the_weight():
    y, v = np.array([0.0, 1e-9]), np.array([1e-30, 1.5e-20])
    for goal in (1e-3, 1.0, 5.0):
        # of two studies Q is the square of their difference over the sum of their variances
        exact = ((y[1] - y[0]) ** 2 / goal - v.sum()) / 2
        assert solve_q(y, v, np.float64(goal)) == pytest.approx(exact, rel=1e-12)


def test_no_study_at_all_has_no_root():
    assert (solve_q(np.zeros((2, 0)), np.zeros((2, 0)), np.array([5.0, 0.001])) == 0).all()


@pytest.mark.parametrize("method", ["mh", "iv-reml"])
def test_a_large_batch_does_not_depend_on_where_it_is_cut(method: str) -> None:
    rng = np.random.default_rng(3)
    n = rng.integers(20, 300, (2, 7_001, 18))
    events = rng.binomial(n, 0.03)
    sets = Pairs(events[0], n[0], events[1], n[1])
    backwards = Pairs(events[0, ::-1], n[0, ::-1], events[1, ::-1], n[1, ::-1])
    one, other = (jk.pairwise_many(x, "OR", method) for x in (sets, backwards))
    assert len(one) == 7_001
    for name in ("theta", "se", "tau2", "ci_low", "prediction_high", "k"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name)[::-1], rtol=1e-12)
