"""What an arm table may be, and what must be refused with row, column and remedy."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jakinib.synthesis.arms import ArmTableError, read_arms

GOOD = {
    "study": ["A", "A", "B", "B"],
    "treatment": ["drug", "placebo", "drug", "placebo"],
    "events": [1, 0, 2, 3],
    "n": [100, 50, 80, 40],
    "person_years": [30.5, 15.0, 20.0, 9.0],
    "population": ["AD", "AD", "RA", "RA"],
}


def changed(**columns):
    return {**GOOD, **columns}


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame, lambda d: pl.DataFrame(d).lazy()])
def test_any_dataframe_gives_the_same_arms(frame):
    arms = read_arms(frame(GOOD))
    assert arms.studies == ("A", "B")
    assert arms.treatments == ("drug", "placebo")
    assert arms.study.tolist() == [0, 0, 1, 1]
    assert arms.events.tolist() == [1, 0, 2, 3]
    assert arms.person_years.tolist() == [30.5, 15.0, 20.0, 9.0]
    assert arms.extra["population"].tolist() == ["AD", "AD", "RA", "RA"]
    assert arms.population() == ("AD", "RA")
    assert arms.population([1]) == ("RA",)


class _OnlyArrow:
    """A dataframe known by nothing but its Arrow stream."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


def test_an_object_that_only_speaks_the_capsule_protocol_is_read():
    assert read_arms(_OnlyArrow(pl.DataFrame(GOOD))).events.tolist() == [1, 0, 2, 3]


def test_pandas_nullable_columns_and_blank_person_years():
    frame = pd.DataFrame(changed(person_years=pd.array([None, 1.5, 2, 3], dtype="Float64")))
    frame["events"] = frame["events"].astype("Int64")
    arms = read_arms(frame)
    assert math.isnan(arms.person_years[0]) and arms.person_years[1] == 1.5


@pytest.mark.parametrize(
    ("columns", "row", "column", "found"),
    [
        ({"events": [1, "two", 2, 3]}, 2, "events", "'two' is not a number"),
        ({"n": [100, "50", 80, 40]}, 2, "n", "'50' is not a number"),
        ({"events": [1, -1, 2, 3]}, 2, "events", "negative"),
        ({"events": [1, 0, 2.5, 3]}, 3, "events", "not whole"),
        ({"events": [1, 0, None, 3]}, 3, "events", "blank"),
        ({"events": [1, 0, math.inf, 3]}, 3, "events", "not a count"),
        ({"events": [1, 0, 2, 41]}, 4, "events", "41 persons with an event among 40"),
        ({"n": [100, 0, 80, 40]}, 2, "n", "0 persons"),
        ({"n": [100, 50.5, 80, 40]}, 2, "n", "not whole"),
        ({"person_years": [0, 1, 1, 1]}, 1, "person_years", "0 person-years"),
        ({"person_years": [1, 1, 1, -3]}, 4, "person_years", "-3 person-years"),
        ({"n": [None] * 4, "person_years": [1, None, 1, 1]}, 2, "n", "so is 'person_years'"),
        ({"study": ["A", "A", None, "B"]}, 3, "study", "blank"),
        ({"treatment": ["drug", "  ", "drug", "placebo"]}, 2, "treatment", "blank"),
        ({"treatment": ["drug", "drug", "drug", "placebo"]}, 2, "treatment", "already in row 1"),
        ({"counts": ["persons", "people", "events", None]}, 2, "counts", "'people'"),
        ({"n": [1, 2]}, None, "n", "2 values, but 'study' has 4"),
    ],
)
def test_bad_cells_are_refused_by_place(columns, row, column, found):
    with pytest.raises(ArmTableError) as caught:
        read_arms(changed(**columns))
    assert caught.value.row == row
    assert caught.value.column == column
    assert found in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["study", "treatment", "events"])
def test_a_missing_column_is_named(name):
    with pytest.raises(ArmTableError, match=f"'{name}'.*missing.*columns found"):
        read_arms({k: v for k, v in GOOD.items() if k != name})


def test_neither_persons_nor_time():
    with pytest.raises(ArmTableError, match=r"neither 'n' nor 'person_years'"):
        read_arms({k: v for k, v in GOOD.items() if k not in ("n", "person_years")})


def test_an_empty_selection_and_a_wrong_object():
    with pytest.raises(ArmTableError, match="no rows"):
        read_arms({k: [] for k in GOOD})
    with pytest.raises(ArmTableError, match="a int"):
        read_arms(3)


def test_events_counted_as_events_may_exceed_the_persons():
    arms = read_arms(changed(events=[120, 0, 2, 3], counts=["events", "persons", None, "persons"]))
    assert arms.counts == ("events", "persons", "persons", "persons")


def test_merging_is_asked_for_and_adds_up():
    twice = changed(treatment=["drug", "drug", "drug", "placebo"])
    merged = read_arms(twice, merge_arms=True)
    assert len(merged) == 3
    assert (merged.events[0], merged.n[0], merged.person_years[0]) == (1, 150, 45.5)
    with pytest.raises(ArmTableError, match="persons in one row and events in another"):
        read_arms({**twice, "counts": ["persons", "events", "persons", "persons"]}, merge_arms=True)


CONTRAST = {
    "study": ["A", "A", "C"],
    "treatment": ["drug", "placebo", "drug"],
    "events": [1, 0, None],
    "n": [100, 50, None],
    "reference": [None, None, "placebo"],
    "measure": [None, None, "HR"],
    "estimate": [None, None, 1.5],
    "ci_low": [None, None, 1.0],
    "ci_high": [None, None, 2.25],
}


def test_contrast_rows_stand_beside_arm_rows():
    arms = read_arms(pd.DataFrame(CONTRAST))
    assert len(arms) == 2 and len(arms.contrasts) == 1
    assert arms.studies == ("A", "C")
    assert arms.contrasts.measure == ("HR",)
    assert arms.contrasts.theta[0] == pytest.approx(math.log(1.5))
    # closed form: (log 2.25 - log 1) / (2 * 1.959964)
    assert arms.contrasts.se[0] == pytest.approx(math.log(2.25) / 3.919927969080108)


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("measure", "hazard", "not a measure"),
        ("measure", None, "blank is not a measure"),
        ("estimate", None, "blank"),
        ("estimate", -1.0, "is not a HR"),
        ("estimate", 3.0, "does not hold the estimate"),
        ("ci_low", None, "'ci_low' or 'ci_high'"),
        ("reference", "drug", "its own reference"),
    ],
)
def test_bad_contrast_rows_are_refused(column, value, found):
    bad = {k: list(v) for k, v in CONTRAST.items()}
    bad[column][2] = value
    with pytest.raises(ArmTableError, match=found) as caught:
        read_arms(bad)
    assert caught.value.row == 3


@given(st.permutations(range(4)))
def test_row_order_changes_nothing_but_the_order(order):
    shuffled = read_arms({k: [v[i] for i in order] for k, v in GOOD.items()})
    straight = read_arms(GOOD)

    def facts(a):
        return {
            (a.studies[s], a.treatments[t], e, n)
            for s, t, e, n in zip(a.study, a.treatment, a.events, a.n, strict=True)
        }

    assert facts(shuffled) == facts(straight)
    assert np.sort(shuffled.row).tolist() == [1, 2, 3, 4]
