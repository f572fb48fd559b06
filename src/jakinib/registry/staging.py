"""The staging folder: rows of the corpus's own tables as CSV, and ``provenance.json`` beside them.

``provenance.json`` holds one object a record: id, service, version date, SHA-256 and size of the raw bytes,
findings, what a person has to confirm, what was not mapped, and for every row the path of every value that
was read: column by column under ``values``; for rows that were read alike, once under ``alike``: the object
that a row's ``locator`` names, and the field of it that each column is. It is written record by record, so a
folder of any size needs the memory of one record. The folder appears whole, under its final name, when the
last record is written.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.finding import Finding
from jakinib.evidence.package import fields, primary_key
from jakinib.registry.row import Columns, Row
from jakinib.registry.swap import beside, put, sync

FORMAT = "jakinib-staged-1"
PROVENANCE = "provenance.json"

#: tables whose rows several records may bring (the first is kept)
_SHARED = frozenset({"drugs", "treatments", "populations", "sources"})


@dataclass
class Staged:
    """What an import wrote. ``records`` read, ``rows`` by table, ``findings``, ``confirm``, ``skipped``
    files."""

    folder: Path
    records: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0
    confirm: list[str] = field(default_factory=list)
    unmapped: Counter[str] = field(default_factory=Counter)
    skipped: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "folder": self.folder.name,
            "records": self.records,
            "rows": dict(self.rows),
            "findings": [_finding(f) for f in self.findings],
            "finding_count": self.finding_count,
            "confirm": self.confirm,
            "unmapped_serious_terms": dict(self.unmapped),
            "skipped": [_finding(f) for f in self.skipped],
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {table}" for table, n in self.rows.items())
        lines = [f"{self.records:,} records staged in {self.folder.name}: {counts or 'no rows'}"]
        if self.skipped:
            lines += ["", f"Not read ({len(self.skipped):,}):", *(f"  {f}" for f in self.skipped[:50])]
        if self.confirm:
            lines += ["", "To confirm (derived from the words of the record):"]
            lines += [f"  {c}" for c in self.confirm[:50]]
        if self.findings:
            lines += ["", f"Findings ({self.finding_count:,}):", *(f"  {f}" for f in self.findings[:50])]
        if self.unmapped:
            terms = sorted(self.unmapped)
            lines += ["", f"Serious terms without an outcome ({len(terms):,}): " + "; ".join(terms[:40])]
            lines[-1] += f"; ... (all in {PROVENANCE})" if len(terms) > 40 else ""
        return "\n".join(lines)


_KEEP = 1_000  # findings and confirmations kept in memory; all are in provenance.json


class Prepared(NamedTuple):
    """One record as it will be written: made by workers, so that the writer only writes."""

    record: str
    file: str
    tables: dict[str, tuple[int, bytes]]  # table -> rows, CSV text
    shared: list[tuple[str, str, bytes]]  # table, key, CSV text of one row
    entry: bytes  # the record's object in provenance.json
    findings: list[Finding]
    confirm: list[str]
    unmapped: list[str]


def prepare(
    record: str,
    rows: Iterable[Row],
    about: dict[str, Any],
    findings: Iterable[Finding] = (),
    confirm: Iterable[str] = (),
    unmapped: dict[str, list[str]] | None = None,
    many: Columns | None = None,
) -> Prepared:
    """Rows of one record as CSV text, and its object of ``provenance.json``.

    ``about`` says which document it was: ``file``, ``sha256``, ``bytes``, ``version`` and what else is known.
    ``many`` are more rows of one table that were read alike.
    """
    found_rows: dict[str, list[list[Any]]] = {}
    shared: list[tuple[str, str, bytes]] = []
    paths: dict[str, dict[str, dict[str, str]]] = {}
    for table, values, where in rows:
        shape = _shape(table)
        key = str(values[shape.key[0]]) if len(shape.key) == 1 else _joined(values, shape.key)
        cells = list(map(values.get, shape.columns))
        if shape.numbers:
            cells = [f"{c:.10g}" if isinstance(c, float) else c for c in cells]
        if table in _SHARED:
            shared.append((table, key, _csv(_column([c]) for c in cells)))
        else:
            found_rows.setdefault(table, []).append(cells)
        if where:
            paths.setdefault(table, {})[key] = where
    tables = {
        table: (len(cells), _csv(map(_column, zip(*cells, strict=True))))
        for table, cells in found_rows.items()
    }
    alike = {}
    if many:
        count, text = tables.get(many.table, (0, b""))
        tables[many.table] = (count + len(many.cells["locator"]), text + _csv(_columns(many)))
        alike[many.table] = {"object": f"{many.root}.{{locator}}", "fields": many.fields}
    found, asked = list(findings), list(confirm)
    entry = {
        "record": record,
        **about,
        "findings": [_finding(f) for f in found],
        "confirm": asked,
        "unmapped": unmapped or {},
        "values": paths,
        "alike": alike,
    }
    return Prepared(
        record,
        str(about.get("file", "")),
        tables,
        shared,
        json.dumps(entry, ensure_ascii=False).encode(),
        found,
        asked,
        (unmapped or {}).get("serious_terms", []),
    )


class Stage:
    """Writes a staging folder; use as a context manager. An error leaves nothing behind.

    Raises EvidenceError when ``folder`` exists and is not an earlier staging folder.
    """

    def __init__(self, folder: Path, service: str) -> None:
        self.folder = folder
        if (
            folder.exists()
            and not (folder / PROVENANCE).is_file()
            and (folder.is_file() or any(folder.iterdir()))
        ):
            raise EvidenceError(f"{folder}: exists and is not a staging folder; give a new name")
        self.service = service
        self.result = Staged(folder)
        self._seen: set[str] = set()
        self._shared: set[tuple[str, str]] = set()
        self._confirmed: set[str] = set()

    def __enter__(self) -> Stage:
        self._temp = beside(self.folder)
        self._files: dict[str, IO[bytes]] = {}
        self._log = (self._temp / PROVENANCE).open("wb")
        made = datetime.now(UTC).isoformat(timespec="seconds")
        head = {"format": FORMAT, "service": self.service, "made": made}
        self._log.write((json.dumps(head)[:-1] + ', "records": [').encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._log.write(b"\n]}\n")
            for file in (*self._files.values(), self._log):
                file.close()
            if kind is None:
                sync(self._temp)
                put(self._temp, self.folder)
        finally:
            shutil.rmtree(self._temp, ignore_errors=True)

    def add(self, one: Prepared) -> None:
        """Write the rows of one record. A record that was staged before in this folder is skipped, with a
        finding."""
        if one.record in self._seen:
            again = Finding(
                "record-twice", "record", one.record, "", f"again in {one.file}", "one file a record"
            )
            self.skip(again)
            return
        self._seen.add(one.record)
        for table, (count, text) in one.tables.items():
            self._write(table, count, text)
        for table, key, text in one.shared:
            if (table, key) not in self._shared:
                self._shared.add((table, key))
                self._write(table, 1, text)
        self._log.write((b",\n" if self.result.records else b"\n") + one.entry)
        self.result.records += 1
        self.result.finding_count += len(one.findings)
        self.result.findings += one.findings[: max(0, _KEEP - len(self.result.findings))]
        fresh = [c for c in one.confirm if c not in self._confirmed]
        if len(self._confirmed) < 10 * _KEEP:
            self._confirmed.update(fresh)
        self.result.confirm += fresh[: max(0, _KEEP - len(self.result.confirm))]
        if len(self.result.unmapped) < 100 * _KEEP:
            self.result.unmapped.update(one.unmapped)

    def skip(self, finding: Finding) -> None:
        """Note a file that could not be read; the others go on."""
        self.result.skipped.append(finding)

    def _write(self, table: str, count: int, text: bytes) -> None:
        if table not in self._files:
            self._files[table] = (self._temp / f"{table}.csv").open("wb")
            self._files[table].write(_csv(_column([c]) for c in _shape(table).columns))
        self._files[table].write(text)
        self.result.rows[table] += count


class _Shape(NamedTuple):
    """What writing a table needs to know of it."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    numbers: bool


