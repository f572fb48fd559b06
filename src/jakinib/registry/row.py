"""One staged row: the table it belongs to, its cells, and where in the record each cell was read."""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """``values`` by column (absent: blank); ``paths`` by column, for cells read from the record."""

    table: str
    values: dict[str, Any]
    paths: dict[str, str]
