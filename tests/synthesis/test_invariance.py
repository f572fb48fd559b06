"""What must not change the answer."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jakinib as jk
from jakinib.synthesis.methods import METHODS
from synthesis.tables import arm_table, inputs, two_groups

# the priors of a Bayesian fit see the reference (they are about its log odds), the unit of time and a study
# without events; the order of rows, the names and which outcome is called the event they do not see
LIKELIHOOD = sorted(m for m in METHODS if m != "bayes")
ODDS = [m for m in LIKELIHOOD if "OR" in METHODS[m].measures]
TABLE = arm_table(inputs()["collins1985b_stillb"])


@st.composite
def pairs(draw):
    k = draw(st.integers(2, 6))
    n1, n2 = (draw(st.lists(st.integers(15, 200), min_size=k, max_size=k)) for _ in range(2))
    e1, e2 = ([draw(st.integers(0, min(8, n))) for n in sizes] for sizes in (n1, n2))
    return e1, n1, e2, n2


@pytest.mark.parametrize("method", [*ODDS, "bayes"])
def test_order_and_names_do_not_matter(method):
    base = jk.pairwise(TABLE, "OR", method, "reference")
    shuffled = TABLE.sample(frac=1, random_state=4)
    shuffled["treatment"] = shuffled["treatment"].map({"treatment": "zzz", "reference": "aaa"})
    shuffled["study"] = shuffled["study"].str[::-1]
    other = jk.pairwise(shuffled, "OR", method, "aaa")
    for field in ("theta", "se", "p", "ci_low", "ci_high"):
        assert getattr(other, field) == pytest.approx(getattr(base, field), rel=1e-7)


@pytest.mark.parametrize("method", ODDS)
@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=pairs())
def test_changing_the_reference_turns_the_sign(method, data):
    base = jk.pairwise(two_groups(*data), "OR", method, "reference")
    other = jk.pairwise(two_groups(*data), "OR", method, "treatment")
    assert other.theta == pytest.approx(-base.theta, abs=1e-6, nan_ok=True)
    assert other.se == pytest.approx(base.se, rel=1e-5, nan_ok=True)
    if math.isfinite(base.ci_high) and base.ci_high > 0:
        assert other.ci_low == pytest.approx(1 / base.ci_high, rel=1e-4)


@pytest.mark.parametrize("method", [m for m in ODDS if m != "cm.al"])  # cm.al: rare events only
@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=pairs())
def test_swapping_event_and_no_event_turns_the_odds_ratio(method, data):
    e1, n1, e2, n2 = (np.array(x) for x in data)
    base = jk.pairwise(two_groups(e1, n1, e2, n2), "OR", method, "reference")
    other = jk.pairwise(two_groups(n1 - e1, n1, n2 - e2, n2), "OR", method, "reference")
    assert other.theta == pytest.approx(-base.theta, abs=1e-6, nan_ok=True)


@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=pairs())
def test_swapping_event_and_no_event_turns_the_posterior(data):
    """Within 0.005 posterior SD: the sample of the effect is not the same one turned."""
    e1, n1, e2, n2 = (np.array(x) for x in data)
    base = jk.pairwise(two_groups(e1, n1, e2, n2), "OR", "bayes", "reference")
    other = jk.pairwise(two_groups(n1 - e1, n1, n2 - e2, n2), "OR", "bayes", "reference")
    assert other.theta == pytest.approx(-base.theta, abs=0.005 * base.se)
    assert other.se == pytest.approx(base.se, rel=0.005)
    assert other.tau2 == pytest.approx(base.tau2, rel=0.01)


@pytest.mark.parametrize("method", [m for m in ODDS if m not in ("um.rs", "beta-binomial")])
def test_a_study_without_events_adds_nothing_to_a_method_that_cannot_use_it(method):
    base = jk.pairwise(TABLE, "OR", method, "reference")
    extra = two_groups([0], [80], [0], [40]).assign(study="empty")
    more = jk.pairwise(np_concat(TABLE, extra), "OR", method, "reference")
    assert more.theta == pytest.approx(base.theta, abs=1e-12)
    assert more.ci_high == pytest.approx(base.ci_high, rel=1e-9)
    assert "empty" in dict(more.left_out)


def np_concat(*frames):
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("method", sorted(m for m in METHODS if "IRD" in METHODS[m].measures))
def test_a_rate_difference_follows_the_unit_of_time(method):
    frame = inputs()["hart1999"]
    base = jk.pairwise(arm_table(frame), "IRD", method, "reference")
    other = jk.pairwise(
        arm_table(frame.assign(t1=frame.t1 / 100, t2=frame.t2 / 100)), "IRD", method, "reference"
    )
    assert other.estimate == pytest.approx(100 * base.estimate, rel=1e-9)
    assert other.ci_low == pytest.approx(100 * base.ci_low, rel=1e-8)


OTHERS = [
    (method, measure)
    for method, m in ((name, METHODS[name]) for name in LIKELIHOOD)
    for measure in ("RR", "RD", "AS", "IRR", "IRD")
    if measure in m.measures
]
FIELDS = ("theta", "se", "p", "ci_low", "ci_high", "tau2")


def data(measure):
    """Sparse sets with zero cells: hart1999 has persons and person-years."""
    return inputs()["hart1999" if measure in ("IRR", "IRD") else "nielweise2007"]


@pytest.mark.parametrize(("method", "measure"), [*OTHERS, ("bayes", "IRR")])
def test_order_and_names_do_not_matter_to_any_measure(method, measure):
    table = arm_table(data(measure))
    base = jk.pairwise(table, measure, method, "reference")
    shuffled = table.sample(frac=1, random_state=9)
    shuffled["treatment"] = shuffled["treatment"].map({"treatment": "zzz", "reference": "aaa"})
    shuffled["study"] = shuffled["study"].str[::-1]
    other = jk.pairwise(shuffled, measure, method, "aaa")
    for field in FIELDS:
        assert getattr(other, field) == pytest.approx(getattr(base, field), rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(("method", "measure"), OTHERS)
def test_changing_the_reference_turns_the_sign_of_any_measure(method, measure):
    table = arm_table(data(measure))
    base = jk.pairwise(table, measure, method, "reference")
    other = jk.pairwise(table, measure, method, "treatment")
    assert other.theta == pytest.approx(-base.theta, rel=1e-6, abs=1e-9)
    assert other.se == pytest.approx(base.se, rel=1e-6)
    high = 1 / base.ci_high if measure in ("RR", "IRR") else -base.ci_high
    assert other.ci_low == pytest.approx(high, rel=1e-6)


@pytest.mark.parametrize("method", [m for m in LIKELIHOOD if "IRR" in METHODS[m].measures])
@pytest.mark.parametrize("unit", [1 / 365.25, 1e-3, 100.0, 1e6])
def test_a_rate_ratio_does_not_see_the_unit_of_time(method, unit):
    frame = data("IRR")
    base = jk.pairwise(arm_table(frame), "IRR", method, "reference")
    other = jk.pairwise(
        arm_table(frame.assign(t1=frame.t1 * unit, t2=frame.t2 * unit)), "IRR", method, "reference"
    )
    for field in FIELDS:
        assert getattr(other, field) == pytest.approx(getattr(base, field), rel=1e-6, abs=1e-8, nan_ok=True)


@pytest.mark.parametrize("method", [m for m in LIKELIHOOD if "IRR" in METHODS[m].measures])
def test_person_time_without_events_adds_nothing_to_a_rate_ratio(method):
    if method == "um.rs":
        return  # it learns the baseline from every arm
    table = arm_table(data("IRR")).drop(columns="n")
    extra = two_groups([0], [80.0], [0], [40.0], time=True).assign(study="empty")
    base = jk.pairwise(table, "IRR", method, "reference")
    more = jk.pairwise(np_concat(table, extra), "IRR", method, "reference")
    assert more.theta == pytest.approx(base.theta, abs=1e-12)
    assert more.ci_high == pytest.approx(base.ci_high, rel=1e-9)
    assert "empty" in dict(more.left_out)


@pytest.mark.parametrize("method", [m for m in ODDS if m not in ("um.rs", "beta-binomial", "cm.al")])
def test_a_study_in_which_everyone_had_the_event_adds_nothing(method):
    base = jk.pairwise(TABLE, "OR", method, "reference")
    extra = two_groups([80], [80], [40], [40]).assign(study="full")
    more = jk.pairwise(np_concat(TABLE, extra), "OR", method, "reference")
    assert more.theta == pytest.approx(base.theta, abs=1e-12)
    assert more.ci_high == pytest.approx(base.ci_high, rel=1e-9)
    assert "everyone" in dict(more.left_out)["full"]


@pytest.mark.parametrize("method", ["mh", "um.rs", "beta-binomial"])
def test_a_study_without_events_counts_where_the_likelihood_can_use_it(method):
    measure = "RD" if method == "mh" else "OR"
    extra = two_groups([0], [800], [0], [400]).assign(study="empty")
    base = jk.pairwise(TABLE, measure, method, "reference")
    more = jk.pairwise(np_concat(TABLE, extra), measure, method, "reference")
    assert more.k == base.k + 1 and more.theta != pytest.approx(base.theta, rel=1e-6)
