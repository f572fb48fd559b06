"""Any legal arm table: a finite answer or a stated reason, a proper interval, and the invariances.

Hypothesis draws tables with arms of one person, arms in which nobody or everybody had the event, and
person-years from 1e-3 beside 1e6: derandomised, so that a run is a repetition. `exact` and `bayes`, whose
cost grows on such tables, get smaller ones and fewer; the largest tables (eight arms, sixty studies) are
fixed ones.
"""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import jakinib as jk
from jakinib.synthesis.network.methods import METHODS

TREATMENTS = "abcdefgh"
COUNTS = ("OR", "RR", "RD", "AS", "IRR", "IRD")


def bounded(examples):
    return settings(max_examples=examples, deadline=None, derandomize=True, phases=[Phase.generate])


@st.composite
def arm_tables(draw, studies=6, arms=4, treatments=5):
    rows = []
    for s in range(draw(st.integers(1, studies))):
        size = draw(st.integers(1, arms))
        chosen = draw(st.permutations(TREATMENTS[:treatments]))[:size]
        for t in chosen:
            n = draw(st.sampled_from([1, 2, 7, 40, 300, 5000]))
            events = draw(st.one_of(st.just(0), st.integers(0, min(n, 12)), st.just(n)))
            years = draw(st.sampled_from([1e-3, 0.7, 40.0, 1e6]))
            rows.append({"study": s, "treatment": t, "events": events, "n": n, "person_years": years})
    return pd.DataFrame(rows)


def large(kind, studies=60, arms=8, seed=1):
    """Sixty studies of up to eight arms: "mixed" zeros and full arms, "zero" but for one arm."""
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(studies):
        for t in rng.permutation(8)[: rng.integers(1, arms + 1)]:
            n = int(rng.choice([1, 2, 7, 40, 300, 5000]))
            few = int(rng.integers(0, min(n, 12) + 1))
            events = int(rng.choice([0, 0, few, n])) if kind == "mixed" else few if t == 0 and s < 9 else 0
            rows.append((f"s{s}", TREATMENTS[t], events, n, float(rng.choice([1e-3, 0.7, 40.0, 1e6]))))
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n", "person_years"])


def check(table, measure, method, effects, **options):
    """The promises every result keeps; returns the result."""
    result = jk.network(table, measure, method, effects, **options)
    frame = result.effects()
    assert len(frame) == table.treatment.nunique() - 1
    difference = measure in ("RD", "IRD", "AS")
    for row in frame.to_dict("records"):
        theta, se = row["theta"], row["se"]
        if math.isnan(theta) or math.isinf(theta) or math.isnan(se):
            assert row["note"], row
        else:
            assert se > (0 if difference else 1e-6), row
        if not math.isnan(theta) and not math.isnan(row["ci_low"]):
            assert row["ci_low"] <= row["estimate"] * (1 + 1e-6) + 1e-9, row
            assert row["ci_high"] >= row["estimate"] * (1 - 1e-6) - 1e-9, row
        if not math.isnan(row["prediction_low"]):
            assert row["prediction_low"] <= row["estimate"] * (1 + 1e-6) + 1e-9, row
            assert row["prediction_high"] >= row["estimate"] * (1 - 1e-6) - 1e-9, row
        assert not (math.isnan(row["ci_low"]) and not row["note"]), row
        if not math.isnan(row["p"]):
            assert 0 <= row["p"] <= 1, row
    used = {s for c in result.components for s in c.studies}
    named = {x.study for x in result.left_out}
    isolated = {t for t, _ in result.isolated}
    for study, part in table.groupby("study"):
        assert str(study) in used | named or set(part.treatment) <= isolated
    assert all(reason for _, reason in result.isolated) and all(x.reason for x in result.left_out)
    assert math.isnan(result.tau2) or result.tau2 >= 0
    assert result.to_dict() and str(result)
    assert not result.league().isna().any().any()
    result.split()
    result.inconsistency()
    result.edges()
    return result


def same(one, two, atol, names=None):
    """Estimates and Wald standard errors agree, NaN and infinite with their like."""
    left = one.effects().set_index("treatment")
    right = two.effects(one.reference if names is None else names[one.reference]).set_index("treatment")
    for t in left.index:
        a, b = left.loc[t], right.loc[t if names is None else names[t]]
        for column in ("theta", "se"):
            x, y = float(a[column]), float(b[column])
            if math.isfinite(x) or math.isfinite(y):
                assert x == pytest.approx(y, abs=atol, rel=atol), (t, column)
            else:
                assert str(x) == str(y), (t, column)


CLOSED = [(m, e) for m in ("iv", "mh", "nch", "firth") for e in METHODS[m].effects]


@pytest.mark.parametrize(("method", "effects"), CLOSED)
@given(table=arm_tables())
@bounded(12)
def test_closed_methods(method, effects, table):
    if table.treatment.nunique() < 2:
        return
    for measure in METHODS[method].measures:
        if measure in COUNTS:
            check(table, measure, method, effects)


@pytest.mark.parametrize(("method", "effects"), CLOSED)
@pytest.mark.parametrize("kind", ["mixed", "zero"])
def test_closed_methods_on_sixty_studies_of_up_to_eight_arms(method, effects, kind):
    for measure in METHODS[method].measures:
        if measure in COUNTS:
            check(large(kind), measure, method, effects)


