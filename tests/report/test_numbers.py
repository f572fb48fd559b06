"""How numbers are written. Expected texts follow from the rule stated in each test."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jakinib.patient.compare import estimates
from jakinib.report.numbers import at_most, cell, effect, missing, number, printed, shown

LINE: dict[str, Any] = dict.fromkeys(
    ["events", "n", "person_years", "rate", "ci_low", "ci_high", "ci_level", "rate_printed", "percent",
     "below_threshold", "period", "period_weeks"]
)  # fmt: skip


def line(per: float = 100, **cells: Any) -> dict[str, Any]:
    """A row of events with its estimate and interval, as the page gets it."""
    row = {**LINE, "counts": "persons", **cells}
    types = {"events": "Int64", "n": "Int64", "below_threshold": "boolean", "person_years": "float64",
             "rate": "float64", "ci_low": "float64", "ci_high": "float64", "percent": "float64"}  # fmt: skip
    made = estimates(pd.DataFrame([row]).astype(types), per)
    return {str(k): v for k, v in made.iloc[0].items()}


def test_zero_of_persons_gives_what_it_excludes() -> None:
    # Clopper-Pearson: 1 - 0.025 ** (1 / 156) = 2.337 %, rounded up so that it stays a bound
    assert pytest.approx(2.337, abs=5e-4) == 100 * (1 - 0.025 ** (1 / 156))
    s = shown(line(events=0, n=156))
    assert (s.value, s.interval, s.look) == ("0 of 156", "at most 2.4 %", "zero")


def test_zero_in_person_years_gives_an_upper_rate() -> None:
    # Garwood: -log(0.025) = 3.6889 events; per 100 in 500 person-years 0.7378
    assert -math.log(0.025) * 100 / 500 == pytest.approx(0.7378, abs=1e-4)
    s = shown(line(events=0, n=300, person_years=500.0))
    assert (s.value, s.interval) == ("0 in 500 PY", "at most 0.74 per 100 PY")
    assert s.counts == "300 persons"


def test_blank_zero_and_below_threshold_are_three_things() -> None:
    said = [
        shown(None),
        shown(line(events=0, n=100)),
        shown(line(events=0, n=100, below_threshold=True)),
    ]
    assert [s.look for s in said] == ["blank", "zero", "below"]
    assert said[0].value == "not reported"
    assert said[2].value == "below the reporting threshold"
    assert "0" not in said[2].value


def test_rate_is_written_with_interval_unit_and_counts() -> None:
    # Garwood limits of 3 events: chi-square quantiles 2*0.6187 and 2*8.7673
    s = shown(line(events=3, n=400, person_years=1000.0))
    assert (s.value, s.unit, s.interval) == ("0.30", "per 100 PY", "0.06 to 0.88")
    assert s.counts == "3 of 400, 1,000 PY"
    assert shown(line(per=1000, events=3, n=400, person_years=1000.0)).unit == "per 1,000 people a year"
    assert shown(line(per=1000, events=3, n=400, person_years=1000.0)).value == "3.00"


def test_printed_rate_stays_as_printed_and_says_so() -> None:
    s = shown(line(rate=0.2))
    assert (s.value, s.interval, s.remark) == ("0.2", "interval not reported", "as printed")
    s = shown(line(rate=0.4, ci_low=0.1, ci_high=1.0))
    assert s.interval == "0.1 to 1"


def test_events_are_not_called_persons() -> None:
    s = shown(line(events=3, n=400, person_years=1000.0, counts="events"))
    assert "events" in s.counts and "not persons" in s.remark


def test_range_printed_by_the_source_is_shown_as_it_is() -> None:
    assert shown(line(rate_printed="<0.1")).value == "<0.1"


def test_count_without_a_denominator_says_so() -> None:
    s = shown(line(events=2))
    assert "2" in s.value and "not reported" in s.interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0123, "0.012"),
        (0.1, "0.10"),
        (0.149, "0.15"),
        (2.345, "2.35"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-4, 1e4))
def test_upper_bound_is_never_rounded_below_itself(value: float) -> None:
    assert float(at_most(value).replace(",", "")) >= value * (1 - 1e-8)
    assert float(at_most(value).replace(",", "")) <= value * 1.2 + 1e-9


@given(st.decimals(0, 1000, places=3))
def test_printed_figure_is_neither_rounded_nor_padded(value: Any) -> None:
    assert float(printed(float(value)).replace(",", "")) == float(value)


def test_cells() -> None:
    assert [cell(v) for v in (None, float("nan"), pd.NA, 0, 0.5, True, "x")] == [
        "",
        "",
        "",
        "0",
        "0.5",
        "yes",
        "x",
    ]
    assert missing(pd.NA) and missing(float("nan")) and not missing(0) and not missing("")


def test_effect() -> None:
    row = {"measure": "OR", "estimate": 0.83, "ci_low": 0.44, "ci_high": 1.57, "unit": None}
    assert effect(row) == "OR 0.83 (0.44 to 1.57)"
    assert effect({**row, "ci_low": None}) == "OR 0.83"


def test_a_rate_printed_as_zero_says_what_it_excludes_or_why_it_cannot() -> None:
    line: dict[str, Any] = {"kind": "printed rate", "per": 1000.0, "estimate": 0.0, "events": None, "n": 184}
    line |= {"counts": "persons", "person_years": 272.5, "ci_low": 0.0, "ci_high": 13.54, "one_sided": True}
    assert str(shown(line)) == (
        "0 in 272.5 PY (at most 13.6 per 1,000 people a year); 184 persons; rate printed as 0"
    )
    bare = line | {"n": None, "person_years": None, "ci_low": None, "ci_high": None, "one_sided": False}
    assert "no upper bound: how many people and years is not reported" in str(shown(bare))
    weeks = line | {"person_years": None, "n": 125}
    assert str(shown(weeks)).startswith("0 of 125 (at most 13.6")
