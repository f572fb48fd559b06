"""The network on the exact likelihood: pairwise references, brute-force integration, invariants."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import chdtrc, chdtri, gammaln, logsumexp

import jakinib as jk
from jakinib.synthesis.arms import read_arms
from jakinib.synthesis.kernels import log_choose
from jakinib.synthesis.network.data import select
from jakinib.synthesis.network.exact import one_hot
from jakinib.synthesis.network.random_effects import ExactModel
from synthesis.dense import lowest
from synthesis.network.tables import networks
from synthesis.tables import REFERENCE, arm_table, inputs, two_groups

# maximum likelihood of the conditional models by 480-node quadrature, independent of R
CONDITIONAL = pd.read_csv(REFERENCE / "exact_conditional.csv")


@pytest.mark.parametrize("row", list(CONDITIONAL.itertuples()), ids=lambda r: f"{r.dataset}-{r.measure}")
def test_two_treatments_equal_the_conditional_model(row):
    known = inputs()
    pairs = known[row.dataset] if row.dataset in known else pd.read_csv(REFERENCE / f"{row.dataset}.csv")
    ours = jk.network(arm_table(pairs), row.measure, "exact", reference="reference")
    effect = ours.effects().iloc[0]
    assert effect.theta == pytest.approx(row.beta, abs=2e-6)
    assert ours.tau2 == pytest.approx(row.tau2, abs=5e-6)
    assert ours.log_likelihood == pytest.approx(row.ll, abs=1e-6)


def test_profile_interval_of_two_treatments_equals_the_pairwise_one():
    for name in ("nielweise2007", "collins1985b_stillb"):
        table = arm_table(inputs()[name])
        ours = jk.network(table, "OR", "exact", reference="reference").effects().iloc[0]
        pooled = jk.pairwise(table, "OR", "cm.el", "reference")
        assert math.log(ours.ci_low) == pytest.approx(math.log(pooled.ci_low), abs=1e-4)
        assert math.log(ours.ci_high) == pytest.approx(math.log(pooled.ci_high), abs=1e-4)
        assert ours.p == pytest.approx(pooled.p, abs=1e-5)


def test_a_likelihood_of_two_treatments_is_the_pairwise_one_where_tau_is_large():
    # studies that contradict one another: tau far above 1, limits where tau meets its ceiling of 10
    tables = (
        [[1632, 0, 6, 0, 48, 0], [14, 2, 0, 0, 1, 1]],
        [[7, 0, 77, 0, 0, 0, 58], [3, 0, 5, 20, 336, 0, 1]],
        [[0, 19, 3, 0], [12, 0, 0, 40]],
        # two maxima in tau: the other at tau2 0.5, and at 0
        [[2, 46, 1, 87, 85], [3, 10, 4, 5, 93]],
        [[34, 337, 0, 63], [176, 5, 0, 1]],
    )
    sizes = (
        [[2000, 400, 2000, 100, 100, 20], [100, 5, 1, 5, 1, 20]],
        [[20, 20, 2000, 1, 1, 1, 2000], [5, 100, 5, 20, 2000, 400, 20]],
        [[300, 300, 90, 50], [310, 290, 100, 41]],
        [[20, 400, 1, 100, 100], [5, 100, 400, 5, 100]],
        [[100, 400, 1, 100], [2000, 5, 5, 1]],
    )
    for events, n in zip(tables, sizes, strict=True):
        table = two_groups(events[1], n[1], events[0], n[0])
        pair = jk.pairwise(table, "OR", "cm.el", "reference")
        network = jk.network(table, "OR", "exact", reference="reference")
        ours = network.effects().iloc[0]
        assert network.tau2 > 3
        assert network.tau2 == pytest.approx(pair.tau2, rel=1e-6)
        assert network.log_likelihood == pytest.approx(pair.log_likelihood, abs=1e-7)
        assert ours.p == pytest.approx(pair.p, abs=1e-6)  # values beside the maximum are known to 1e-6
        assert math.log(ours.ci_low) == pytest.approx(math.log(pair.ci_low), abs=1e-3)
        assert math.log(ours.ci_high) == pytest.approx(math.log(pair.ci_high), abs=1e-3)


def brute(log_likelihood, eta, tau, m, nodes=80):
    """Integral over m - 1 correlated random effects by a plain product rule of many nodes."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    covariance = 0.5 * tau**2 * (np.eye(m - 1) + np.ones((m - 1, m - 1)))
    lower = np.linalg.cholesky(covariance)
    grid = np.stack(np.meshgrid(*[x] * (m - 1), indexing="ij"), axis=-1).reshape(-1, m - 1)
    weight = np.prod(np.stack(np.meshgrid(*[w] * (m - 1), indexing="ij"), axis=-1).reshape(-1, m - 1), axis=1)
    shift = np.concatenate([np.zeros((len(grid), 1)), grid @ lower.T], axis=1)
    return math.log(sum(p * math.exp(log_likelihood(eta + s)) for p, s in zip(weight, shift, strict=True)))


