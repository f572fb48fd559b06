"""Firth and beta-binomial against an independent maximisation written out in full."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, gammaln

import jakinib as jk
from synthesis.tables import arm_table, inputs, two_groups

SETS = ["nielweise2007", "collins1985b_stillb", "sim_k5", "sim_k12_tau", "bcg"]


def _columns(name):
    frame = inputs()[name]
    return tuple(frame[c].to_numpy(float) for c in ("e1", "n1", "e2", "n2"))


@pytest.mark.parametrize("name", SETS)
def test_firth_maximises_the_penalised_likelihood(name):
    e1, n1, e2, n2 = _columns(name)
    keep = e1 + e2 > 0
    k = int(keep.sum())
    # dense design: treatment, then one column a study
    x = np.zeros((2 * k, k + 1))
    x[:k, 0] = 1
    x[np.arange(2 * k), 1 + np.tile(np.arange(k), 2)] = 1
    y, n = np.r_[e1[keep], e2[keep]], np.r_[n1[keep], n2[keep]]

    def information(b):
        p = expit(x @ b)
        return x.T @ ((n * p * (1 - p))[:, None] * x)

    def lost(b):
        eta = x @ b
        return -(y @ eta - n @ np.logaddexp(0, eta) + 0.5 * np.linalg.slogdet(information(b))[1])

    def slope(b):
        p = expit(x @ b)
        hat = n * p * (1 - p) * np.einsum("ij,jk,ik->i", x, np.linalg.inv(information(b)), x)
        return -x.T @ (y - n * p + hat * (0.5 - p))

    b = minimize(lost, np.r_[0.0, np.full(k, -2.0)], jac=slope, method="BFGS", options={"gtol": 1e-6}).x
    for _ in range(30):  # scoring to the end: BFGS stops at its line search
        b = b - np.linalg.solve(information(b), slope(b))
    ours = jk.pairwise(arm_table(inputs()[name]), "OR", "firth", "reference")
    assert ours.theta == pytest.approx(b[0], abs=1e-8)
    assert ours.se == pytest.approx(math.sqrt(np.linalg.inv(information(b))[0, 0]), rel=1e-8)
    assert ours.log_likelihood == pytest.approx(-lost(b), rel=1e-10)


def test_firth_profile_limits():
    e1, n1, e2, n2 = 0.0, 50.0, 4.0, 50.0
    ours = jk.pairwise(two_groups([0], [50], [4], [50]), "OR", "firth", "reference")

    def penalised(theta):
        def lost(alpha):
            up, down = alpha[0] + theta, alpha[0]
            w1, w2 = n1 * expit(up) * expit(-up), n2 * expit(down) * expit(-down)
            value = e1 * up - n1 * np.logaddexp(0, up) + e2 * down - n2 * np.logaddexp(0, down)
            return -(value + 0.5 * math.log(w1 * w2))

        return -minimize(lost, [-2.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13}).fun

    for limit in (ours.ci_low, ours.ci_high):
        # 3.841459: 0.95 quantile of chi-squared on one degree of freedom
        assert 2 * (ours.log_likelihood - penalised(math.log(limit))) == pytest.approx(
            3.841458820694, abs=1e-6
        )


@pytest.mark.parametrize("name", [n for n in SETS if n != "bcg"])
def test_beta_binomial_maximises_the_likelihood(name):
    e1, n1, e2, n2 = _columns(name)

    def log_rising(a, step, count):
        """log of a (a + step) (a + 2 step) ..., `count` factors"""
        return float(np.log(a + step * np.arange(int(count))).sum())

    def lost(b):
        theta, s, alpha = b
        phi, total = s * s, 0.0
        for e, n, eta in ((e1, n1, alpha + theta), (e2, n2, alpha)):
            p = expit(eta)
            for x, m in zip(e, n, strict=True):
                total += gammaln(m + 1) - gammaln(x + 1) - gammaln(m - x + 1) - log_rising(1.0, phi, m)
                total += log_rising(p, phi, x) + log_rising(1 - p, phi, m - x)
        return -total

    ours = jk.pairwise(arm_table(inputs()[name]), "OR", "beta-binomial", "reference")
    start = [0.0, 0.1, math.log(e2.sum() / n2.sum())]
    found = minimize(
        lost, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-11, "maxiter": 2000}
    )
    assert ours.log_likelihood == pytest.approx(-found.fun, abs=1e-7)
    assert ours.theta == pytest.approx(found.x[0], abs=1e-4)  # Nelder-Mead in a flat valley


def test_long_runs_are_summed_exactly():
    from jakinib.synthesis.beta_binomial import _rule

    counts = np.array([3.0, 70.0, 1000.0, 123_456.0])
    nodes, weights = _rule(counts)
    for phi in (0.0, 1e-6, 1e-2, 1.0):
        exact = sum(math.fsum(np.log(0.3 + phi * np.arange(int(c)))) for c in counts)
        assert weights @ np.log(0.3 + phi * nodes) == pytest.approx(exact, rel=1e-12)
