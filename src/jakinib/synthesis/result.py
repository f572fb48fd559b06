"""What every result shares: JSON-ready values and the wording of numbers."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np


class LeftOut(NamedTuple):
    """A study (or arm) that was not used, and why."""

    study: str
    reason: str


def json_ready(value: Any) -> Any:
    """Plain Python values for JSON; a number that is not finite becomes None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: json_ready(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, LeftOut):
        return {"study": value.study, "reason": value.reason}
    if isinstance(value, Mapping):
        return {str(k): json_ready(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return [json_ready(v) for v in value.tolist()]
    if isinstance(value, list | tuple):
        return [json_ready(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


_FROM = tuple(10.0**n for n in range(-4, 7))


@cache
def _formats(digits: int) -> tuple[str, ...]:
    """For numbers below 0.0001, then below 0.001, 0.01, ..., 1,000,000, and from there on."""
    power = f".{digits - 1}e"
    return power, *(f",.{max(0, digits - 1 - size)}f" for size in range(-4, 6)), power


def number(value: float, digits: int = 3) -> str:
    """Three significant digits the way a table prints them: 0.832, 12.3, -0.00214, 1,230; "-" for NaN."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return format(value, _formats(digits)[bisect(_FROM, abs(value))]) if value else "0"


def p_text(p: float) -> str:
    """``p = 0.034`` or ``p < 0.001``."""
    return "p not available" if math.isnan(p) else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
