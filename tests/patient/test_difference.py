"""Risk with and without: points by hand, intervals by closed forms, integration and simulation."""

from __future__ import annotations

import csv
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jakinib.patient.difference import (
    Rate,
    counted_rate,
    counted_share,
    difference,
    fixed_rate,
    printed_rate,
    risk_with,
    tipping,
)

REFERENCE = Path(__file__).parents[1] / "reference"
Z = 1.959963984540054


def _cases() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("patient_reference", REFERENCE / "patient.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.CASES)


ROWS = list(csv.DictReader((REFERENCE / "patient.csv").read_text().splitlines()))


def _rate(kind: str, *numbers: float) -> Rate:
    return {"gamma": counted_rate, "beta": counted_share, "lognormal": printed_rate}[kind](*numbers)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["case"])
def test_interval_agrees_with_adaptive_integration(row: dict[str, str]) -> None:
    # tests/reference/patient.py: scipy.integrate.quad over the baseline and Brent's method
    base, measure, (estimate, low, high), years = _cases()[row["case"]]
    se = math.log(high / low) / (2 * Z)
    made = difference(_rate(*base), measure, math.log(estimate), se, years)
    assert made.low == pytest.approx(float(row["low"]), rel=1e-5, abs=1e-9)
    assert made.high == pytest.approx(float(row["high"]), rel=1e-5, abs=1e-9)


def test_point_by_hand() -> None:
    # HR 1.47 on 42 in 5,482 person-years: 1 - exp(-0.00766144) and 1 - exp(-1.47 x 0.00766144)
    made = difference(counted_rate(42, 5482), "HR", math.log(1.47), 0.2, 1)
    assert made.without == pytest.approx(0.00763216, abs=5e-9)
    assert made.with_ == pytest.approx(0.01119913, abs=5e-9)
    # OR 2 on a risk of 20 %: odds 0.25 become 0.5, a third
    assert risk_with(-math.log(0.8), "OR", math.log(2), 1) == pytest.approx(1 / 3)
    # RR 2 on 20 % is 40 %; RR 10 cannot pass 100 %
    assert risk_with(-math.log(0.8), "RR", math.log(2), 1) == pytest.approx(0.4)
    assert risk_with(-math.log(0.8), "RR", math.log(10), 1) == 1.0


@pytest.mark.parametrize("measure", ["HR", "OR", "RR"])
def test_a_fixed_baseline_leaves_only_the_effect(measure: str) -> None:
    # closed forms: quantiles carried through a function that only rises
    made = difference(fixed_rate(0.02), measure, 0.3, 0.5, 1)
    p0 = 1 - math.exp(-0.02)
    for end, sign in [(made.low, -1), (made.high, 1)]:
        assert end == pytest.approx(risk_with(0.02, measure, 0.3 + sign * Z * 0.5, 1) - p0, rel=1e-9)


def test_interval_agrees_with_simulation() -> None:
    # 4 million draws with a seed; the simulation's own error is near 0.3 %
    rng = np.random.default_rng(20260101)
    rate, theta = rng.gamma(9.5, 1 / 860, 4_000_000), rng.normal(math.log(1.98), 0.37, 4_000_000)
    simulated = np.quantile(-np.expm1(-rate * np.exp(theta)) + np.expm1(-rate), [0.025, 0.975])
    made = difference(counted_rate(9, 860), "HR", math.log(1.98), 0.37, 1)
    assert [made.low, made.high] == pytest.approx(simulated, rel=0.01)


@given(
    rate=st.floats(1e-5, 0.5), theta=st.floats(-2, 2), se=st.floats(0.01, 1.5), years=st.floats(0.1, 30),
    measure=st.sampled_from(["HR", "IRR", "OR", "RR"]),
)  # fmt: skip
def test_more_baseline_uncertainty_never_moves_the_point_and_risks_stay_risks(
    rate: float, theta: float, se: float, years: float, measure: str
) -> None:
    narrow = difference(fixed_rate(rate), measure, theta, se, years)
    wide = difference(printed_rate(rate, rate / 3, rate * 3), measure, theta, se, years)
    for made in (narrow, wide):
        assert 0 <= made.without <= 1 and 0 <= made.with_ <= 1
        assert -1 <= made.low <= made.high <= 1
    assert wide.difference == narrow.difference
    # the interval reaches across zero exactly when the effect's own does, whatever the baseline; where nearly
    # everybody has the outcome anyway the difference is lost in rounding
    if abs(abs(theta) - Z * se) > 0.01 and rate * years < 2:
        assert wide.spans_zero == narrow.spans_zero or measure == "RR"


@given(rate=st.floats(1e-4, 0.2), theta=st.floats(0.01, 2), more=st.floats(1.01, 5))
def test_a_higher_baseline_or_a_stronger_effect_is_a_higher_risk(
    rate: float, theta: float, more: float
) -> None:
    for measure in ("HR", "OR", "RR"):
        assert risk_with(rate, measure, theta, 1) <= risk_with(rate * more, measure, theta, 1)
        assert risk_with(rate, measure, theta, 1) <= risk_with(rate, measure, theta * more, 1)


@given(rate=st.floats(1e-4, 0.2), level=st.floats(-0.05, 0.3), years=st.floats(0.2, 20))
def test_the_tipping_ratio_reaches_the_level(rate: float, level: float, years: float) -> None:
    without = 1 - math.exp(-rate * years)
    for measure in ("HR", "OR", "RR"):
        ratio = tipping(rate, measure, years, level)
        if ratio is None:
            assert not 1e-12 < without + level < 1
        else:
            reached = risk_with(rate, measure, math.log(ratio), years) - without
            assert reached == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize(
    ("measure", "se", "years", "words"),
    [
        ("RD", 0.1, 1, "RD"),
        ("HR", -1, 1, "se > 0"),
        ("HR", float("nan"), 1, "se > 0"),
        ("HR", 0.1, 0, "years > 0"),
    ],
)
def test_what_cannot_be_carried_is_refused(measure: str, se: float, years: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        difference(fixed_rate(0.01), measure, 0.1, se, years)
