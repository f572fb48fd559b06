"""One thing that is wrong with the evidence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A fault, where it is, and what would be right.

    ``row`` is the row's key, or ``line N`` of the file when the row has no usable key. ``acknowledged`` is
    the key of the row of ``discrepancies`` that explains the finding, or "".
    """

    code: str
    table: str
    row: str
    column: str
    found: str
    expected: str
    acknowledged: str = ""

    def __str__(self) -> str:
        place = " ".join(part for part in (self.table, self.row, self.column) if part)
        mark = f"  [acknowledged: {self.acknowledged}]" if self.acknowledged else ""
        return f"{self.code}: {place}: {self.found}; {self.expected}{mark}"


def shown(value: object, limit: int = 60) -> str:
    """A cell as shown in a finding: cut, and without line breaks or control characters."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[: limit + 1])
    return repr(text if len(text) <= limit else text[:limit] + "...")
