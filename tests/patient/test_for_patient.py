"""The three worked examples of docs/patient.md, and what must hold for every person."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jakinib as jk
from jakinib.evidence.errors import UnknownNameError
from jakinib.patient import prevent
from jakinib.patient.risk import Risk

YOUNG = (
    "age=38,sex=f,indication=alopecia areata,smoking=never,prior_vte=no,ascvd=no,cv_risk_factors=0,"
    "prior_malignancy=no,estrogen=no"
)
OLDER = "age=67,sex=f,indication=atopic dermatitis,smoking=past,prior_vte=yes"
ORAL = "age=61,sex=f,indication=rheumatoid arthritis,methotrexate=yes,cv_risk_factors=2,ascvd=no"
Z = 1.959963984540054


@pytest.fixture(scope="module")
def ev() -> jk.Evidence:
    return jk.evidence()


def one(text: str, treatment: str, outcome: str, **more: object) -> Risk:
    return jk.for_patient(jk.Patient.parse(text), [treatment], outcome, **more).risks[0]  # type: ignore[arg-type]


def test_worked_example_of_38_years_with_alopecia_areata() -> None:
    """Venous thromboembolism on baricitinib 4 mg: odds ratio 1.12 (0.27 to 4.69) on 0.49 per 100 PY."""
    risk = one(YOUNG, "baricitinib 4 mg qd", "vte")
    c = risk.main
    assert c is not None and (c.effect.row, c.baseline.key) == ("F0024", "E00708")
    p0 = 1 - math.exp(-0.0049)
    odds = p0 / (1 - p0)

    def with_(ratio: float) -> float:
        return odds * ratio / (1 + odds * ratio)

    se = math.log(4.69 / 0.27) / (2 * Z)
    assert c.year.without == pytest.approx(p0) and round(1000 * p0, 2) == 4.89
    assert c.year.difference == pytest.approx(with_(1.12) - p0) and round(1000 * c.year.difference, 2) == 0.58
    assert c.year.low == pytest.approx(with_(1.12 * math.exp(-Z * se)) - p0)
    assert c.year.high == pytest.approx(with_(1.12 * math.exp(Z * se)) - p0)
    assert [round(1000 * x, 1) for x in (c.year.low, c.year.high)] == [-3.6, 17.5]
    assert c.nnh is None  # the interval spans zero
    assert "mixed diseases" in c.marks and "doses pooled" in c.marks
    # none of 280 over 36 weeks: 1 - 0.025^(1/280) is at most 1.31 %, at a constant rate 19.1 per 1,000 a year
    assert risk.observed is not None and risk.observed["events"] == 0
    share = 1 - 0.025 ** (1 / 280)
    assert risk.observed["yearly_high"] == pytest.approx(-math.log(1 - share) * 365.25 / 7 / 36 * 1000)
    assert round(risk.observed["yearly_high"], 1) == 19.1


def test_worked_example_of_67_years_with_atopic_dermatitis() -> None:
    """Thromboembolism: 0 of 266 over 40 weeks on abrocitinib 200 mg is an upper bound, not no risk."""
    risk = one(OLDER, "abrocitinib 200 mg qd", "vte")
    assert risk.status == "zero events" and risk.main is None
    assert risk.observed is not None and risk.observed["event"] == "E01177"
    # 1 - 0.025^(1/266) over 40 weeks as a constant rate: -ln 0.025 / 266 x 52.18 / 40
    assert risk.observed["yearly_high"] == pytest.approx(-math.log(0.025) / 266 * 365.25 / 7 / 40 * 1000)
    assert round(risk.observed["yearly_high"], 1) == 18.1
    made = jk.for_patient(jk.Patient.parse(OLDER), ["abrocitinib 200 mg qd"], "vte")
    assert {"prior venous thromboembolism", "smoking"} <= set(made.missing["factor"])
    assert "none observed: at most 18.1 a year; not “no risk”" in str(made)


def test_worked_example_of_67_years_on_baricitinib() -> None:
    """Odds ratio 1.12 (0.27 to 4.69) on 0.24 per 100 PY with atopic dermatitis, no interval printed."""
    c = one(OLDER, "baricitinib 4 mg qd", "vte").main
    assert c is not None and (c.effect.row, c.baseline.key) == ("F0024", "E01048")
    p0 = 1 - math.exp(-0.0024)
    odds = p0 / (1 - p0)
    se = math.log(4.69 / 0.27) / (2 * Z)
    ends = [1.12 * math.exp(k * Z * se) for k in (-1, 0, 1)]
    wanted = [odds * e / (1 + odds * e) - p0 for e in ends]
    assert [c.year.low, c.year.difference, c.year.high] == pytest.approx(wanted)
    assert [round(1000 * x, 2) for x in wanted] == [-1.75, 0.29, 8.69]


def test_the_programme_comes_before_a_small_trial_without_events() -> None:
    # 6 years of the upadacitinib programme print 0.1 per 100 PY; Rising Up saw none in 289.4 PY
    risk = one(OLDER, "upadacitinib 15 mg qd", "vte")
    assert risk.status == "observed" and risk.observed is not None
    assert (risk.observed["event"], risk.observed["yearly"]) == ("E00554", 1.0)
    assert "E00544" in {line["event"] for line in risk.lines}


def test_a_stratum_of_age_stands_for_those_in_it() -> None:
    # abrocitinib programme: MACE 2.03 per 100 PY from 65 years, 0.09 at 40 to 49
    for age, event, yearly in [("67", "E00295", 20.3), ("45", "E00293", 0.9)]:
        risk = one(f"age={age},indication=atopic dermatitis", "abrocitinib 200 mg qd", "mace")
        assert risk.observed is not None
        assert (risk.observed["event"], round(risk.observed["yearly"], 6)) == (event, yearly)
    # somebody known to be 67 is not in the stratum of those under 65, whatever else it asks for
    lines = one("age=67,indication=atopic dermatitis", "baricitinib 4 mg qd", "serious_infection").lines
    assert "E00385" not in {line["event"] for line in lines}


def test_none_observed_does_not_hide_that_others_saw_it() -> None:
    # NMSC on upadacitinib 15 mg: Rising Up 0 in 289.4 PY; Measure Up 1 and 2 saw 1 of 281 and 2 of 276
    risk = one(OLDER, "upadacitinib 15 mg qd", "nmsc")
    assert risk.status == "zero events"
    assert [line["event"] for line in risk.elsewhere] == ["E00232", "E00250"]
    assert risk.span is not None and risk.span[0] == 0 and risk.span[1] > 20


def test_a_rate_printed_as_zero_is_bounded_where_it_can_be_and_never_nearest_where_not() -> None:
    # SELECT-PsA 2, death: printed 0.0 per 100 PY in 272.5 PY, no count: at most -ln 0.025 / 272.5
    rates = jk.for_patient(
        jk.Patient.parse("indication=psoriatic arthritis"), ["upadacitinib 15 mg qd"], "death"
    )
    line = next(x for x in rates.risks[0].lines if x["event"] == "E01151")
    assert line["yearly_high"] == pytest.approx(-math.log(0.025) / 272.5 * 1000) and line["one_sided"]
    # herpes zoster on baricitinib 4 mg, 16 weeks: printed 0.0 without persons or years, and 53 elsewhere
    risk = one(OLDER, "baricitinib 4 mg qd", "herpes_zoster")
    zero = next(x for x in risk.lines if x["event"] == "E00394")
    assert zero["yearly_high"] is None
    assert risk.observed is not None and risk.observed["event"] == "E00392"
    # VTE on deucravacitinib: printed 0.0 in 125 persons over 148 weeks
    japan = one("indication=psoriasis", "deucravacitinib 6 mg qd", "vte").lines
    line = next(x for x in japan if x["event"] == "E00494")
    assert line["yearly_high"] == pytest.approx(-math.log(0.025) / (125 * 148 * 7 / 365.25) * 1000)


def test_a_network_estimate_is_marked_as_one() -> None:
    # PMID 36207461: dupilumab v upadacitinib OR 0.23 (0.08 to 0.81), from a network of 18 trials
    c = one(OLDER, "upadacitinib 15 mg qd", "herpes_zoster").main
    assert c is not None and c.effect.row == "F0009"
    assert c.effect.estimate == pytest.approx(1 / 0.23)
    assert "network meta-analysis, indirect in part or whole" in c.marks and "randomised" not in c.marks
    # the general population stands for people on dupilumab: nobody's number needed to harm
    assert not c.horizon.spans_zero and c.baseline.kind == "general population" and c.nnh is None


def test_worked_example_of_61_years_with_rheumatoid_arthritis() -> None:
    """Malignancy on tofacitinib 5 mg: HR 1.47 (1.00 to 2.18), 42 in 5,482 PY on TNF inhibitors."""
    risk = one(ORAL, "tofacitinib 5 mg bid", "malignancy_ex_nmsc")
    c = risk.main
    assert c is not None and (c.effect.row, c.baseline.key) == ("F0107", "E00039")
    rate = 42 / 5482
    assert c.year.without == pytest.approx(1 - math.exp(-rate))
    assert c.year.with_ == pytest.approx(1 - math.exp(-rate * 1.47))
    assert c.horizon.difference == pytest.approx(math.exp(-5 * rate) - math.exp(-5 * rate * 1.47))
    assert c.rate_difference == pytest.approx(1000 * rate * 0.47)
    # interval: tests/reference/patient.csv, cases malignancy-oral and malignancy-oral-5
    assert [c.year.low, c.year.high] == pytest.approx([-3.300166405e-05, 0.009341348071], rel=1e-5, abs=1e-9)
    assert [c.horizon.low, c.horizon.high] == pytest.approx(
        [-0.0001600900315, 0.04429392698], rel=1e-5, abs=1e-8
    )
    # 10 more per 1,000 over 5 years: HR -ln(1 - (p0 + 0.01)) / (5 rate)
    p0 = 1 - math.exp(-5 * rate)
    assert c.tipping == pytest.approx(-math.log(1 - p0 - 0.01) / (5 * rate))


def test_the_stratum_of_cardiovascular_history_is_used_when_it_is_known() -> None:
    # ORAL Surveillance on 5 mg: 30 of 1,251 v 28 of 1,237 without, 17 of 204 v 9 of 214 with a history
    for history, events in [("no", (30, 1251, 28, 1237)), ("yes", (17, 204, 9, 214))]:
        c = one(ORAL.replace("ascvd=no", f"ascvd={history}"), "tofacitinib 5 mg bid", "mace").main
        a, n, b, m = events
        assert c is not None
        assert c.effect.estimate == pytest.approx(a / (n - a) * (m - b) / b)
        assert c.baseline.rate.value == pytest.approx(-math.log(1 - b / m) / (208.7 * 7 / 365.25))
    whole = one(ORAL.replace(",ascvd=no", ""), "tofacitinib 5 mg bid", "mace")
    assert whole.main is not None and whole.main.effect.subgroup == ""


def test_the_strata_add_up_to_the_whole(ev: jk.Evidence) -> None:
    arms = ev.events[(ev.events["study"] == "oral-surveillance") & (ev.events["outcome"] == "mace")]
    arms = arms[arms["use"] == "default"]
    parts = arms[arms["subgroup"].isin(["history of ASCVD", "no history of ASCVD"])]
    whole = arms[arms["subgroup"].isna()].set_index("treatment")
    summed = parts.groupby("treatment")[["events", "n"]].sum()
    for treatment in summed.index:
        assert list(summed.loc[treatment]) == list(whole.loc[treatment, ["events", "n"]])


def test_nnh_stands_only_where_the_interval_leaves_zero() -> None:
    made = jk.for_patient(jk.Patient.parse(ORAL), ["tofacitinib 5 mg bid"])
    seen = set()
    for risk in made.risks:
        for c in [x for x in (risk.main, *risk.also) if x]:
            spans = c.horizon.low <= 0 <= c.horizon.high
            own = c.baseline.kind == "comparator arm"
            own |= c.baseline.kind == "same disease" and not c.effect.active
            assert (c.nnh is None) == (spans or not own)
            seen.add(spans)
            if c.nnh is not None:
                assert c.nnh == pytest.approx(1 / c.horizon.difference)
    assert seen == {True, False}


def test_a_ratio_from_another_disease_or_the_class_is_never_the_main_line() -> None:
    made = jk.for_patient(jk.Patient.parse(YOUNG), ["ritlecitinib 50 mg qd", "baricitinib 4 mg qd"])
    also = [c for risk in made.risks for c in risk.also]
    assert any("class" in c.marks for c in also) and any("other disease" in c.marks for c in also)
    for risk in made.risks:
        if risk.main:
            assert not {"class", "other disease"} & set(risk.main.marks)


def test_nothing_held_is_not_studied() -> None:
    risk = one(YOUNG, "ritlecitinib 50 mg qd", "vte")
    assert risk.status == "not studied" and risk.main is None and risk.observed is None


def test_your_own_number_comes_first_in_any_unit_and_moves_nothing_else() -> None:
    published = one(ORAL, "tofacitinib 5 mg bid", "mace")
    own = one(ORAL, "tofacitinib 5 mg bid", "mace", baseline={"MACE": 12.0})
    assert own.main is not None and published.main is not None
    assert own.main.baseline.kind == "own number" and own.main.baseline.rate.value == 0.012
    assert own.upper_bound == published.upper_bound and own.main.effect == published.main.effect


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": 31}, "30 years"),
        ({"level": 0}, "level"),
        ({"baseline": {"vte": 0}}, "baseline of vte"),
        ({"baseline": {"vte": float("nan")}}, "baseline of vte"),
    ],
)
def test_what_cannot_be_asked_is_refused(more: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        one(ORAL, "tofacitinib 5 mg bid", "vte", **more)


def test_an_unknown_indication_or_treatment_is_refused_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match="atopic"):
        one("indication=atopic dermatits", "upadacitinib 15 mg qd", "vte")
    with pytest.raises(ValueError, match="at least one treatment"):
        jk.for_patient(jk.Patient(), [])


ITEMS = {
    "age": ["20", "38", "61", "70"],
    "sex": ["female", "male"],
    "severity": ["mild", "severe"],
    "ascvd": ["yes", "no"],
    "prior_vte": ["yes", "no"],
    "steroids": ["yes", "no"],
    "cv_risk_factors": ["0", "2"],
    "indication": ["rheumatoid arthritis", "atopic dermatitis"],
}


@settings(max_examples=25, deadline=None)
@given(
    known=st.fixed_dictionaries({k: st.sampled_from(v) for k, v in ITEMS.items()}),
    forgotten=st.sets(st.sampled_from(sorted(ITEMS)), min_size=1),
)
def test_forgetting_never_lowers_the_upper_bound(known: dict[str, str], forgotten: set[str]) -> None:
    treatments = ["tofacitinib 5 mg bid", "upadacitinib 15 mg qd"]
    outcomes = ["mace", "vte", "herpes_zoster"]
    told = jk.for_patient(jk.Patient.from_query(known), treatments, outcomes)
    left = {k: v for k, v in known.items() if k not in forgotten}
    less = jk.for_patient(jk.Patient.from_query(left), treatments, outcomes)
    for more, fewer in zip(told.risks, less.risks, strict=True):
        if more.upper_bound is not None:
            assert fewer.upper_bound is not None and fewer.combinations >= more.combinations
            assert fewer.upper_bound >= more.upper_bound
            assert fewer.highest >= more.highest and fewer.lowest <= more.lowest  # type: ignore[operator]
        if more.span is not None:
            assert fewer.span is not None
            assert fewer.span[1] >= more.span[1] and fewer.span[0] <= more.span[0]


def test_results_are_whole_and_json_ready() -> None:
    made = jk.compare(["tofacitinib 5 mg bid"], "mace", patient=jk.Patient.parse(ORAL)).for_patient
    assert made is not None
    json.dumps(made.to_dict(), allow_nan=False)
    table = made.table()
    assert set(table["line"]) <= {"main", "also", ""} and len(table) >= 1
    assert made.figure().to_dict()["layer"]
    text = str(made)
    assert text.startswith("For 61 years old, female")
    for part in (
        "WHAT LABELS AND AGENCIES SAY",
        "WHO WAS STUDIED",
        "[W004]",
    ):
        assert part in text
    distance = made.distance.set_index("study").loc["oral-surveillance"]
    assert distance["would_have_entered"] == "yes" and distance["years_from_age"] == 0
    assert "5 years asked, 4.0 followed" in distance["extrapolation"]


def test_every_number_leads_to_rows_of_the_evidence(ev: jk.Evidence) -> None:
    made = jk.for_patient(jk.Patient.parse(OLDER), ["upadacitinib 15 mg qd", "baricitinib 4 mg qd"])
    events, effects = set(ev.events["event"]), set(ev.effects["effect"])
    for risk in made.risks:
        assert risk.observed is None or risk.observed["event"] in events
        for c in [x for x in (risk.main, *risk.also) if x]:
            assert set(c.baseline.events) <= events and c.baseline.events
            assert c.effect.row in effects or (c.effect.events and set(c.effect.events) <= events)


# Tests of the R package preventr (Mayer; github.com/martingmayer/preventr, tests/testthat/
# test-prevent_equations.R, "Base model works, female" and "..., male"): 50 years, systolic pressure 160 mmHg
# treated, total cholesterol 200 and HDL 45 mg/dL, no statin, diabetes, no smoking, eGFR 90, body mass index
# 35: 10-year risk of ASCVD 9.2 % in a woman, 10.2 % in a man
WOMAN = (
    "age=50,sex=f,sbp=160,bp_treatment=yes,total_cholesterol=200,hdl_cholesterol=45,statin=no,diabetes=yes,"
    "smoking=never,egfr=90,bmi=35,ascvd=no"
)


@pytest.mark.parametrize(("sex", "risk"), [("f", 0.092), ("m", 0.102)])
def test_prevent_gives_the_published_examples(sex: str, risk: float) -> None:
    rate = prevent.ascvd_rate(jk.Patient.parse(WOMAN.replace("sex=f", f"sex={sex}")))
    assert round(1 - math.exp(-10 * rate), 3) == risk


def test_prevent_is_the_baseline_only_when_it_can_be() -> None:
    made = one(WOMAN + ",indication=rheumatoid arthritis", "tofacitinib 5 mg bid", "mace")
    assert made.main is not None and made.main.baseline.kind == "equation"
    for change, words in [
        ("ascvd=yes", "without cardiovascular disease"),
        ("age=85", "outside 30 to 79"),
        ("egfr=unknown", "estimated GFR"),
    ]:
        item = change.split("=")[0]
        text = ",".join(p for p in WOMAN.split(",") if not p.startswith(f"{item}=")) + f",{change}"
        assert words in prevent.why_not(jk.Patient.parse(text))
        with pytest.raises(ValueError, match="PREVENT cannot be used"):
            prevent.ascvd_rate(jk.Patient.parse(text))
