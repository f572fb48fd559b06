"""The rows of the evidence as the tests of claims look at them, without those that only repeat the page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jakinib.evidence.claims import Condition, Row, rows_of, text
from jakinib.evidence.evidence import Evidence
from jakinib.evidence.tables import row_keys


class Facts:
    """Rows of tables as plain dictionaries, each with its key as ``_key``; made once a table."""

    def __init__(self, ev: Evidence) -> None:
        self.ev = ev
        self._tables: dict[str, list[Row]] = {}
        self.analysed: dict[tuple[Any, ...], tuple[Any, str]] = {}
        self._by_key: dict[str, dict[str, Row]] = {}
        self._indexes: dict[tuple[str, str], dict[str, list[Row]]] = {}

    @cached_property
    def pages(self) -> frozenset[str]:
        """Sources that are the page itself: what they say is the claim, not evidence for it."""
        sources = self.ev["sources"]
        return frozenset(sources.loc[sources["kind"] == "reference-page", "source_id"])

    @cached_property
    def trials(self) -> frozenset[str]:
        """Randomised trials, which are no pools."""
        return frozenset(
            r["study"] for r in self.table("studies") if r["design"] in ("rct", "rct-open-label")
        )

    @cached_property
    def groups(self) -> dict[str, str]:
        """Population -> the group it belongs to."""
        return {r["population"]: r["group"] for r in self.table("populations")}

    def name(self, key: Any) -> str:
        """The name of a study or treatment as shown to readers, without what follows a colon."""
        return str(self.ev.names.get(str(key), key)).partition(":")[0]

    def row(self, table: str, key: str) -> Row:
        """One row by its key."""
        if table not in self._by_key:
            self._by_key[table] = {r["_key"]: r for r in self.table(table)}
        return self._by_key[table][key]

    def table(self, name: str) -> list[Row]:
        """All rows of a table, in the order of their keys, so that the order of a file says nothing."""
        if name not in self._tables:
            frame = self.ev[name]
            rows = rows_of(frame)
            for row, key in zip(rows, row_keys(name, frame), strict=True):
                row["_key"] = key
            self._tables[name] = sorted(rows, key=lambda row: str(row["_key"]))
        return self._tables[name]

    def matching(self, table: str, where: Sequence[Condition]) -> tuple[list[Row], bool]:
        """The independent rows that meet every condition, and whether the page itself has such a row.

        Rows that are marked as unusable (``use`` excluded) count only when the filter asks for them.
        """
        found = [row for row in self._candidates(table, where) if all(c.holds(row) for c in where)]
        if not any(c.column == "use" for c in where):
            found = [row for row in found if row.get("use") != "excluded"]
        own = [row for row in found if row.get("source_id") in self.pages]
        return [row for row in found if row.get("source_id") not in self.pages], bool(own)

    def _candidates(self, table: str, where: Sequence[Condition]) -> list[Row]:
        """Rows that may match: those with the value of a condition that names one."""
        for condition in where:
            if condition.operator == "=" and len(condition.values) == 1:
                at = (table, condition.column)
                if at not in self._indexes:
                    index: dict[str, list[Row]] = {}
                    for row in self.table(table):
                        index.setdefault(text(row[condition.column]), []).append(row)
                    self._indexes[at] = index
                return self._indexes[at].get(condition.values[0], [])
        return self.table(table)
