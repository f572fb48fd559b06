"""The length of an observation window, where its words hold one number."""

from __future__ import annotations

import re
from functools import lru_cache

_SPAN = re.compile(
    r"(\d+(?:\.\d+)?)[ -]*(days?|weeks?|months?|years?)\b|\b(day|week|month|year)s? (\d+)\b", re.I
)
_WEEKS = {"day": 1 / 7, "week": 1.0, "month": 365.25 / 12 / 7, "year": 365.25 / 7}


@lru_cache(maxsize=1_000)
def weeks(text: str) -> tuple[float | None, str]:
    """Length in weeks and its kind (``exact``, ``maximum``, ``median``, ``mean``); (None, "") when unclear.

    Several different numbers are unclear ("week 0 to 12 and up to 28 days after"): no length is better than a
    wrong one. A start at 0 or 1 does not count as a second number.

    >>> weeks("Up to Week 52"), weeks("93 days after the first dose")[1], weeks("Week 12 and Week 24")
    ((52.0, 'maximum'), 'exact', (None, ''))
    """
    found = set()
    for number, unit, unit_first, number_after in _SPAN.findall(text):
        amount = float(number or number_after)
        if unit_first and amount <= 1:
            continue
        found.add(round(amount * _WEEKS[(unit or unit_first).lower().rstrip("s")], 1))
    if len(found) != 1:
        return None, ""
    plain = text.lower()
    if re.search(r"\bmedian\b", plain):
        kind = "median"
    elif re.search(r"\b(?:mean|average)\b", plain):
        kind = "mean"
    elif re.search(r"\b(?:up to|approximately|maximum|about|through|at least)\b", plain):
        kind = "maximum"
    else:
        kind = "exact"
    return found.pop(), kind
