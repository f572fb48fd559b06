"""Absolute rates: exact limits against R, and what is never added up."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jakinib as jk
from jakinib.synthesis.arms import ArmTableError
from jakinib.synthesis.rates import binomial_interval, poisson_interval

# poisson.test, binom.test and root finding in R 4.2.2: tests/reference/rates.R
REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference" / "rates_r.csv")


@pytest.mark.parametrize("method", ["exact", "midp"])
@pytest.mark.parametrize("row", list(REFERENCE.itertuples()), ids=lambda r: f"{r.kind}-{r.events}-{r.level}")
def test_limits_equal_r(row, method):
    x = np.array([row.events], dtype=float)
    low, high = (
        poisson_interval(x, method, row.level)
        if row.kind == "poisson"
        else binomial_interval(x, np.array([row.n]), method, row.level)
    )
    # R's uniroot stops at about 1e-11 relative for the mid-P limits
    rel = 1e-10 if method == "exact" else 1e-8
    assert low[0] == pytest.approx(getattr(row, f"{method}_low"), rel=rel, abs=1e-12)
    assert high[0] == pytest.approx(getattr(row, f"{method}_high"), rel=rel, abs=1e-12)


def test_byar_closed_form():
    # Breslow & Day 1987, eq. 2.12: 10 (1 - 1/90 - 1.96 / (3 sqrt 10))^3, 11 (1 - 1/99 + 1.96 / (3 sqrt 11))^3
    z = 1.959963984540054
    low, high = poisson_interval(np.array([10.0]), "byar")
    assert low[0] == pytest.approx(10 * (1 - 1 / 90 - z / (3 * math.sqrt(10))) ** 3, rel=1e-12)
    assert high[0] == pytest.approx(11 * (1 - 1 / 99 + z / (3 * math.sqrt(11))) ** 3, rel=1e-12)


def arms(**columns):
    return {
        "study": ["A", "A", "B", "B"],
        "treatment": ["drug", "placebo", "drug", "placebo"],
        "events": [0, 1, 4, 2],
        "n": [100, 50, 80, 40],
        "person_years": [50.0, 25.0, 20.0, 10.0],
        **columns,
    }


def test_no_events_give_an_upper_bound_that_says_it_is_one_sided():
    first = jk.rates(arms()).rows[0]
    assert first.estimate == 0 and first.ci_low == 0
    assert first.one_sided == pytest.approx(0.975)
    assert first.ci_high == pytest.approx(100 * -math.log(0.025) / 50)  # exp(-50 r) = 0.025
    assert "at most 7.38 (97.5 % one-sided)" in str(jk.rates(arms()))
    # the rule of three is the bound at level 0.90
    assert jk.rates(arms(), level=0.9).rows[0].ci_high == pytest.approx(100 * -math.log(0.05) / 50)


def test_pooled_by_treatment_within_a_population():
    pooled = jk.rates(arms(population=["AD", "AD", "RA", "RA"]), pool=True)
    assert [(r.treatment, r.population, r.events, r.person_years) for r in pooled.rows] == [
        ("drug", "AD", 0, 50.0),
        ("placebo", "AD", 1, 25.0),
        ("drug", "RA", 4, 20.0),
        ("placebo", "RA", 2, 10.0),
    ]
    one = jk.rates(arms(population=["AD"] * 4), pool=True)
    assert [(r.treatment, r.events, r.person_years) for r in one.rows] == [
        ("drug", 4, 70),
        ("placebo", 3, 35),
    ]
    assert one.rows[0].estimate == pytest.approx(100 * 4 / 70)


def test_pooling_without_a_population_says_so():
    assert any("population" in note for note in jk.rates(arms(), pool=True).notes)


def test_persons_and_events_are_never_added():
    mixed = jk.rates(arms(counts=["persons", "persons", "events", "persons"]), pool=True)
    drug = [r for r in mixed.rows if r.treatment == "drug"]
    assert {(r.counts, r.events) for r in drug} == {("persons", 0), ("events", 4)}


def test_arms_without_person_years_are_proportions_and_never_pooled_with_rates():
    result = jk.rates(arms(person_years=[None, 25.0, 20.0, 10.0]), pool=True)
    drug = [r for r in result.rows if r.treatment == "drug"]
    assert {(r.kind, r.events) for r in drug} == {("proportion", 0), ("rate", 4)}
    assert any("proportions" in note for note in result.notes)
    bare = jk.rates({k: v for k, v in arms().items() if k != "person_years"})
    # Clopper-Pearson for 0 of 100, two-sided 95 %: 1 - 0.025^(1/100)
    assert bare.rows[0].ci_high == pytest.approx(100 * (1 - 0.025 ** (1 / 100)))


def test_counted_events_without_time_are_left_out_with_the_reason():
    result = jk.rates(arms(person_years=[None] * 4, counts=["events", "persons", "persons", "persons"]))
    assert len(result.rows) == 3
    assert result.left_out[0].study == "A" and "events rather than persons" in result.left_out[0].reason


def test_a_contrast_only_study_is_left_out_with_the_reason():
    table = pd.DataFrame(arms())
    table.loc[4, ["study", "treatment", "reference", "measure", "estimate", "se"]] = [
        "C", "drug", "placebo", "HR", 1.2, 0.3,
    ]  # fmt: skip
    assert jk.rates(table).left_out[0].study == "C"


def test_the_same_arm_twice_is_not_added_up():
    with pytest.raises(ArmTableError, match="already in row 1"):
        jk.rates(arms(treatment=["drug", "drug", "drug", "placebo"]), pool=True)


@pytest.mark.parametrize("bad", [{"method": "wilson"}, {"level": 1.0}, {"per": 0}])
def test_choices_that_make_no_sense(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        jk.rates(arms(), **bad)


def test_result_speaks_json_pandas_text_and_figure():
    result = jk.rates(arms(person_years=[None, 25.0, 20.0, 10.0]))
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["rows"][0]["person_years"] is None
    assert result.table()["events"].tolist() == [0, 1, 4, 2]
    assert result.figure().to_dict()["layer"]


@given(
    events=st.integers(0, 2000),
    years=st.floats(1e-3, 1e6),
    factor=st.sampled_from([1e-3, 0.01, 12.0, 365.25]),
    method=st.sampled_from(["exact", "midp", "byar"]),
)
def test_rates_follow_the_unit_of_time(events, years, factor, method):
    def one(scale, per):
        return jk.rates(
            {"study": ["A"], "treatment": ["x"], "events": [events], "person_years": [years * scale]},
            method,
            per,
        ).rows[0]

    a, b = one(1.0, 100), one(factor, 100 * factor)
    for name in ("estimate", "ci_low", "ci_high"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-9)
    assert a.ci_low <= a.estimate <= a.ci_high


@given(st.permutations(range(4)))
def test_pooled_rates_do_not_depend_on_row_order(order):
    shuffled = {k: [v[i] for i in order] for k, v in arms().items()}
    a = {r.treatment: r.estimate for r in jk.rates(shuffled, pool=True).rows}
    assert a == pytest.approx({r.treatment: r.estimate for r in jk.rates(arms(), pool=True).rows})
