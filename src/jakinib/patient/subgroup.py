"""What a stratum of a source says of the people in it: "age 65-74", "women", "history of ASCVD"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from jakinib.patient.condition import Condition

#: words of strata -> conditions; what is not here and is no age is not understood
_WORDS: dict[str, tuple[Condition, ...]] = {
    "men": (Condition("sex", "eq", "male"),),
    "male": (Condition("sex", "eq", "male"),),
    "women": (Condition("sex", "eq", "female"),),
    "female": (Condition("sex", "eq", "female"),),
    "adults": (Condition("age", "ge", "18"),),
    "adolescents": (Condition("age", "ge", "12"), Condition("age", "lt", "18")),
    "children": (Condition("age", "lt", "18"),),
    "mild": (Condition("severity", "eq", "mild"),),
    "moderate": (Condition("severity", "eq", "moderate"),),
    "severe": (Condition("severity", "eq", "severe"),),
    "moderate to severe": (Condition("severity", "in", "moderate;severe"),),
    "history of ASCVD": (Condition("ascvd", "eq", "yes"),),
    "no history of ASCVD": (Condition("ascvd", "eq", "no"),),
    "with cardiovascular risk score": (),
    "history of coronary artery disease": (Condition("ascvd", "eq", "yes"),),
    "no history of coronary artery disease": (Condition("ascvd", "eq", "no"),),
    "on systemic steroids": (Condition("steroids", "eq", "yes"),),
    "no prior VTE or ASCVD": (Condition("prior_vte", "eq", "no"), Condition("ascvd", "eq", "no")),
    "without recognised risk factors": (
        Condition("ascvd", "eq", "no"),
        Condition("prior_vte", "eq", "no"),
        Condition("cv_risk_factors", "eq", "0"),
    ),
    "age >=50 with at least one cardiovascular risk factor": (
        Condition("age", "ge", "50"),
        Condition("cv_risk_factors", "ge", "1"),
    ),
    # parts of a study that say nothing of a person's profile
    "D-dimer data set": (),
    "no baseline anticoagulant": (),
    "consistent dose": (),
    "pooled cohorts": (),
    "first or recurrent": (),
}

#: parts that say one thing of a person and another that a profile does not hold: enough to shut one out
_PARTLY: dict[str, tuple[Condition, ...]] = {
    "low risk (<65 years, no specified risk factor)": (
        Condition("age", "lt", "65"),
        Condition("ascvd", "eq", "no"),
        Condition("smoking", "in", "never;past"),
    ),
    "oldest age group (age not read)": (),
}

_AGE = re.compile(
    r"age (?:(?P<low>\d+)\s*(?:-|to)\s*(?P<under><?)(?P<high>\d+)|(?P<sign>>=|<=|<|>|over )\s*(?P<edge>\d+))$"
)


class Stratum(NamedTuple):
    """``conditions`` that hold for its people; ``understood`` is False when words were left over."""

    conditions: tuple[Condition, ...]
    understood: bool

    def fits(self, facts: Mapping[str, Any]) -> bool | None:
        """Does the person belong: False when a condition fails, None when one is unknown or words are."""
        truths = [c.holds(facts) for c in self.conditions]
        if False in truths:
            return False
        return None if None in truths or not self.understood else True


@lru_cache(maxsize=4096)
def stratum(text: str | None) -> Stratum:
    """Read the words of a subgroup; a blank is everyone."""
    if not text:
        return Stratum((), True)
    conditions: list[Condition] = []
    understood = True
    if text in _PARTLY:
        return Stratum(_PARTLY[text], False)
    for part in (p.strip() for p in text.split(",")):
        age = _AGE.match(part)
        if part in _WORDS:
            conditions += _WORDS[part]
        elif age:
            conditions += _ages(age)
        else:
            understood = False
    return Stratum(tuple(conditions), understood)


def _ages(age: re.Match[str]) -> list[Condition]:
    """Ages in whole years: "50-69" holds people under 70."""
    if age["low"]:
        top = int(age["high"]) + (0 if age["under"] else 1)
        return [Condition("age", "ge", age["low"]), Condition("age", "lt", str(top))]
    edge = int(age["edge"])
    return {
        ">=": [Condition("age", "ge", str(edge))],
        "over ": [Condition("age", "ge", str(edge + 1))],
        ">": [Condition("age", "ge", str(edge + 1))],
        "<": [Condition("age", "lt", str(edge))],
        "<=": [Condition("age", "lt", str(edge + 1))],
    }[age["sign"]]
