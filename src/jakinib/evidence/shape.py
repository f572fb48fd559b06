"""Files against their Table Schema: encoding, columns, types, constraints. Uses the frictionless library."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from jakinib.evidence.finding import Finding, shown
from jakinib.evidence.package import schemas
from jakinib.evidence.tables import MAX_BYTES

MAX_CELL = 20_000  # characters; the longest honest note is far below
_KINDS = {
    "type-error": "wrong type",
    "constraint-error": "constraint",
    "missing-label": "missing column",
    "extra-label": "unknown column",
    "incorrect-label": "wrong column",
    "extra-cell": "too many cells",
    "missing-cell": "too few cells",
    "blank-row": "blank row",
}


def check(folder: Path) -> list[Finding]:
    """Findings about the CSV files of ``folder``, each against the schema of its table."""
    found: list[Finding] = []
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        found.append(Finding("no-table", folder.name, "", "", "no CSV file", "events.csv, studies.csv, ..."))
    for path in paths:
        if path.stem not in schemas():
            found.append(
                Finding("unknown-table", path.name, "", "", "no such table", f"one of {', '.join(schemas())}")
            )
        else:
            found += _raw(path) or _schema(path)
    return found


def _raw(path: Path) -> list[Finding]:
    """What must hold before a parser is let near the file: size, encoding, cell length, formulas."""
    table = path.stem
    if path.stat().st_size > MAX_BYTES:
        return [
            Finding("too-large", table, "", "", f"{path.stat().st_size:,} bytes", f"at most {MAX_BYTES:,}")
        ]
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        return [
            Finding(
                "encoding", table, f"line {line}", "", f"byte {error.start} is not UTF-8", "save as UTF-8"
            )
        ]
    if "\0" in text:
        return [Finding("encoding", table, "", "", "a NUL character", "a plain text CSV file")]
    columns = [f["name"] for f in schemas()[table]["fields"]]
    strings = {f["name"] for f in schemas()[table]["fields"] if f["type"] == "string"}
    found = []
    limit = csv.field_size_limit(max(len(text), 1))
    try:
        reader = csv.reader(text.splitlines(keepends=True), strict=True)
        header = next(reader, [])
        for name in columns:
            if name not in header:
                return [
                    Finding(
                        "missing-column", table, "line 1", name, "not in the header", f"{', '.join(columns)}"
                    )
                ]
        for cells in reader:
            row = f"line {reader.line_num}"
            for name, cell in zip(header, cells, strict=False):
                if len(cell) > MAX_CELL:
                    found.append(
                        Finding(
                            "long-cell",
                            table,
                            row,
                            name,
                            f"{len(cell):,} characters",
                            f"at most {MAX_CELL:,}",
                        )
                    )
                elif name in strings and _formula(cell):
                    found.append(
                        Finding(
                            "formula", table, row, name, shown(cell), "text that a spreadsheet will not run"
                        )
                    )
    except csv.Error as error:
        return [
            Finding("not-csv", table, f"line {reader.line_num}", "", str(error), "quotes closed and doubled")
        ]
    finally:
        csv.field_size_limit(limit)
    return found


def _formula(cell: str) -> bool:
    """Would a spreadsheet take this text for a formula? (A bare sign, as of a relation, it does not.)"""
    if len(cell) < 2:
        return False
    return cell[0] in "=@\t\r" or (cell[0] in "+-" and cell[1].isalpha())


def _schema(path: Path) -> list[Finding]:
    """The file against its Table Schema, by frictionless."""
    from frictionless import Resource, Schema

    table = path.stem
    # keys are checked over all folders together, so the single file is checked without them
    descriptor = {k: v for k, v in schemas()[table].items() if k not in ("primaryKey", "foreignKeys")}
    resource = Resource(
        path=path.name, basepath=str(path.parent), schema=Schema.from_descriptor(descriptor), encoding="utf-8"
    )
    report = resource.validate(limit_errors=200)
    return [_finding(table, error) for task in report.tasks for error in task.errors]


def _finding(table: str, error: Any) -> Finding:
    row = f"line {error.row_number}" if getattr(error, "row_number", None) else ""
    column = getattr(error, "field_name", "") or getattr(error, "label", "") or ""
    cell = getattr(error, "cell", None)
    found = (
        shown(cell)
        if cell not in (None, "")
        else "blank"
        if error.type in ("constraint-error", "type-error")
        else error.note
    )
    field: dict[str, Any] = next((f for f in schemas()[table]["fields"] if f["name"] == column), {})
    return Finding(
        _KINDS.get(error.type, error.type).replace(" ", "-"),
        table,
        row,
        column,
        found,
        _expected(field) or error.note,
    )


def _expected(field: dict[str, Any]) -> str:
    """What a cell of the column may hold, in words."""
    rules = field.get("constraints", {})
    words = (
        [
            {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}[
                field["type"]
            ]
        ]
        if field
        else []
    )
    words += [f"one of {', '.join(map(str, rules['enum']))}"] if "enum" in rules else []
    words += [f"at least {rules['minimum']}"] if "minimum" in rules else []
    words += [f"at most {rules['maximum']}"] if "maximum" in rules else []
    words += [f"matching {rules['pattern']}"] if "pattern" in rules else []
    words += ["not blank"] if rules.get("required") else []
    return ", ".join(words)
