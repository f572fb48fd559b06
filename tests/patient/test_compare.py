"""Treatments side by side: lines with exact intervals, what the pairs rest on, populations never hidden."""

import math

import pandas as pd
import pytest
from scipy.stats import binomtest, chi2

import jakinib as jk
from jakinib.evidence.errors import UnknownNameError


@pytest.fixture(scope="module")
def ev():
    return jk.evidence()


def test_rates_and_shares_have_exact_intervals(ev):
    lines = jk.compare(["tofacitinib-5-mg-bid", "placebo"], evidence=ev).table()
    rates = lines[lines["kind"] == "rate"]
    assert len(rates) > 5
    for line in rates.itertuples():
        x, t = line.events, line.person_years / 100
        assert line.estimate == pytest.approx(x / t, rel=1e-12)
        # Garwood 1936 through the chi-squared distribution
        assert line.ci_low == pytest.approx(chi2.ppf(0.025, 2 * x) / 2 / t if x else 0, rel=1e-9, abs=0)
        assert line.ci_high == pytest.approx(chi2.ppf(0.975, 2 * x + 2) / 2 / t, rel=1e-9)
    shares = lines[lines["kind"] == "proportion"].head(12)
    assert len(shares) > 5
    for line in shares.itertuples():
        exact = binomtest(int(line.events), int(line.n)).proportion_ci(0.95, "exact")
        assert line.ci_low == pytest.approx(100 * exact.low, rel=1e-6, abs=1e-9)
        assert line.ci_high == pytest.approx(100 * exact.high, rel=1e-6)


def test_zero_events_give_an_upper_bound_and_blanks_do_not(ev):
    lines = jk.compare(["abrocitinib-200-mg-qd"], ["vte"], evidence=ev).table()
    zero = lines[(lines["events"] == 0) & (lines["kind"] == "proportion")]
    assert len(zero) and zero["one_sided"].all() and (zero["ci_high"] > 0).all()
    unknown = lines[lines["kind"] == "count"]
    assert unknown["estimate"].isna().all() and not unknown["one_sided"].any()


@pytest.mark.parametrize(
    ("a", "b", "outcome", "kind"),
    [
        # ORAL Surveillance randomised tofacitinib against TNF inhibitors
        ("tofacitinib-5-mg-bid", "tnf-inhibitor", "malignancy_ex_nmsc", "direct"),
        # JADE and Measure Up both had placebo arms in atopic dermatitis
        ("upadacitinib-15-mg-qd", "abrocitinib-200-mg-qd", "vte", "indirect"),
        ("deucravacitinib-6-mg-qd", "abrocitinib-200-mg-qd", "vte", "naive"),
    ],
)
def test_what_a_comparison_rests_on(ev, a, b, outcome, kind):
    pairs = jk.compare([a, b], outcome, evidence=ev).pairs()
    assert list(pairs["kind"]) == [kind]
    assert list(jk.compare([b, a], outcome, evidence=ev).pairs()["kind"]) == [kind]


def test_a_naive_comparison_names_both_populations(ev):
    reason = jk.compare(["deucravacitinib-6-mg-qd", "abrocitinib-200-mg-qd"], "vte", evidence=ev).pairs()[
        "reason"
    ][0]
    assert "plaque psoriasis" in reason and "atopic dermatitis" in reason


def test_one_population_can_be_asked_for(ev):
    result = jk.compare(["upadacitinib-15-mg-qd"], "mace", population="atopic dermatitis", evidence=ev)
    assert set(result.table()["population"]) == {"atopic-dermatitis"}
    assert result.population == "atopic-dermatitis"


def test_the_first_line_is_the_pooled_programme_and_its_trials_follow(ev):
    lines = jk.compare(["upadacitinib-15-mg-qd"], "vte", population="atopic dermatitis", evidence=ev).table()
    first = lines[lines["headline"]]
    assert list(first["study"]) == ["upadacitinib-ad-integrated-6-years"]
    assert {"measure-up-1", "measure-up-2", "ad-up"} <= set(lines["study"])
    # the earlier cut of the same programme is not a second line
    assert "upadacitinib-ad-integrated-5-years" not in set(lines["study"])


def test_persons_and_events_are_told_apart(ev):
    lines = jk.compare(
        ["upadacitinib-15-mg-qd"], "vte", population="rheumatoid arthritis", evidence=ev
    ).table()
    assert set(lines["counts"]) == {"persons", "events"}
    assert set(lines.loc[lines["headline"], "counts"]) == {"persons"}


def test_every_row_about_the_treatment_is_shown_or_accounted_for(ev):
    result = jk.compare(["tofacitinib-10-mg-bid"], "herpes_zoster", evidence=ev)
    asked = ev.events[
        (ev.events["treatment"] == "tofacitinib-10-mg-bid") & (ev.events["outcome"] == "herpes_zoster")
    ]
    assert set(result.table()["event"]) | set(result.left_out["event"]) == set(asked["event"])
    assert not set(result.table()["event"]) & set(result.left_out["event"])
    assert (result.left_out["reason"].str.len() > 5).all()


def test_per_changes_the_unit_only(ev):
    one, ten = (jk.compare(["placebo"], "sae", evidence=ev, per=per).table() for per in (100, 1000))
    assert list(one["event"]) == list(ten["event"])
    pd.testing.assert_series_equal(10 * one["estimate"], ten["estimate"], rtol=1e-12)


def test_json_has_no_nan(ev):
    def walk(value):
        if isinstance(value, dict):
            return [x for v in value.values() for x in walk(v)]
        return [x for v in value for x in walk(v)] if isinstance(value, list) else [value]

    values = walk(jk.compare(["abrocitinib-200-mg-qd", "placebo"], evidence=ev).to_dict())
    assert not [v for v in values if isinstance(v, float) and not math.isfinite(v)]
    assert all(v is None or isinstance(v, str | int | float | bool) for v in values)


def test_unknown_names_are_refused_with_near_ones(ev):
    with pytest.raises(UnknownNameError, match="abrocitinib"):
        jk.compare(["abrocitnib 200 mg qd"], "vte", evidence=ev)
    with pytest.raises(ValueError, match="at least one"):
        jk.compare([], "vte", evidence=ev)


def test_a_trial_without_the_outcome_is_not_denied(ev):
    """ORAL Surveillance randomised both, but its NMSC counts by arm are not held."""
    pairs = jk.compare(["tofacitinib-5-mg-bid", "tnf-inhibitor"], "nmsc", evidence=ev).pairs()
    assert list(pairs["kind"]) == ["naive"]
    assert "Randomised against each other in ORAL Surveillance" in pairs["reason"][0]
    assert "Never randomised" not in pairs["reason"][0]
