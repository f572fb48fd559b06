"""Dose and class nodes against generalised least squares and a likelihood written out on the contrasts."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import jakinib as jk

# two-arm contrasts against placebo and between doses: (treatment, reference, estimate, standard error)
ROWS = [
    ("x5", "placebo", 0.30, 0.20),
    ("x10", "placebo", 0.75, 0.22),
    ("x10", "x5", 0.20, 0.25),
    ("y1", "placebo", 0.10, 0.15),
    ("y2", "placebo", 0.55, 0.18),
    ("y4", "y1", 0.40, 0.21),
    ("z", "placebo", -0.20, 0.30),
]
Y = np.array([r[2] for r in ROWS])
SE = np.array([r[3] for r in ROWS])
DOSES = {"x5": ("x", 5.0), "x10": ("x", 10.0), "y1": ("y", 1.0), "y2": ("y", 2.0), "y4": ("y", 4.0)}
CLASSES = {t: drug for t, (drug, _) in DOSES.items()}


def fitted():
    table = pd.DataFrame(
        [
            {"study": i, "treatment": t, "reference": r, "measure": "HR", "estimate": math.exp(y), "se": s}
            for i, (t, r, y, s) in enumerate(ROWS)
        ]
    )
    return jk.network(table, "HR", "iv", "common", "placebo")


def design(column):
    """Rows of contrasts; ``column``: treatment to its row of the design."""
    zero = np.zeros(3)
    return np.array([column.get(t, zero) - column.get(r, zero) for t, r, _, _ in ROWS])


@pytest.mark.parametrize("dose", [True, False], ids=["linear dose", "common class"])
def test_shared_nodes_are_least_squares_on_the_contrasts(dose):
    rows = {t: np.array([(d if dose else 1.0) * (g == "x"), (d if dose else 1.0) * (g == "y"), 0.0])
            for t, (g, d) in DOSES.items()}  # fmt: skip
    rows["z"] = np.array([0.0, 0.0, 1.0])
    X = design(rows) / SE[:, None]
    covariance = np.linalg.inv(X.T @ X)
    g = covariance @ X.T @ (Y / SE)
    ours = fitted().doses(DOSES) if dose else fitted().classes(CLASSES, exchangeable=False)
    ours = ours.set_index("treatment")
    for t, row in rows.items():
        assert ours.theta[t] == pytest.approx(row @ g, abs=1e-10)
        assert ours.se[t] == pytest.approx(math.sqrt(row @ covariance @ row), rel=1e-9)
    assert ours.slope["x10"] == pytest.approx(g[0], abs=1e-10)
    free = fitted()
    misfit = ((Y / SE - X @ g) ** 2).sum() - free.q
    assert ours.attrs["q"] == pytest.approx(misfit, abs=1e-8) and ours.attrs["df"] == 3


def test_exchangeable_members_by_the_restricted_likelihood_of_the_contrasts():
    names = ["x5", "x10", "y1", "y2", "y4", "z"]
    D = np.array([[float(t == n) - float(r == n) for n in names] for t, r, _, _ in ROWS])
    B = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1.0]])
    E = np.diag([1, 1, 1, 1, 1, 0.0])

    def parts(s2):
        W = np.diag(SE**2) + s2 * D @ E @ D.T
        X, inverse = D @ B, np.linalg.inv(W)
        information = X.T @ inverse @ X
        g = np.linalg.solve(information, X.T @ inverse @ Y)
        r = Y - X @ g
        value = np.linalg.slogdet(W)[1] + np.linalg.slogdet(information)[1] + r @ inverse @ r
        return value, g, s2 * E @ D.T @ inverse @ r

    best = minimize(lambda x: parts(math.exp(x[0]))[0], [-3.0], method="Nelder-Mead", tol=1e-12)
    s2 = math.exp(best.x[0])
    _, g, pull = parts(s2)
    ours = fitted().classes(CLASSES)
    assert s2 > 0.001
    assert ours.attrs["s2"] == pytest.approx(s2, rel=1e-4)
    table = ours.set_index("treatment")
    for i, name in enumerate(names):
        assert table.theta[name] == pytest.approx((B @ g + pull)[i], abs=1e-5)
        assert table.se[name] > 0


def test_doses_that_cannot_be_used_are_refused_by_name():
    with pytest.raises(ValueError, match="'w' is not a treatment"):
        fitted().doses({"w": ("w", 1.0)})
    with pytest.raises(ValueError, match="dose 0"):
        fitted().doses({"x5": ("x", 0.0)})
    with pytest.raises(ValueError, match="method='iv'"):
        jk.network(
            pd.DataFrame({"study": 1, "treatment": ["a", "b"], "events": [3, 4], "n": 50}), "OR", "mh"
        ).doses({"a": ("a", 1.0)})


def test_the_funnel_is_centred_on_each_comparison():
    table = pd.DataFrame(
        [
            {
                "study": i,
                "treatment": "b",
                "reference": "a",
                "measure": "HR",
                "estimate": math.exp(y),
                "se": s,
            }
            for i, (y, s) in enumerate([(0.4, 0.2), (0.1, 0.3)])
        ]
        + [{"study": 9, "treatment": "c", "reference": "a", "measure": "HR", "estimate": 2.0, "se": 0.5}]
    )
    ours = jk.network(table, "HR", "iv", "common", "a")
    frame = ours.funnel().set_index("study")
    mean = (0.4 / 0.04 + 0.1 / 0.09) / (1 / 0.04 + 1 / 0.09)
    # pairs are ordered by name: a v b is the negative of b v a
    assert frame.centred["0"] == pytest.approx(-(0.4 - mean), abs=1e-12)
    assert frame.centred["9"] == pytest.approx(0, abs=1e-12)
    assert frame.se["1"] == pytest.approx(0.3, rel=1e-9)
    assert len(ours.funnel_figure().to_dict()["layer"]) == 2
