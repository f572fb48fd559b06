"""Staged rows: the table they belong to, their cells, and where in the record each cell was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Row(NamedTuple):
    """``values`` by column (absent: blank); ``paths`` by column, for cells read from the record."""

    table: str
    values: dict[str, Any]
    paths: dict[str, str]


class Columns(NamedTuple):
    """Many rows of one table that were read alike, held by column: a record has hundreds of counts.

    ``cells`` holds a list a column, ``fixed`` what all rows have. The column ``locator`` says below ``root``
    which object of the record a row was read from, and ``fields`` which field of it each column is.
    """

    table: str
    cells: dict[str, list[Any]]
    fixed: dict[str, Any]
    root: str
    fields: dict[str, str]

    def rows(self) -> Iterator[Row]:
        """One :class:`Row` each."""
        for cells in zip(*self.cells.values(), strict=True):
            values = dict(zip(self.cells, cells, strict=True)) | self.fixed
            place = f"{self.root}.{values['locator']}"
            yield Row(self.table, values, {c: f"{place}.{field}" for c, field in self.fields.items()})

    def __bool__(self) -> bool:
        return bool(self.cells["locator"])
