"""Where a number comes from: its row, source, the rows that report the same fact, and what was disputed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from jakinib.evidence.errors import UnknownNameError
from jakinib.evidence.evidence import Evidence
from jakinib.evidence.package import fields, primary_key

# what makes two rows of a table speak about the same thing
_SAME = {
    "events": ["study", "treatment", "outcome"],
    "effects": ["study", "outcome", "measure", "kind"],
    "arms": ["study", "treatment"],
    "approvals": ["drug", "population"],
    "drug_targets": ["drug"],
    "cytokines": ["cytokine"],
    "arm_characteristics": ["study", "characteristic"],
    "risk_factors": ["factor"],
    "label_frequencies": ["drug", "term"],
}


@dataclass(frozen=True)
class Trace:
    """A row of the evidence and everything that bears on it.

    ``row`` is the row as a dictionary; ``described`` its columns with descriptions; ``source`` the row of
    ``sources`` (empty when the row names none); the frames may be empty.
    """

    table: str
    key: str
    row: dict[str, Any]
    described: dict[str, str]
    source: dict[str, Any]
    same_fact: pd.DataFrame
    corrections: pd.DataFrame
    discrepancies: pd.DataFrame
    page: pd.DataFrame


class Traces:
    """Look-ups in one evidence base; the indices are built once."""

    def __init__(self, ev: Evidence) -> None:
        self.ev = ev
        self._places: dict[str, dict[str, int]] = {}

    def places(self, table: str) -> dict[str, int]:
        """Key of a row -> its position; several key columns are joined by ``|``."""
        if table not in self._places:
            self._places[table] = {key: i for i, key in enumerate(keys(self.ev[table], table))}
        return self._places[table]

    def trace(self, table: str, key: str) -> Trace:
        """Everything about one row.

        Raises UnknownNameError, with near matches, when the table or the key does not exist.
        """
        frame = self.ev[table]
        place = self.places(table).get(key)
        if place is None:
            raise UnknownNameError(f"row of {table}", key, self.places(table))
        row = {str(c): v for c, v in frame.iloc[place].items()}
        return Trace(
            table,
            key,
            row,
            {f["name"]: f.get("description", "") for f in fields(table)},
            self._source(row),
            self._same(frame, table, place),
            self._touching("corrections", table, key),
            self._touching("discrepancies", table, key),
            self._on_page(table, key),
        )

    def resolve(self, table: str, named: str | None) -> list[str]:
        """The keys of the rows that a cell names; what cannot be found is left out.

        Keys of one column are separated by ``;``. A key of several columns is written with ``;`` between its
        parts and ``|`` between keys; parts may be left out and then stand for every row they fit.
        """
        if table not in self.ev.tables or not isinstance(named, str):
            return []
        known = self.places(table)
        if named in known:
            return [named]
        parts = [part.strip() for part in named.split(";")]
        if all(part in known for part in parts) or len(primary_key(table)) == 1:
            return [part for part in parts if part in known]
        groups = [{part.strip() for part in group.split(";")} for group in named.split("|")]
        return [key for key in known if any(group <= set(key.split("|")) for group in groups)]

    def named(self, kind: str, table: str, key: str) -> list[int]:
        """Positions of the ``corrections`` or ``discrepancies`` that name a row."""
        return self._named[kind].get((table, key), [])

    def touching(self, kind: str, rows: pd.DataFrame, table: str) -> pd.DataFrame:
        """The ``corrections`` or ``discrepancies`` that name any row of a part of ``table``."""
        hit = sorted({i for key in keys(rows, table) for i in self.named(kind, table, key)})
        return self.ev[kind].iloc[hit]

    def _source(self, row: dict[str, Any]) -> dict[str, Any]:
        place = self.places("sources").get(str(row.get("source_id")))
        return {} if place is None else {str(c): v for c, v in self.ev["sources"].iloc[place].items()}

    def _same(self, frame: pd.DataFrame, table: str, place: int) -> pd.DataFrame:
        columns = _SAME.get(table)
        if not columns:
            return frame.iloc[:0]
        row = frame.iloc[place]
        same = pd.Series(True, index=frame.index)
        for column in columns:
            same &= frame[column] == row[column] if pd.notna(row[column]) else frame[column].isna()
        same = same.fillna(False).astype(bool)
        if table == "events":
            ties = self.ev.overlap.parts(row["study"]) | self.ev.overlap.wholes(row["study"])
            tied = frame["study"].isin(ties) & (frame["treatment"] == row["treatment"])
            same |= tied & (frame["outcome"] == row["outcome"])
        same.iloc[place] = False
        return frame[same]

    def _touching(self, kind: str, table: str, key: str) -> pd.DataFrame:
        return self.ev[kind].iloc[self.named(kind, table, key)]

    @cached_property
    def _named(self) -> dict[str, dict[tuple[str, str], list[int]]]:
        named: dict[str, dict[tuple[str, str], list[int]]] = {}
        for kind in ("corrections", "discrepancies"):
            index: dict[tuple[str, str], list[int]] = defaultdict(list)
            frame = self.ev[kind]
            for i, (table, rows) in enumerate(zip(frame["table"], frame["rows"], strict=True)):
                for key in self.resolve(table, rows):
                    index[(table, key)].append(i)
            named[kind] = dict(index)
        return named

    def _on_page(self, table: str, key: str) -> pd.DataFrame:
        return self.ev["page"].iloc[self._page.get((table, key), [])]

    @cached_property
    def _page(self) -> dict[tuple[str, str], list[int]]:
        index: dict[tuple[str, str], list[int]] = defaultdict(list)
        page = self.ev["page"]
        for i, (table, named) in enumerate(zip(page["row_table"], page["row_key"], strict=True)):
            for key in self.resolve(table, named):
                index[(table, key)].append(i)
        return dict(index)


def keys(frame: pd.DataFrame, table: str) -> list[str]:
    """The key of every row as text; several key columns are joined by ``|``."""
    columns = primary_key(table)
    if len(columns) == 1:
        return [str(v) for v in frame[columns[0]]]
    text = frame[columns].astype(object).where(frame[columns].notna(), "")
    return ["|".join(map(str, row)) for row in text.itertuples(index=False)]
