"""Frames and results as CSV and JSON."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def to_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV with a header; a blank is an empty cell.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, which shows it as text. Numbers
    are left as they are.
    """
    safe = frame.copy()
    for column in safe.columns:
        if not (pd.api.types.is_numeric_dtype(safe[column]) or pd.api.types.is_bool_dtype(safe[column])):
            safe[column] = safe[column].map(_text, na_action="ignore")
    safe.columns = pd.Index([_text(str(c)) for c in safe.columns])
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _text(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value


def to_json(data: Any) -> str:
    """JSON-ready data as readable JSON; refuses NaN, which JSON does not have."""
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)
