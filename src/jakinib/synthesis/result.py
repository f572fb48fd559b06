"""What every result shares: JSON-ready values and the wording of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
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


def number(value: float, digits: int = 3) -> str:
    """Three significant digits the way a table prints them: 0.832, 12.3, -0.00214, 1,230; "-" for NaN."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -5 < size < 6:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - size)}f}"


def p_text(p: float) -> str:
    """``p = 0.034`` or ``p < 0.001``."""
    return "p not available" if math.isnan(p) else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
