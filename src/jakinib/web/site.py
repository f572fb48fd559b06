"""What the pages share: the evidence, the names of things, addresses, and comparisons already made."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import pandas as pd

from jakinib.evidence.evidence import Evidence
from jakinib.patient.compare import Comparison, compare, estimates
from jakinib.plain import records
from jakinib.report.numbers import missing
from jakinib.report.trace import Traces, keys

Row = dict[str, Any]


class Site:
    """One evidence base as the pages see it. The evidence never changes while it is served."""

    def __init__(self, ev: Evidence) -> None:
        self.ev = ev
        self.traces = Traces(ev)
        self.treatments: dict[str, str] = _named(ev["treatments"], "treatment", "label")
        self.outcomes: dict[str, str] = _named(ev["outcomes"], "outcome", "label")
        self.populations: dict[str, str] = _named(ev["populations"], "population", "name")
        self.studies: dict[str, str] = _named(ev["studies"], "study", "name")
        self.drugs: dict[str, str] = _named(ev["drugs"], "drug", "name")
        self.sources: dict[str, Row] = {r["source_id"]: r for r in rows(ev["sources"])}
        self.reference_pages = {k for k, r in self.sources.items() if r["kind"] == "reference-page"}
        self.compared = lru_cache(maxsize=128)(self._compared)

    @property
    def names(self) -> dict[str, str]:
        """Key -> name of treatments, outcomes, populations and studies."""
        return {**self.studies, **self.populations, **self.outcomes, **self.treatments}

    def _compared(
        self, treatments: tuple[str, ...], outcomes: tuple[str, ...], population: str, per: int
    ) -> Comparison:
        return compare(
            treatments, list(outcomes) or None, population=population or None, evidence=self.ev, per=per
        )

    def source(self, source_id: str) -> Row:
        """The row of a source; one that is not in the table is named by its identifier."""
        return self.sources.get(source_id, {"source_id": source_id, "title": source_id, "secondary": None})

    def of(self, table: str, **equal: str) -> list[Row]:
        """Rows of a table where columns equal values, each with its key as ``_key``."""
        frame = self.ev[table]
        for column, value in equal.items():
            frame = frame[(frame[column] == value).fillna(False).astype(bool)]
        return self.keyed(table, frame)

    def of_all(self, table: str) -> list[Row]:
        """All rows of a table, each with its key as ``_key``."""
        return self.keyed(table, self.ev[table])

    def lines(self, events: pd.DataFrame, per: int = 100) -> list[Row]:
        """Rows of ``events`` as lines of evidence: with kind, estimate and interval, and their ``use``."""
        return rows(estimates(events, per))

    def keyed(self, table: str, frame: pd.DataFrame) -> list[Row]:
        """Rows of a part of a table, each with its key as ``_key``."""
        return [{**row, "_key": key} for row, key in zip(rows(frame), keys(frame, table), strict=True)]


def rows(frame: pd.DataFrame) -> list[Row]:
    """The rows of a frame as dictionaries; a missing value is None."""
    return records(frame)


def row_url(table: str, key: object) -> str:
    """Address of one row of the evidence."""
    return f"/row/{quote(table)}/{quote(str(key), safe=':|,')}"


def source_url(source_id: str) -> str:
    """Address of a source."""
    return f"/sources/{quote(source_id, safe=':')}"


def compare_url(
    treatments: Iterable[str],
    outcomes: Iterable[str] = (),
    population: str = "",
    per: int = 100,
    form: str = "",
    **more: str,
) -> str:
    """Address of a comparison; what is at its default is left out."""
    query = [("treatment", t) for t in treatments] + [("outcome", o) for o in outcomes]
    query += [("population", population)] if population else []
    query += [("per", str(per))] if per != 100 else []
    query += list(more.items())
    return f"/compare{form}" + (f"?{urlencode(query)}" if query else "")


def _named(frame: pd.DataFrame, key: str, name: str) -> dict[str, str]:
    pairs = zip(frame[key], frame[name], strict=True)
    return {k: (k if missing(n) else str(n)) for k, n in pairs}
