"""No legal arm table may raise, hide a study, lose a reason, or collapse a standard error."""

import json
import math
import os
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jakinib as jk
from jakinib.synthesis.methods import METHODS
from synthesis.tables import two_groups

CASES = [
    (method, measure)
    for method, m in METHODS.items()
    for measure in m.measures
    if measure not in ("HR", "MD", "GEN")
]


@st.composite
def group(draw, time):
    """Events and size of one arm: rare, common, none, all, tiny and huge."""
    if time:
        events = draw(st.one_of(st.just(0), st.integers(0, 6), st.integers(0, 400)))
        return events, draw(st.one_of(st.just(1e-3), st.just(1e6), st.floats(0.01, 5000)))
    size = draw(st.one_of(st.just(1), st.integers(1, 8), st.integers(1, 3000)))
    events = draw(st.one_of(st.just(0), st.integers(0, min(4, size)), st.integers(0, size), st.just(size)))
    return events, size


@st.composite
def tables(draw, time=False, most=60):
    k = draw(st.one_of(st.integers(1, 4), st.integers(1, most)))
    first = [draw(group(time)) for _ in range(k)]
    second = [draw(group(time)) for _ in range(k)]
    return two_groups(*zip(*first, strict=True), *zip(*second, strict=True), time=time)


def check(table, measure, method, **options):
    ours = jk.pairwise(table, measure, method, "reference", **options)
    studies = set(table["study"])
    left = {study for study, _ in ours.left_out}
    used = {s.study for s in ours.studies if s.used}
    assert used | left == studies and not used & left
    assert all(reason for _, reason in ours.left_out)
    assert ours.k == len(used)
    reasons = " ".join(ours.notes)
    for name in ("theta", "estimate", "ci_low", "ci_high", "p", "se"):
        if math.isnan(getattr(ours, name)):
            assert re.search(
                "not estimable|no standard error|no finite|finite end|no .* interval", reasons
            ), name
    if not math.isnan(ours.se):
        assert ours.se > 1e-8
    if math.isfinite(ours.ci_low) and math.isfinite(ours.ci_high):
        assert ours.ci_low <= ours.estimate <= ours.ci_high
    if not math.isnan(ours.tau2):
        assert ours.tau2 >= 0
    json.dumps(ours.to_dict(), allow_nan=False)
    assert str(ours)
    return ours


METHODS_OF_LIKELIHOOD = {name for name, m in METHODS.items() if "profile" in m.ci}
EXAMPLES = int(os.environ.get("JAKINIB_EXAMPLES", "8"))


@pytest.mark.parametrize(("method", "measure"), CASES)
@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_method_answers_every_legal_table(method, measure, data):
    most = 3 if method == "um.rs" else 8 if method in METHODS_OF_LIKELIHOOD else 20
    table = data.draw(tables(time=measure in ("IRR", "IRD"), most=most))
    check(table, measure, method)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize(
    ("e1", "n1", "e2", "n2"),
    [
        ([0], [1], [0], [1]),
        ([1], [1], [0], [1]),
        ([1, 0], [1, 1], [0, 1], [1, 1]),
        ([0] * 5, [10, 20, 30, 40, 50], [0] * 5, [50, 40, 30, 20, 10]),
        ([0, 0, 1], [100, 200, 300], [0, 0, 0], [100, 200, 300]),
        ([10, 20], [10, 20], [5, 6], [5, 6]),
        ([3, 4], [10**6, 10**6], [5, 0], [10**6, 10**6]),
    ],
    ids=["one v one", "one of one", "contradiction", "no event at all", "one event in all", "all", "million"],
)
def test_hard_tables(method, e1, n1, e2, n2):
    if "OR" in METHODS[method].measures:
        check(two_groups(e1, n1, e2, n2), "OR", method)


@pytest.mark.parametrize("method", sorted(m for m in METHODS if "IRR" in METHODS[m].measures))
@pytest.mark.parametrize("years", [1e-3, 1e6])
def test_extreme_person_time(method, years):
    table = two_groups([3, 0, 2], [years, 2 * years, years], [1, 1, 0], [years] * 3, time=True)
    one = check(table, "IRR", method)
    same = check(two_groups([3, 0, 2], [1, 2, 1], [1, 1, 0], [1] * 3, time=True), "IRR", method)
    if method != "bayes":  # whose prior of a baseline log rate has a unit
        assert one.theta == pytest.approx(same.theta, abs=1e-7)


@pytest.mark.parametrize(
    ("e1", "years1", "e2", "years2"),
    [
        ([0, 400, 0, 0], [1e6, 1e-3, 4160.3, 1e-3], [0, 302, 371, 76], [1e-3, 1.35, 1e-3, 4489.0]),
        ([0, 400, 0, 0], [1e6, 1e-3, 0.01, 1e6], [0, 1, 0, 0], [1e-3, 1e-3, 1e-3, 0.01]),
    ],
)
@pytest.mark.parametrize("method", ["cm.el", "um.fs", "um.rs"])
def test_rates_a_billion_times_apart(method, e1, years1, e2, years2):
    check(two_groups(e1, years1, e2, years2, time=True), "IRR", method)


@pytest.mark.parametrize(
    "method", ["mh", "peto", "iv-reml", "iv-pm", "cm.el", "um.fs", "firth", "beta-binomial"]
)
def test_a_thousand_studies(method):
    rng = np.random.default_rng(7)
    n = rng.integers(50, 300, 1000)
    table = two_groups(rng.binomial(n, 0.012), n, rng.binomial(n, 0.01), n)
    ours = check(table, "OR", method)
    # truth: odds ratio 0.012 / 0.988 / (0.010 / 0.990) = 1.2024
    assert ours.ci_low < 1.2024 < ours.ci_high


@st.composite
def many_armed(draw):
    """Studies with one to eight arms of up to eight treatments, contrast rows beside them."""
    rows = {
        name: [] for name in ("study", "treatment", "events", "n", "reference", "measure", "estimate", "se")
    }

    def add(**row):
        for name, values in rows.items():
            values.append(row.get(name))

    names = [f"T{i}" for i in range(8)]
    for s in range(draw(st.integers(1, 12))):
        arms = draw(st.lists(st.sampled_from(names), min_size=1, max_size=8, unique=True))
        for name in arms:
            events, size = draw(group(False))
            add(study=f"S{s}", treatment=name, events=events, n=size)
    add(study="S0", treatment="T0", events=0, n=10) if "T0" not in rows["treatment"] else None
    if "T1" not in rows["treatment"]:
        add(study="extra", treatment="T1", events=0, n=10)
    if draw(st.booleans()):
        add(study="H", treatment="T0", reference="T1", measure="OR", estimate=draw(st.floats(0.1, 9)), se=0.4)
    return rows


@pytest.mark.parametrize("method", ["mh", "peto", "iv-reml", "cm.el", "um.fs", "firth"])
@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(rows=many_armed())
def test_tables_of_many_arms(method, rows):
    ours = jk.pairwise(rows, "OR", method, "T1", treatment="T0")
    used = {s.study for s in ours.studies if s.used}
    left = {study for study, _ in ours.left_out}
    assert used | left == set(rows["study"]) and not used & left


@pytest.mark.parametrize("method", ["mh", "iv-reml", "cm.el"])
def test_nothing_to_show_is_still_shown(method):
    ours = jk.pairwise(two_groups([0, 0], [10, 20], [0, 0], [10, 20]), "OR", method, "reference")
    assert ours.figure().to_dict() and len(ours.table()) == 3 and "not estimable" in str(ours)
