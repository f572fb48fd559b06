"""Helpers: the kept records, and what becomes of them."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

from jakinib.evidence.evidence import load
from jakinib.registry.ctgov.record import Record, parse
from jakinib.registry.ctgov.rows import Converted, convert
from jakinib.registry.names import Names, known
from jakinib.registry.outcome_terms import shipped

RECORDS = Path(__file__).parent / "records"
FILES = {
    "NCT02210780": "NCT02210780.json",
    "NCT02552212": "NCT02552212.json",
    "NCT01874431": "NCT01874431.history.json",
    "NCT02540993": "NCT02540993.history.json",
}


@cache
def names() -> Names:
    return known(load())


def raw(nct: str) -> bytes:
    return (RECORDS / FILES[nct]).read_bytes()


def study(nct: str) -> dict[str, Any]:
    """A fresh copy of the record, to be changed."""
    document = json.loads(raw(nct))
    found: dict[str, Any] = document.get("study", document)
    return found


def record(nct: str) -> Record:
    return parse(raw(nct), FILES[nct])


def converted(document: dict[str, Any] | str) -> Converted:
    """Rows of a kept record, or of a changed one."""
    if isinstance(document, str):
        return convert(record(document), names(), shipped())
    return convert(parse(json.dumps(document).encode(), "changed.json"), names(), shipped())


def rows(found: Converted, table: str, **where: Any) -> list[dict[str, Any]]:
    """Values of the rows of a table whose cells are as given (a blank and an absent cell are the same)."""
    return [
        r.values
        for r in found.rows
        if r.table == table and all((r.values.get(k) or "") == (v or "") for k, v in where.items())
    ]


def one(found: Converted, table: str, **where: Any) -> dict[str, Any]:
    hits = rows(found, table, **where)
    assert len(hits) == 1, f"{len(hits)} rows of {table} with {where}"
    return hits[0]


def read(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
