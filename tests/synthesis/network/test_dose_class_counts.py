"""Dose and class on the exact likelihood against likelihoods written out and integrated by brute force.

Two-arm studies, few events: the noncentral hypergeometric distribution summed outright, random effects by
Gauss-Hermite with many nodes about nought, maxima by a general search.
"""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import chdtri, gammaln, logsumexp

import jakinib as jk
from synthesis.tables import REFERENCE

# treatment, events, n, treatment, events, n
PAIRS = [
    ("x5", 3, 200, "placebo", 1, 100),
    ("x10", 6, 210, "placebo", 2, 205),
    ("x20", 9, 190, "placebo", 2, 95),
    ("x20", 5, 150, "x5", 2, 150),
    ("x10", 4, 120, "placebo", 0, 120),
    ("x5", 1, 80, "placebo", 0, 80),
    ("y", 1, 300, "placebo", 4, 290),
    ("y", 2, 150, "placebo", 3, 148),
    ("x20", 8, 220, "x10", 4, 230),
]
DOSES = {"x5": ("x", 5.0), "x10": ("x", 10.0), "x20": ("x", 20.0)}
CLASSES = dict.fromkeys(DOSES, "x")


def arms(pairs=PAIRS):
    rows = []
    for i, (a, ea, na, b, eb, nb) in enumerate(pairs):
        rows += [(f"s{i}", a, ea, na), (f"s{i}", b, eb, nb)]
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])


def choose(n, k):
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def log_likelihood(effect, pairs=PAIRS, tau=0.0):
    """``effect``: treatment to an array of log odds ratios; arrays of one shape give one value each."""
    x, w = np.polynomial.hermite_e.hermegauss(81)
    total = 0.0
    for a, ea, na, b, eb, nb in pairs:
        k = np.arange(max(0, ea + eb - nb), min(na, ea + eb) + 1)
        ways = choose(na, k) + choose(nb, ea + eb - k)
        d = np.asarray(effect[a] - effect[b], dtype=float)[..., None]
        if tau > 0:
            d = d + tau * x
        one = choose(na, ea) + choose(nb, eb) + d * ea - logsumexp(ways + d[..., None] * k, axis=-1)
        total = total + (logsumexp(one, b=w / w.sum(), axis=-1) if tau > 0 else one[..., 0])
    return total


def highest(value, start):
    found = minimize(lambda p: -float(value(p)), start, method="BFGS", jac="3-point", options={"gtol": 1e-7})
    return found.x, -float(found.fun)


def line(p):
    return {"placebo": 0.0, "x5": 5 * p[0], "x10": 10 * p[0], "x20": 20 * p[0], "y": p[1]}


def curve(p):
    ed50 = math.exp(p[2])
    return {"placebo": 0.0, "y": p[1]} | {t: p[0] * d / (ed50 + d) for t, (_, d) in DOSES.items()}


def test_a_line_through_the_doses_and_its_profile_interval():
    best, top = highest(lambda p: log_likelihood(line(p)), [0.05, -0.5])
    ours = jk.network(arms(), "OR", "exact", "common", "placebo").doses(DOSES)
    slope = ours.groups().iloc[0]
    assert slope.value == pytest.approx(best[0], abs=1e-7)
    table = ours.table().set_index("treatment")
    assert table.theta["x10"] == pytest.approx(10 * best[0], abs=1e-6)
    assert table.theta["y"] == pytest.approx(best[1], abs=1e-6)
    goal = top - float(chdtri(1, 0.05)) / 2

    assert slope.ci_low < best[0] < slope.ci_high
    for limit in (slope.ci_low, slope.ci_high):
        held = highest(lambda p, at=limit: log_likelihood(line([at, p[0]])), [best[1]])[1]
        assert held == pytest.approx(goal, abs=1e-6)
    assert math.log(table.ci_high["x20"]) == pytest.approx(20 * slope.ci_high, rel=1e-9)
    # misfit: against the network with a free effect of every dose
    free = jk.network(arms(), "OR", "exact", "common", "placebo")
    assert ours.q == pytest.approx(2 * (free.log_likelihood - top), abs=1e-6) and ours.df == 2


def test_a_line_with_random_effects():
    pairs = [(a, ea + 12 * (i == 2), na, b, eb + 5 * (i == 3), nb)
             for i, (a, ea, na, b, eb, nb) in enumerate(PAIRS)]  # fmt: skip
    best, _ = highest(lambda p: log_likelihood(line(p), pairs, abs(p[2])), [0.05, -0.5, 0.3])
    ours = jk.network(arms(pairs), "OR", "exact", "random", "placebo").doses(DOSES)
    assert best[2] ** 2 > 0.01
    assert ours.tau2 == pytest.approx(best[2] ** 2, rel=1e-4)
    assert ours.groups().value[0] == pytest.approx(best[0], abs=1e-6)