@cache
def _shape(table: str) -> _Shape:
    numbers = any(f["type"] == "number" for f in fields(table))
    return _Shape(tuple(f["name"] for f in fields(table)), tuple(primary_key(table)), numbers)


def _joined(values: dict[str, Any], key: tuple[str, ...]) -> str:
    return "|".join(str(values.get(c, "") or "") for c in key)


def _columns(many: Columns) -> Iterator[list[str]]:
    """Texts by column, in the order of the table; what all rows have is written out once."""
    for column in _shape(many.table).columns:
        cells = many.cells.get(column)
        yield _column(cells) if cells else _column([many.fixed.get(column)]) * len(many.cells["locator"])


def _csv(columns: Iterable[list[str]]) -> bytes:
    """CSV (RFC 4180, UTF-8) of texts by column."""
    return "".join([",".join(row) + "\n" for row in zip(*columns, strict=True)]).encode()


def _column(cells: Sequence[Any]) -> list[str]:
    """Cells as text. Keys and numbers hold nothing to quote, and one look at the whole column shows it; a
    text that comes again, as period and study do in every row, is quoted once."""
    texts = ["" if cell is None else cell if type(cell) is str else str(cell) for cell in cells]
    return list(map(_quoted, texts)) if _special("".join(texts)) else texts


@lru_cache(maxsize=20_000)
def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _special(text) else text


def _special(text: str) -> bool:
    return "," in text or '"' in text or "\n" in text or "\r" in text


def _finding(f: Finding) -> dict[str, str]:
    return {"code": f.code, "row": f.row, "path": f.column, "found": f.found, "expected": f.expected}
