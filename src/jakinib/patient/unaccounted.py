"""Risk factors a person is known to have that the evidence names, with the size where one is held.

A baseline rate is an average over people with and without them; none is put into it here, since the sources
give no rate for people with the factor (only ratios against people without it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jakinib.patient.condition import Condition

COLUMNS = ["outcome", "factor", "statement", "effect", "source_id", "locator"]

#: beginning of ``risk_factors.factor`` -> who has it; the first that fits decides
_WHO: tuple[tuple[str, Condition], ...] = (
    ("age 50-59", Condition("age", "ge", "50")),
    ("age 60-64", Condition("age", "ge", "60")),
    ("age 65", Condition("age", "ge", "65")),
    ("age >=65", Condition("age", "ge", "65")),
    ("age over 65", Condition("age", "ge", "66")),
    ("body mass index 35", Condition("bmi", "ge", "35")),
    ("current smoking", Condition("smoking", "eq", "current")),
    ("past smoking", Condition("smoking", "eq", "past")),
    ("smoking", Condition("smoking", "in", "past;current")),
    ("diabetes", Condition("diabetes", "eq", "yes")),
    ("hypertension", Condition("hypertension", "eq", "yes")),
    ("history of atherosclerotic", Condition("ascvd", "eq", "yes")),
    ("history of chronic lung disease", Condition("lung_disease", "eq", "yes")),
    ("hormone therapy", Condition("estrogen", "eq", "yes")),
    ("inherited coagulation", Condition("coagulation_disorder", "eq", "yes")),
    ("male sex", Condition("sex", "eq", "male")),
    ("prior venous thromboembolism", Condition("prior_vte", "eq", "yes")),
    ("surgery and immobilisation", Condition("immobilisation", "eq", "yes")),
)
_AGES = {"age 50-59": 60.0, "age 60-64": 65.0}  # these bands end below


def unaccounted(
    risk_factors: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], outcomes: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of ``risk_factors`` for these outcomes that name something this person is known to have."""
    rows = []
    for row in risk_factors:
        if row["outcome"] not in outcomes:
            continue
        for start, condition in _WHO:
            if row["factor"].startswith(start):
                below = start not in _AGES or (facts.get("age") or 0) < _AGES[start]
                if condition.holds(facts) and below:
                    rows.append({c: row[c] for c in COLUMNS})
                break
    return rows
