"""The exact models against brute force, independent quadrature and R."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import chdtrc, chdtri, gammaln, logsumexp

import jakinib as jk
from jakinib.synthesis.kernels import binomial, log_choose, poisson
from jakinib.synthesis.mixed import MixedModel
from synthesis.dense import lowest
from synthesis.tables import REFERENCE, arm_table, inputs, two_groups

# fixed-grid trapezoid sums and finite differences, independent of the library: tests/reference/exact.py
BRUTE = list(pd.read_csv(REFERENCE / "exact_brute.csv").itertuples())
# lme4 through metafor with 25 nodes, which stops at about 1e-5: tests/reference/exact.R
R = list(pd.read_csv(REFERENCE / "exact_r.csv").itertuples())
# mantelhaen.test(exact = TRUE) in base R: tests/reference/conditional_test.R
TESTS = list(pd.read_csv(REFERENCE / "conditional_test_r.csv").itertuples())


def name(row):
    return "-".join((row.dataset, getattr(row, "measure", "OR"), getattr(row, "method", "")))


@pytest.mark.parametrize("row", BRUTE, ids=name)
def test_maximum_likelihood_equals_brute_force(row):
    ours = jk.pairwise(arm_table(inputs()[row.dataset]), row.measure, row.method, "reference", ci="wald")
    assert ours.theta == pytest.approx(row.theta, abs=1e-8)
    assert ours.tau2 == pytest.approx(row.tau2, abs=1e-7)
    assert ours.log_likelihood == pytest.approx(row.log_likelihood, abs=1e-8)
    # the reference's information is a second difference with steps of h = 1e-3: its error is of order h^2
    assert ours.se == pytest.approx(row.se, rel=1e-6)


@pytest.mark.parametrize("row", R, ids=name)
def test_close_to_lme4(row):
    ours = jk.pairwise(arm_table(inputs()[row.dataset]), row.measure, row.method, "reference", ci="wald")
    assert ours.theta == pytest.approx(row.theta, abs=5e-4)
    assert ours.se == pytest.approx(row.se, rel=2e-4)
    assert ours.tau2 == pytest.approx(row.tau2, rel=5e-4)


def test_conditional_model_equals_independent_quadrature():
    # maximum likelihood by 480-node quadrature, independent of R; its optimiser leaves about 3e-8 at tau2 = 0
    inputs_by_name = {"sim_vte_k40": pd.read_csv(REFERENCE / "sim_vte_k40.csv"), **inputs()}
    for row in pd.read_csv(REFERENCE / "exact_conditional.csv").itertuples():
        ours = jk.pairwise(arm_table(inputs_by_name[row.dataset]), "OR", "cm.el", "reference")
        assert ours.k == row.k
        assert ours.theta == pytest.approx(row.beta, abs=5e-8)
        assert ours.se == pytest.approx(row.se, abs=1e-7)
        assert ours.tau2 == pytest.approx(row.tau2, abs=1e-8)
        assert ours.log_likelihood == pytest.approx(row.ll, abs=1e-8)
        assert (ours.tau2 == 0) == row.boundary


@pytest.mark.parametrize("row", TESTS, ids=name)
def test_common_conditional_odds_ratio_and_exact_p_equal_r(row):
    ours = jk.pairwise(arm_table(inputs()[row.dataset]), "OR", "cm.el", "reference", effects="common")
    assert ours.theta == pytest.approx(row.theta, abs=2e-4)  # R's uniroot stops at 1.2e-4
    assert ours.p_exact == pytest.approx(row.p, rel=1e-6, abs=1e-12)


def _conditional_loglik(e1, n1, e2, n2):
    """Noncentral hypergeometric-normal log-likelihood by a fixed grid of 2,001 points."""
    z = np.linspace(-9, 9, 2001)
    log_w = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + math.log(z[1] - z[0])

    def choose(n, x):
        return gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)

    def loglik(theta, tau):
        total = 0.0
        for a, m, c, n in zip(e1, n1, e2, n2, strict=True):
            x = np.arange(max(0, a + c - n), min(a + c, m) + 1)
            eta = theta + tau * z
            top = choose(m, a) + choose(n, c) + a * eta
            total += logsumexp(
                top - logsumexp(choose(m, x) + choose(n, a + c - x) + eta[:, None] * x, axis=1) + log_w
            )
        return total

    return loglik


def test_profile_limits_are_where_the_likelihood_ratio_says():
    data = ([1, 0, 4, 2, 7], [90, 60, 110, 80, 150], [6, 2, 3, 8, 5], [92, 55, 60, 85, 140])
    ours = jk.pairwise(two_groups(*data), "OR", "cm.el", "reference")
    loglik = _conditional_loglik(*data)

    def profile(theta):
        return max(
            -minimize_scalar(lambda tau: -loglik(theta, tau), bounds=(0, 4), method="bounded").fun,
            loglik(theta, 0.0),
        )

    top = ours.log_likelihood
    assert top == pytest.approx(profile(ours.theta), abs=1e-8)
    for limit in (ours.ci_low, ours.ci_high):
        assert 2 * (top - profile(math.log(limit))) == pytest.approx(chdtri(1, 0.05), abs=1e-5)

    def over_theta(tau):
        return -minimize_scalar(lambda t: -loglik(t, tau), bounds=(-4, 4), method="bounded").fun

    assert 2 * (top - over_theta(math.sqrt(ours.tau2_high))) == pytest.approx(chdtri(1, 0.05), abs=1e-5)
    # likelihood-ratio test
    assert ours.p == pytest.approx(chdtrc(1, 2 * (top - profile(0.0))), rel=1e-5)


def test_wald_is_not_used_on_the_boundary():
    table = arm_table(inputs()["collins1985b_stillb"])
    ours = jk.pairwise(table, "OR", "cm.el", "reference", ci="wald")
    assert ours.tau2 == 0 and ours.ci == "profile" and any("boundary" in note for note in ours.notes)


@pytest.mark.parametrize("method", ["cm.el", "cm.al", "um.fs", "um.rs"])
@pytest.mark.parametrize("effects", ["random", "common"])
def test_events_on_one_side_give_a_one_sided_interval(method, effects):
    table = two_groups([0, 0], [50, 40], [3, 2], [50, 40])
    ours = jk.pairwise(table, "OR", method, "reference", effects=effects)
    assert ours.estimate == 0 and ours.ci_low == 0 and 0 < ours.ci_high < 1
    assert any("one side" in note for note in ours.notes)
    swapped = jk.pairwise(table, "OR", method, "treatment", effects=effects)
    assert swapped.estimate == math.inf
    assert swapped.ci_low == pytest.approx(1 / ours.ci_high, rel=1e-6)


def test_one_sided_limit_closed_form():
    # one study, 0 of 50 v 3 of 50, given 3 events: P(0) = 1 / (1 + ...): solved by hand as a cubic in the OR
    ours = jk.pairwise(two_groups([0], [50], [3], [50]), "OR", "cm.el", "reference", effects="common")
    ways = [math.comb(50, x) * math.comb(50, 3 - x) for x in range(4)]
    p0 = ways[0] / sum(w * ours.ci_high**x for x, w in enumerate(ways))
    assert -2 * math.log(p0) == pytest.approx(chdtri(1, 0.05), rel=1e-7)


@pytest.mark.parametrize("method", ["cm.el", "um.fs"])
def test_one_sided_limit_of_a_rate_closed_form(method):
    # one study, 0 events v 3: P(0 given 3) = (t2 / (t2 + t1 IRR))^3, to which free intercepts profile too
    table = two_groups([0], [50], [3], [50]).assign(person_years=[71.4, 136.0])
    ours = jk.pairwise(table, "IRR", method, "reference")
    limit = 136.0 / 71.4 * math.expm1(chdtri(1, 0.05) / 6)
    assert ours.ci_high == pytest.approx(limit, rel=1e-8)


def test_contradicting_studies_are_reported_not_hidden():
    ours = jk.pairwise(two_groups([0, 5], [50, 40], [5, 0], [50, 40]), "OR", "cm.el", "reference")
    assert ours.ci_low < 1 < ours.ci_high and ours.tau2 > 1
    assert any("contradict" in note for note in ours.notes)


def test_unconditional_random_intercepts_use_the_double_zero_study():
    table = arm_table(inputs()["nielweise2007"])
    assert jk.pairwise(table, "OR", "um.rs", "reference").k == 18
    assert jk.pairwise(table, "OR", "um.fs", "reference").k == 17


@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("method", ["cm.el", "um.fs", "um.rs"])
def test_rate_ratio_does_not_depend_on_the_unit_of_time(method, scale):
    one = inputs()["nielweise2008"]
    base = jk.pairwise(arm_table(one), "IRR", method, "reference")
    other = jk.pairwise(
        arm_table(one.assign(t1=one.t1 * scale, t2=one.t2 * scale)), "IRR", method, "reference"
    )
    assert other.theta == pytest.approx(base.theta, abs=1e-8)
    assert other.ci_high == pytest.approx(base.ci_high, rel=1e-6)


# placebo and drug: events, persons. Studies so much at odds that the likelihood has two ridges, one with and
# one without heterogeneity; a search that stays on the lower one gives a limit or a p value of it alone
RIDGES = (
    ([0, 17, 4, 0, 2], [2000, 20, 5, 5, 100], [0, 34, 5, 1191, 0], [1, 100, 5, 2000, 5]),
    ([51, 0], [2000, 1], [25, 61], [400, 400]),
    ([0, 3, 0], [1, 2000, 5], [1, 109, 2], [400, 2000, 20]),
    ([0, 1, 108, 3], [20, 1, 2000, 20], [28, 0, 901, 287], [100, 20, 2000, 2000]),
    ([2, 0, 0, 2, 92, 0, 0, 703], [20, 400, 2000, 100, 100, 400, 2000, 2000],
     [118, 0, 0, 31, 19, 0, 0, 26], [2000, 2000, 2000, 2000, 20, 20, 100, 100]),
    ([0, 2, 0, 100, 0, 0, 19, 0], [2000, 400, 2000, 100, 5, 20, 20, 1],
     [0, 63, 0, 2, 516, 2, 18, 0], [20, 2000, 1, 5, 2000, 100, 20, 400]),
)  # fmt: skip


@pytest.mark.parametrize("method", ["cm.el", "um.fs", "um.rs"])
@pytest.mark.parametrize("table", RIDGES)
def test_interval_and_test_of_no_effect_agree_where_studies_contradict(table, method):
    placebo, n2, drug, n1 = table
    ours = jk.pairwise(two_groups(drug, n1, placebo, n2), "OR", method, "reference")
    assert ours.ci_low < ours.estimate < ours.ci_high
    assert (ours.p < 0.05) == (ours.ci_low > 1 or ours.ci_high < 1)
    common = jk.pairwise(two_groups(drug, n1, placebo, n2), "OR", method, "reference", effects="common")
    assert ours.log_likelihood >= common.log_likelihood - 1e-8  # the common effect is one of its points


# events, size or person-years of placebo, then of the drug: their likelihood has two maxima in tau
TWO_MAXIMA = {
    "fixed intercepts, persons": (
        "um.fs", "OR", [3, 20, 0, 12, 0, 0, 0, 99], [5, 2000, 1, 20, 1, 100, 5, 100],
        [19, 1, 0, 0, 0, 0, 3, 1], [100, 1, 20, 5, 5, 2000, 100, 1],
    ),
    "fixed intercepts, person-years": (
        "um.fs", "IRR", [20, 0, 1, 0], [27.5, 195.5, 903.8, 58.5],
        [386, 0, 0, 3], [1112.7, 29.6, 54.2, 940.0],
    ),
    "five of person-years": (
        "um.fs", "IRR", [5, 186, 498, 2, 10], [6.6, 418.2, 2778.2, 50.4, 71.8],
        [90, 1, 3, 665, 367], [96.0, 1.5, 42.2, 2045.1, 1184.8],
    ),
    "conditional, person-years": (
        "cm.el", "IRR", [0, 0, 5, 5, 0, 20, 1795], [1.9, 1.3, 4.0, 9.3, 5.5, 57.9, 5628.9],
        [0, 0, 1, 17, 16, 1923, 98], [14.0, 2.2, 2.8, 37.0, 71.4, 1539.8, 78.4],
    ),
}  # fmt: skip


def profile_over_tau(method, measure, e2, d2, e1, d1):
    """theta -> the log-likelihood's maximum over tau and intercepts, by dense sums and bounded searches."""
    z = np.linspace(-8, 8, 321)
    normal = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + math.log(z[1] - z[0])

    def arm(e, d, eta):
        if measure == "OR":
            return log_choose(d, e) + e * eta - d * np.logaddexp(0, eta)
        return e * (eta + math.log(d)) - d * np.exp(np.minimum(eta, 300)) - gammaln(e + 1)

    def study(i, theta, tau):
        effect = theta + tau * z
        if method == "cm.el":
            odds, total = effect + math.log(d1[i] / d2[i]), e1[i] + e2[i]
            return logsumexp(log_choose(total, e1[i]) + e1[i] * odds - total * np.logaddexp(0, odds) + normal)

        def lower(a):
            return -logsumexp(arm(e1[i], d1[i], a + effect / 2) + arm(e2[i], d2[i], a - effect / 2) + normal)

        return -minimize_scalar(lower, bounds=(-25, 15), method="bounded", options={"xatol": 1e-9}).fun

    used = [
        i for i in range(len(e1)) if e1[i] + e2[i] > 0 and (measure == "IRR" or e1[i] + e2[i] < d1[i] + d2[i])
    ]

    def height(theta):
        def below(tau):
            return -sum(study(i, theta, tau) for i in used)

        return -lowest(below, (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 6.0))

    return height


