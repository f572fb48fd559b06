"""Mantel-Haenszel, noncentral hypergeometric and Firth networks against R netmetabin 3.3-1."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from synthesis.network.tables import labelled, netmeta, networks
from synthesis.network.test_inverse_variance import pair

# closed form; R's optimiser stops at about 1e-4 for NCH; R's logistf at 1e-8 in the score for LRP
CASES = [
    *((d, "mh", "MH", 1e-9) for d in networks()),
    ("simn_safe_t9k48", "nch", "NCH", 2e-4),
    *((d, "firth", "LRP", 2e-7) for d in networks()),
]


@pytest.mark.parametrize(("dataset", "method", "r_method", "tolerance"), CASES)
def test_equal_to_netmetabin(dataset, method, r_method, tolerance):
    r = netmeta(dataset, "OR", f"netmetabin-{r_method}")
    ours = jk.network(networks()[dataset], "OR", method, "common")
    frame = ours.comparisons()
    for (a, b), theta in labelled(r, "common:TE").items():
        row, sign = pair(frame, a, b)
        assert sign * row.theta == pytest.approx(theta, abs=tolerance)
        assert row.se == pytest.approx(labelled(r, "common:seTE")[a, b], rel=tolerance)
    assert ours.k == r["k"]
    if method == "mh":
        between = ours.inconsistency().set_index("source").loc["inconsistency"]
        assert between.q == pytest.approx(r["Q.inconsistency"], rel=1e-9)
        assert between.df == r["df.Q.inconsistency"]


def firth_by_brute_force(x, n, X):
    """Maximum of the likelihood times the root of the determinant of the information, by simplex and BFGS."""
    from scipy.optimize import minimize

    def negative(beta):
        eta = X @ beta
        p = 1 / (1 + np.exp(-eta))
        information = X.T @ (X * (n * p * (1 - p))[:, None])
        return -(x @ eta - n @ np.logaddexp(0, eta) + 0.5 * np.linalg.slogdet(information)[1])

    start = minimize(negative, np.full(X.shape[1], -0.5), method="Nelder-Mead", options={"maxiter": 20000}).x
    return minimize(negative, start, method="BFGS", options={"gtol": 1e-9}).x


def test_firth_is_the_maximum_of_the_penalised_likelihood():
    table = pd.DataFrame(
        {
            "study": [1, 1, 2, 2, 2, 3, 3],
            "treatment": [*"ab", *"abc", *"bc"],
            "events": [0, 3, 0, 0, 2, 0, 0],
            "n": [20, 25, 30, 28, 33, 12, 15],
        }
    )
    X = np.zeros((7, 5))
    X[range(7), [0, 0, 1, 1, 1, 2, 2]] = 1
    X[[1, 3, 5], 3] = 1
    X[[4, 6], 4] = 1
    beta = firth_by_brute_force(table.events.to_numpy(float), table.n.to_numpy(float), X)
    frame = jk.network(table, method="firth", reference="a").effects().set_index("treatment")
    assert frame.theta["b"] == pytest.approx(beta[3], abs=1e-5)
    assert frame.theta["c"] == pytest.approx(beta[4], abs=1e-5)


def test_mantel_haenszel_of_two_treatments_is_the_pairwise_one():
    table = networks()["simn_safe_t9k48"]
    both = table[table.treatment.isin(["T01", "T06"])]
    both = both[both.groupby("study").treatment.transform("size") == 2]
    row = jk.network(both, method="mh", reference="T01").effects().iloc[0]
    pooled = jk.pairwise(both, "OR", "mh", "T01")
    assert row.theta == pytest.approx(pooled.theta, abs=1e-12)
    assert row.se == pytest.approx(pooled.se, abs=1e-12)


def test_an_arm_that_mantel_haenszel_cannot_use_is_named():
    ours = jk.network(networks()["hasselblad1998"], method="mh", reference="no_contact")
    assert {x.study for x in ours.left_out} == {"19"}
    assert "no odds ratio against it is defined" in str(ours)


def multivariate_hypergeometric(x, n, eta):
    """Probability of x given its total by summing over every table."""

    def weight(t):
        return math.prod(math.comb(k, i) * math.exp(i * e) for k, i, e in zip(n, t, eta, strict=True))

    tables = [t for t in product(*(range(k + 1) for k in n)) if sum(t) == sum(x)]
    return math.log(weight(x) / sum(weight(t) for t in tables))


@pytest.mark.parametrize(
    ("x", "n"),
    [((1, 0, 2), (9, 7, 8)), ((3, 0, 1), (3, 2, 4)), ((1, 2, 0, 3), (6, 5, 7, 4)), ((5, 4, 5), (5, 5, 5))],
)
def test_conditional_likelihood_against_every_table(x, n):
    from jakinib.synthesis.network.conditional import _several, binomial_contrasts

    eta = np.array([0.4, -1.1, 0.7, 0.2])[: len(n)]
    expected = multivariate_hypergeometric(x, n, eta)
    for make in (binomial_contrasts, _several):
        value, first, second = make(np.array([x], float), np.array([n], float))(eta[None, None, :])
        assert value[0, 0] == pytest.approx(expected, abs=1e-10)
        for i in range(len(n)):
            step = np.eye(len(n))[i] * 1e-5
            slope = (
                multivariate_hypergeometric(x, n, eta + step) - multivariate_hypergeometric(x, n, eta - step)
            ) / 2e-5
            assert first[0, 0, i] == pytest.approx(slope, abs=1e-7)
        up = make(np.array([x], float), np.array([n], float))
        numeric = (up((eta + step)[None, None])[1] - up((eta - step)[None, None])[1]) / 2e-5
        assert np.allclose(second[0, 0, -1], numeric[0, 0], atol=1e-7)