@pytest.mark.parametrize("measure", ["OR", "IRR"])
@pytest.mark.parametrize("effects", ["common", "random"])
@given(table=arm_tables(studies=4, arms=3, treatments=4))
@bounded(4)
def test_exact(measure, effects, table):
    if table.treatment.nunique() > 1:
        check(table, measure, "exact", effects)


@pytest.mark.parametrize(
    ("measure", "kind"), [("OR", "zero"), ("IRR", "zero"), ("HR", "zero"), ("IRR", "mixed")]
)
def test_exact_on_sixty_studies(measure, kind):
    table = large(kind, arms=8 if kind == "zero" else 2)
    check(table.drop(columns="person_years") if measure == "HR" else table, measure, "exact", "random")


@pytest.mark.parametrize("measure", ["OR", "IRR"])
@given(table=arm_tables(studies=3, arms=3, treatments=3))
@bounded(3)
def test_bayes(measure, table):
    if table.treatment.nunique() > 1:
        check(table, measure, "bayes", "random")


@given(table=arm_tables(studies=3, arms=2, treatments=3))
@bounded(3)
def test_hazard_ratios_from_persons(table):
    if table.treatment.nunique() > 1:
        check(table.drop(columns="person_years"), "HR", "exact", "random")


FIRST = [("iv", "random", "OR"), ("iv", "common", "IRR"), ("mh", "common", "OR"), ("firth", "common", "OR")]
FIRST += [("exact", "common", "OR"), ("exact", "common", "IRR")]


@pytest.mark.parametrize(("method", "effects", "measure"), FIRST)
@given(table=arm_tables(studies=5, arms=3, treatments=4), seed=st.integers(0, 99))
@bounded(8)
def test_order_names_units_and_studies_without_information(method, effects, measure, table, seed):
    if table.treatment.nunique() < 2:
        return
    reference = str(table.treatment.iloc[0])
    one = jk.network(table, measure, method, effects, reference)
    atol = 1e-4 if method in ("exact", "firth") else 1e-6
    same(one, jk.network(table.sample(frac=1, random_state=seed), measure, method, effects, reference), atol)
    names = dict(zip(TREATMENTS, reversed(TREATMENTS), strict=True))
    renamed = table.assign(treatment=table.treatment.map(names), study=table.study.map(lambda s: f"z{9 - s}"))
    same(one, jk.network(renamed, measure, method, effects, names[reference]), atol, names)
    if measure == "IRR":
        days = table.assign(person_years=table.person_years * 365.25)
        same(one, jk.network(days, measure, method, effects, reference), atol)
    # no event in either arm: it says nothing on an odds ratio, nor on a rate ratio given the total
    if method in ("exact", "mh") or (method, measure) == ("iv", "OR"):
        pair = sorted(set(table.treatment))[:2]
        nothing = pd.DataFrame({"study": "0-0", "treatment": pair, "events": 0, "n": 50, "person_years": 9.0})
        more = jk.network(pd.concat([table, nothing]), measure, method, effects, reference)
        same(one, more, atol)
        assert "0-0" in {x.study for x in more.left_out}


@pytest.mark.parametrize("method", ["iv", "mh", "firth", "exact"])
@given(table=arm_tables(studies=5, arms=3, treatments=4))
@bounded(6)
def test_another_reference_turns_the_same_comparison_over(method, table):
    if table.treatment.nunique() < 2:
        return
    a, b = sorted(set(table.treatment))[:2]
    one = jk.network(table, "OR", method, "common", a).effects().set_index("treatment").loc[b]
    two = jk.network(table, "OR", method, "common", b).effects().set_index("treatment").loc[a]
    if math.isfinite(one.theta):
        assert one.theta == pytest.approx(-two.theta, abs=1e-6)
        assert one.se == pytest.approx(two.se, rel=1e-5)
        assert one.ci_low == pytest.approx(1 / two.ci_high, rel=1e-3)


def test_parts_of_an_arm_add_up():
    table = large("mixed", 20, 3).drop_duplicates(["study", "treatment"])
    halves = pd.concat(
        [
            table.assign(events=table.events // 2, n=table.n // 2 + 1, person_years=table.person_years / 4),
            table.assign(
                events=table.events - table.events // 2,
                n=table.n - table.n // 2 - 1 + (table.n == 1),
                person_years=table.person_years * 3 / 4,
            ),
        ]
    ).drop(columns="n")
    for method, effects in (("iv", "random"), ("exact", "common")):
        whole = jk.network(table.drop(columns="n"), "IRR", method, effects, "a")
        same(whole, jk.network(halves, "IRR", method, effects, "a", merge_arms=True), 1e-6)


def test_a_study_of_eight_arms():
    table = pd.DataFrame(
        {"study": 1, "treatment": list(TREATMENTS), "events": [3, 0, 4, 1, 0, 2, 5, 1], "n": 150}
    )
    second = table.assign(study=2, events=[2, 1, 1, 0, 0, 3, 4, 2])
    both = pd.concat([table, second])
    for method in METHODS:
        check(both, "OR", method, None)
    check(both.assign(person_years=80.0).drop(columns="n"), "IRR", "exact", "random")
