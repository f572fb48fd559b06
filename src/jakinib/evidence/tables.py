"""How the CSV of a table becomes a typed frame."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd

from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.package import fields, primary_key

MAX_BYTES = 200_000_000  # a larger file is not a hand-made evidence table; refuse before reading it

_DTYPES = {"string": "str", "integer": "Int64", "number": "float64", "boolean": "boolean"}


def row_keys(table: str, frame: pd.DataFrame) -> pd.Series[str]:
    """The key of every row as text; several key columns are joined by ``|``."""
    parts = [frame[column].astype("str").fillna("") for column in primary_key(table)]
    return reduce(lambda one, other: one + "|" + other, parts)


def empty(table: str) -> pd.DataFrame:
    """A frame of ``table`` without rows, with the right column types."""
    types = {f["name"]: _DTYPES[f["type"]] for f in fields(table)} | {"origin": "str"}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in types.items()})


def read(table: str, path: Path, origin: str) -> pd.DataFrame:
    """Read one CSV of ``table`` into a typed frame, columns in schema order, with a column ``origin``.

    A blank is missing; nothing else is. Raises EvidenceError naming row and column.
    """
    if path.stat().st_size > MAX_BYTES:
        raise EvidenceError(
            f"{path.name}: larger than {MAX_BYTES // 1_000_000} MB; split it into smaller folders"
        )
    types = {f["name"]: _DTYPES[f["type"]] for f in fields(table)}
    try:
        frame = _parse(path, types)
    except ValueError:  # some cell has the wrong type: read as text to say which
        text = _parse(path, dict.fromkeys(types, "str"))
        frame = pd.DataFrame(
            {name: _typed(text[name], types[name], path) for name in text.columns if name in types}
        )
    missing = [name for name in types if name not in frame.columns]
    if missing:
        raise EvidenceError(f"{path.name}: no column {missing[0]!r}; the columns are {', '.join(types)}")
    unknown = [str(name) for name in frame.columns if name not in types]
    if unknown:
        raise EvidenceError(f"{path.name}: unknown column {unknown[0]!r}; the columns are {', '.join(types)}")
    if list(frame.columns) != list(types):
        frame = frame[list(types)]
    frame["origin"] = pd.Series(origin, index=frame.index, dtype="str")
    return frame


def _parse(path: Path, types: dict[str, str]) -> pd.DataFrame:
    dtypes: Any = types
    try:
        return pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""], encoding="utf-8")
    except UnicodeDecodeError as error:
        raise EvidenceError(
            f"{path.name}: not UTF-8 at byte {error.start}; save the file as UTF-8"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise EvidenceError(f"{path.name}: not a CSV table: {error}") from error


def _typed(column: pd.Series[str], dtype: str, path: Path) -> pd.Series[Any]:
    if dtype == "str":
        return column
    if dtype == "boolean":
        wrong = column.notna() & ~column.isin(["true", "false"])
        values: pd.Series[Any] = column.map({"true": True, "false": False}).astype("boolean")
    else:
        numbers = pd.to_numeric(column, errors="coerce")
        wrong = column.notna() & numbers.isna()
        if dtype == "Int64":
            wrong |= numbers.notna() & (numbers % 1 != 0)
        kept = numbers.where(~wrong)
        values = kept.astype("Int64") if dtype == "Int64" else kept.astype("float64")
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        kind = {"boolean": "true or false", "Int64": "a whole number", "float64": "a number"}[dtype]
        raise EvidenceError(
            f"{path.name}, line {at + 2}, column {column.name!r}: {str(column.iloc[at])[:60]!r} is not {kind}"
        )
    return values
