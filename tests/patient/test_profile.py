"""A profile: what is read, what stays unknown, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jakinib as jk
from jakinib.patient.profile import ITEMS, Number, PatientError, YesNo


def test_text_of_the_command_is_read() -> None:
    made = jk.Patient.parse("age=67,sex=f,smoking=past,prior_vte=yes,indication=atopic dermatitis")
    assert made == jk.Patient(
        age=67, sex="female", smoking="past", prior_vte=True, indication="atopic dermatitis"
    )


def test_unknown_is_not_no() -> None:
    made = jk.Patient.parse("age=67, prior_vte=unknown, ascvd=, diabetes=no")
    assert (made.prior_vte, made.ascvd, made.diabetes) == (None, None, False)
    assert {"prior_vte", "ascvd"} <= set(made.unknown()) and "diabetes" not in made.unknown()
    assert made.to_dict()["prior_vte"] is None


def test_the_same_measurement_in_two_units_is_the_same_patient() -> None:
    # 386.65 g/mol: 5.2 mmol/L is 201.058 mg/dL; 16 kPa is 120.00992 mmHg
    metric = jk.Patient.parse("total_cholesterol=5.2 mmol/L,sbp=16 kPa,age=480 months")
    assert metric.total_cholesterol == pytest.approx(201.058)
    assert metric.sbp == pytest.approx(120.00992)
    assert metric.age == 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("age=150", ["age", "0 to 120 years"]),
        ("age=old", ["age", "0 to 120 years"]),
        ("sbp=12", ["sbp", "40 to 300 mmHg"]),
        ("total_cholesterol=5.2", ["total_cholesterol", "40 to 1000 mg/dL"]),
        ("total_cholesterol=5 g/L", ["total_cholesterol", "unit", "mg/dL"]),
        ("cv_risk_factors=1.5", ["cv_risk_factors", "whole number"]),
        ("smoking=sometimes", ["smoking", "never, past, current"]),
        ("prior_vte=perhaps", ["prior_vte", "yes, no or unknown"]),
        ("agee=3", ["agee", "items", "prior_vte"]),
        ("67", ["item=value"]),
        ("age=60,age=61", ["age", "twice"]),
        ("cv_risk_factors=0,diabetes=yes", ["cv_risk_factors", "diabetes"]),
        ("total_cholesterol=150,hdl_cholesterol=160", ["hdl_cholesterol", "total_cholesterol"]),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(text: str, words: list[str]) -> None:
    with pytest.raises(PatientError) as error:
        jk.Patient.parse(text)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "67", -1])
def test_an_age_that_is_no_number_of_years_is_refused(value: object) -> None:
    with pytest.raises(PatientError, match="age"):
        jk.Patient(age=value)  # type: ignore[arg-type]


def _any(name: str) -> st.SearchStrategy[object]:
    item = ITEMS[name]
    if isinstance(item, YesNo):
        return st.none() | st.booleans()
    if isinstance(item, Number):
        whole = st.integers(int(item.low), int(item.high))
        return st.none() | (
            whole if item.whole else st.floats(item.low, item.high).map(lambda x: round(x, 3))
        )
    if name == "indication":
        return st.none() | st.sampled_from(["atopic dermatitis", "a disease, with a comma"])
    return st.none() | st.sampled_from(item.values)  # type: ignore[union-attr]


@given(st.fixed_dictionaries({name: _any(name) for name in ITEMS}))
def test_an_address_holds_the_whole_profile(values: dict[str, object]) -> None:
    try:
        made = jk.Patient(**values)  # type: ignore[arg-type]
    except PatientError:
        return
    assert jk.Patient.from_query(made.query()) == made


def test_a_value_may_keep_the_quotes_of_a_shell() -> None:
    for text in ('indication="atopic dermatitis",age=67', "indication='atopic dermatitis',age='67'"):
        patient = jk.Patient.parse(text)
        assert (patient.indication, patient.age) == ("atopic dermatitis", 67)
