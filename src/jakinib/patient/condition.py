"""Conditions over a profile, in three-valued logic: true, false, or unknown because an item is unknown.

A condition is ``item operator value``. A group holds when all its conditions hold; a set of groups holds when
any group does. Kleene's strong logic (1938): unknown only where the unknown item could decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jakinib.evidence.errors import EvidenceError
from jakinib.patient.profile import ITEMS, Choice, Number, YesNo

OPERATORS = ("eq", "ne", "ge", "le", "lt", "in")
#: what is known of the treatment, beside the items of a profile; ``treated`` holds for everyone
TREATMENT_FACTS = ("treated", "treatment", "drug", "route")
_WORDS = {"eq": "is", "ne": "is not", "ge": "at least", "le": "at most", "lt": "under", "in": "is one of"}


@dataclass(frozen=True)
class Condition:
    """``item operator value``; ``value`` as text, several joined by ``;`` for ``in``."""

    item: str
    operator: str
    value: str

    def holds(self, facts: Mapping[str, Any]) -> bool | None:
        """True, False, or None when the item is unknown."""
        have = facts.get(self.item)
        if have is None:
            return None
        if self.operator in ("ge", "le", "lt"):
            limit = float(self.value)
            return bool(
                have >= limit
                if self.operator == "ge"
                else have <= limit
                if self.operator == "le"
                else have < limit
            )
        if isinstance(have, bool):
            same = have == (self.value == "yes")
        elif isinstance(have, int | float):
            same = have == float(self.value)
        else:
            same = have in [v.strip() for v in self.value.split(";")]
        return not same if self.operator == "ne" else same

    def __str__(self) -> str:
        if self.item == "treated":
            return "everyone treated"
        item = ITEMS.get(self.item)
        if isinstance(item, YesNo):
            return item.label if (self.value == "yes") != (self.operator == "ne") else f"no {item.label}"
        unit = f" {item.unit}" if isinstance(item, Number) and not item.whole else ""
        name = item.label if item else self.item
        return f"{name} {_WORDS[self.operator]} {self.value.replace(';', ' or ')}{unit}"


def checked(item: str, operator: str, value: str, where: str) -> Condition:
    """A condition from a table, or EvidenceError naming where it stands and what would be right."""
    if item not in ITEMS and item not in TREATMENT_FACTS:
        raise EvidenceError(
            f"{where}, column item: {item!r} is no item; items: {', '.join([*ITEMS, *TREATMENT_FACTS])}"
        )
    if operator not in OPERATORS:
        raise EvidenceError(f"{where}, column operator: {operator!r} is not one of {', '.join(OPERATORS)}")
    kind = ITEMS.get(item)
    if isinstance(kind, YesNo) or item == "treated":
        right, wanted = value in ("yes", "no") and operator in ("eq", "ne"), "eq or ne with yes or no"
    elif isinstance(kind, Number):
        right = operator in ("ge", "le", "lt", "eq") and _number(value)
        wanted = f"ge, le, lt or eq with a number in {kind.unit}"
        if item == "cv_risk_factors":  # a patient with hypertension has at least one, perhaps more
            right = (operator, value) in {("ge", "1"), ("eq", "0"), ("lt", "1")}
            wanted = "ge 1, lt 1 or eq 0"
    elif isinstance(kind, Choice):
        right = operator in ("eq", "ne", "in") and all(v.strip() in kind.values for v in value.split(";"))
        wanted = f"eq, ne or in with {', '.join(kind.values)}"
    else:
        right, wanted = operator in ("eq", "ne", "in") and bool(value.strip()), "eq, ne or in with a key"
    if not right:
        raise EvidenceError(f"{where}: {item} {operator} {value!r} is no condition; give {wanted}")
    return Condition(item, operator, value)


def all_of(conditions: Iterable[Condition], facts: Mapping[str, Any]) -> bool | None:
    """Do all hold? False as soon as one is false, however much is unknown."""
    truths = [c.holds(facts) for c in conditions]
    return False if False in truths else None if None in truths else True


def unknown_items(conditions: Iterable[Condition], facts: Mapping[str, Any]) -> list[str]:
    """The items that keep the conditions from being decided."""
    return list(dict.fromkeys(c.item for c in conditions if c.holds(facts) is None))


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
