"""Network and multiverse pages, and the pooled block of a comparison: the engine's numbers, nothing mixed in
silence, what cannot be answered says what can."""

from __future__ import annotations

import csv
import io
import re
import time
from html import unescape

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

import jakinib as jk
from jakinib.evidence.evidence import Evidence
from jakinib.evidence.trials import trials
from jakinib.report.numbers import interval

SAE = "/network?outcome=sae&population=atopic-dermatitis"
ZOSTER = "/network?outcome=herpes_zoster"
EVERY = "/multiverse?outcome=sae&population=atopic-dermatitis&treatment=upadacitinib-30-mg-qd"
PAGES = ["/network", SAE, ZOSTER, SAE + "&method=iv&without=heads-up", "/network?outcome=vte", EVERY]
COLUMNS = ["study", "treatment", "events", "n", "person_years"]


def text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def form(address: str, kind: str) -> str:
    stem, _, query = address.partition("?")
    return f"{stem}.{kind}?{query}"


@pytest.mark.parametrize("address", PAGES)
def test_answers_as_page_csv_and_json(client: httpx.Client, address: str) -> None:
    for where in (address, form(address, "csv"), form(address, "json")):
        assert client.get(where).status_code == 200


@pytest.mark.parametrize("method", ["iv", "firth", "mh"])
def test_estimates_are_the_engines(client: httpx.Client, ev: Evidence, method: str) -> None:
    arms = trials(ev, "sae", population="atopic-dermatitis")
    made = jk.network(arms[COLUMNS], "OR", method, reference="placebo").effects()
    table = list(csv.DictReader(io.StringIO(client.get(form(f"{SAE}&method={method}", "csv")).text)))
    assert [float(r["estimate"]) for r in table] == pytest.approx(list(made["estimate"]), rel=1e-9)
    page = text(client.get(f"{SAE}&method={method}").text)
    for row in made.to_dict("records"):
        assert f"{ev.names[row['treatment']]} {interval(row)}" in page


def test_every_count_opens_its_row(client: httpx.Client, ev: Evidence) -> None:
    page = client.get(SAE).text
    arms = trials(ev, "sae", population="atopic-dermatitis")
    for event in arms["event"]:
        assert f'href="/row/events/{event}"' in page


def test_unticking_a_study_is_the_network_without_it(client: httpx.Client, ev: Evidence) -> None:
    arms = trials(ev, "sae", population="atopic-dermatitis")
    kept = [s for s in dict.fromkeys(arms["study"]) if s != "measure-up-1"]
    query = {"outcome": "sae", "population": "atopic-dermatitis", "study": kept}
    sent = client.get("/network/ticked", params=query)
    assert sent.status_code == 303 and sent.headers["location"] == f"{SAE}&without=measure-up-1"
    shown = client.get(form(sent.headers["location"], "json")).json()["network"]
    made = jk.network(
        arms.loc[arms["study"] != "measure-up-1", COLUMNS], "OR", shown["method"], reference="placebo"
    )
    want = dict(zip(made.effects()["treatment"], made.effects()["estimate"], strict=True))
    assert {r["treatment"]: r["estimate"] for r in shown["effects"]} == pytest.approx(want, rel=1e-9)
    assert client.get(SAE + "&without=measure-up-1").text.count(" checked") == len(kept)


def test_populations_are_not_mixed_in_silence(client: httpx.Client) -> None:
    mixed = text(client.get(ZOSTER).text)
    assert "6 populations are analysed together" in mixed and "which is an assumption" in mixed
    assert "populations are analysed together" not in text(client.get(SAE).text)


def test_randomised_withdrawal_is_named_among_what_is_not_taken(client: httpx.Client) -> None:
    page = text(client.get(SAE).text)
    assert "randomised withdrawal: the people on placebo took the drug before" in page
    assert "jade-regimen" not in {a["study"] for a in client.get(form(SAE, "json")).json()["arms"]}


def test_parts_without_a_common_comparator_are_not_compared(client: httpx.Client) -> None:
    page = client.get("/network?outcome=sae&method=iv").text
    made = client.get("/network.json?outcome=sae&method=iv").json()["network"]
    assert len(made["components"]) > 1
    assert f"{len(made['components'])} parts without a common comparator" in text(page)
    assert "not connected" in page and "no chain of studies connects it with placebo" in page


def test_caution_stands_beside_every_ranking(client: httpx.Client) -> None:
    page = client.get(SAE).text
    assert page.index("A rank says nothing about the size") < page.index("P-scores: 1 is fewest")


def test_method_the_page_chose_says_why_and_whose_disagreement_it_shows(client: httpx.Client) -> None:
    page = text(client.get(SAE).text)
    assert "1 of 9 studies have an arm without an event" in page
    assert "has no measure of disagreement of its own" in page
    assert "has no measure" not in text(client.get(SAE + "&method=iv").text)


def test_slow_method_is_computed_aside_and_comes(client: httpx.Client, ev: Evidence) -> None:
    address = SAE + "&method=bayes&without=heads-up"
    first = client.get(address)
    assert first.status_code in (200, 202)
    if first.status_code == 202:
        assert first.headers["refresh"] and "Computing" in first.text
        assert client.get("/network").status_code == 200  # nobody waits for it
    until = time.monotonic() + 90
    while (got := client.get(form(address, "json"))).status_code == 202 and time.monotonic() < until:
        time.sleep(0.5)
    arms = trials(ev, "sae", population="atopic-dermatitis")
    made = jk.network(arms.loc[arms["study"] != "heads-up", COLUMNS], "OR", "bayes", reference="placebo")
    shown = {r["treatment"]: r["estimate"] for r in got.json()["network"]["effects"]}
    want = dict(zip(made.effects()["treatment"], made.effects()["estimate"], strict=True))
    assert shown == pytest.approx(want, rel=1e-9)


