"""The shortcuts of the exact likelihood against the sums and integrals they stand for."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln

import jakinib as jk
from jakinib.synthesis.arms import read_arms
from jakinib.synthesis.network.baseline import rule
from jakinib.synthesis.network.conditional import binomial_contrasts, cloglog_contrasts, poisson_contrasts
from jakinib.synthesis.network.data import select
from jakinib.synthesis.network.exact import one_hot
from jakinib.synthesis.network.interpolated import Interpolated
from jakinib.synthesis.network.random_effects import ExactModel, simplex

EVENTS = np.array([[0.0, 4.0], [3.0, 0.0], [12.0, 30.0], [1.0, 1.0]])
SIZE = np.array([[100.0, 110.0], [30.0, 70.0], [400.0, 380.0], [5000.0, 4.0]])


@pytest.mark.parametrize("make", [binomial_contrasts, poisson_contrasts, cloglog_contrasts])
def test_a_table_is_its_kernel(make):
    whole = make(EVENTS, SIZE)

    def kernel(eta):
        value, slope, curve = whole(np.stack([eta, np.zeros_like(eta)], axis=-1))
        return value, slope[..., 0], curve[..., 0, 0]

    table = Interpolated(kernel, len(EVENTS))
    eta = np.random.default_rng(2).normal(scale=4, size=(4, 50))
    for ours, outright, tolerance in zip(table(eta), kernel(eta), (1e-9, 1e-8, 1e-6), strict=True):
        assert np.allclose(ours, outright, atol=tolerance, rtol=1e-8)
    wider = table(eta * 4)  # the table grows and stays itself
    assert np.allclose(wider[0], kernel(eta * 4)[0], atol=1e-8)


@pytest.mark.parametrize("total", [1, 2, 5, 8, 9, 30])
def test_the_baseline_rule_integrates_a_gamma(total):
    # exp(x t - x exp(t)) has the integral gamma(x) / x^x and its mode at 0 with curvature x
    nodes, log_weight = rule(np.array([float(total)]))
    t = nodes[0] / math.sqrt(total)
    ours = (np.exp(log_weight[0] + total * t - total * np.exp(t))).sum() / math.sqrt(total)
    assert math.log(ours) == pytest.approx(gammaln(total) - total * math.log(total), abs=2e-10)


def test_hazard_ratios_from_persons_by_integration():
    events, n = np.array([[1.0, 0.0]]), np.array([[50.0, 60.0]])
    eta = np.array([0.3, -0.2])

    def integrand(mu):
        p = -np.expm1(-np.exp(mu + eta))
        return float(np.prod(p ** events[0] * (1 - p) ** (n[0] - events[0]))) * 50

    expected = math.log(quad(integrand, -40, 5, limit=500, epsabs=0, epsrel=1e-12)[0])
    assert cloglog_contrasts(events, n)(eta[None, None])[0][0, 0] == pytest.approx(expected, abs=1e-8)


def study(m):
    frame = pd.DataFrame({"study": 1, "treatment": [*"abcdefgh"[:m]], "events": [3, 0, 4, 1, 0, 2, 5, 1][:m]})
    return select(read_arms(frame.assign(person_years=150.0)), "IRR").data


@pytest.mark.parametrize(("m", "tau", "tolerance"), [(4, 0.3, 1e-8), (4, 1.0, 1e-6), (8, 0.3, 5e-5)])
def test_an_integral_arm_by_arm_is_the_integral_over_all_contrasts(m, tau, tolerance):
    model = ExactModel(study(m), one_hot(study(m)))
    beta = np.linspace(-0.5, 0.5, m)
    by_arm = model.evaluate(beta, tau, fine=True)
    model.groups[0].rule = None
    over_contrasts = model.evaluate(beta, tau, fine=True)
    assert by_arm.value == pytest.approx(over_contrasts.value, abs=tolerance)
    assert np.allclose(by_arm.gradient, over_contrasts.gradient, atol=50 * tolerance)
    if m == 4:  # seven dimensions have a rule of degree five, good for the value and its slope
        assert np.allclose(by_arm.hessian, over_contrasts.hessian, atol=100 * tolerance)


@pytest.mark.parametrize("d", [5, 6, 7])
def test_the_simplex_rule_has_degree_five(d):
    x, log_w = simplex(d)
    w = np.exp(log_w - 0.5 * (x**2).sum(axis=1))
    assert w.sum() == pytest.approx(1)
    assert np.allclose((w[:, None] * x).T @ x, np.eye(d))
    assert (w * x[:, 0] ** 4).sum() == pytest.approx(3)
    assert (w * x[:, 0] ** 2 * x[:, 1] ** 2).sum() == pytest.approx(1)
    assert (w * x[:, 0] ** 3 * x[:, 1]).sum() == pytest.approx(0, abs=1e-12)
    assert np.allclose((w * x[:, 0] ** 2) @ x, 0)


def contrasts(three_arms=True):
    rows = [
        ("1", "b", "a", 0.40, 0.20),
        ("2", "b", "a", -0.30, 0.25),
        ("3", "c", "b", -0.20, 0.25),
        ("4", "c", "a", 0.65, 0.22),
        ("5", "c", "a", -0.10, 0.30),
    ]
    # three arms with variances 0.02, 0.03 and 0.05: the variance of a pair is the sum of its arms'
    if three_arms:
        y, v = {"a": 0.0, "b": 0.5, "c": 0.1}, {"a": 0.02, "b": 0.03, "c": 0.05}
        rows += [
            ("6", t, r, y[t] - y[r], math.sqrt(v[t] + v[r])) for t, r in (("b", "a"), ("c", "a"), ("c", "b"))
        ]
    return pd.DataFrame(
        [
            {"study": s, "treatment": t, "reference": r, "measure": "HR", "estimate": math.exp(y), "se": e}
            for s, t, r, y, e in rows
        ]
    )


@pytest.mark.parametrize("effects", ["common", "random"])
def test_a_network_of_printed_estimates_is_generalised_least_squares(effects):
    exact = jk.network(contrasts(), "HR", "exact", effects, "a")
    option = {"tau2": "ml"} if effects == "random" else {}
    gls = jk.network(contrasts(), "HR", "iv", effects, "a", **option)
    assert np.allclose(exact.effects().theta, gls.effects().theta, atol=1e-6)
    if effects == "common":
        assert np.allclose(exact.effects().se, gls.effects().se, atol=1e-8)
        assert np.allclose(exact.effects().ci_low, gls.effects().ci_low, rtol=1e-5)
    else:
        assert exact.tau2 > 0.01
        assert exact.tau2 == pytest.approx(gls.tau2, abs=1e-6)


def test_printed_estimates_join_arms_as_their_likelihoods_add_up():
    arms = pd.DataFrame(
        {"study": "x", "treatment": [*"ab"], "events": [4, 9], "person_years": [210.0, 190.0]}
    )
    both = pd.concat([arms, contrasts(False).head(1)])
    ours = jk.network(both, "IRR", "exact", "common", "a").effects().iloc[0]
    d = np.linspace(-2, 3, 200001)
    share = 190 * np.exp(d) / (210 + 190 * np.exp(d))
    log_likelihood = 9 * np.log(share) + 4 * np.log1p(-share) - 0.5 * ((d - 0.40) / 0.20) ** 2
    assert ours.theta == pytest.approx(d[np.argmax(log_likelihood)], abs=5e-5)
    inside = d[log_likelihood > log_likelihood.max() - 3.841459 / 2]
    assert math.log(ours.ci_low) == pytest.approx(inside[0], abs=1e-4)
    assert math.log(ours.ci_high) == pytest.approx(inside[-1], abs=1e-4)


def test_three_printed_arms_without_their_correlation_are_refused_by_name():
    table = contrasts().drop(index=7)
    ours = jk.network(table, "HR", "exact", "common", "a")
    assert [x.study for x in ours.left_out] == ["6"]
    assert "correlation is unknown" in ours.left_out[0].reason