@pytest.mark.parametrize("name", list(TWO_MAXIMA))
def test_limits_and_p_are_those_of_the_higher_of_two_maxima_in_tau(name):
    method, measure, *counts = TWO_MAXIMA[name]
    placebo, d2, drug, d1 = (np.array(x, dtype=float) for x in counts)
    table = two_groups(drug.astype(int), d1, placebo.astype(int), d2, time=measure == "IRR")
    ours = jk.pairwise(table, measure, method, "reference")
    height = profile_over_tau(method, measure, placebo, d2, drug, d1)
    peak = ours.log_likelihood
    assert height(ours.theta) == pytest.approx(peak, abs=1e-6)
    for limit in (ours.ci_low, ours.ci_high):
        assert height(math.log(limit)) == pytest.approx(peak - chdtri(1, 0.05) / 2, abs=2e-3)
        beyond = ours.theta + 1.1 * (math.log(limit) - ours.theta)
        assert height(beyond) < peak - chdtri(1, 0.05) / 2
    assert ours.p == pytest.approx(chdtrc(1, 2 * (peak - height(0.0))), abs=1e-4)
    assert all(height(theta) <= peak + 1e-5 for theta in np.linspace(ours.theta - 1, ours.theta + 1, 5))


# a likelihood by few nodes, which chose tau, once passed for that by all: ascents from there stood still
STOOD_STILL = {
    "OR": ([18, 4], [378, 192], [18, 2], [116, 35]),
    "IRR": ([67, 42, 40, 31, 250, 210, 24, 32], [118, 85, 77, 39, 268, 215, 34, 82],
            [0, 21, 8, 5, 20, 13, 1, 26], [116, 321, 186, 155, 304, 291, 49, 320]),
}  # fmt: skip


