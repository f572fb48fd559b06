"""The mechanism page: numbers of the engine with their sources, levels kept apart, and what is refused."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

import jakinib as jk
from jakinib.evidence.evidence import Evidence
from jakinib.report.mechanism_map import strength
from jakinib.report.numbers import percent

FOUR = "/mechanism?" + "&".join(
    f"regimen={text}"
    for text in (
        "tofacitinib:5 mg bid",
        "upadacitinib:15 mg ER qd",
        "baricitinib:4 mg qd",
        "deucravacitinib:6 mg qd",
    )
)
ADDRESSES = [
    "/mechanism",
    FOUR,
    "/mechanism?regimen=ruxolitinib:20 mg single",
    "/mechanism?regimen=filgotinib:200 mg qd",
    "/mechanism?regimen=tofacitinib 10 mg bid&stimulus=IL-6",
]
CELL = "/mechanism/cell?regimen=tofacitinib:5 mg bid&potency=tofacitinib-il-6-pstat3-1"
FIGURES = ("map", "course", "dose", "exposure", "signalling")


def text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


@pytest.mark.parametrize("address", [*ADDRESSES, CELL])
def test_answers_as_page_csv_and_json(client: httpx.Client, address: str) -> None:
    for form in ("", ".csv", ".json"):
        stem, _, query = address.partition("?")
        assert client.get(f"{stem}{form}?{query}").status_code == 200


def test_every_average_is_the_engines_and_opens_its_sources(client: httpx.Client, ev: Evidence) -> None:
    page = unescape(client.get(FOUR).text)
    for drug, regimen in [("tofacitinib", "5 mg bid"), ("baricitinib", "4 mg qd")]:
        rows = jk.inhibition(drug, regimen, tables=ev).table()
        assert len(rows) > 1
        for row in rows.itertuples():
            link = rf'href="(/mechanism/cell\?regimen={drug}:[^"]*potency={row.potency})"><b>([^<]*)</b>'
            found = re.search(link, page)
            assert found, row.pathway
            sign = "≥ " if row.bound == "at least" else ""
            assert found[2] == sign + percent(row.average)
            cell = client.get(found[1]).text
            assert str(row.source_id) in unescape(cell)
            assert re.search(rf"/row/potency(_chembl)?/{row.potency}", cell) and "/row/pk/" in cell


def test_csv_holds_the_numbers_of_the_engine(client: httpx.Client, ev: Evidence) -> None:
    table = list(csv.DictReader(io.StringIO(client.get(FOUR.replace("?", ".csv?")).text)))
    held = {r["potency"]: float(r["average"]) for r in table if r["drug"] == "tofacitinib"}
    made = jk.inhibition("tofacitinib", "5 mg bid", tables=ev).table()
    assert held == pytest.approx(dict(zip(made["potency"], made["average"], strict=True)), rel=1e-12)


def test_kinase_level_is_marked_and_in_a_table_of_its_own(client: httpx.Client) -> None:
    page = client.get("/mechanism").text
    heat = page[page.index('<table class="heat') : page.index('id="kinases"')]
    enzymes = page[page.index('id="kinases"') : page.index('id="map"')]
    assert "order of strength, not an effect" in enzymes
    assert "JAK1" not in heat and "%" not in text(
        enzymes[enzymes.index("<tbody>") : enzymes.index("</table>")]
    )
    # a ChEMBL median over mixed assays is not passed off as an IC50
    assert "median of mixed assays about 3.09 nM" in text(enzymes)


def test_says_what_was_not_read(client: httpx.Client) -> None:
    page = text(client.get("/mechanism").text)
    assert "abrocitinib 200 mg qd . No potency on a cytokine pathway was read" in page
    assert "That is not “no inhibition”" in page
    assert "upadacitinib: the fraction unbound in plasma was not read" in page  # no signalling without it
    refused = text(client.get("/mechanism?regimen=filgotinib:200 mg qd").text)
    assert "No concentration: filgotinib: no pharmacokinetic model can be built" in refused


@pytest.mark.parametrize("part", FIGURES)
@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_every_figure_is_drawn_and_has_its_table(client: httpx.Client, part: str, size: str) -> None:
    made = client.get(FOUR.replace("?", f"/{part}.svg?") + f"&size={size}")
    assert made.status_code == 200 and made.text.startswith("<svg")
    twin = list(csv.reader(io.StringIO(client.get(FOUR.replace("?", f"/{part}.csv?")).text)))
    assert len(twin) > 4 and len({len(line) for line in twin}) == 1


def test_assumptions_are_printed_on_the_signalling_figure(client: httpx.Client) -> None:
    made = client.get("/mechanism/signalling.svg?regimen=tofacitinib:5 mg bid&cytokine=EPO").text
    said = text(made)
    assert "Assumed: strength in the cell goes with the enzyme IC50" in said
    assert "The inhibited step of this model is ours" in said and "Bachmann et al. 2011" in said


def test_text_of_a_regimen_may_leave_out_the_colon_and_the_form(client: httpx.Client) -> None:
    one = client.get("/mechanism.json?regimen=upadacitinib 15 mg qd").json()
    assert one["regimens"][0]["regimen"] == "upadacitinib:15 mg ER qd"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("regimen=tofacitnib:5 mg bid", 404, "tofacitinib"),
        ("regimen=upadacitinib:15 mg", 422, "upadacitinib:15 mg bid"),
        ("regimen=upadacitinib", 422, "upadacitinib:15 mg ER qd"),
        ("regimen=upadacitinib:10 mg tid", 422, "upadacitinib:10 mg IR tid"),
        ("regimen=tofacitinib:-5 mg bid", 422, "must be positive"),
        ("regimen=tofacitinib:5 mg q0.01h", 422, "every 4 to 168 hours"),
        ("regimen=tofacitinib:999999 mg bid", 422, "at most 5,000 mg"),
        ("regimen=methotrexate:15 mg weekly", 422, "a drug with a potency or pharmacokinetics"),
        ("stimulus=IL-99", 422, "IL-6"),
        ("drug=tofacitinib", 422, "only the parameters regimen, stimulus"),
        ("&".join(f"regimen=tofacitinib:{n} mg bid" for n in range(1, 6)), 422, "at most 4 at once"),
        ("regimen=<script>alert(1)</script> 5 mg bid", 404, "<script>"),
    ],
)
def test_refusal_says_what_could_be_meant(client: httpx.Client, query: str, status: int, said: str) -> None:
    answer = client.get(f"/mechanism?{query}")
    assert answer.status_code == status
    assert said in unescape(answer.text) and "<script>alert" not in answer.text
    assert client.get(f"/mechanism.json?{query}").status_code == status


@pytest.mark.parametrize(
    "query", ["regimen=tofacitnib:5 mg bid&regimen=baricitinib:4 mg qd", "regimen=upadacitinib:15 mg"]
)
def test_what_is_offered_instead_works(client: httpx.Client, query: str) -> None:
    page = client.get(f"/mechanism?{query}").text
    offered = re.findall(r'<li><a href="(/mechanism\?[^"]+)"', page)
    assert offered
    first = client.get(unescape(offered[0]))
    assert first.status_code == 200
    if "baricitinib" in query:
        assert "baricitinib 4 mg qd" in text(first.text)


@pytest.mark.parametrize(
    ("drug", "level"),
    [
        ("tofacitinib", "pathway profile"),
        ("abrocitinib", "kinase level"),
        ("filgotinib", "kinase level"),
        ("deuruxolitinib", "pharmacokinetics only"),
        ("decernotinib", "nothing read"),
    ],
)
def test_drug_page_names_its_level(client: httpx.Client, drug: str, level: str) -> None:
    page = client.get(f"/drugs/{drug}").text
    assert re.search(rf'id="mechanism">Mechanism <span class="chip[^"]*">{level}</span>', page)


def test_drug_that_is_no_jak_inhibitor_has_no_mechanism_block(client: httpx.Client) -> None:
    assert 'id="mechanism"' not in client.get("/drugs/methotrexate").text


def test_strength_is_on_a_log_scale_of_a_hundred() -> None:
    assert [strength(x) for x in (1, 10, 100, 1e4)] == pytest.approx([1, 0.5, 0, 0])
    assert strength(float("nan")) == 0


@pytest.mark.browser
@pytest.mark.parametrize(("width", "look"), [(1280, "light"), (390, "light"), (1280, "dark")])
@pytest.mark.parametrize(
    "address", [*ADDRESSES[:3], CELL, "/mechanism?regimen=upadacitinib:15 mg", "/drugs/tofacitinib"]
)
def test_no_axe_violation_and_no_sideways_scroll(
    browser: Browser, base: str, address: str, width: int, look: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=look)
    page = context.new_page()
    page.goto(base + address)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    context.close()


@pytest.mark.browser
def test_regimen_is_changed_with_the_form_without_scripts(browser: Browser, base: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/mechanism?regimen=tofacitinib:5 mg bid")
    page.fill("#r1", "baricitinib:4 mg qd")
    page.click("text=Show")
    page.wait_for_selector("th:has-text('baricitinib 4 mg qd')")
    page.fill("#r0", "")
    page.click("text=Show")
    page.wait_for_selector("th:has-text('tofacitinib 5 mg bid')", state="detached")
    page.wait_for_selector("th:has-text('baricitinib 4 mg qd')")
    page.locator("table.heat td.num a").first.click()
    page.wait_for_selector("h2:text-is('Potency')")
    context.close()


@pytest.mark.browser
def test_print_keeps_the_tables_and_drops_the_form(browser: Browser, base: str) -> None:
    page = browser.new_page()
    page.goto(f"{base}/mechanism")
    page.emulate_media(media="print")
    assert not page.locator("form.ask").is_visible() and page.locator("table.heat").is_visible()
    page.close()
