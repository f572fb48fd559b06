"""From a number back to its source."""

from __future__ import annotations

import pytest

from jakinib.evidence.errors import UnknownNameError
from jakinib.evidence.evidence import Evidence, load
from jakinib.evidence.package import schemas
from jakinib.report.tables import drug_table
from jakinib.report.trace import Traces, keys


@pytest.fixture(scope="module")
def ev() -> Evidence:
    return load()


def test_every_row_of_every_table_has_a_key_of_its_own(ev: Evidence) -> None:
    for table in schemas():
        found = keys(ev[table], table)
        assert len(found) == len(set(found)), table


def test_every_row_is_found_and_names_its_source(ev: Evidence) -> None:
    traces = Traces(ev)
    for table in ("events", "effects", "arms", "approvals", "page", "risk_factors"):
        for key in keys(ev[table], table)[::40]:
            trace = traces.trace(table, key)
            assert trace.source["source_id"] == trace.row["source_id"]


def test_same_fact_finds_the_rows_of_studies_that_count_the_same_persons(ev: Evidence) -> None:
    events, overlaps = ev["events"], ev["overlaps"]
    held = set(zip(events["study"], events["treatment"], events["outcome"], strict=True))
    whole, part = next(
        (w, p)
        for w, p in zip(overlaps["whole"], overlaps["part"], strict=True)
        if any((w, t, o) in held for s, t, o in held if s == p)
    )
    own = events[events["study"] == part]
    row = next(r for r in own.itertuples() if (whole, r.treatment, r.outcome) in held)
    same = Traces(ev).trace("events", str(row.event)).same_fact
    assert whole in set(same["study"])
    assert row.event not in set(same["event"])


def test_discrepancy_reaches_the_rows_it_names(ev: Evidence) -> None:
    traces = Traces(ev)
    for entry in ev["discrepancies"].dropna(subset=["rows"]).itertuples():
        named = traces.resolve(str(entry.table), str(entry.rows))
        assert named, f"{entry.discrepancy} names rows that are not there"
        for key in named[:2]:
            assert entry.discrepancy in set(traces.trace(str(entry.table), key).discrepancies["discrepancy"])


def test_page_statement_points_to_rows_that_exist(ev: Evidence) -> None:
    traces = Traces(ev)
    for entry in ev["page"].dropna(subset=["row_key"]).itertuples():
        assert traces.resolve(str(entry.row_table), str(entry.row_key)), f"statement {entry.position}"


def test_unknown_row_has_near_matches(ev: Evidence) -> None:
    with pytest.raises(UnknownNameError) as caught:
        Traces(ev).trace("effects", "F00011")
    assert caught.value.near


def test_drug_table_lists_the_drugs_of_the_page_first(ev: Evidence) -> None:
    table = drug_table(ev)
    assert list(table["drug"][:6]) == [
        "abrocitinib", "baricitinib", "deucravacitinib", "ruxolitinib", "tofacitinib", "upadacitinib",
    ]  # fmt: skip
    assert {"ritlecitinib", "deuruxolitinib", "delgocitinib"} <= set(table["drug"][6:])
    assert table.loc[table["drug"] == "ritlecitinib", "page_targets"].isna().all()
