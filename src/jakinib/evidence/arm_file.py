"""An arm table from a CSV file of the user's own, which may be anything."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pandas as pd

from jakinib.evidence.errors import EvidenceError, near_matches
from jakinib.synthesis.arms import ArmTableError, read_arms

MAX_BYTES = 20_000_000
COLUMNS = ("study", "treatment", "events", "n", "person_years", "reference", "measure", "estimate", "ci_low",
           "ci_high", "se")  # fmt: skip
NUMBERS = ("events", "n", "person_years", "estimate", "ci_low", "ci_high", "se")


def read_arm_file(path: Path) -> pd.DataFrame:
    """Read and check an arm table: ``study, treatment, events`` and ``n`` or ``person_years``, a row an arm.

    Comma, semicolon (then a comma may be the decimal sign) or tab between cells, UTF-8 with or without a byte
    order mark, blank lines passed over; ``-`` reads standard input. Other columns are carried along.

    Raises EvidenceError naming file, line, column and remedy.
    """
    name = "standard input" if str(path) == "-" else path.name
    text = _text(path, name)
    head = next((line for line in text.splitlines() if line.strip()), "")
    mark = max(",;\t", key=head.count)
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=mark, strict=True))
    except csv.Error as error:
        raise EvidenceError(f"{name}: not a CSV table ({error}); save it as CSV, one row an arm") from None
    numbered = [(i, line) for i, line in enumerate(lines, 1) if any(cell.strip() for cell in line)]
    if not numbered:
        raise EvidenceError(f"{name}: empty; the first line names the columns: {', '.join(COLUMNS[:5])}")
    columns = _columns(numbered[0][1], name)
    rows = []
    for at, line in numbered[1:]:
        if len(line) != len(columns):
            raise EvidenceError(
                f"{name}, line {at}: {len(line)} cells under {len(columns)} columns; write one value a "
                "column, and put quotes around a cell that holds the separator"
            )
        cells = dict(zip(columns, map(str.strip, line), strict=True))
        rows.append({c: _cell(v, c, mark, f"{name}, line {at}") for c, v in cells.items()})
    table = pd.DataFrame(rows, columns=columns)
    for column in {*NUMBERS} & {*columns}:
        table[column] = table[column].astype("float64")
    try:
        read_arms(table)
    except ArmTableError as error:
        at_line = f", line {numbered[error.row][0]}" if error.row is not None else ""
        where = f", column {error.column!r}" if error.column else ""
        remedy = error.remedy.replace("or ask for their sum with merge_arms=True", "or add them up")
        raise EvidenceError(f"{name}{at_line}{where}: {error.found}. {remedy}.") from None
    return table


def _text(path: Path, name: str) -> str:
    try:
        raw = sys.stdin.buffer.read(MAX_BYTES + 1) if str(path) == "-" else _bytes(path)
    except OSError as error:
        raise EvidenceError(
            f"{name}: cannot be read ({error.strerror}); give the path of a CSV file"
        ) from None
    if len(raw) > MAX_BYTES:
        raise EvidenceError(f"{name}: larger than {MAX_BYTES // 1_000_000} MB; an arm table is small")
    if b"\x00" in raw:
        raise EvidenceError(f"{name}: not text (it holds zero bytes); save it as CSV in UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvidenceError(f"{name}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _columns(line: list[str], name: str) -> list[str]:
    columns = [cell.strip().lower().replace(" ", "_") for cell in line]
    for i, column in enumerate(columns, 1):
        if not column:
            raise EvidenceError(f"{name}, line 1: column {i} has no name; name it or delete it")
        if columns.index(column) != i - 1:
            raise EvidenceError(f"{name}, line 1: two columns are named {column!r}; keep one")
    for wanted in ("study", "treatment"):
        if wanted not in columns:
            near = [c for c in columns if near_matches(c, [wanted])]
            hint = f" (is it {near[0]!r}?)" if near else ""
            held = ", ".join(columns[:12])
            raise EvidenceError(
                f"{name}, line 1: no column {wanted!r}{hint}; found {held}. "
                "An arm table has study, treatment, events and n or person_years"
            )
    return columns


def _cell(value: str, column: str, mark: str, where: str) -> str | float | None:
    if not value:
        return None
    if column not in NUMBERS:
        if value[0] in "=@" or (value[0] in "+-" and len(value) > 1):
            raise EvidenceError(
                f"{where}, column {column!r}: {value[:40]!r} is a spreadsheet formula or begins like one; "
                "write the value itself"
            )
        return value
    plain = value.replace(",", ".") if mark == ";" else value
    try:
        # underscores and words such as inf are numbers to Python, not to a reader
        if not set(plain) <= set("0123456789.eE+-"):
            raise ValueError
        return float(plain)
    except ValueError:
        kind = "a spreadsheet formula" if value[0] in "=@" else "not a number"
        remedy = (
            "write the number itself, without thousands separators; leave the cell blank for not reported"
        )
        raise EvidenceError(f"{where}, column {column!r}: {value[:40]!r} is {kind}; {remedy}") from None
