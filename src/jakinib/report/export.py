"""Results as JSON and CSV."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from jakinib.plain import plain


def to_json(value: Any) -> str:
    """JSON text, two-space indented, non-ASCII kept; infinities and NaN do not pass."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=plain)


def to_csv(frame: pd.DataFrame) -> str:
    """CSV text. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    text = frame.copy()
    for column in text.columns:
        if text[column].dtype == object or isinstance(text[column].dtype, pd.StringDtype):
            text[column] = text[column].map(_disarm, na_action="ignore")
    return text.to_csv(index=False, lineterminator="\n")


def _disarm(value: Any) -> Any:
    dangerous = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if dangerous else value