def test_an_infinite_slope_has_its_finite_limit():
    pairs = [
        ("x5", 2, 100, "placebo", 0, 100),
        ("x10", 4, 90, "placebo", 0, 80),
        ("y", 3, 70, "placebo", 2, 70),
    ]
    network = jk.network(arms(pairs), "OR", "exact", "common", "placebo")
    ours = network.doses({"x5": ("x", 5.0), "x10": ("x", 10.0)})
    slope = ours.groups().iloc[0]
    assert math.isinf(slope.value) and math.isinf(slope.ci_high) and "one-sided" in slope.reason
    # given the totals all events fall to the higher dose: likelihood 1 for an infinite slope
    only = pairs[:2]
    fall = log_likelihood(line([slope.ci_low, 0.0]), only) - log_likelihood(line([40.0, 0.0]), only)
    assert fall == pytest.approx(-float(chdtri(1, 0.05)) / 2, abs=1e-5)
    table = ours.table().set_index("treatment")
    assert table.note["x5"] and table.ci_low["x10"] == pytest.approx(math.exp(10 * slope.ci_low), rel=1e-9)
    free = network.effects().set_index("treatment")
    assert table.theta["y"] == pytest.approx(free.theta["y"], abs=1e-6)
    assert table.se["y"] == pytest.approx(free.se["y"], rel=1e-6)


def test_a_line_over_person_time_is_a_conditional_binomial():
    years = {f"s{i}": (0.4 * na, 0.5 * nb) for i, (_, _, na, _, _, nb) in enumerate(PAIRS)}
    table = arms().drop(columns="n")
    table["person_years"] = [t for pair in years.values() for t in pair]

    def value(p):
        total = 0.0
        for i, (a, ea, _, b, eb, _) in enumerate(PAIRS):
            ta, tb = years[f"s{i}"]
            log_odds = line(p)[a] - line(p)[b] + math.log(ta / tb)
            total += ea * log_odds - (ea + eb) * np.logaddexp(0.0, log_odds)
        return total

    best, _ = highest(value, [0.05, -0.5])
    ours = jk.network(table, "IRR", "exact", "common", "placebo").doses(DOSES)
    assert ours.groups().value[0] == pytest.approx(best[0], abs=1e-7)
    assert ours.table().set_index("treatment").theta["y"] == pytest.approx(best[1], abs=1e-6)


def test_emax_by_search_over_the_likelihood_written_out():
    best, top = highest(lambda p: log_likelihood(curve(p)), [2.0, -0.5, 1.5])
    ours = jk.network(arms(), "OR", "exact", "common", "placebo").doses(DOSES, "emax")
    table = ours.table().set_index("treatment")
    for t, d in curve(best).items():
        if t != "placebo":
            assert table.theta[t] == pytest.approx(d, abs=1e-5)
    assert ours.df == 1
    # at the limits of the effect of 10 units the profile, by brute force, has fallen by half of 3.84
    goal = top - float(chdtri(1, 0.05)) / 2
    for limit in ("ci_low", "ci_high"):
        e = math.log(table[limit]["x10"])

        def value(p, e=e):
            return log_likelihood(curve([e * (math.exp(p[1]) + 10) / 10, p[0], p[1]]))

        held = max(highest(value, [best[1], log_ed50])[1] for log_ed50 in (-2, 2, 6))
        assert held == pytest.approx(goal, abs=1e-5)


def test_two_doses_are_fitted_exactly_and_give_ed50_in_closed_form():
    # many events: effects e1 at dose 1 and e2 at dose 2 give ED50 = 2 (e2 - e1) / (2 e1 - e2)
    pairs = [("a1", 3000, 9000, "placebo", 1500, 9000), ("a2", 3500, 9000, "placebo", 1500, 9000)]
    network = jk.network(arms(pairs), "OR", "exact", "common", "placebo")
    free = network.effects().set_index("treatment").theta
    e1, e2 = free["a1"], free["a2"]
    ours = network.doses({"a1": ("a", 1), "a2": ("a", 2)}, "emax")
    groups = ours.groups().set_index("parameter")
    ed50 = 2 * (e2 - e1) / (2 * e1 - e2)
    assert groups.value["ed50"] == pytest.approx(ed50, rel=1e-5)
    assert groups.ci_low["ed50"] < ed50 < groups.ci_high["ed50"] < math.inf
    assert groups.value["emax"] == pytest.approx(e1 * (ed50 + 1), rel=1e-5)
    assert groups.ci_low["emax"] < groups.value["emax"] < groups.ci_high["emax"]
    # change of unit: milligrams or grams
    grams = network.doses({"a1": ("a", 0.001), "a2": ("a", 0.002)}, "emax").groups().set_index("parameter")
    assert grams.value["ed50"] == pytest.approx(ed50 / 1000, rel=1e-6)
    assert grams.value["emax"] == pytest.approx(groups.value["emax"], rel=1e-6)


