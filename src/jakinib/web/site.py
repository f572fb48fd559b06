"""What the pages share: the evidence, the names of things, addresses, and comparisons already made."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import pandas as pd

from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.evidence import Evidence
from jakinib.evidence.package import PLACEBO
from jakinib.patient.compare import Comparison, compare, estimates
from jakinib.plain import records
from jakinib.report.numbers import missing
from jakinib.report.trace import Traces, keys
from jakinib.verdicts.evaluate import Claims, claims

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
        self._rows: dict[str, list[Row]] = {}
        self.compared = lru_cache(maxsize=128)(self._compared)

    def _compared(
        self, treatments: tuple[str, ...], outcomes: tuple[str, ...], population: str, per: int
    ) -> Comparison:
        return compare(
            treatments, list(outcomes) or None, population=population or None, evidence=self.ev, per=per
        )

    @cached_property
    def claims(self) -> Claims:
        """Every claim with its verdict; none when the claims of this evidence are refused."""
        try:
            return claims(self.ev)
        except EvidenceError:
            return Claims((), "")

    @cached_property
    def claims_refused(self) -> str:
        """Why the claims cannot be tested, or ""."""
        try:
            claims(self.ev)
        except EvidenceError as error:
            return str(error)
        return ""

    def source(self, source_id: str) -> Row:
        """The row of a source; one that is not in the table is named by its identifier."""
        return self.sources.get(source_id, {"source_id": source_id, "title": source_id, "secondary": None})

    @cached_property
    def events(self) -> list[Row]:
        """Every row of ``events`` as a line of evidence: with kind, estimate and interval per 100."""
        return rows(estimates(self.ev["events"], 100))

    def of_all(self, table: str) -> list[Row]:
        """All rows of a table, each with its key as ``_key``. Shared: copy before you change one."""
        if table not in self._rows:
            frame = self.ev[table]
            self._rows[table] = [
                {**row, "_key": key} for row, key in zip(rows(frame), keys(frame, table), strict=True)
            ]
        return self._rows[table]

    def of(self, table: str, /, **equal: str) -> list[Row]:
        """The rows of a table where columns equal values, as :meth:`of_all` gives them."""
        return [row for row in self.of_all(table) if all(row[c] == v for c, v in equal.items())]

    def disputes(self, table: str, key: str) -> list[Row]:
        """The discrepancies that name a row."""
        return [self.of_all("discrepancies")[i] for i in self.traces.named("discrepancies", table, key)]


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


def coverage_url(outcome: str, population: str, kind: str, drug: str = "") -> str:
    """Address of the rows behind one figure of the coverage table."""
    query = {"drug": drug} if drug else {}
    query |= {"outcome": outcome, "population": population, "kind": kind}
    return f"/about/coverage/rows?{urlencode(query)}"


def overlaps_url(about: str = "", form: str = "", **more: str) -> str:
    """Address of who counts whom, about a drug or a study, or all."""
    query = ([("about", about)] if about else []) + list(more.items())
    return f"/overlaps{form}" + (f"?{urlencode(query)}" if query else "")


def mechanism_url(regimens: Iterable[str], where: str = "", form: str = "", **more: str) -> str:
    """Address of the mechanism page or of one of its parts; what is blank is left out."""
    query = [("regimen", r) for r in regimens] + [(k, v) for k, v in more.items() if v]
    stem = "/mechanism" + (f"/{where}" if where else "") + form
    return stem + (f"?{urlencode(query, safe=':')}" if query else "")


def network_url(form: str = "", **told: Any) -> str:
    """Address of a network; what is blank or at its default is left out."""
    without = told.pop("without", ())
    query = [(k, v) for k, v in told.items() if v and (k, v) not in (("measure", "OR"),)]
    query += [("without", s) for s in without]
    return f"/network{form}" + (f"?{urlencode(query)}" if query else "")


def multiverse_url(form: str = "", **told: Any) -> str:
    """Address of a multiverse; what is blank or at its default is left out."""
    defaults = (("measure", "OR"), ("reference", PLACEBO))
    query = [(k, v) for k, v in told.items() if v and (k, v) not in defaults]
    return f"/multiverse{form}" + (f"?{urlencode(query)}" if query else "")


def _named(frame: pd.DataFrame, key: str, name: str) -> dict[str, str]:
    pairs = zip(frame[key], frame[name], strict=True)
    return {k: (k if missing(n) else str(n)) for k, n in pairs}
