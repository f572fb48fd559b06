"""Diagnostics against R metafor 3.8-1 and base R (tests/reference/diagnostics.R)."""

import json
import math

import pandas as pd
import pytest

import jakinib as jk
from jakinib.synthesis import diagnostics
from jakinib.synthesis.arms import ArmTableError
from synthesis.tables import REFERENCE, arm_table, inputs, two_groups

R = pd.read_csv(REFERENCE / "diagnostics_r.csv")
SETS = ["bcg", "nielweise2007", "sim_k12_tau"]


def expected(dataset, what):
    rows = R[(R.dataset == dataset) & (R.what == what)]
    return rows.pivot(index="label", columns="name", values="value")


def bcg():
    moderators = pd.read_csv(REFERENCE / "bcg_moderators.csv")
    table = arm_table(inputs()["bcg"])
    for name in ("ablat", "alloc"):
        table[name] = [*moderators[name], *moderators[name]]
    return table


@pytest.mark.parametrize("dataset", SETS)
def test_influence(dataset):
    ours = diagnostics.influence(arm_table(inputs()[dataset]), "OR", "iv-reml", "reference")
    r = expected(dataset, "influence")
    for name in r.columns:
        assert ours[name].to_numpy() == pytest.approx(r[name].to_numpy(), rel=1e-6, abs=1e-8), name


@pytest.mark.parametrize("dataset", SETS)
def test_leave_one_out(dataset):
    ours = diagnostics.leave_one_out(arm_table(inputs()[dataset]), "OR", "iv-reml", "reference")
    known = [x for x, s in zip(ours.results, ours.every.studies, strict=True) if s.used]
    r = expected(dataset, "leave1out")
    for name in r.columns:
        assert [getattr(x, name) for x in known] == pytest.approx(r[name].tolist(), rel=1e-7, abs=1e-8)
    assert json.dumps(ours.to_dict(), allow_nan=False) and str(ours) and ours.figure().to_dict()


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("test", ["peters", "harbord"])
def test_small_study_effects(dataset, test):
    ours = getattr(diagnostics, test)(arm_table(inputs()[dataset]), "reference")
    r = expected(dataset, test).iloc[0]
    for name in r.index:
        assert getattr(ours, name) == pytest.approx(r[name], rel=1e-8)


def test_small_study_effects_need_three_studies():
    ours = diagnostics.peters(two_groups([1, 2], [50, 60], [2, 3], [50, 60]), "reference")
    assert math.isnan(ours.p) and "three informative studies" in ours.notes[0]


@pytest.mark.parametrize(("ci", "what"), [("wald", "regression-z"), ("hk", "regression-knha")])
def test_meta_regression(ci, what):
    ours = diagnostics.meta_regression(bcg(), ["ablat"], "OR", "reference", ci=ci)
    r = expected("bcg", what)
    for name in ("coefficient", "se", "p", "ci_low", "ci_high"):
        assert getattr(ours, name) == pytest.approx(r.loc[[1, 2], name].to_numpy(), rel=1e-7)
    for name in ("tau2", "qm", "qm_p", "qe"):
        assert getattr(ours, name) == pytest.approx(r.loc[3, name], rel=1e-7)


def test_meta_regression_refuses_what_it_cannot_use():
    with pytest.raises(ArmTableError, match="column is missing"):
        diagnostics.meta_regression(bcg(), ["age"], reference="reference")
    with pytest.raises(ArmTableError, match="text where a number"):
        diagnostics.meta_regression(bcg(), ["alloc"], reference="reference")
    table = bcg()
    table.loc[0, "ablat"] = 99
    with pytest.raises(ArmTableError, match="both arms the same"):
        diagnostics.meta_regression(table, ["ablat"], reference="reference")
    few = diagnostics.meta_regression(bcg().iloc[[0, 13]], ["ablat"], reference="reference")
    assert math.isnan(few.coefficient[0]) and "not estimable" in few.notes[0]


def test_subgroups():
    ours = diagnostics.subgroups(bcg(), "OR", "iv-reml", "reference", by="alloc")
    r = expected("bcg", "subgroup")  # labelled by the number of studies, which differs
    for one in ours.results:
        if one.k in r.index and (R[R.what == "subgroup"].label == one.k).sum() == 2:
            assert one.theta == pytest.approx(r.loc[one.k, "theta"], rel=1e-7)
            assert one.se == pytest.approx(r.loc[one.k, "se"], rel=1e-7)
    assert ours.labels == ("random", "alternate", "systematic")
    test = expected("bcg", "subgroup-test").iloc[0]
    assert ours.q_between == pytest.approx(test["q_between"], rel=1e-7)
    assert ours.q_between_p == pytest.approx(test["q_between_p"], rel=1e-7)