@pytest.mark.parametrize("measure", list(STOOD_STILL))
def test_the_estimate_is_where_the_profile_is_highest(measure):
    placebo, d2, drug, d1 = (np.array(x, dtype=float) for x in STOOD_STILL[measure])
    table = two_groups(drug.astype(int), d1, placebo.astype(int), d2, time=measure == "IRR")
    ours = jk.pairwise(table, measure, "um.fs", "reference")
    height = profile_over_tau("um.fs", measure, placebo, d2, drug, d1)
    h = 2e-3
    low, here, high = (height(ours.theta + step) for step in (-h, 0.0, h))
    # the top of the parabola through three points
    assert h * (low - high) / (2 * (low - 2 * here + high)) == pytest.approx(0.0, abs=3e-5)


def test_p_where_theta_0_needs_another_spread_of_effects_than_the_estimate():
    """Sums over a grid of z1, z2 and Nelder-Mead from nine starts: log-likelihood -20.405344 at 0."""
    table = two_groups([10, 12], [328, 93], [122, 228], [368, 348])
    ours = jk.pairwise(table, "OR", "um.rs", "reference")
    assert ours.p == pytest.approx(chdtrc(1, 2 * (ours.log_likelihood + 20.405344)), rel=1e-4)


def test_the_limit_of_tau_needs_a_spread_of_intercepts_that_the_estimate_has_not():
    """By the same sums the profile over tau has fallen by 1.9207 at 5.3013, without spread at 4.8308."""
    table = two_groups([76, 18], [111, 18], [10, 7], [229, 280])
    ours = jk.pairwise(table, "OR", "um.rs", "reference")
    assert ours.log_likelihood == pytest.approx(-12.0585554, abs=1e-6)
    assert math.sqrt(ours.tau2_high) == pytest.approx(5.301253, rel=1e-4)


