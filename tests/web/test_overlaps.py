"""Who counts whom, as a page: every relation with its source, every study placed or listed, and a figure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import httpx

import jakinib as jk
from jakinib.evidence.evidence import Evidence


def test_the_page_the_library_and_json_say_the_same(client: httpx.Client, ev: Evidence) -> None:
    made = jk.overlaps(ev, "tofacitinib")
    told = client.get("/overlaps.json", params={"about": "tofacitinib"}).json()
    assert told == made.to_dict() and told["relations"]
    page = client.get("/overlaps", params={"about": "Xeljanz"}).text  # by brand
    for row in told["relations"]:
        assert f'href="/studies/{row["whole"]}"' in page and f'href="/studies/{row["part"]}"' in page


def test_every_study_is_placed_or_listed_with_a_reason(client: httpx.Client, ev: Evidence) -> None:
    told = client.get("/overlaps.json").json()
    unplaced = {u["study"] for u in told["unplaced"]}
    assert not unplaced & set(told["placed"])
    assert unplaced | set(told["placed"]) == set(ev.studies["study"])
    assert all(u["why"] and u["placement"] in ("stands alone", "not determined") for u in told["unplaced"])
    page = client.get("/overlaps").text
    assert all(f'href="/studies/{study}"' in page for study in unplaced)


def test_the_figure_shows_each_study_once_and_broken_lines_for_inferred(client: httpx.Client) -> None:
    told = client.get("/overlaps.json", params={"about": "abrocitinib"}).json()
    drawn = client.get("/overlaps.svg", params={"about": "abrocitinib"})
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    tree = ET.fromstring(drawn.text)
    words = [t.text or "" for t in tree.iter("{http://www.w3.org/2000/svg}text")]
    studies = {s for r in told["relations"] for s in (r["whole"], r["part"])}
    assert all(words.count(study) == 1 for study in studies)
    assert "stroke-dasharray" in drawn.text and "inferred" in words


def test_an_unknown_name_is_answered_with_near_ones(client: httpx.Client) -> None:
    answer = client.get("/overlaps", params={"about": "tofacitinb"})
    assert answer.status_code == 404 and "tofacitinib" in answer.text


def test_drug_and_study_pages_lead_here(client: httpx.Client) -> None:
    assert "/overlaps?about=tofacitinib" in client.get("/drugs/tofacitinib").text
    assert "/overlaps?about=jade-compare" in client.get("/studies/jade-compare").text
