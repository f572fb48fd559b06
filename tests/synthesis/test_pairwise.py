"""Closed-form and inverse-variance estimators against R metafor 3.8-1 (tests/reference/pairwise.R)."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from jakinib.synthesis.arms import ArmTableError
from synthesis.tables import REFERENCE, arm_table, inputs, two_groups

R = pd.read_csv(REFERENCE / "pairwise_r.csv")
GROUPS = dict(iter(R.groupby(["dataset", "measure"], sort=False)))
LOG = ("OR", "RR", "IRR")


def fitted(dataset, measure, method):
    name, _, ci = method.partition(":")
    options = {"ci": ci} if ci else {}
    if name.endswith("+00"):
        name, options["drop_double_zero"] = name.removesuffix("+00"), False
    return jk.pairwise(arm_table(inputs()[dataset]), measure, name, "reference", **options)


@pytest.mark.parametrize(("dataset", "measure"), GROUPS)
def test_equal_to_metafor(dataset, measure):
    for row in GROUPS[dataset, measure].itertuples():
        ours = fitted(dataset, measure, row.method)
        scale = np.log if measure in LOG else np.asarray
        found = {
            "theta": ours.theta,
            "se": ours.se,
            "ci_low": float(scale(ours.ci_low)),
            "ci_high": float(scale(ours.ci_high)),
            "p": ours.p,
            "q": ours.q,
            "q_p": ours.q_p,
            "tau2": 0.0 if row.method.startswith("iv-ee") else ours.tau2,
            "i2": ours.i2,
            "h2": ours.h2,
            "k": ours.k,
            "tau2_low": ours.tau2_low,
            "tau2_high": ours.tau2_high,
            "i2_low": ours.i2_low,
            "i2_high": ours.i2_high,
        }
        for name, value in found.items():
            expected = getattr(row, name)
            if not math.isnan(expected):
                assert value == pytest.approx(expected, rel=1e-8, abs=1e-8), (row.method, name)


DRUG = two_groups([1, 0, 3, 0], [100, 80, 120, 60], [2, 0, 6, 1], [100, 80, 60, 60])


def test_a_double_zero_study_is_named_with_the_reason():
    for method in ("mh", "peto", "iv-dl"):
        ours = jk.pairwise(DRUG, "OR", method, "reference")
        assert (ours.k, ours.events) == (3, 13)
        assert [(s, "no event in either group" in why) for s, why in ours.left_out] == [("S2", True)]
        assert "left out: S2" in str(ours)
    # a risk difference uses it: 80 more persons in each group without an event
    assert jk.pairwise(DRUG, "RD", "mh", "reference").k == 4


def test_prediction_interval_closed_form():
    ours = jk.pairwise(arm_table(inputs()["bcg"]), "RR", "iv-dl", "reference")
    # Higgins, Thompson & Spiegelhalter 2009, eq. 12; t(11) quantile 0.975 from a table: 2.200985
    half = 2.200985160082949 * math.sqrt(ours.tau2 + ours.se**2)
    assert ours.prediction[0] == pytest.approx(math.exp(ours.theta - half), rel=1e-9)
    assert ours.prediction[1] == pytest.approx(math.exp(ours.theta + half), rel=1e-9)


def test_estimates_of_hazard_ratios_are_pooled_from_contrast_rows():
    rows = pd.DataFrame(
        {
            "study": ["A", "B", "C"],
            "treatment": ["x", "x", "p"],
            "reference": ["p", "p", "x"],
            "measure": "HR",
            "estimate": [1.2, 0.8, 2.0],
            "se": [0.2, 0.4, 0.5],
        }
    )
    ours = jk.pairwise(rows, "HR", "iv-ee", "p")
    # inverse-variance mean by hand; study C is printed the other way round
    w = np.array([25, 6.25, 4])
    assert ours.theta == pytest.approx(w @ np.log([1.2, 0.8, 0.5]) / w.sum(), rel=1e-12)
    assert ours.se == pytest.approx(1 / math.sqrt(w.sum()), rel=1e-12)


def test_an_odds_ratio_given_as_an_estimate_joins_the_counts_where_the_method_can():
    table = DRUG.copy()
    table.loc[len(table), ["study", "treatment", "reference", "measure", "estimate", "ci_low", "ci_high"]] = [
        "E", "treatment", "reference", "OR", 0.5, 0.25, 1.0,
    ]  # fmt: skip
    assert jk.pairwise(table, "OR", "iv-ee", "reference").k == 4
    mh = jk.pairwise(table, "OR", "mh", "reference")
    assert ("E", "given as an estimate; mh needs counts") in [tuple(x) for x in mh.left_out]
    assert mh.theta == jk.pairwise(DRUG, "OR", "mh", "reference").theta


def test_studies_that_do_not_compare_the_two_are_named():
    table = pd.DataFrame(
        {
            "study": ["A", "A", "B", "B", "C"],
            "treatment": ["x", "placebo", "x", "y", "placebo"],
            "events": [1, 2, 3, 4, 5],
            "n": 50,
            "population": ["AD", "AD", "RA", "RA", "RA"],
        }
    )
    ours = jk.pairwise(table, treatment="x")
    assert ours.reference == "placebo" and any("'placebo' was taken" in n for n in ours.notes)
    assert dict(ours.left_out) == {"B": "no arm of 'placebo'", "C": "no arm of 'x'"}
    assert ours.populations == ("AD",)


def test_several_populations_are_noted():
    table = DRUG.assign(population=["AD", "RA", "AD", "AD"] * 2)
    assert any("AD, RA" in note for note in jk.pairwise(table, reference="reference").notes)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"method": "magic"}, "mh, peto"),
        ({"measure": "odds"}, "OR, RR"),
        ({"measure": "RR", "method": "peto"}, "For RR: mh"),
        ({"method": "mh", "effects": "random"}, "effects common"),
        ({"method": "mh", "ci": "hk"}, "ci wald"),
        ({"method": "mh", "add": 0.1}, "counts as they are"),
        ({"method": "iv-dl", "add_to": "some"}, "only0"),
        ({"method": "iv-dl", "add": -1}, "0 or more"),
        ({"level": 95}, "between 0 and 1"),
        ({"reference": "z"}, "not in the arm table"),
        ({"reference": "reference", "treatment": "reference"}, "two different"),
    ],
)
def test_choices_that_do_not_go_together(choices, says):
    with pytest.raises(ValueError, match=says):
        jk.pairwise(DRUG, **choices)


def test_three_treatments_need_a_choice():
    table = {"study": ["A"] * 3, "treatment": ["x", "y", "z"], "events": [1, 2, 3], "n": [9, 9, 9]}
    with pytest.raises(ValueError, match="reference="):
        jk.pairwise(table)
    with pytest.raises(ValueError, match="treatment="):
        jk.pairwise(table, reference="x")
    assert jk.pairwise(table, reference="x", treatment="z").treatment == "z"


def test_doses_under_one_label_are_merged_only_when_asked():
    table = {"study": ["A"] * 3, "treatment": ["x", "x", "p"], "events": [1, 2, 3], "n": [20, 30, 25]}
    with pytest.raises(ArmTableError, match="merge_arms=True"):
        jk.pairwise(table, reference="p")
    merged = jk.pairwise(table, reference="p", merge_arms=True)
    assert (merged.studies[0].events, merged.studies[0].denominator) == (3, 50)


def test_persons_and_events_never_meet():
    table = DRUG.assign(counts=["events"] + ["persons"] * 7)
    with pytest.raises(ArmTableError, match="never meet"):
        jk.pairwise(table)
    with pytest.raises(ArmTableError, match="IRR"):
        jk.pairwise(DRUG.assign(counts="events"))


@pytest.mark.parametrize("method", ["mh", "peto", "iv-reml", "iv-ee"])
def test_one_sided_events_and_no_events_say_why_there_is_no_number(method):
    none = jk.pairwise(two_groups([0, 0], [10, 20], [0, 0], [10, 20]), "OR", method, "reference")
    assert math.isnan(none.estimate) and math.isnan(none.se)
    assert none.k == 0 and any("not estimable" in note for note in none.notes)
    assert len(none.left_out) == 2
    one = jk.pairwise(two_groups([0, 0], [10, 20], [3, 1], [10, 20]), "OR", method, "reference")
    if method == "mh":
        assert one.estimate == 0 and math.isnan(one.se)
        assert any("no event under 'treatment'" in note for note in one.notes)
    else:
        assert math.isfinite(one.theta) and one.se > 0


def test_a_risk_difference_without_events_has_no_collapsed_standard_error():
    ours = jk.pairwise(two_groups([0, 0], [10, 20], [0, 0], [10, 20]), "RD", "mh", "reference")
    assert ours.estimate == 0 and math.isnan(ours.se) and any("no standard error" in n for n in ours.notes)


def test_hartung_knapp_never_collapses():
    same = two_groups([5, 5], [50, 50], [8, 8], [50, 50])
    ours = jk.pairwise(same, "OR", "iv-dl", "reference", ci="hk")
    assert math.isnan(ours.se) and any("hk-adhoc" in note for note in ours.notes)
    assert jk.pairwise(same, "OR", "iv-dl", "reference", ci="hk-adhoc").se > 0


def test_result_speaks_json_pandas_text_and_figure():
    ours = jk.pairwise(DRUG, "OR", "iv-reml", "reference")
    ready = json.loads(json.dumps(ours.to_dict(), allow_nan=False))
    assert ready["left_out"] == [{"study": "S2", "reason": ours.left_out[0].reason}]
    table = ours.table()
    assert table["row"].tolist() == ["study"] * 4 + ["pooled"]
    assert table["weight"][:4].sum() == pytest.approx(100)
    assert ours.figure().to_dict()["layer"]
    assert "odds ratio" in str(ours) and "REML" in str(ours)


def test_a_common_effect_over_many_events_says_what_it_assumes():
    # below 20 events the simulated intervals held even when effects differed
    many = arm_table(inputs()["collins1985b_stillb"])
    said = [
        any("one effect is assumed" in n for n in jk.pairwise(many, "OR", m).notes) for m in ("mh", "peto")
    ]
    assert said == [True, True]
    assert not any("one effect" in n for n in jk.pairwise(many, "OR", "cm.el").notes)
    few = two_groups([1, 2, 0], [50, 60, 40], [2, 3, 1], [50, 60, 40])
    assert not any("one effect" in n for n in jk.pairwise(few, "OR", "mh").notes)
