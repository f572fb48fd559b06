"""Frames and numbers as plain, JSON-ready values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, JSON-ready: missing values are null, numbers are plain numbers."""
    cells = frame.astype(object).where(frame.notna(), None)
    return [{str(k): plain(v) for k, v in row.items()} for row in cells.to_dict("records")]


def plain(value: Any) -> Any:
    """A number as Python's own; NaN and infinities, which JSON does not have, as None."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA:
        return None
    return None if isinstance(value, float) and not np.isfinite(value) else value
