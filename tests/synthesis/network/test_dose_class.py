"""Dose and class nodes against metafor, least squares and likelihoods written out on the contrasts."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares, minimize
from scipy.special import chdtrc, ndtri

import jakinib as jk
from synthesis.network.tables import networks
from synthesis.tables import REFERENCE

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


def fitted(method="iv"):
    table = pd.DataFrame(
        [
            {"study": i, "treatment": t, "reference": r, "measure": "HR", "estimate": math.exp(y), "se": s}
            for i, (t, r, y, s) in enumerate(ROWS)
        ]
    )
    return jk.network(table, "HR", method, "common", "placebo")


def design(column):
    """Rows of contrasts; ``column``: treatment to its row of the design."""
    zero = np.zeros(3)
    return np.array([column.get(t, zero) - column.get(r, zero) for t, r, _, _ in ROWS])


@cache
def _r():
    # tests/reference/dose_class.R: metafor 3.8-1 rma.mv, and a brute-force restricted likelihood for slopes
    return pd.read_csv(REFERENCE / "dose_class_r.csv")


def r(dataset, what):
    rows = _r()[(_r().dataset == dataset) & (_r().what == what)]
    return dict(zip(rows["name"], rows["value"], strict=True))


R_GROUPS = {
    "dogliotti2014": (
        "Placebo/Control",
        {"Dabigatran 110mg": ("dabigatran", 110), "Dabigatran 150mg": ("dabigatran", 150)},
        {
            "VKAs": "anticoagulant",
            "Apixaban": "anticoagulant",
            "Rivaroxaban": "anticoagulant",
            "Dabigatran 110mg": "anticoagulant",
            "Dabigatran 150mg": "anticoagulant",
            "Aspirin": "antiplatelet",
            "Aspirin+Clopidogtrel": "antiplatelet",
        },
    ),
    "hasselblad1998": (
        "no_contact",
        {"ind_counseling": ("counseling", 1), "grp_counseling": ("counseling", 2)},
        dict.fromkeys(("ind_counseling", "grp_counseling", "self_help"), "active"),
    ),
}


@pytest.mark.parametrize("dataset", list(R_GROUPS))
@pytest.mark.parametrize("what", ["linear", "class", "exchangeable"])
def test_inverse_variance_models_equal_metafor(dataset, what):
    reference, dose, classes = R_GROUPS[dataset]
    network = jk.network(networks()[dataset], "OR", "iv", "random", reference)
    theirs = r(dataset, what)
    ours = network.doses(dose) if what == "linear" else network.classes(classes, what == "exchangeable")
    # R's optimiser stops at about 1e-7 of its own scale
    assert ours.tau2 == pytest.approx(theirs["tau2"], rel=2e-5)
    assert (
        math.isnan(ours.s2)
        if what != "exchangeable"
        else ours.s2 == pytest.approx(theirs["s2"], rel=2e-5, abs=1e-6)
    )
    groups = ours.groups().set_index("group")
    for name, row in groups.iterrows():
        assert row.value == pytest.approx(theirs[f"theta[{name}]"], rel=1e-5)
        assert row.se == pytest.approx(theirs[f"se[{name}]"], rel=1e-5)
    table = ours.table().set_index("treatment")
    for t in table.index[table.group == ""]:
        assert table.theta[t] == pytest.approx(theirs[f"theta[{t}]"], rel=1e-5)
        assert table.se[t] == pytest.approx(theirs[f"se[{t}]"], rel=1e-5)


@pytest.mark.parametrize("dataset", list(R_GROUPS))
@pytest.mark.parametrize("slopes", ["shared", "exchangeable"])
def test_inverse_variance_slopes_equal_metafor(dataset, slopes):
    table = networks()[dataset]
    table = table.assign(digit=table.study.astype(str).str[-1].astype(float) / 10)
    network = jk.network(table, "OR", "iv", "random", R_GROUPS[dataset][0])
    ours = network.meta_regression("digit", slopes).iloc[0]
    theirs = r(dataset, "slope" if slopes == "shared" else "random slopes")
    assert ours.slope == pytest.approx(theirs["theta[slope]"], rel=1e-4)
    assert ours.se == pytest.approx(theirs["se[slope]"], rel=1e-4)
    assert ours.tau2 == pytest.approx(theirs["tau2"], rel=1e-4)
    if slopes == "exchangeable":
        assert ours.s2 == pytest.approx(theirs["s2"], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("method", ["iv", "exact"])
@pytest.mark.parametrize("dose", [True, False], ids=["linear dose", "common class"])
def test_shared_nodes_are_least_squares_on_the_contrasts(dose, method):
    rows = {t: np.array([(d if dose else 1.0) * (g == "x"), (d if dose else 1.0) * (g == "y"), 0.0])
            for t, (g, d) in DOSES.items()}  # fmt: skip
    rows["z"] = np.array([0.0, 0.0, 1.0])
    X = design(rows) / SE[:, None]
    covariance = np.linalg.inv(X.T @ X)
    g = covariance @ X.T @ (Y / SE)
    found = fitted(method).doses(DOSES) if dose else fitted(method).classes(CLASSES, exchangeable=False)
    ours = found.table().set_index("treatment")
    tolerance = 1e-9 if method == "iv" else 1e-6
    for t, row in rows.items():
        se = math.sqrt(row @ covariance @ row)
        assert ours.theta[t] == pytest.approx(row @ g, abs=tolerance)
        assert ours.se[t] == pytest.approx(se, rel=tolerance)
        # a normal likelihood is a parabola: its profile is Wald's interval
        assert math.log(ours.ci_low[t]) == pytest.approx(row @ g - ndtri(0.975) * se, abs=1e-6)
    groups = found.groups().set_index("group")
    assert groups.value["x"] == pytest.approx(g[0], abs=tolerance)
    free = fitted()
    misfit = ((Y / SE - X @ g) ** 2).sum() - free.q
    assert found.q == pytest.approx(misfit, abs=1e-7) and found.df == 3
    assert found.p == pytest.approx(float(chdtrc(3, misfit)), abs=1e-7)


@pytest.mark.parametrize("method", ["iv", "exact"])
def test_exchangeable_members_by_the_likelihood_of_the_contrasts(method):
    """Restricted likelihood for inverse variance, maximum likelihood for the exact method."""
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
        value = np.linalg.slogdet(W)[1] + r @ inverse @ r
        if method == "iv":
            value += np.linalg.slogdet(information)[1]
        return value, g, s2 * E @ D.T @ inverse @ r, np.linalg.inv(information)

    best = minimize(lambda x: parts(math.exp(x[0]))[0], [-3.0], method="Nelder-Mead", tol=1e-12)
    s2 = math.exp(best.x[0])
    _, g, pull, covariance = parts(s2)
    ours = fitted(method).classes(CLASSES)
    assert s2 > 0.001
    assert ours.s2 == pytest.approx(s2, rel=1e-4)
    table = ours.table().set_index("treatment")
    for i, name in enumerate(names):
        assert table.theta[name] == pytest.approx((B @ g + pull)[i], abs=1e-5)
        assert table.se[name] > 0
    groups = ours.groups().set_index("group")
    assert groups.parameter.tolist() == ["mean", "mean"]
    # means and s2 are orthogonal in the expected information only: the observed one moves the error a little
    assert groups.se["x"] == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-6 if method == "iv" else 0.05)


@pytest.mark.parametrize("method", ["iv", "exact"])
def test_emax_is_least_squares_on_the_contrasts(method):
    def effects(p):
        x, y = math.exp(p[1]), math.exp(p[3])
        return {"placebo": 0.0, "z": p[4]} | {
            t: p[0] * d / (x + d) if g == "x" else p[2] * d / (y + d) for t, (g, d) in DOSES.items()
        }

    def residual(p):
        d = effects(p)
        return [(d[t] - d[r] - y) / s for t, r, y, s in ROWS]

    start = [2.0, 3.0, 2.0, 2.0, -0.2]
    best = least_squares(residual, start, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    ours = fitted(method).doses(DOSES, "emax")
    table = ours.table().set_index("treatment")
    for t, d in effects(best.x).items():
        if t != "placebo":
            assert table.theta[t] == pytest.approx(d, abs=2e-4)
    assert ours.q == pytest.approx(2 * best.cost - fitted().q, abs=1e-6)
    assert ours.df == 1


@pytest.mark.parametrize("method", ["iv", "exact"])
def test_a_variance_that_cannot_be_told_is_nought_and_said_so(method):
    table = pd.DataFrame(
        {
            "study": np.repeat(range(3), 2),
            "treatment": ["a", "p", "b", "p", "c", "p"],
            "events": [9, 5, 14, 6, 8, 7],
            "n": 100,
            "x": np.repeat([1.0, 2.0, 4.0], 2),
        }
    )
    network = jk.network(table, "OR", method, "random", "p")
    free = network.effects().set_index("treatment").theta
    alone = network.classes({"a": "k", "b": "l"})
    assert alone.s2 == alone.tau2 == 0.0
    assert any("one member" in note for note in alone.notes) and any("tau2" in note for note in alone.notes)
    assert alone.table().set_index("treatment").theta["a"] == pytest.approx(free["a"], abs=1e-6)
    # a line through two of them leaves a degree of freedom for tau2
    line = network.doses({"a": ("d", 1.0), "b": ("d", 2.0)})
    assert not any("tau2" in note for note in line.notes) and line.df == 1
    assert math.isnan(network.meta_regression("x", "exchangeable").slope[0])


def test_doses_that_cannot_be_used_are_refused_by_name():
    with pytest.raises(ValueError, match="'w' is not a treatment"):
        fitted().doses({"w": ("w", 1.0)})
    with pytest.raises(ValueError, match="dose 0"):
        fitted().doses({"x5": ("x", 0.0)})
    with pytest.raises(ValueError, match="linear, emax, exchangeable"):
        fitted().doses(DOSES, "spline")
    with pytest.raises(ValueError, match="name at least one"):
        fitted().classes({})
    with pytest.raises(ValueError, match="method='iv' or 'exact'"):
        jk.network(
            pd.DataFrame({"study": 1, "treatment": ["a", "b"], "events": [3, 4], "n": 50}), "OR", "mh"
        ).doses({"b": ("b", 1.0)})


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
