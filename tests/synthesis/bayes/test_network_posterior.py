"""Posteriors against long chains (gemtc, JAGS), brute-force integration and closed forms."""

import math

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from jakinib.synthesis.bayes.priors import Priors
from synthesis.network.tables import networks
from synthesis.tables import REFERENCE, arm_table, inputs

# tests/reference/bayes.R: JAGS 4.3.1, three chains of 250,000 to 1,500,000 after 15,000
JAGS = pd.read_csv(REFERENCE / "bayes_jags.csv")
SETS = {
    "hasselblad1998 uniform(0 2)": ("hasselblad1998", "OR", "uniform(0, 2)", "no_contact"),
    "dogliotti2014 halfnormal(0.5)": ("dogliotti2014", "OR", "halfnormal(0.5)", "VKAs"),
    "simn_safe_t9k48 uniform(0 2)": ("simn_safe_t9k48", "OR", "uniform(0, 2)", "T01"),
    "simn_safe_t9k48 IRR halfnormal(0.5)": ("simn_safe_t9k48", "IRR", "halfnormal(0.5)", "T01"),
    "nielweise2007 halfnormal(0.5)": ("nielweise2007", "OR", "halfnormal(0.5)", "reference"),
    "nielweise2008 IRR turner": (
        "nielweise2008",
        "IRR",
        "turner2015(pharmacological-placebo, adverse events)",
        "reference",
    ),
    "person-time and estimates": ("simn_safe_t9k48", "IRR", "halfnormal(0.5)", "T01"),
}


def table_of(name):
    dataset, _, _, _ = SETS[name]
    if dataset.startswith("nielweise"):
        return arm_table(inputs()[dataset])
    table = networks()[dataset]
    if name != "person-time and estimates":
        return table
    table = table[table.study.isin([f"N{i:03d}" for i in range(1, 21)])].drop(columns="n")
    printed = pd.DataFrame(
        {
            "study": ["x1", "x2", "x3"],
            "treatment": ["T02", "T03", "T03"],
            "reference": ["T01", "T01", "T02"],
            "measure": "IRR",
            "estimate": [1.4, 0.6, 0.5],
            "se": [0.3, 0.4, 0.35],
        }
    )
    return pd.concat([table, printed])


def test_the_chains_have_settled():
    """At least 20,000 effective draws of every parameter; Monte-Carlo error of every SD below 0.7 %."""
    assert set(SETS) <= set(JAGS.dataset)
    assert ((JAGS.sd / JAGS.mcse) ** 2 > 20_000).all() and (JAGS.mcse_sd < 0.007 * JAGS.sd).all()


@pytest.mark.parametrize("name", SETS)
def test_equal_to_long_chains(name):
    _, measure, tau, reference = SETS[name]
    ours = jk.network(table_of(name), measure, "bayes", "random", reference, priors=Priors(tau=tau))
    frame = ours.effects().set_index("treatment")
    for row in JAGS[JAGS.dataset == name].itertuples():
        if row.parameter == "tau":
            mean, sd, quantiles = ours.main.fit.posterior.tau_summary
            low, high = quantiles[0], quantiles[2]
        else:
            found = frame.loc[row.parameter]
            mean, sd, low, high = found.theta, found.se, math.log(found.ci_low), math.log(found.ci_high)
        assert abs(mean - row.mean) < 0.02 * row.sd
        assert sd / row.sd == pytest.approx(1, abs=0.01)
        assert low == pytest.approx(row.q025, abs=0.1 * row.sd)
        assert high == pytest.approx(row.q975, abs=0.1 * row.sd)
    assert ours.main.fit.posterior.k < 0.5


def test_the_same_twice_to_the_last_bit():
    one, two = (jk.network(networks()["hasselblad1998"], "OR", "bayes").to_dict() for _ in range(2))
    assert one == two


def test_the_order_of_rows_does_not_matter():
    table = networks()["hasselblad1998"]
    one, two = (jk.network(t, "OR", "bayes").effects() for t in (table, table.sample(frac=1, random_state=3)))
    pd.testing.assert_frame_equal(one, two, rtol=1e-6)  # limits are searched for to 1e-8 SD


def log_binomial(x, n, eta):
    return (
        math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) + x * eta - n * np.logaddexp(0, eta)
    )


def brute(table, tau, d, mu):
    """Log joint density on a grid of the one effect, studies integrated on a grid of mu."""
    out = -0.5 * (d / 10) ** 2 - math.log(10 * math.sqrt(2 * math.pi))
    x, w = np.polynomial.hermite_e.hermegauss(61)
    for _, part in table.groupby("study"):
        (x0, n0), (x1, n1) = part[["events", "n"]].to_numpy()
        base = log_binomial(x0, n0, mu) - 0.5 * (mu / 10) ** 2 - math.log(10 * math.sqrt(2 * math.pi))
        k = np.array([np.exp(base + log_binomial(x1, n1, mu + z)).sum() for z in d]) * (mu[1] - mu[0])
        if tau:
            k = sum(
                wi / w.sum() * np.interp(d + tau * xi, d, k, left=k[0], right=0)
                for xi, wi in zip(x, w, strict=True)
            )
        out = out + np.log(np.maximum(k, 1e-300))
    return out