def test_random_effects_likelihood_of_a_three_arm_study_by_brute_force():
    x, time = np.array([2.0, 0.0, 5.0]), np.array([60.0, 55.0, 70.0])
    table = pd.DataFrame({"study": 1, "treatment": [*"abc"], "events": x, "person_years": time})
    data = select(read_arms(table), "IRR").data
    beta, tau = np.array([0.0, -0.4, 0.6]), 0.7

    def multinomial(eta):
        share = time * np.exp(eta) / (time * np.exp(eta)).sum()
        return gammaln(x.sum() + 1) - gammaln(x + 1).sum() + (x * np.log(share)).sum()

    state = ExactModel(data, one_hot(data)).evaluate(beta, tau)
    assert state.value == pytest.approx(brute(multinomial, beta, tau, 3), abs=2e-6)
    fine = ExactModel(data, one_hot(data)).evaluate(beta, tau, fine=True)
    assert fine.value == pytest.approx(brute(multinomial, beta, tau, 3), abs=1e-9)


def test_three_arms_that_contradict_one_another_are_integrated_finely():
    events = np.array([[9.0, 1.0, 2.0], [1.0, 8.0, 0.0], [3.0, 0.0, 12.0], [6.0, 10.0, 1.0], [0.0, 2.0, 5.0]])
    table = pd.DataFrame(
        {
            "study": np.repeat([*"12345"], 3),
            "treatment": [*"abc"] * 5,
            "events": events.ravel(),
            "person_years": 100.0,
        }
    )
    ours = jk.network(table, "IRR", "exact", reference="a")
    assert ours.tau2 > 1
    d = ours.effects()
    eta = np.concatenate([[0.0], d.theta])
    # given the total multinomial; contrasts (u, v) with the first arm have variance tau^2 and covariance half
    x = np.linspace(-8, 8, 401)
    u = x[:, None]
    v = 0.5 * x[:, None] + math.sqrt(0.75) * x
    tau = math.sqrt(ours.tau2)
    lp = np.stack(np.broadcast_arrays(0.0 * v, eta[1] + tau * u - eta[0], eta[2] + tau * v - eta[0]), axis=-1)
    log_share = lp - logsumexp(lp, axis=-1, keepdims=True)
    normal = -0.5 * (x[:, None] ** 2 + x**2) - math.log(2 * math.pi) + 2 * math.log(x[1] - x[0])
    total = sum(
        gammaln(e.sum() + 1) - gammaln(e + 1).sum() + logsumexp(log_share @ e + normal) for e in events
    )
    assert ours.log_likelihood == pytest.approx(total, abs=1e-4)  # coarse nodes are off by 1e-3