def test_a_shape_the_doses_do_not_tell_is_not_given():
    network = jk.network(arms(), "OR", "exact", "common", "placebo")
    one = network.doses({"x20": ("x", 20.0), "y": ("y", 1.0)}, "emax")
    assert one.groups().value.isna().all()
    assert one.groups().reason.str.contains("one dose").all()
    free = network.effects().set_index("treatment").theta
    assert one.table().set_index("treatment").theta["x20"] == pytest.approx(free["x20"], abs=1e-6)
    # convex: twice the dose, four times the effect
    pairs = [("a1", 1800, 9000, "placebo", 1500, 9000), ("a2", 3500, 9000, "placebo", 1500, 9000)]
    convex = jk.network(arms(pairs), "OR", "exact", "common", "placebo")
    doses = {"a1": ("a", 1.0), "a2": ("a", 2.0)}
    ours = convex.doses(doses, "emax")
    groups = ours.groups().set_index("parameter")
    assert groups.value.isna().all() and "straight line" in groups.reason["ed50"]
    assert groups.ci_low["ed50"] > 0 and math.isinf(groups.ci_high["ed50"])
    straight = convex.doses(doses).table()
    np.testing.assert_allclose(ours.table().theta, straight.theta, atol=1e-6)
    assert "not told" in str(ours)
    # falling: the higher dose does less, the best curve is a step
    pairs = [("a1", 3500, 9000, "placebo", 1500, 9000), ("a2", 3000, 9000, "placebo", 1500, 9000)]
    step = jk.network(arms(pairs), "OR", "exact", "common", "placebo")
    ours = step.doses(doses, "emax")
    groups = ours.groups().set_index("parameter")
    assert math.isnan(groups.value["ed50"]) and "step" in groups.reason["ed50"]
    equal = step.classes({"a1": "a", "a2": "a"}, exchangeable=False).table()
    np.testing.assert_allclose(ours.table().theta, equal.theta, atol=1e-6)


# the table above with more events, so that members differ; and one in which studies differ as well
MANY = {
    "common": [(a, 4 * ea if a == "x20" else ea, na, b, eb, nb) for a, ea, na, b, eb, nb in PAIRS],
    "random": [
        (a, 4 * ea if a == "x20" else ea + 12 * (i == 1), na, b, eb, nb)
        for i, (a, ea, na, b, eb, nb) in enumerate(PAIRS)
    ],
}


def integrated(effects, number):
    """The maximum over (mean, y, s, tau), members integrated over a grid, and the members' means there."""
    x, w = np.polynomial.hermite_e.hermegauss(number)
    z = np.meshgrid(x, x, x, indexing="ij", sparse=True)
    w = w / w.sum()
    weight = np.einsum("i,j,k->ijk", w, w, w)

    def parts(p):
        effect = {t: p[0] + p[2] * z[i] for i, t in enumerate(DOSES)}
        tau = p[3] if effects == "random" else 0.0
        return effect, log_likelihood(effect | {"placebo": 0.0, "y": p[1]}, MANY[effects], tau)

    start = [1.8, -0.9, 1.1, 0.4] if effects == "random" else [1.8, -0.9, 1.1]
    best, _ = highest(lambda p: logsumexp(parts(p)[1], b=weight), start)
    effect, log = parts(best)
    share = weight * np.exp(log - log.max())
    return best, {t: float((share * effect[t]).sum() / share.sum()) for t in DOSES}


@pytest.mark.parametrize("effects", ["common", "random"])
def test_exchangeable_members_by_integration_over_a_grid(effects):
    # tests/reference/dose_class.py: integrated(), with 81 (common) and 41 (random) nodes a member
    theirs = pd.read_csv(REFERENCE / "dose_class_brute.csv")
    theirs = theirs[theirs.effects == effects].set_index("name").value
    ours = jk.network(arms(MANY[effects]), "OR", "exact", effects, "placebo").classes(CLASSES)
    table = ours.table().set_index("treatment")
    # seven nodes a member about the mode
    assert ours.s2 == pytest.approx(theirs["s2"], rel=5e-4)
    assert ours.groups().value[0] == pytest.approx(theirs["mean"], abs=1e-4)
    for t in [*DOSES, "y"]:
        assert table.theta[t] == pytest.approx(theirs[t], abs=1e-4)
    if effects == "random":
        assert ours.tau2 == pytest.approx(theirs["tau2"], rel=5e-4)


