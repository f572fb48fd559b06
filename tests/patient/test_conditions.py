"""Label conditions and entry criteria: three-valued logic, and the statements of the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

import jakinib as jk
from jakinib.evidence.errors import EvidenceError
from jakinib.patient.condition import all_of, checked
from jakinib.patient.enrolled import Criteria
from jakinib.patient.profile import ITEMS
from jakinib.patient.subgroup import stratum

CHILD = "age=38,sex=f,indication=alopecia areata,smoking=never,prior_vte=no,ascvd=no,cv_risk_factors=0"
OLDER = "age=67,sex=f,indication=atopic dermatitis,smoking=past,prior_vte=yes"
ORAL = "age=61,sex=f,indication=rheumatoid arthritis,cv_risk_factors=1,methotrexate=yes"


@pytest.fixture(scope="module")
def ev() -> jk.Evidence:
    return jk.evidence()


def verdicts(text: str, treatment: str) -> dict[str, str]:
    made = jk.for_patient(jk.Patient.parse(text), [treatment], "vte").statements
    return dict(zip(made["warning"], made["verdict"], strict=True))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    # Kleene's strong conjunction (1938): the whole table
    [
        (True, True, True), (True, None, None), (True, False, False), (None, True, None), (None, None, None),
        (None, False, False), (False, True, False), (False, None, False), (False, False, False),
    ],
)  # fmt: skip
def test_and_of_three_values(first: bool | None, second: bool | None, expected: bool | None) -> None:
    both = [checked("prior_vte", "eq", "yes", ""), checked("ascvd", "eq", "yes", "")]
    assert all_of(both, {"prior_vte": first, "ascvd": second}) is expected


def test_the_european_measures_for_somebody_of_67_who_smoked_and_had_a_clot() -> None:
    said = verdicts(OLDER, "upadacitinib-15-mg-qd")
    assert said["W095"] == "applies"  # 65 years or older
    assert said["W100"] == "applies"  # risk factors for thromboembolism
    assert said["W099"] == "might"  # smoked for a long time: not defined
    assert said["W096"] == "might"  # earlier malignancy is unknown
    assert said["W097"] == "might"  # cardiovascular disease is unknown


def test_the_european_measures_for_somebody_of_38_without_any_risk() -> None:
    said = verdicts(CHILD + ",prior_malignancy=no,estrogen=no", "baricitinib-4-mg-qd")
    assert [said[w] for w in ("W095", "W096", "W097", "W098", "W099")] == ["does not"] * 5
    assert said["W100"] == "might"  # immobilisation and coagulation disorder are unknown
    assert said["W024"] == "applies"  # the boxed warning addresses everyone treated


def test_a_boxed_warning_says_whose_data_it_rests_on_and_whether_the_person_is_like_them() -> None:
    for text, like in [(CHILD, "no"), (OLDER, "no"), (ORAL, "yes")]:
        made = jk.for_patient(jk.Patient.parse(text), ["baricitinib-4-mg-qd"], "mace").statements
        row = made.set_index("warning").loc["W024"]
        assert (row["extension"], row["basis_study"]) == ("tofacitinib", "oral-surveillance")
        assert row["in_basis_study"] == like
    own = jk.for_patient(jk.Patient.parse(ORAL), ["tofacitinib-5-mg-bid"], "mace").statements
    assert set(own.loc[own["warning"].isin(["W065", "W095"]), "extension"]) == {""}


def test_a_statement_on_the_class_is_not_put_on_a_drug_whose_own_label_has_no_box() -> None:
    made = jk.for_patient(jk.Patient.parse(OLDER), ["deucravacitinib-6-mg-qd"], "vte").statements
    row = made.set_index("warning").loc["W007"]
    assert row["verdict"] == "might" and "no boxed warning" in row["open"]


@pytest.mark.parametrize(
    "treatment", ["upadacitinib-15-mg-qd", "tofacitinib-10-mg-bid", "adalimumab-40-mg-q2w"]
)
@pytest.mark.parametrize("item", ["prior_vte", "ascvd", "prior_malignancy", "estrogen", "diabetes"])
def test_a_risk_factor_never_takes_a_statement_away(treatment: str, item: str) -> None:
    rank = {"does not": 0, "might": 1, "applies": 2}
    base = "age=50,sex=m,indication=rheumatoid arthritis,tnf_failure=no,smoking=never"
    without, unknown, with_ = (verdicts(f"{base},{item}={v}", treatment) for v in ("no", "unknown", "yes"))
    for warning in without:
        assert rank[without[warning]] <= rank[unknown[warning]] <= rank[with_[warning]]


def test_every_warning_has_a_condition_and_every_condition_is_one(ev: jk.Evidence) -> None:
    assert set(ev["warning_conditions"]["warning"]) == set(ev["warnings"]["warning"])
    for table in ("warning_conditions", "study_criteria"):
        for row in ev[table].itertuples():
            checked(str(row.item), str(row.operator), str(row.value), table)


@pytest.mark.parametrize(
    ("item", "operator", "value", "words"),
    [
        ("weight", "ge", "80", "no item"),
        ("age", "above", "65", "operator"),
        ("age", "ge", "old", "number"),
        ("prior_vte", "eq", "maybe", "yes or no"),
        ("smoking", "in", "past;cigars", "never, past, current"),
        ("cv_risk_factors", "ge", "2", "ge 1"),
    ],
)
def test_a_condition_that_is_none_is_refused(item: str, operator: str, value: str, words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        checked(item, operator, value, "warning_conditions, row 2")


def test_a_folder_with_a_bad_condition_says_where(tmp_path: Path) -> None:
    (tmp_path / "warning_conditions.csv").write_text(
        "warning,group,item,operator,value,strength,reading\nW001,9,age,ge,old,applies,read so\n"
    )
    with pytest.raises(EvidenceError, match=r"warning_conditions.*W001.*age ge 'old'"):
        jk.for_patient(jk.Patient(age=50), ["upadacitinib-15-mg-qd"], evidence=jk.evidence(tmp_path))


@pytest.mark.parametrize(
    ("text", "study", "expected"),
    [
        (ORAL, "oral-surveillance", "yes"),
        (ORAL.replace("61", "49"), "oral-surveillance", "no"),
        (
            ORAL.replace("cv_risk_factors=1", "cv_risk_factors=0,ascvd=no,smoking=never"),
            "oral-surveillance",
            "no",
        ),
        (ORAL.replace("cv_risk_factors=1", "smoking=never"), "oral-surveillance", "might"),
        (CHILD, "brave-aa1", "might"),
        (CHILD + ",estrogen=no,immobilisation=no,coagulation_disorder=no", "brave-aa1", "yes"),
        (CHILD.replace("prior_vte=no", "prior_vte=yes"), "brave-aa1", "no"),
        (CHILD.replace("sex=f", "sex=m").replace("38", "65"), "brave-aa1", "no"),
        (
            CHILD.replace("38", "65") + ",estrogen=no,immobilisation=no,coagulation_disorder=no",
            "brave-aa1",
            "yes",
        ),
        (OLDER, "jade-teen", "no"),
        (OLDER, "jade-mono-1", "not read"),
    ],
)  # men to 60, women to 70 in BRAVE-AA; 50 and over with a risk factor on methotrexate in ORAL Surveillance
def test_who_could_have_entered(ev: jk.Evidence, text: str, study: str, expected: str) -> None:
    patient = jk.Patient.parse(text)
    facts = {**patient.facts(), "indication": ev.name("population", str(patient.indication))}
    assert Criteria(ev).enrolled(facts, study).verdict == expected


def test_strata_are_read_or_said_not_to_be() -> None:
    assert stratum("age 65-74").fits({"age": 74.9}) is True
    assert stratum("age 65-74").fits({"age": 75.0}) is False
    assert stratum("age 45 to <55").fits({"age": 55.0}) is False
    assert stratum("age over 80").fits({"age": 80.5}) is False
    assert stratum("adults, first or recurrent, women").fits({"age": 40.0, "sex": "female"}) is True
    assert stratum("no history of ASCVD, with cardiovascular risk score").fits({"ascvd": None}) is None
    assert not stratum("oldest age group (age not read)").understood
    assert stratum(None).fits({}) is True


def test_every_item_of_a_condition_is_an_item_of_the_profile(ev: jk.Evidence) -> None:
    items = set(ev["warning_conditions"]["item"]) | set(ev["study_criteria"]["item"])
    assert items <= set(ITEMS) | {"treated", "treatment", "drug", "route"}