@pytest.mark.parametrize("measure", ["OR", "IRR", "HR"])
def test_derivatives_are_those_of_the_value(measure):
    table = networks()["simn_safe_t9k48"].head(12)
    if measure == "HR":
        table = table.drop(columns="person_years")
    data = select(read_arms(table), measure, mixed=True).data
    keep = data.total(data.events) > 0
    data = data.keep_studies(keep)
    model = ExactModel(data, one_hot(data), "cloglog")
    rng = np.random.default_rng(5)
    beta, tau = rng.normal(size=len(data.treatments)) / 2, 0.4
    state = model.evaluate(beta, tau, fine=True)
    for i in range(len(beta) + 1):
        step = np.zeros(len(beta) + 1)
        step[i] = 1e-4
        up = model.evaluate(beta + step[:-1], tau + step[-1], fine=True)
        down = model.evaluate(beta - step[:-1], tau - step[-1], fine=True)
        assert state.gradient[i] == pytest.approx((up.value - down.value) / 2e-4, abs=2e-6)
        assert np.allclose(state.hessian[i], (up.gradient - down.gradient) / 2e-4, atol=2e-5)


def test_profile_limits_are_where_the_likelihood_has_fallen_by_its_quantile():
    ours = jk.network(networks()["hasselblad1998"], "OR", "exact", reference="no_contact")
    fit = ours.main.fit
    names = ours.main.treatments
    from jakinib.synthesis.network.exact import Line

    row = ours.effects().set_index("treatment").loc["self_help"]
    for limit in (row.ci_low, row.ci_high):
        line = Line(fit, names.index("self_help"), names.index("no_contact"))
        state = line.held(math.log(limit), line._origin())
        assert 2 * (fit.log_likelihood - state.value) == pytest.approx(3.841459, abs=1e-4)


def zero_arm():
    return pd.DataFrame(
        {
            "study": [1, 1, 2, 2, 3, 3, 3],
            "treatment": [*"ab", *"ab", *"abc"],
            "events": [4, 0, 3, 0, 5, 0, 6],
            "n": [100, 100, 80, 85, 120, 110, 115],
        }
    )


@pytest.mark.parametrize("effects", ["common", "random"])
def test_a_treatment_without_events_gets_a_one_sided_interval(effects):
    frame = jk.network(zero_arm(), "OR", "exact", effects, "a").effects().set_index("treatment")
    b = frame.loc["b"]
    assert (b.estimate, b.ci_low) == (0.0, 0.0)
    assert 0 < b.ci_high < 1
    assert 0 < b.p < 0.05
    assert "no finite estimate" in b.note
    assert math.isfinite(frame.se["c"]) and math.isfinite(frame.theta["c"])
    back = jk.network(zero_arm(), "OR", "exact", effects, "b").effects().set_index("treatment")
    assert back.estimate["a"] == math.inf
    assert back.ci_low["a"] == pytest.approx(1 / b.ci_high, rel=1e-5)


def test_person_time_persons_and_printed_estimates_in_one_network():
    rows = [
        {"study": "py", "treatment": "a", "events": 4, "person_years": 210.0},
        {"study": "py", "treatment": "b", "events": 9, "person_years": 190.0},
        {"study": "n", "treatment": "b", "events": 3, "n": 300},
        {"study": "n", "treatment": "c", "events": 5, "n": 310},
        {"study": "hr", "treatment": "c", "reference": "a", "measure": "HR", "estimate": 1.5, "se": 0.6},
    ]
    ours = jk.network(pd.DataFrame(rows), "IRR", "exact", "common", "a")
    assert ours.k == 3
    text = " ".join(ours.notes)
    assert "entered by persons" in text and "printed hazard ratio" in text
    frame = ours.effects().set_index("treatment")
    # rare events: the inverse-variance network of the three log ratios is near
    y = {"ab": math.log(9 / 190) - math.log(4 / 210), "bc": math.log(5 / 310) - math.log(3 / 300)}
    v = {"ab": 1 / 9 + 1 / 4, "bc": 1 / 5 + 1 / 3, "ac": 0.36}
    indirect, v_indirect = y["ab"] + y["bc"], v["ab"] + v["bc"]
    w1, w2 = 1 / v["ac"], 1 / v_indirect
    expected = (w1 * math.log(1.5) + w2 * indirect) / (w1 + w2)
    assert frame.theta["c"] == pytest.approx(expected, abs=0.1)