def test_cumulative_ends_with_all_studies():
    table = bcg()
    ours = diagnostics.cumulative(table, "OR", "mh", "reference", order="ablat")
    assert ours.results[-1].theta == pytest.approx(ours.every.theta)
    assert [r.k for r in ours.results] == list(range(1, 14))


@pytest.mark.parametrize("method", ["mh", "iv-reml"])
def test_cumulative(method):
    ours = diagnostics.cumulative(bcg(), "OR", method, "reference", order="ablat")
    r = expected("bcg", f"cumulative-{method}")
    for name in r.columns:
        assert [getattr(x, name) for x in ours.results[1:]] == pytest.approx(r[name].tolist(), rel=1e-7)


@pytest.mark.parametrize(
    "counts", [(1, 100, 8, 100), (2, 150, 16, 150), (12, 90, 10, 80), (40, 200, 20, 200), (0, 60, 9, 50)]
)
def test_fragility_of_one_study_equals_an_exhaustive_search(counts):
    e1, n1, e2, n2 = counts

    def differs(a, c):
        """Woolf's interval of the log odds ratio excludes zero; with an empty cell there is none."""
        cells = (a, n1 - a, c, n2 - c)
        if min(cells) == 0:
            return None
        theta = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
        return abs(theta) > 1.959963984540054 * math.sqrt(sum(1 / x for x in cells))

    ours = diagnostics.fragility(two_groups([e1], [n1], [e2], [n2]), "OR", "mh", "reference")
    if differs(e1, e2) is None:
        assert ours.index is None and ours.notes
        return
    least = min(
        abs(a - e1) + abs(c - e2)
        for a in range(n1 + 1)
        for c in range(n2 + 1)
        if differs(a, c) is (not differs(e1, e2))
    )
    # greedy: an upper bound, here one too many in the third
    assert (ours.significant, ours.index) == (differs(e1, e2), least + (counts == (12, 90, 10, 80)))


def test_fragility_counts_the_changes_that_turn_the_conclusion():
    # 1 of 100 v 8 of 100: significant; by hand, adding events to the treatment until the MH interval holds 1
    table = two_groups([1], [100], [8], [100])
    ours = diagnostics.fragility(table, "OR", "mh", "reference")
    assert ours.significant
    assert jk.pairwise(table, "OR", "mh", "reference").ci_high < 1
    events = {"treatment": 1, "reference": 8}
    for study, group, change in ours.changes:
        assert study == "S1"
        events[group] += change
    turned = two_groups([events["treatment"]], [100], [events["reference"]], [100])
    assert jk.pairwise(turned, "OR", "mh", "reference").ci_high > 1
    # one change fewer does not
    _, group, change = ours.changes[-1]
    events[group] -= change
    before = two_groups([events["treatment"]], [100], [events["reference"]], [100])
    assert jk.pairwise(before, "OR", "mh", "reference").ci_high < 1
    assert ours.index == len(ours.changes)


def test_double_zero_studies_shrink_a_risk_difference_and_are_counted():
    table = two_groups([2, 0, 0], [100, 300, 200], [6, 0, 0], [100, 300, 200])
    ours = diagnostics.double_zero(table, "reference").set_index("method")
    assert ours.loc["mh", "studies"] == 2 and ours.loc["mh", "persons"] == 1000
    # closed form: Mantel-Haenszel risk differences with equal groups are means weighted by size
    assert ours.loc["mh", "estimate"] == pytest.approx(-4 / 600)
    assert ours.loc["mh", "estimate_without"] == pytest.approx(-4 / 100)
    # every row is the comparison with and without those studies
    for measure, method in (("OR", "um.rs"), ("OR", "beta-binomial")):
        for column, data in (("", table), ("_without", two_groups([2], [100], [6], [100]))):
            alone = jk.pairwise(data, measure, method, "reference")
            for name in ("estimate", "ci_low", "ci_high"):
                assert ours.loc[method, name + column] == pytest.approx(getattr(alone, name), rel=1e-6)
