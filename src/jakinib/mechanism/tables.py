"""Where the room gets its numbers: the mechanism tables of the evidence base.

This is the only module of the room that touches the evidence. Everything else takes a :class:`Tables`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.evidence.package import corpus_folder, fields
from jakinib.evidence.tables import read
from jakinib.mechanism.errors import MechanismError

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

NAMES = ("sources", "cytokines", "potency", "potency_chembl", "pk", "published_inhibition")
CORPUS = "corpus"

# what makes two rows answer one question, so that a row of one's own takes the place of the corpus's
_KEY = {
    "potency": ["drug", "level", "system", "stimulus", "kinase", "readout", "cell_type"],
    "pk": ["drug", "model", "formulation", "symbol", "covariate", "level", "form"],
}


@dataclass(frozen=True, eq=False)
class Tables:
    """The frames the room computes from. Text columns hold ``""`` where nothing was read, numbers ``NaN``."""

    sources: pd.DataFrame
    cytokines: pd.DataFrame
    potency: pd.DataFrame
    pk: pd.DataFrame
    published_inhibition: pd.DataFrame

    @classmethod
    def of(cls, evidence: Evidence) -> Tables:
        """The mechanism tables of an evidence base, folders of one's own included.

        A row of a folder with ``use = default`` takes the place of the corpus's default for the same drug
        and pathway, kinase or model parameter; the other becomes an alternative. Raises MechanismError
        naming table, line and column where a row of a folder lacks a value, a source, a basis or a sign.
        """
        return _tables({name: evidence[name] for name in NAMES})

    def source(self, source_id: str) -> dict[str, Any]:
        """Title, year, kind and address of a source; empty if there is none."""
        found = self.sources[self.sources["source_id"] == source_id]
        return {} if found.empty else {str(k): v for k, v in found.iloc[0].items()}


@cache
def shipped() -> Tables:
    """The tables of the shipped corpus."""
    folder = corpus_folder()
    return _tables({name: read(name, folder / f"{name}.csv", CORPUS) for name in NAMES})


def resolve(tables: Tables | Evidence | None) -> Tables:
    """What a caller gave as ``tables=``: nothing (the shipped corpus), an evidence base, or tables."""
    if tables is None:
        return shipped()
    return tables if isinstance(tables, Tables) else Tables.of(tables)


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame as named tuples (untyped: the columns are checked when the tables are read)."""
    return iter(frame.itertuples())


def _tables(frames: dict[str, pd.DataFrame]) -> Tables:
    filled = {}
    for name, frame in frames.items():
        text = [f["name"] for f in fields(name) if f["type"] == "string"]
        filled[name] = frame.assign(**{c: frame[c].fillna("") for c in text}).reset_index(drop=True)
        own = filled[name][filled[name]["origin"] != CORPUS]
        if len(own):
            _check(own, name, set(frames["sources"]["source_id"]))
    chembl = filled.pop("potency_chembl")
    filled["potency"] = pd.concat([filled["potency"].assign(licence=""), chembl], ignore_index=True)
    for name, key in _KEY.items():
        filled[name] = _own_first(filled[name], key)
    return Tables(**filled)


def _own_first(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    mine = frame["origin"] != CORPUS
    default = frame["use"] == "default"
    if not mine.any():
        return frame
    keys = pd.Series(list(map(tuple, frame[key].to_numpy())), index=frame.index)
    beaten = ~mine & default & keys.isin(set(keys[mine & default]))
    frame = frame.copy()
    frame.loc[beaten, "use"] = "alternative"
    frame.loc[beaten, "use_reason"] = "a row of the folder added takes its place"
    return frame


def _check(own: pd.DataFrame, name: str, sources: set[str]) -> None:
    """Required values, allowed words and signs of the rows of added folders, row by row."""
    line = own.groupby("origin").cumcount() + 2
    for field in fields(name):
        rules = field.get("constraints", {})
        column = field["name"]
        for at, value in own[column].items():
            where = f"{own['origin'][at]}/{name}.csv, line {line[at]}, column {column}"
            if pd.isna(value) or value == "":
                if rules.get("required"):
                    raise MechanismError(f"{where}: a value is needed ({field.get('description', column)})")
                continue
            if "enum" in rules and value not in rules["enum"]:
                raise MechanismError(f"{where}: {value!r} is not one of {', '.join(rules['enum'])}")
            if "minimum" in rules and not value >= rules["minimum"]:
                raise MechanismError(f"{where}: {value:g} must be at least {rules['minimum']}")
            if column == "source_id" and value not in sources:
                raise MechanismError(f"{where}: {value!r} is in no sources.csv")
            if column == "value_nM" and own["quantity"][at] in ("IC50", "EC50") and not value > 0:
                raise MechanismError(f"{where}: must be positive; got {value:g} nM")