def test_swapping_event_and_non_event_turns_the_odds_ratio_over():
    table = networks()["hasselblad1998"]
    one = jk.network(table, "OR", "exact", reference="no_contact")
    two = jk.network(table.assign(events=table.n - table.events), "OR", "exact", reference="no_contact")
    assert np.allclose(one.effects().theta, -two.effects().theta, atol=1e-5)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-7)


def test_an_uninformative_study_and_the_unit_of_time_change_nothing():
    table = networks()["simn_safe_t9k48"].drop(columns="n")
    one = jk.network(table, "IRR", "exact", reference="T01")
    extra = pd.DataFrame(
        {"study": "zero", "treatment": ["T01", "T02"], "events": [0, 0], "person_years": [9.0, 8.0]}
    )
    two = jk.network(
        pd.concat([table, extra]).assign(person_years=lambda t: t.person_years * 365.25),
        "IRR",
        "exact",
        reference="T01",
    )
    assert np.allclose(one.effects().theta, two.effects().theta, atol=1e-6)
    assert "zero" in {x.study for x in two.left_out}


# pairs of arms (study, first, second) as events and persons: studies that can be read in two ways
TWO_RIDGES = {
    "seven times the other arm, and a seventh": [
        ("t0", 5, 42, "t1", 27, 147), ("t1", 7, 146, "t2", 6, 48), ("t0", 11, 165, "t1", 4, 60),
        ("t2", 67, 195, "t0", 59, 136), ("t0", 4, 108, "t1", 9, 117), ("t0", 43, 167, "t2", 3, 32),
    ],
    "no event under t1 but in two": [
        ("t0", 6, 148, "t1", 2, 193), ("t1", 0, 14, "t2", 2, 15), ("t1", 0, 156, "t2", 3, 149),
        ("t0", 3, 42, "t2", 5, 140), ("t0", 9, 65, "t1", 0, 59), ("t0", 15, 128, "t1", 0, 22),
    ],
}  # fmt: skip


def height_of(studies, at):
    """The log-likelihood's maximum over tau and t2's effect with t1's at ``at``, by dense sums."""
    z = np.linspace(-8, 8, 241)
    normal = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + math.log(z[1] - z[0])
    kernels = []
    for a, e1, n1, b, e2, n2 in studies:
        x = np.arange(max(0, e1 + e2 - n2), min(n1, e1 + e2) + 1)
        ways = log_choose(n1, x) + log_choose(n2, e1 + e2 - x)
        kernels.append((int(a[1]), int(b[1]), x - e1, ways - log_choose(n1, e1) - log_choose(n2, e2)))

    def below(other, tau):
        d = np.array([0.0, at, other])
        total = 0.0
        for a, b, x, ways in kernels:
            eta = d[a] - d[b] + tau * z
            total += logsumexp(normal - logsumexp(ways[:, None] + x[:, None] * eta, axis=0))
        return -total

    def over(tau):
        return minimize_scalar(below, bounds=(-6, 6), args=(tau,), method="bounded").fun

    return -lowest(over, (0.0, 0.1, 0.25, 0.5, 0.8, 1.2, 1.8, 2.6, 4.0))


@pytest.mark.parametrize("name", list(TWO_RIDGES))
def test_limits_are_those_of_the_higher_of_two_maxima_in_tau(name):
    rows = []
    for i, (a, e1, n1, b, e2, n2) in enumerate(TWO_RIDGES[name]):
        rows += [(f"s{i}", a, e1, n1), (f"s{i}", b, e2, n2)]
    table = pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])
    net = jk.network(table, "OR", "exact", reference="t0")
    effect = net.effects().iloc[0]
    peak = net.log_likelihood
    assert height_of(TWO_RIDGES[name], effect.theta) == pytest.approx(peak, abs=1e-5)
    for limit in (effect.ci_low, effect.ci_high):
        height = height_of(TWO_RIDGES[name], math.log(limit))
        assert height == pytest.approx(peak - chdtri(1, 0.05) / 2, abs=2e-3)
    p = chdtrc(1, 2 * (peak - height_of(TWO_RIDGES[name], 0.0)))
    assert effect.p == pytest.approx(p, abs=1e-4)