SLOPED = [
    ("a", 8, 200, "placebo", 5, 200, 0.0),
    ("a", 30, 210, "placebo", 6, 205, 2.0),
    ("a", 16, 190, "placebo", 6, 195, 1.0),
    ("b", 9, 150, "placebo", 7, 150, 0.5),
    ("b", 5, 220, "placebo", 11, 220, 2.0),
    ("b", 7, 180, "a", 14, 190, 1.5),
]


def test_exchangeable_slopes_by_integration_over_a_grid():
    table = arms([p[:6] for p in SLOPED]).assign(x=np.repeat([p[6] for p in SLOPED], 2))
    x, w = np.polynomial.hermite_e.hermegauss(61)
    z = np.meshgrid(x, x, indexing="ij", sparse=True)
    weight = np.outer(w, w) / w.sum() ** 2
    centre = table.x.mean()

    def parts(p):
        slope = {"placebo": 0.0, "a": p[2] + p[3] * z[0], "b": p[2] + p[3] * z[1]}
        own = {"placebo": 0.0, "a": p[0], "b": p[1]}
        total = 0.0
        for *pair, at in SLOPED:
            effect = {t: own[t] + slope[t] * (at - centre) for t in own}
            total = total + log_likelihood(effect, [tuple(pair)])
        return slope, total

    best, _ = highest(lambda p: logsumexp(parts(p)[1], b=weight), [0.8, 0.0, 0.0, 0.6])
    slope, log = parts(best)
    share = weight * np.exp(log - log.max())
    share /= share.sum()
    network = jk.network(table, "OR", "exact", "common", "placebo")
    ours = network.meta_regression("x", "exchangeable").set_index("treatment")
    assert best[3] ** 2 > 0.1
    assert ours.s2[""] == pytest.approx(best[3] ** 2, rel=1e-4)
    assert ours.slope[""] == pytest.approx(best[2], abs=1e-5)
    for t in ("a", "b"):
        assert ours.slope[t] == pytest.approx(float((share * slope[t]).sum()), abs=1e-5)
    # another unit of the covariate
    months = jk.network(table.assign(x=12 * table.x), "OR", "exact", "common", "placebo")
    other = months.meta_regression("x", "exchangeable").set_index("treatment")
    assert 12 * other.slope["a"] == pytest.approx(ours.slope["a"], rel=1e-6)
    assert 144 * other.s2[""] == pytest.approx(ours.s2[""], rel=1e-6)
    assert other.p["a"] == pytest.approx(ours.p["a"], rel=1e-6)


ORDER = ["placebo", "x5", "x10", "x20", "y"]


@st.composite
def tables(draw):
    pairs = []
    for i in range(draw(st.integers(4, 7))):
        a = ORDER[1 + i % 4]
        b = draw(st.sampled_from([t for t in ORDER if t != a])) if i > 3 else "placebo"
        na, nb = draw(st.integers(20, 300)), draw(st.integers(20, 300))
        pairs.append((a, draw(st.integers(0, 8)), na, b, draw(st.integers(0, 6)), nb))
    return pairs


@settings(max_examples=8, deadline=None)
@given(tables(), st.sampled_from(["linear", "emax", "exchangeable"]), st.randoms(use_true_random=False))
def test_any_table_gives_a_number_or_a_reason_whatever_its_order_and_names(pairs, curve, random):
    network = jk.network(arms(pairs), "OR", "exact", "common", "placebo")
    held = set(network.main.treatments) if network.main else set()
    doses = {t: d for t, d in DOSES.items() if t in held}
    if "placebo" not in held or not doses:
        return
    ours = network.doses(doses, curve)
    for row in ours.table().to_dict("records"):
        assert math.isfinite(row["theta"]) or row["note"]
        if math.isfinite(row["theta"]):
            assert row["ci_low"] <= row["estimate"] <= row["ci_high"]
            assert (math.isfinite(row["ci_low"]) and math.isfinite(row["ci_high"])) or row["note"]
    for row in ours.groups().to_dict("records"):
        assert math.isfinite(row["value"]) or row["reason"]
    assert str(ours) and ours.to_dict()["effects"] and ours.figure().to_dict()["layer"]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    turned = [(b, eb, nb, a, ea, na) for a, ea, na, b, eb, nb in shuffled]
    names = {"x5": "q", "x10": "p", "x20": "a", "y": "k", "placebo": "placebo"}
    renamed = [(names[a], ea, na, names[b], eb, nb) for a, ea, na, b, eb, nb in turned]
    other = jk.network(arms(renamed), "OR", "exact", "common", "placebo")
    again = other.doses({names[t]: d for t, d in doses.items()}, curve).table().set_index("treatment")
    for row in ours.table().to_dict("records"):
        theta = again.theta[names[row["treatment"]]]
        assert theta == pytest.approx(row["theta"], abs=2e-4, nan_ok=True)