def test_a_search_is_not_led_out_of_sight_where_the_likelihood_hardly_bends():
    """A step of 400 in the spread of intercepts once ended where no likelihood could be computed."""
    table = two_groups([1, 2, 7], [175, 795, 937], [1, 0, 1], [175, 795, 937], time=True)
    ours = jk.pairwise(table, "IRR", "um.rs", "reference")
    assert ours.log_likelihood == pytest.approx(-8.9982247, abs=1e-6)  # sums over a grid, Nelder-Mead
    assert (ours.ci_low, ours.ci_high) == pytest.approx((math.exp(-0.1042598), math.exp(3.4820437)), rel=1e-5)
    assert ours.p == pytest.approx(chdtrc(1, 2 * (10.7826952 - 8.9982247)), abs=1e-6)


def test_p_at_a_spread_of_seven_in_the_intercepts():
    """Integration over a grid about each study's mode, and a search: deviance 2.4528 at theta = 0."""
    placebo, n2, drug, n1 = RIDGES[4]
    ours = jk.pairwise(two_groups(drug, n1, placebo, n2), "OR", "um.rs", "reference")
    assert ours.log_likelihood == pytest.approx(-39.111888, abs=1e-6)
    assert ours.p == pytest.approx(chdtrc(1, 2.4528), abs=1e-5)


