"""The one place where this room touches files: it reads the mechanism tables of the corpus.

Everything else in the room takes a :class:`Tables`. To feed the room from somewhere else (an evidence base, a
folder of one's own), build a :class:`Tables` from frames and pass it as ``tables=``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from jakinib.mechanism.errors import MechanismError

NAMES = ("sources", "cytokines", "potency", "potency_chembl", "pk", "published_inhibition")


@dataclass(frozen=True, eq=False)
class Tables:
    """The frames the room computes from. Text columns hold ``""`` where nothing was read, numbers ``NaN``."""

    sources: pd.DataFrame
    cytokines: pd.DataFrame
    potency: pd.DataFrame
    pk: pd.DataFrame
    published_inhibition: pd.DataFrame

    def plus(self, folder: str | Path) -> Tables:
        """These tables and those of ``folder`` (``potency.csv``, ``pk.csv``, ``sources.csv``).

        The columns are those of the corpus; columns that are not there are taken as blank. A row of the
        folder with ``use = default`` replaces the corpus default of the same drug and pathway, kinase or
        model parameter. Raises MechanismError naming file, row and column of the first thing that is wrong.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise MechanismError(f"{folder} is not a folder")
        changed: dict[str, pd.DataFrame] = {}
        own_sources = self.sources
        for name in ("sources", "potency", "pk"):
            path = folder / f"{name}.csv"
            if not path.exists():
                continue
            frame = _read(path, name)
            _check(frame, name, path)
            if name == "sources":
                own_sources = changed[name] = pd.concat([own_sources, frame], ignore_index=True)
                continue
            for row, source in enumerate(frame["source_id"], start=2):
                if source not in set(own_sources["source_id"]):
                    raise MechanismError(
                        f"{path.name} row {row}, column source_id: {source!r} is in no sources.csv"
                    )
            old: pd.DataFrame = getattr(self, name)
            keys = _KEY[name]
            mine = set(map(tuple, frame.loc[frame["use"] == "default", keys].to_numpy()))
            taken = [k in mine for k in map(tuple, old[keys].to_numpy())]
            old = old.copy()
            beaten = pd.Series(taken, index=old.index) & (old["use"] == "default")
            old.loc[beaten, "use"] = "alternative"
            old.loc[beaten, "use_reason"] = f"replaced by {path.name} of {folder.name}"
            changed[name] = pd.concat([old, frame], ignore_index=True)
        if not changed:
            raise MechanismError(f"{folder} holds none of potency.csv, pk.csv, sources.csv")
        return replace(self, **changed)

    def source(self, source_id: str) -> dict[str, Any]:
        """Title, year, kind, note and address of a source."""
        found = self.sources[self.sources["source_id"] == source_id]
        return {} if found.empty else {str(k): v for k, v in found.iloc[0].items()}


_KEY = {
    "potency": ["drug", "level", "system", "stimulus", "kinase", "readout", "cell_type"],
    "pk": ["drug", "model", "formulation", "symbol", "covariate", "level", "form"],
}


@cache
def shipped() -> Tables:
    """The tables of the shipped corpus."""
    folder = Path(str(files("jakinib") / "corpus"))
    frames = {name: _read(folder / f"{name}.csv", name) for name in NAMES}
    chembl = frames.pop("potency_chembl")
    frames["potency"] = pd.concat([frames["potency"], chembl], ignore_index=True)
    frames["potency"]["licence"] = frames["potency"]["licence"].fillna("")
    return Tables(**frames)


@cache
def _schema(name: str) -> dict[str, dict[str, Any]]:
    text = (files("jakinib") / "corpus" / "datapackage.json").read_text(encoding="utf-8")
    for resource in json.loads(text)["resources"]:
        if resource["name"] == name:
            return {f["name"]: f for f in resource["schema"]["fields"]}
    raise MechanismError(f"no table {name!r} is described")


def _read(path: Path, name: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise MechanismError(f"{path.name}: not a readable CSV file in UTF-8 ({error})") from None
    fields = _schema(name)
    for column in [c for c in frame.columns if c not in fields]:
        raise MechanismError(f"{path.name}: unknown column {column!r}; the columns are {', '.join(fields)}")
    for column, field in fields.items():
        if column not in frame.columns:
            frame[column] = ""
        if field["type"] not in ("number", "integer"):
            continue
        numbers = pd.to_numeric(frame[column], errors="coerce")
        bad = numbers.isna() & (frame[column].str.strip() != "")
        if bad.any():
            row = int(bad.to_numpy().argmax())
            raise MechanismError(
                f"{path.name} row {row + 2}, column {column}: {frame[column][row]!r} is not a number"
            )
        frame[column] = numbers
    return frame[list(fields)]


def _check(frame: pd.DataFrame, name: str, path: Path) -> None:
    """Required values, allowed words and signs, row by row."""
    for column, field in _schema(name).items():
        rules = field.get("constraints", {})
        values = frame[column]
        for row, value in enumerate(values, start=2):
            blank = value == "" or value != value
            where = f"{path.name} row {row}, column {column}"
            if blank:
                if rules.get("required"):
                    raise MechanismError(f"{where}: a value is needed ({field.get('description', column)})")
                continue
            if "enum" in rules and value not in rules["enum"]:
                raise MechanismError(f"{where}: {value!r} is not one of {', '.join(rules['enum'])}")
            if "minimum" in rules and not value >= rules["minimum"]:
                raise MechanismError(f"{where}: {value:g} must be at least {rules['minimum']}")
    if name == "potency":
        for row, (value, quantity) in enumerate(
            zip(frame["value_nM"], frame["quantity"], strict=True), start=2
        ):
            if quantity in ("IC50", "EC50") and not value > 0:
                raise MechanismError(
                    f"{path.name} row {row}, column value_nM: a positive {quantity} in nM is needed"
                )


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame as named tuples (untyped: the columns are checked when the tables are read)."""
    return iter(frame.itertuples())
