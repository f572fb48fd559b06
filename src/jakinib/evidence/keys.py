"""Keys over all folders together: unique rows, references that exist, sources, duplicates, overlap."""

from __future__ import annotations

from functools import cache

import pandas as pd

from jakinib.evidence.evidence import Evidence
from jakinib.evidence.finding import Finding, shown
from jakinib.evidence.package import primary_key, schemas
from jakinib.evidence.tables import row_keys


def check(ev: Evidence) -> list[Finding]:
    found: list[Finding] = []
    for table, schema in schemas().items():
        frame = ev.tables[table]
        found += _unique(table, frame)
        for key in schema["foreignKeys"]:
            found += _references(ev, table, key["fields"], key["reference"])
    return (
        found
        + _facts_twice(ev.tables["events"])
        + _two_defaults(ev.tables["events"])
        + _cycles(ev)
        + _page_rows(ev)
    )


def _unique(table: str, frame: pd.DataFrame) -> list[Finding]:
    if frame.empty:
        return []
    keys = row_keys(table, frame)
    twice = keys[keys.duplicated()]
    column = "+".join(primary_key(table))
    return [
        Finding("duplicate-key", table, key, column, "stands twice", "one row a key")
        for key in twice.unique()
    ]


def _references(ev: Evidence, table: str, column: str, reference: dict[str, str]) -> list[Finding]:
    frame, target = ev.tables[table], reference["resource"]
    orphan = frame[frame[column].notna() & ~frame[column].isin(ev.tables[target][reference["fields"]])]
    if orphan.empty:
        return []
    code = "missing-source" if target == "sources" else "missing-reference"
    keys = row_keys(table, orphan)
    return [
        Finding(
            code,
            table,
            key,
            column,
            f"{shown(value)} is not in {target}",
            f"a row of {target} with this {reference['fields']}",
        )
        for key, value in zip(keys, orphan[column], strict=True)
    ]


_ARM = ["study", "subgroup", "treatment", "outcome", "counts", "definition", "period", "source_id", "locator"]


def _facts_twice(events: pd.DataFrame) -> list[Finding]:
    """Rows that say the same of the same arm, from the same place, under two keys."""
    twice = events[events.duplicated([*_ARM, "events", "n", "person_years", "rate"], keep=False)]
    first = twice.groupby(_ARM, dropna=False)["event"].transform("first")
    return [
        Finding("duplicate-fact", "events", key, "", f"repeats {other}", "one row a fact")
        for key, other in zip(twice["event"], first, strict=True)
        if key != other
    ]


def _two_defaults(events: pd.DataFrame) -> list[Finding]:
    """Selection must find one row an arm, outcome and period."""
    arm = ["study", "subgroup", "treatment", "population", "outcome", "counts", "period_kind", "period_weeks"]
    default = events[events["use"] == "default"]
    twice = default[default.duplicated(arm, keep=False)]
    first = twice.groupby(arm, dropna=False)["event"].transform("first")
    return [
        Finding(
            "two-defaults",
            "events",
            key,
            "use",
            f"default beside {other}",
            "one default a study, arm, outcome and period",
        )
        for key, other in zip(twice["event"], first, strict=True)
        if key != other
    ]


def _cycles(ev: Evidence) -> list[Finding]:
    return [
        Finding(
            "overlap-cycle",
            "overlaps",
            study,
            "part",
            "contains itself",
            "whole and part in one direction only",
        )
        for study in ev.overlap.cycles()
    ]


def _page_rows(ev: Evidence) -> list[Finding]:
    """Pointers of the page's statements to the rows that hold their numbers."""

    @cache
    def known(table: str) -> frozenset[str]:
        return frozenset(row_keys(table, ev.tables[table])) if table in ev.tables else frozenset()

    page = ev.tables["page"]
    return [
        Finding(
            "missing-reference",
            "page",
            str(at),
            "row_key",
            f"{shown(key)} is not in {table}",
            f"a key of {table}",
        )
        for at, table, keys in zip(page["position"], page["row_table"], page["row_key"], strict=True)
        if isinstance(keys, str)
        for key in map(str.strip, keys.split(";"))
        if key not in known(str(table))
    ]