def test_the_higher_of_two_ridges_is_found():
    """Integration over a grid and Nelder-Mead from five starts: three end here, two at -34.248 with tau 0."""
    table = two_groups([74, 99, 43, 1], [100, 2000, 100, 5], [5, 982, 0, 62], [5, 2000, 1, 400])
    ours = jk.pairwise(table, "OR", "um.rs", "reference")
    assert ours.log_likelihood == pytest.approx(-33.5171412, abs=1e-6)
    assert ours.theta == pytest.approx(-1.08267, abs=2e-5)
    assert ours.tau2 == pytest.approx(1.45838**2, abs=1e-4)


@pytest.mark.parametrize(
    ("count", "events", "size", "beta"),
    [
        (binomial, ([0], [900]), ([2000], [2000]), (0.5, 0.8, -4.0, 5.0)),
        (binomial, ([0], [0]), ([2000], [50]), (0.5, 0.3, -4.0, 7.0)),
        (binomial, ([20], [0]), ([20], [2000]), (1.0, 3.0, -2.0, 2.0)),
        (binomial, ([1000], [1]), ([2000], [20]), (-1.0, 3.0, 0.0, 2.0)),
        (poisson, ([0], [100]), ([1e4], [10.0]), (0.0, 1.5, -3.0, 6.0)),
    ],
)
def test_two_random_effects_equal_a_dense_grid(count, events, size, beta):
    """The product rule is off by 1e-4 to 1e-2 here, where intercepts spread widely and groups are large."""
    x, n = (np.array(each, dtype=float).ravel() for each in (events, size))
    theta, tau, alpha, sigma = beta
    z1, z2 = np.linspace(-10, 10, 3001), np.linspace(-14, 14, 1201)[:, None]
    total = -0.5 * (z1**2 + z2**2) + math.log((z1[1] - z1[0]) * (z2[1, 0] - z2[0, 0]) / (2 * math.pi))
    for j, c in enumerate((0.5, -0.5)):
        eta = alpha + sigma * z1 + c * (theta + tau * z2)
        total += count(x[[j]], n[[j]])(eta.reshape(1, -1))[0].reshape(eta.shape)
    model = MixedModel(count(x, n), (0.5, -0.5), 1, "random")
    ours = model.evaluate(np.array([beta]), np.zeros((1, 0)), 16)
    assert ours.value[0] == pytest.approx(logsumexp(total), abs=1e-8)


@pytest.mark.parametrize("method", ["cm.el", "cm.al", "um.fs", "um.rs"])
def test_one_study_has_the_interval_of_a_common_effect(method):
    """Heterogeneity cannot be seen in one study: as for every other method its variance is held at zero."""
    table = two_groups([3], [100], [1], [20])
    random, common = (jk.pairwise(table, "OR", method, "reference", effects=e) for e in ("random", "common"))
    assert random.tau2 == 0
    assert (random.ci_low, random.ci_high, random.p) == pytest.approx(
        (common.ci_low, common.ci_high, common.p), rel=1e-9
    )