def test_multiverse_shows_every_method_with_its_exclusions(client: httpx.Client, ev: Evidence) -> None:
    arms = trials(ev, "sae", population="atopic-dermatitis")
    two = arms[arms["treatment"].isin(["upadacitinib-30-mg-qd", "placebo"])]
    both = two[two.groupby("study")["treatment"].transform("nunique") == 2]
    made = jk.multiverse(both[COLUMNS], "OR", "placebo", treatment="upadacitinib-30-mg-qd")
    page = text(client.get(EVERY).text)
    assert made.sentence in page and len(made.analyses) >= 12
    for universe in made.analyses:
        assert f"{universe.label} {interval(vars(universe.result))}" in page


def test_no_event_is_not_called_an_agreement(client: httpx.Client) -> None:
    page = client.get("/multiverse?outcome=vte&population=vitiligo&treatment=upadacitinib-6-mg-qd").text
    assert "No event was seen on either side" in page


def test_compare_pools_what_was_randomised_and_says_why_not_else(client: httpx.Client, ev: Evidence) -> None:
    query = "treatment=upadacitinib-30-mg-qd&treatment=placebo&outcome=sae"
    held = client.get(f"/compare.json?{query}").json()["pooled"]
    mine = next(r for r in held if r["population"] == "atopic-dermatitis")
    arms = trials(ev, "sae", population="atopic-dermatitis")
    made = jk.pairwise(arms[COLUMNS], treatment="upadacitinib-30-mg-qd", reference="placebo")
    assert mine["direct"]["estimate"] == pytest.approx(made.estimate, rel=1e-12)
    assert (mine["direct"]["k"], mine["direct"]["events"]) == (made.k, made.events)
    network = jk.network(arms[COLUMNS], "OR", mine["network"]["method"], reference="placebo").effects()
    want = network.set_index("treatment").loc["upadacitinib-30-mg-qd", "estimate"]
    assert mine["network"]["estimate"] == pytest.approx(want, rel=1e-9)
    page = client.get(f"/compare?{query}").text
    assert interval(mine["direct"]) in page and interval(mine["network"]) in page
    naive = text(
        client.get("/compare?treatment=abrocitinib-200-mg-qd&treatment=tofacitinib-5-mg-bid&outcome=vte").text
    )
    assert "No chain of randomised studies within one population connects them" in naive


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/network?outcome=saee", 404, "sae"),
        ("/network?outcome=sae&population=atopic", 404, "atopic dermatitis"),
        ("/network?outcome=sae&method=guess", 422, "firth"),
        ("/network?outcome=sae&measure=RR&method=mh", 422, "for RR: iv"),
        ("/network?outcome=sae&population=vitiligo&reference=tofacitinib-5-mg-bid", 422, "placebo"),
        ("/network?outcome=sae&population=vitiligo&without=measure-up-1", 422, "a study of this network"),
        ("/network?outcome=sae&without=no-such", 404, "no study"),
        ("/network?outcome=sae&withuot=ad-up", 422, "only the parameters"),
        ("/network?outcome=<script>alert(1)</script>", 404, "No outcome"),
        ("/network/ticked?outcome=sae&study=<b>", 404, "no study"),
        ("/network/graph.svg?outcome=sae&look=odd", 422, "light"),
        ("/multiverse", 422, "sae"),
        ("/multiverse?outcome=sae", 422, "upadacitinib-30-mg-qd"),
        ("/multiverse?outcome=sae&treatment=placebo", 422, "abrocitinib-100-mg-qd"),
        ("/multiverse?outcome=sae&treatment=upadacitinib-30-mg-qd&measure=IRR", 422, "OR, RR or RD"),
    ],
)
def test_a_wrong_address_says_what_can_be_asked(
    client: httpx.Client, address: str, status: int, said: str
) -> None:
    got = client.get(address)
    assert got.status_code == status and said in text(got.text) and "<script>alert" not in got.text
    stem = address.partition("?")[0]
    if "." not in stem and stem != "/network/ticked":
        assert client.get(form(address, "json")).json()["error"]


@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("part", ["/network/graph.svg?outcome=sae", "/network/forest.svg?outcome=sae",
                                  EVERY.replace("?", ".svg?")])  # fmt: skip
def test_figures_are_drawn(client: httpx.Client, part: str, size: str) -> None:
    got = client.get(f"{part}&size={size}")
    assert got.status_code == 200 and got.text.startswith("<svg")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_reader_unticks_a_study(browser: Browser, base: str, javascript: bool) -> None:
    page = browser.new_context(java_script_enabled=javascript).new_page()
    page.goto(base + SAE)
    page.get_by_label("Heads Up", exact=True).uncheck()
    page.get_by_role("button", name="Compute with the ticked studies").click()
    page.wait_for_url("**without=heads-up*")
    assert not page.get_by_label("Heads Up", exact=True).is_checked()
    assert "8 studies with" in page.locator("#result").inner_text()
    page.get_by_role("link", name="Take all 9 in again.").click()
    page.wait_for_url(lambda url: "without" not in url)
    assert page.get_by_label("Heads Up", exact=True).is_checked()
    page.context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("address", PAGES)
def test_accessible_and_within_the_screen(browser: Browser, base: str, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(base + address)
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
