"""CSV that no spreadsheet runs, JSON that every reader reads."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jakinib.report.export import to_csv, to_json


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), min_size=1),
        min_size=1,
    )
)
def test_text_survives_and_is_never_a_formula(cells: list[str]) -> None:
    read = pd.read_csv(io.StringIO(to_csv(pd.DataFrame({"a": cells}))), dtype=str, keep_default_na=False)
    for before, after in zip(cells, read["a"], strict=True):
        assert not after.startswith(("=", "+", "-", "@", "\t"))
        assert after in (before, f"'{before}")


def test_numbers_stay_numbers_and_blanks_stay_blank() -> None:
    frame = pd.DataFrame({"x": [-1.5, None], "n": pd.array([0, None], dtype="Int64"), "t": ["-5 mg", None]})
    assert to_csv(frame).splitlines() == ["x,n,t", "-1.5,0,'-5 mg", ",,"]


def test_a_column_named_like_a_formula_is_text_too() -> None:
    assert to_csv(pd.DataFrame({"=1+1": [1]})).startswith("'=1+1")


def test_json_refuses_what_json_does_not_have() -> None:
    assert json.loads(to_json({"a": [1, None, "ä"]})) == {"a": [1, None, "ä"]}
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": float("nan")})
