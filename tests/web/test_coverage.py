"""What is held and what is missing: each figure opens exactly the rows that it counts."""

from __future__ import annotations

import html
import re

import httpx
import pandas as pd

import jakinib as jk
from jakinib.evidence.evidence import Evidence


def test_each_number_opens_as_many_rows(client: httpx.Client) -> None:
    page = client.get("/about/coverage").text
    links = re.findall(r'href="(/about/coverage/rows\?[^"]+)" aria-label="[^:]+: (\d+) rows?', page)
    cells = client.get("/about/coverage.json").json()["cells"]
    assert len(links) == sum(1 for c in cells for k, v in c.items() if k.endswith("_rows") and v)
    for address, count in links[::40]:
        where = html.unescape(address).replace("/rows?", "/rows.json?")
        assert len(client.get(where).json()) == int(count)


def test_counts_are_those_of_the_table_of_events(ev: Evidence) -> None:
    """Counted by hand (pandas) for one combination."""
    events = ev.events
    mine = events[
        (events["outcome"] == "mace")
        & (events["population"] == "rheumatoid-arthritis")
        & (events["use"] == "default")
    ]
    randomised = mine[
        mine["period_kind"].isin(["controlled", "randomised"])
        & mine["treatment"].str.startswith("tofacitinib")
    ]
    cells = jk.coverage(ev).table()
    cell = cells[
        (cells["drug"] == "tofacitinib")
        & (cells["population"] == "rheumatoid-arthritis")
        & (cells["outcome"] == "mace")
    ].iloc[0]
    assert cell["randomised_rows"] == len(randomised) > 0
    assert cell["randomised_studies"] == randomised["study"].nunique()
    assert cell["background_rows"] == int((mine["role"] == "background").sum())


def test_an_indication_without_rows_is_missing_everything(ev: Evidence) -> None:
    cells = jk.coverage(ev).table()
    fibrosis = cells[cells["drug"].eq("pacritinib")]
    assert len(fibrosis) and (fibrosis["missing"] == "randomised; long-term; observational; background").all()
    # an approved drug and indication is never dropped because nothing is held
    oral = ev.approvals[ev.approvals["route"].eq("oral")]
    listed = set(zip(cells["drug"], cells["population"].fillna(""), strict=True))
    jak = set(ev.drugs.loc[ev.drugs["oral_jak"].fillna(False).astype(bool), "drug"])
    for drug, population in zip(oral["drug"], oral["population"].fillna(""), strict=True):
        assert drug not in jak or (drug, population) in listed


def test_every_randomised_trial_has_its_missing_facts_named(ev: Evidence) -> None:
    trials = jk.coverage(ev).trials
    assert set(trials["study"]) == set(ev.studies.loc[ev.studies["design"].str.startswith("rct"), "study"])
    for row in trials.to_dict("records"):
        assert ("registry id" in row["missing"]) == pd.isna(row["registry_id"])
        assert ("mean age" in row["missing"]) == pd.isna(row["mean_age"])


def test_a_kind_that_is_none_is_refused(client: httpx.Client) -> None:
    asked = {"drug": "tofacitinib", "outcome": "mace", "population": "psoriasis", "kind": "gossip"}
    answer = client.get("/about/coverage/rows", params=asked)
    assert answer.status_code == 422 or answer.status_code == 400
    assert "randomised" in answer.text
