"""The page on claims, and the marks of its verdicts on the home page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest
from playwright.sync_api import Browser

from evidence.folders import write
from jakinib.evidence.evidence import Evidence, load
from jakinib.verdicts.evaluate import claims
from jakinib.web.app import create_app
from web.conftest import served


@pytest.fixture(scope="module")
def home(client: httpx.Client) -> str:
    return unescape(client.get("/").text)


def test_every_claim_has_its_place_and_its_rows_are_links(client: httpx.Client, ev: Evidence) -> None:
    page = unescape(client.get("/claims").text)
    for verdict in claims(ev):
        start = page.index(f'id="{verdict.claim.claim}"')
        own = page[start : page.find("\n<li id=", start)]
        words = verdict.verdict if verdict.claim.factual else "not a factual claim"
        assert f">{words}<" in own
        assert re.sub(r"\s+", " ", verdict.reason) in re.sub(r"\s+", " ", own)
        assert own.count('href="/row/') >= len(verdict.rows)


@pytest.mark.parametrize("claim", ["C024", "C029", "C111", "C100"])
def test_the_first_row_of_a_claim_opens(client: httpx.Client, claim: str) -> None:
    page = client.get("/claims").text
    own = page[page.index(f'id="{claim}"') :]
    links = re.findall(r'href="(/row/(?!page)[^"]+)"', own[: own.index("</li>")])
    assert links
    for link in links[:2]:
        assert client.get(link).status_code == 200


def test_filters_keep_what_was_asked_in_every_form(client: httpx.Client, ev: Evidence) -> None:
    asked = "?verdict=not+supported&section=Safety"
    wanted = [v.claim.claim for v in claims(ev).of("not supported", "Safety")]
    assert wanted
    page = client.get(f"/claims{asked}").text
    assert re.findall(r'<li id="(C\d+)"', page) == wanted
    found = client.get(f"/claims.json{asked}").json()
    assert [c["claim"] for c in found["claims"]] == wanted
    assert len(client.get(f"/claims.csv{asked}").text.splitlines()) >= 1 + len(wanted)
    assert client.get("/claims?verdict=&section=").status_code == 200  # as the form sends it


@pytest.mark.parametrize("asked", ["verdict=true", "section=Nowhere"])
def test_a_filter_that_does_not_exist_offers_those_that_do(client: httpx.Client, asked: str) -> None:
    answer = client.get(f"/claims?{asked}")
    assert answer.status_code == 422
    assert "contradicted" in answer.text or "Safety" in answer.text


def test_the_figure_is_drawn(client: httpx.Client) -> None:
    for look in ("light", "dark"):
        answer = client.get(f"/claims.svg?look={look}&size=narrow")
        assert answer.status_code == 200
        assert "contradicted" in answer.text


def test_the_home_page_marks_every_sentence(home: str, ev: Evidence) -> None:
    for verdict in claims(ev):
        if len(verdict.claim.positions) == 1 and verdict.claim.positions != (41,):
            words = verdict.verdict if verdict.claim.factual else "not a factual claim"
            mark = rf'<a class="chip verdict [a-z-]+" href="/claims#{verdict.claim.claim}"[^>]*>{words}</a>'
            assert re.search(mark, home), verdict.claim.claim
    assert home.count('href="/claims#C042"') == 1  # four claims of one verdict: one mark


def test_a_mark_stands_in_its_own_sentence(home: str) -> None:
    (item,) = [i for i in re.findall(r"<li>(.*?)</li>", home, re.S) if "MACE with tofacitinib <a" in i
               and "<b>5</b>" in i]  # fmt: skip
    assert "not supported" in item


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    mine = tmp_path_factory.mktemp("claims") / "mine"
    claim = {"claim": "C900", "statement": "A sentence.", "factual": "true", "status": "reported",
             "source_id": "SEED:jak-inhibitors-page", "locator": "here"}  # fmt: skip
    with served(create_app(load(write(mine, "claims", [claim])))) as where:
        yield where


def test_refused_claims_are_said_and_break_no_page(refused: str) -> None:
    assert httpx.get(f"{refused}/", timeout=30).status_code == 200
    said = httpx.get(f"{refused}/claims", timeout=30)
    assert said.status_code == 200
    assert "C900" in said.text
    assert "neither tests nor a reason" in said.text


@pytest.mark.browser
def test_an_address_leads_to_its_claim(base: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{base}/claims#C029")
    target = page.locator("li:target")
    assert target.get_attribute("id") == "C029"
    assert target.is_visible()
    target.locator("summary").click()
    assert "no independent row" in target.inner_text() or "does not hold" in target.inner_text()
    page.close()


def test_a_row_of_sources_opens(client: httpx.Client) -> None:
    # claims on citations rest on rows of sources, which have no locator
    answer = client.get("/row/sources/PMID:36468956")
    assert answer.status_code == 200
    assert "This row is the source." in answer.text


def test_the_home_pages_json_names_the_claim_of_a_rate(client: httpx.Client) -> None:
    table = client.get("/index.json").json()["rate_table"]
    told = [cell["verdicts"] for row in table for cell in row["cells"].values()]
    assert {"C058": "supported"} in told
    assert {"C084": "contradicted"} in told
