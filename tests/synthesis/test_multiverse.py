"""Many data sets at once, and one data set in every way."""

import json

import numpy as np
import pytest

import jakinib as jk
from jakinib import multiverse, pairwise_many
from jakinib.synthesis.arms import ArmTableError
from jakinib.synthesis.methods import METHODS
from jakinib.synthesis.pairs import Pairs
from synthesis.tables import arm_table, inputs, two_groups

SETS = ["nielweise2007", "collins1985b_stillb", "sim_k5", "hahn2001"]


@pytest.mark.parametrize("method", sorted(m for m in METHODS if "OR" in METHODS[m].measures))
def test_a_batch_equals_the_single_fits(method):
    tables = {name: arm_table(inputs()[name]) for name in SETS}
    many = pairwise_many(tables, "OR", method, "reference")
    for i, name in enumerate(SETS):
        one = jk.pairwise(tables[name], "OR", method, "reference")
        for field in ("theta", "se", "p", "ci_low", "ci_high", "tau2", "q", "k", "i2"):
            assert getattr(many, field)[i] == pytest.approx(getattr(one, field), rel=1e-9, nan_ok=True), field
        assert many.prediction_low[i] == pytest.approx(one.prediction[0], rel=1e-9, nan_ok=True)
    assert many.table()["name"].tolist() == SETS
    assert json.dumps(many.to_dict(), allow_nan=False) and str(many) and many.figure().to_dict()


@pytest.mark.parametrize("ci", ["wald", "hk", "hk-adhoc", "t"])
def test_arrays_with_a_batch_axis(ci):
    rng = np.random.default_rng(3)
    d1, d2 = rng.integers(20, 300, (2, 50, 7)).astype(float)
    e1, e2 = (
        rng.binomial(d1.astype(int), 0.03).astype(float),
        rng.binomial(d2.astype(int), 0.02).astype(float),
    )
    many = pairwise_many(Pairs(e1, d1, e2, d2), "OR", "iv-reml", ci=ci)
    for i in (0, 17, 49):
        one = jk.pairwise(two_groups(e1[i], d1[i], e2[i], d2[i]), "OR", "iv-reml", "reference", ci=ci)
        assert many.theta[i] == pytest.approx(one.theta, abs=1e-10)
        assert many.ci_high[i] == pytest.approx(one.ci_high, rel=1e-9)


def test_a_bad_data_set_is_named():
    good = arm_table(inputs()["sim_k5"])
    with pytest.raises(ArmTableError) as caught:
        pairwise_many({"good": good, "bad": good.assign(events=-1)}, reference="reference")
    assert "in data set 'bad'" in caught.value.__notes__
    with pytest.raises(ValueError, match="one shape"):
        pairwise_many(Pairs(*np.ones((4, 3))))


def test_multiverse_holds_each_method_with_its_own_exclusions():
    every = multiverse(arm_table(inputs()["nielweise2007"]), "OR", "reference")
    assert len(every.analyses) >= 12
    by_method = {u.result.method: u.result for u in every.analyses}
    assert len(by_method["mh"].left_out) == 1 and by_method["um.rs"].left_out == ()
    one = jk.pairwise(arm_table(inputs()["nielweise2007"]), "OR", "peto", "reference")
    assert by_method["peto"].estimate == one.estimate
    estimates = [u.result.estimate for u in every.analyses]
    assert estimates == sorted(estimates)
    assert "does not depend on the method" in every.sentence and "below 1" in every.sentence
    assert every.table()["verdict"].eq("below").all()
    assert json.dumps(every.to_dict(), allow_nan=False) and every.figure().to_dict()


def test_multiverse_says_when_the_method_decides():
    every = multiverse(arm_table(inputs()["nielweise2008"]), "IRR", "reference")
    verdicts = every.table()["verdict"].value_counts()
    assert set(verdicts.index) == {"below", "includes"}
    assert f"{verdicts['below']} lie below 1" in every.sentence
    assert f"{verdicts['includes']} include 1" in every.sentence


def test_multiverse_without_information_says_so():
    empty = two_groups([0, 0], [10, 10], [0, 0], [10, 10])
    every = multiverse(empty, "OR", "reference")
    # only the analysis that adds 0.5 to every study has a number to show
    assert "17 give no interval" in every.sentence
    assert "do not estimate" in multiverse(empty, "OR", "reference", methods=["mh", "cm.el"]).sentence


def test_multiverse_refuses_what_it_cannot_do():
    table = arm_table(inputs()["sim_k5"])
    with pytest.raises(ValueError, match="not one of mh"):
        multiverse(table, methods=["magic"])
    with pytest.raises(ValueError, match="no analysis of RD"):
        multiverse(table, "RD", methods=["peto"])


def test_without_an_event_no_conclusion_is_drawn():
    found = jk.multiverse(two_groups([0, 0], [50, 60], [0, 0], [50, 70]), "OR", "reference")
    assert found.sentence.startswith("No event was seen in either group")
    assert {u.result.method for u in found.analyses if u.verdict != "none"} == {"iv-dl", "bayes"}
