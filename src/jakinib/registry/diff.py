"""What would staged rows change? New, changed, held already, or in conflict with what the evidence says.

Rows are compared twice: by their key (a newer version of the same record), and by the fact they state (the
same study, treatment, outcome and so on, read in another place). The second finds that two sources disagree.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.evidence import package, tables
from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.evidence import Evidence, load
from jakinib.registry.staging import FORMAT, PROVENANCE
from jakinib.registry.text import fold

if TYPE_CHECKING:
    import altair as alt

NEW, CHANGED, HELD, CONFLICT = "new", "changed", "held", "conflicting"

#: the columns that say which fact a row states, and the columns that hold what it says
_FACTS = {
    "studies": (("registry_id",), ("population", "n", "mean_age", "controlled_weeks")),
    "arms": (("study", "subgroup", "treatment"), ("n",)),
    "arm_characteristics": (("study", "subgroup", "treatment", "characteristic", "unit"), ("value",)),
    "events": (
        ("study", "subgroup", "treatment", "outcome", "counts", "period_kind"),
        ("events", "n", "rate", "percent"),
    ),
    "effects": (
        ("study", "treatment", "reference", "outcome", "measure", "subgroup"),
        ("estimate", "ci_low", "ci_high"),
    ),
    "registry_events": (("registry_id", "group", "measure", "term"), ("affected", "at_risk")),
}
#: named things: the first to name them keeps them
NAMED = frozenset({"sources", "drugs", "treatments", "populations", "studies"})


@dataclass(frozen=True)
class Difference:
    """One staged row against the evidence. ``fields`` is column -> (held, staged) of what differs."""

    status: str
    table: str
    row: str
    against: str
    origin: str
    fields: dict[str, tuple[str, str]]
    says: str

    def __str__(self) -> str:
        changes = "; ".join(
            f"{c}: {old or 'blank'} -> {new or 'blank'}" for c, (old, new) in self.fields.items()
        )
        against = (
            f" against {self.against} ({self.origin})" if self.against and self.against != self.row else ""
        )
        return f"{self.status}: {self.table} {self.row}{against}: {changes or self.says}"


@dataclass(frozen=True)
class Diff:
    """Every staged row, and what it is against the evidence."""

    folder: str
    against: str
    differences: tuple[Difference, ...]

    def of(self, status: str) -> tuple[Difference, ...]:
        """Differences of one status: new, changed, held, conflicting."""
        return tuple(d for d in self.differences if d.status == status)

    def table(self) -> pd.DataFrame:
        """One row a staged row: ``status, table, row, against, origin, differs, says``."""
        columns = ["status", "table", "row", "against", "origin", "differs", "says"]
        cells = [
            (
                d.status,
                d.table,
                d.row,
                d.against,
                d.origin,
                "; ".join(f"{c}: {a or 'blank'} -> {b or 'blank'}" for c, (a, b) in d.fields.items()),
                d.says,
            )
            for d in self.differences
        ]
        return pd.DataFrame(cells, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "staged": self.folder,
            "against": self.against,
            "differences": [asdict(d) for d in self.differences],
        }

    def figure(self) -> alt.Chart:
        """Rows by table and status."""
        import altair as alt

        counts = self.table().groupby(["table", "status"], as_index=False).size()
        bars: alt.Chart = alt.Chart(counts).mark_bar()
        chart: alt.Chart = bars.encode(y="table:N", x=alt.X("size:Q", title="rows"), color="status:N")
        return chart

    def __str__(self) -> str:
        counts = Counter((d.table, d.status) for d in self.differences)
        lines = [f"{self.folder} against {self.against}", ""]
        lines += [f"{'':22}{NEW:>10}{CHANGED:>10}{HELD:>10}{CONFLICT:>13}"]
        for table in dict.fromkeys(d.table for d in self.differences):
            numbers = [counts[table, s] for s in (NEW, CHANGED, HELD, CONFLICT)]
            lines.append(f"{table:22}{numbers[0]:>10,}{numbers[1]:>10,}{numbers[2]:>10,}{numbers[3]:>13,}")
        for status in (CONFLICT, CHANGED):
            found = self.of(status)
            if found:
                lines += ["", f"{status} ({len(found):,}):", *(f"  {d}" for d in found[:60])]
                lines += [f"  ... and {len(found) - 60:,} more"] if len(found) > 60 else []
        return "\n".join(lines)


def diff(staged: str | Path, against: Evidence | None = None) -> Diff:
    """Compare a staging folder with evidence.

    Parameters
    ----------
    staged
        A folder written by an import.
    against
        Evidence to compare with; the shipped corpus by default.

    Returns
    -------
    Diff
        New: nothing like it is held. Changed: the same row, with other values. Held: the same fact with the
        same numbers. Conflicting: the same fact with other numbers, under another key.

    Raises
    ------
    EvidenceError
        The folder is not a staging folder, or a table in it cannot be read.
    """
    folder = staging_folder(staged)
    ev = against or load()
    found: list[Difference] = []
    for table in package.schemas():
        path = folder / f"{table}.csv"
        if path.is_file():
            found += _table(table, tables.read(table, path, folder.name), ev.tables[table])
    return Diff(folder.name, " + ".join(f.name for f in ev.folders), tuple(found))


def staging_folder(staged: str | Path) -> Path:
    """The folder, if it is one that an import wrote."""
    folder = Path(staged)
    try:
        with (folder / PROVENANCE).open(encoding="utf-8") as file:
            head = file.read(200)
    except (OSError, UnicodeDecodeError):
        head = ""
    if f'"format": {json.dumps(FORMAT)}' not in head:
        raise EvidenceError(
            f"{staged}: not a staging folder (no {PROVENANCE} of an import); run jakinib import"
        )
    return folder


def _table(table: str, new: pd.DataFrame, held: pd.DataFrame) -> list[Difference]:
    columns = [f["name"] for f in package.fields(table)]
    keys, values = package.primary_key(table), _texts(new[columns])
    old = _texts(held[columns])
    by_key = {_key(row, keys): i for i, row in enumerate(old)}
    by_fact: dict[tuple[str, ...], list[int]] = {}
    fact = _FACTS.get(table)
    if fact:
        for i, row in enumerate(old):
            by_fact.setdefault(_fact(row, fact[0]), []).append(i)
    origins = list(held["origin"])
    found = []
    for row in values:
        key = _key(row, keys)
        said = fact[1] if fact else ()
        says = ", ".join(f"{c} {row[c]}" for c in said if row[c])
        if key in by_key:
            at = by_key[key]
            fields = {c: (old[at][c], row[c]) for c in columns if old[at][c] != row[c]}
            status = HELD if not fields else CHANGED
            found.append(Difference(status, table, key, key, origins[at], fields, says))
        elif fact and (same := by_fact.get(_fact(row, fact[0]))):
            # the one that agrees, if any does
            pairs = [(i, {c: (old[i][c], row[c]) for c in said if _differs(old[i][c], row[c])}) for i in same]
            at, fields = min(pairs, key=lambda pair: (len(pair[1]), _adds(old[pair[0]], row, said)))
            status = CONFLICT if fields else NEW if _adds(old[at], row, said) else HELD
            found.append(Difference(status, table, key, _key(old[at], keys), origins[at], fields, says))
        else:
            found.append(Difference(NEW, table, key, "", "", {}, says))
    return found


def _texts(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Cells as text: numbers in their shortest form, blank as ""."""
    cells = {c: [_text(v) for v in frame[c].tolist()] for c in frame.columns}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value is pd.NA or value != value:
        return ""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _key(row: dict[str, str], keys: list[str]) -> str:
    return "|".join(row[k] for k in keys)


def _fact(row: dict[str, str], columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(row[c]) for c in columns)


def _differs(one: str, other: str) -> bool:
    """Two cells disagree when both are filled and not the same."""
    return bool(one and other and one != other)


def _adds(old: dict[str, str], new: dict[str, str], columns: tuple[str, ...]) -> bool:
    """Does the new row say something where the old one is blank?"""
    return any(new[c] and not old[c] for c in columns)
