"""Baseline of major cardiovascular events from the PREVENT equations, through the library ``pyprevent``.

The 10-year risk of atherosclerotic cardiovascular disease (fatal coronary disease, myocardial infarction,
stroke) of the base model, as a constant yearly rate ``-ln(1 - risk) / 10``. For people of 30 to 79 years
without cardiovascular disease in the general population of the United States: the disease to be treated is
not in it. Source: Khan SS et al., Circulation 2024;149:430-449.
"""

from __future__ import annotations

import importlib.util
import math
from functools import cache

from jakinib.patient.profile import ITEMS, Number, Patient

YEARS = 10
SOURCE = "PREVENT base model, 10-year ASCVD (Khan et al., Circulation 2024;149:430-449), by pyprevent"
#: what the equations need, with their own limits where they are narrower than a profile's
LIMITS: dict[str, tuple[float, float] | None] = {
    "sex": None,
    "age": (30, 79),
    "total_cholesterol": (130, 320),
    "hdl_cholesterol": (20, 100),
    "sbp": (90, 200),
    "diabetes": None,
    "smoking": None,
    "bmi": (18.5, 39.9),
    "egfr": (15, 140),
    "bp_treatment": None,
    "statin": None,
}


@cache
def installed() -> bool:
    """Is the library there? It is an extra: ``pip install "jakinib[prevent]"``."""
    return importlib.util.find_spec("pyprevent") is not None


def why_not(patient: Patient) -> str:
    """Why the equations cannot be used for this person; blank when they can."""
    facts = patient.facts()
    missing = [ITEMS[name].label for name in LIMITS if facts[name] is None]
    if patient.ascvd is None:
        missing.append(ITEMS["ascvd"].label)
    if missing:
        return f"not given: {', '.join(missing)}"
    if patient.ascvd:
        return "made for people without cardiovascular disease"
    for name, limits in LIMITS.items():
        item = ITEMS[name]
        if limits and isinstance(item, Number) and not limits[0] <= facts[name] <= limits[1]:
            return f"{item.label} {facts[name]:g} is outside {limits[0]:g} to {limits[1]:g} {item.unit}"
    return "" if installed() else 'the library pyprevent is not installed: pip install "jakinib[prevent]"'


def ascvd_rate(patient: Patient) -> float:
    """Rate per person-year of a first ASCVD event. Raises ValueError saying why when it cannot be had."""
    reason = why_not(patient)
    if reason:
        raise ValueError(f"PREVENT cannot be used: {reason}")
    from pyprevent import calculate_10_yr_ascvd_risk  # type: ignore[import-untyped]

    facts = patient.facts()
    percent = calculate_10_yr_ascvd_risk(
        facts["sex"],
        facts["age"],
        facts["total_cholesterol"],
        facts["hdl_cholesterol"],
        facts["sbp"],
        facts["diabetes"],
        facts["smoking"] == "current",
        facts["bmi"],
        facts["egfr"],
        facts["bp_treatment"],
        facts["statin"],
    )
    return -math.log1p(-float(percent) / 100) / YEARS