def test_a_treatment_without_events_by_brute_force():
    table = pd.DataFrame(
        {
            "study": [1, 1, 2, 2, 3, 3],
            "treatment": [*"ab"] * 3,
            "events": [4, 0, 3, 0, 0, 0],
            "n": [100, 100, 80, 85, 50, 60],
        }
    )
    d, mu = np.linspace(-60, 15, 751), np.linspace(-60, 8, 1701)
    for effects in ("common", "random"):
        if effects == "common":
            density = np.exp(brute(table, 0.0, d, mu))
        else:
            nodes, w = np.polynomial.legendre.leggauss(10)
            nodes, w = 1.25 * (nodes + 1), 1.25 * w
            prior = np.exp(Priors("halfnormal(0.5)").log_density(nodes))
            density = sum(
                np.exp(brute(table, t, d, mu)) * p * wi for t, p, wi in zip(nodes, prior, w, strict=True)
            )
        evidence = density.sum() * (d[1] - d[0])
        density = density / density.sum()
        mean = density @ d
        fit = jk.network(table, "OR", "bayes", effects, "a").main.fit
        sd = math.sqrt(density @ (d - mean) ** 2)
        assert fit.theta[1] == pytest.approx(mean, abs=0.01 * sd)
        assert math.sqrt(fit.covariance[1, 1]) == pytest.approx(sd, rel=0.01)
        assert fit.posterior.log_evidence == pytest.approx(math.log(evidence), abs=0.01)
        assert fit.posterior.k < 0.7


def test_printed_estimates_alone_have_the_normal_posterior():
    rows = [("1", "b", "a", 0.4, 0.2), ("2", "b", "a", 0.1, 0.3), ("3", "c", "b", -0.2, 0.25)]
    table = pd.DataFrame(
        [
            {"study": s, "treatment": t, "reference": r, "measure": "HR", "estimate": math.exp(y), "se": e}
            for s, t, r, y, e in rows
        ]
    )
    fit = jk.network(table, "HR", "bayes", "common", "a", priors=Priors(effect_sd=2)).main.fit
    X = np.array([[1, 0], [1, 0], [-1, 1]], dtype=float)
    W = np.diag([1 / 0.04, 1 / 0.09, 1 / 0.0625])
    covariance = np.linalg.inv(X.T @ W @ X + np.eye(2) / 4)
    mean = covariance @ X.T @ W @ np.array([0.4, 0.1, -0.2])
    assert np.allclose(fit.theta[1:], mean, atol=1e-3)
    assert np.allclose(fit.covariance[1:, 1:], covariance, atol=1e-3)


def test_rank_probabilities_and_predictive_intervals():
    ours = jk.network(networks()["hasselblad1998"], "OR", "bayes", reference="no_contact")
    probability = ours.main.fit.rank_probability()
    assert np.allclose(probability.sum(axis=0), 1) and np.allclose(probability.sum(axis=1), 1)
    frame = ours.effects()
    assert (frame.prediction_low < frame.ci_low).all() and (frame.prediction_high > frame.ci_high).all()
    ranks = ours.ranking()
    assert set(ranks["kind"]) == {"sucra"} and ranks.treatment[0] == "no_contact"


@pytest.mark.parametrize(
    ("tau", "mean"),
    [
        ("halfnormal(0.5)", 0.5 * math.sqrt(2 / math.pi)),
        ("uniform(0.2, 2)", 1.1),
        ("lognormal(-1, 0.5)", math.exp(-1 + 0.125)),
        ("lognormal2(-2, 1)", math.exp(-1 + 0.125)),
        ("gamma(2, 4)", 0.5),
    ],
)
def test_priors_are_normalised(tau, mean):
    prior = Priors(tau=tau)
    x = np.linspace(1e-9, 30, 2_000_001)
    density = np.exp(prior.log_density(x))
    assert density.sum() * (x[1] - x[0]) == pytest.approx(1, abs=1e-4)
    assert (density * x).sum() * (x[1] - x[0]) == pytest.approx(mean, abs=1e-4)


@pytest.mark.parametrize(
    "tau", ["normal(1)", "halfnormal", "halfnormal(-1)", "uniform(2, 1)", "gamma(1)", "halfnormal(x)"]
)
def test_priors_that_are_refused(tau):
    with pytest.raises(ValueError, match="tau prior"):
        Priors(tau=tau)


@pytest.mark.parametrize("seed", range(4))
def test_rates_that_contradict_one_another_by_orders_of_magnitude_are_estimable(seed):
    """Two- and three-armed studies with person-years from 1e-3 to 1e6, tiny and full counts side by side."""
    rng = np.random.default_rng(seed)
    rows = []
    for study in range(4):
        for treatment in rng.choice(list("abc"), 2 + study % 2, replace=False):
            n = int(rng.integers(1, 200))
            events = int(rng.choice([0, n, rng.integers(0, n + 1)]))
            rows.append((study, treatment, events, 10.0 ** rng.uniform(-3, 6)))
    table = pd.DataFrame(rows, columns=["study", "treatment", "events", "person_years"])
    main = jk.network(table, "IRR", "bayes").main
    assert not main.fit.posterior.lost
    assert np.isfinite(main.fit.theta).all() and main.fit.tau2 > 0
    # a likelihood of counts is at most 1, and priors are normalised
    assert main.fit.posterior.log_evidence < 0
