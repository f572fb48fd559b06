"""Reading a regimen, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jakinib.mechanism.errors import MechanismError
from jakinib.mechanism.regimen import Regimen, parse_regimen


@pytest.mark.parametrize(
    ("text", "dose", "interval", "form"),
    [
        ("15 mg ER qd", 15, 24, "ER"),
        ("5 mg bid", 5, 12, None),
        ("5mg BID", 5, 12, None),
        ("11 mg XR once daily", 11, 24, "ER"),
        ("3 mg IR twice daily", 3, 12, "IR"),
        ("200 mg tablet once a day", 200, 24, None),
        ("10 mg q8h", 10, 8, None),
        ("10 mg every 6 hours", 10, 6, None),
        ("50 mg single", 50, None, None),
        ("12.5 mg tid", 12.5, 8, None),
        ("500 mcg qd", 0.5, 24, None),
        ("qd 15 mg extended-release", 15, 24, "ER"),
    ],
)
def test_usual_ways_of_writing(text: str, dose: float, interval: float | None, form: str | None) -> None:
    assert parse_regimen(text) == Regimen(dose, interval, form)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("15 mg", "no schedule; it could be '15 mg qd', '15 mg bid', '15 mg single'"),
        ("15 mg ER", "'15 mg ER qd', '15 mg ER bid'"),
        ("-5 mg bid", "dose must be positive; got -5 mg"),
        ("0 mg bid", "dose must be positive"),
        ("bid", "no dose in mg"),
        ("5 mg 10 mg bid", "2 doses"),
        ("1.5 % cream bid", "a strength in % is not a dose"),
        ("5 mg bid soon", "cannot read 'soon'"),
        ("", "no dose"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, says: str) -> None:
    with pytest.raises(MechanismError, match=says):
        parse_regimen(text)


@given(st.floats(0.1, 900).map(lambda x: round(x, 2)), st.sampled_from(["qd", "bid", "tid", "q6h", "single"]),
       st.sampled_from(["ER", "IR", None]))  # fmt: skip
def test_writing_and_reading_are_inverse(dose: float, schedule: str, form: str | None) -> None:
    text = " ".join(x for x in (f"{dose:g} mg", form, schedule) if x)
    assert str(parse_regimen(str(parse_regimen(text)))) == str(parse_regimen(text)) == text
