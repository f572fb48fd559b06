"""The page for one person: what it shows, what it refuses, and that it keeps nothing."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

import jakinib as jk
from jakinib.report.plain_words import few
from jakinib.web.app import create_app
from jakinib.web.routes.patient import EXAMPLES

ORAL = EXAMPLES[2][1]
FULLEST = ("tofacitinib-5-mg-bid", "tofacitinib-10-mg-bid", "upadacitinib-15-mg-qd")  # most words on a sheet
ADDRESSES = ["/patient", *(f"/patient?{query}" for _, query in EXAMPLES), f"/patient/print?{EXAMPLES[1][1]}"]


class Form(HTMLParser):
    """The form's fields with their values, and the ids that labels point to."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.ids: set[str] = set()
        self.labels: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "select") and given.get("type") not in ("hidden", "checkbox"):
            self.names.add(str(given.get("name")))
            self.ids.add(str(given.get("id")))
        if tag == "label" and given.get("for"):
            self.labels.add(str(given["for"]))


def test_every_item_has_a_labelled_field(client: httpx.Client) -> None:
    form = Form()
    form.feed(client.get("/patient").text)
    assert set(jk.Patient().to_dict()) <= form.names
    assert form.ids <= form.labels


@pytest.mark.parametrize("address", ADDRESSES[1:4])
def test_page_csv_and_json_hold_the_same_numbers(client: httpx.Client, address: str) -> None:
    page = client.get(address)
    data = client.get(address.replace("/patient?", "/patient.json?")).json()
    table = client.get(address.replace("/patient?", "/patient.csv?")).text.splitlines()
    assert page.status_code == 200 and len(table) == 1 + len(data["risks"])
    main = [r for r in data["risks"] if r["line"] == "main"]
    assert main
    for row in main:
        for key in row["effect_events"].split("; ") if row["effect"] == "computed" else [row["effect"]]:
            assert f'/{key}"' in page.text  # opens the row behind the ratio
        if row["baseline"].startswith("E"):
            assert f"/row/events/{row['baseline'].split('+')[0]}" in page.text


def test_worked_examples_stand_on_the_page(client: httpx.Client) -> None:
    young, older, oral = (re.sub(r"<[^>]+>", "", client.get(a).text) for a in ADDRESSES[1:4])
    assert "+0.58 per 1,000 a year (−3.57 to +17.5)" in young
    assert "not studied" in young
    assert "none observed, at most 18.1 per 1,000 a year" in older and "not “no risk”" in older
    assert "+3.57 per 1,000 a year (−0.033 to +9.34)" in oral
    assert "this person could have entered it" in oral and "this person could not have entered it" in older


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("age=200", "0 to 120 years"),
        ("sbp=1&age=50", "40 to 300 mmHg"),
        ("age=50&age=60", "one value"),
        ("colour=red", "items of the form"),
        ("treatment=placebo&horizon=99", "0.1 to 30 years"),
        ("treatment=placebo&baseline_vte=-3", "people per 1,000 a year"),
        ("treatment=placebo&horizon=nan", "0.1 to 30 years"),
        ("cv_risk_factors=0&diabetes=yes", "contradicts"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(client: httpx.Client, query: str, words: str) -> None:
    for form in ("", ".json"):
        answer = client.get(f"/patient{form}?{query}")
        assert answer.status_code == 422 and words in answer.text


def test_an_error_stands_next_to_its_field_and_the_rest_of_the_form_is_kept(client: httpx.Client) -> None:
    query = "age=300&total_cholesterol=5.2&sex=female&horizon=99&treatment=upadacitinib-15-mg-qd"
    answer = client.get(f"/patient?{query}")
    text = answer.text
    assert answer.status_code == 422
    field = re.search(r'<input[^>]*id="p-age"[^>]*>', text)
    assert field and 'value="300"' in field[0]
    assert 'aria-invalid="true"' in field[0] and 'aria-describedby="e-age"' in field[0]
    assert re.search(r'id="e-age">300 is not possible; give a number from 0 to 120 years<', text)
    assert "give a number from 40 to 1000 mg/dL, or with its unit: 5.2 mmol/L" in text
    assert re.search(r'id="e-horizon">[^<]*0.1 to 30 years', text)
    assert '<option value="female" selected>' in text
    assert '<input type="hidden" name="treatment" value="upadacitinib-15-mg-qd">' in text
    assert "3 entries cannot be used" in text
    assert client.get(f"/patient/print?{query}").status_code == 422


def test_whose_data_a_shared_statement_rests_on_is_said(client: httpx.Client) -> None:
    oral = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", client.get(f"/patient?{ORAL}").text))
    assert "Rests on data of tofacitinib, not of upadacitinib." in oral
    # a comparator that no statement on the class concerns takes the heading away
    with_tnf = client.get(f"/patient?{ORAL}&treatment=adalimumab-40-mg-q2w&outcome=mace").text
    assert "The same for all 2 treatments" in oral and "The same for all" not in with_tnf


def test_a_disease_a_drug_is_not_approved_for_is_said(client: httpx.Client) -> None:
    page = client.get("/patient?indication=psoriasis&treatment=ritlecitinib-50-mg-qd&outcome=vte").text
    assert "No approval of this drug for plaque psoriasis is held here." in page
    sheet = client.get("/patient/print?indication=psoriasis&treatment=ritlecitinib-50-mg-qd&outcome=vte").text
    assert "We hold no approval of ritlecitinib for plaque psoriasis." in sheet
    page = client.get(
        "/patient?indication=rheumatoid-arthritis&treatment=adalimumab-40-mg-q2w&outcome=vte"
    ).text
    assert "No approval of this drug" not in page  # approvals of other drugs are not collected
    page = client.get("/patient?indication=alopecia-areata&treatment=ritlecitinib-50-mg-qd&outcome=vte").text
    assert "An approval for alopecia areata is held from: US" in page


def test_too_many_and_unknown_names_are_refused(client: httpx.Client) -> None:
    many = "&".join(f"treatment={t}" for t in jk.evidence().treatments["treatment"][:7])
    assert client.get(f"/patient?{many}").status_code == 422
    assert client.get("/patient?indication=atopic-dermatits").status_code == 404
    assert client.get("/patient.csv").status_code == 422  # no treatment, so no table
    hostile = client.get("/patient", params={"indication": "<script>alert(1)</script>"})
    assert hostile.status_code == 404 and "<script>alert" not in hostile.text


def test_nothing_of_a_profile_is_kept_or_logged(ev: jk.Evidence, caplog: pytest.LogCaptureFixture) -> None:
    import anyio

    app = create_app(ev)
    paths = ["/patient", "/patient.json", "/patient.csv", "/patient.svg", "/patient/print"]

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as one:
            return [await one.get(f"{path}?{ORAL}") for path in paths]

    # in a thread of its own: a browser driven in this one keeps an event loop running
    with caplog.at_level(logging.DEBUG), ThreadPoolExecutor(1) as one_thread:
        answers = one_thread.submit(anyio.run, ask).result()
    assert [a.status_code for a in answers] == [200] * len(paths)
    assert {a.headers["cache-control"] for a in answers} == {"no-store"}
    assert app.state.kept.size == 0
    logged = [r for r in caplog.records if r.name.startswith(("jakinib", "uvicorn", "fastapi", "starlette"))]
    assert not [r for r in logged if "methotrexate" in r.getMessage() or "age=61" in r.getMessage()]


def test_the_picture_of_a_thousand_people_holds_a_thousand(client: httpx.Client) -> None:
    query = "age=61&indication=rheumatoid-arthritis&ascvd=no&treatment=tofacitinib-5-mg-bid"
    drawn = client.get(f"/patient/icons.svg?{query}&outcome=mace").text
    assert drawn.count("M") == 1000  # one path move a person
    # 28.2 of 1,000 on TNF inhibitors and 29.9 with tofacitinib over five years
    assert "28 on TNF inhibitor, 30 with it, 2 more" in drawn
    assert client.get(f"/patient/icons.svg?{query}").status_code == 422  # eight outcomes, not one


def test_the_print_sheet_is_plain(client: httpx.Client) -> None:
    text = re.sub(r"<[^>]+>", "", client.get(ADDRESSES[-1]).text)
    grade = re.search(r"school grade (\d+)", text)
    assert grade and int(grade[1]) <= 8
    assert "No one of 266 on the drug had this in the study (40 weeks)." in text
    assert "It could still be up to 19 of 1,000 a year." in text
    assert "You could not have joined it." in text and "a past blood clot" in text
    assert "This is not medical advice" in text


@pytest.mark.parametrize("address", ADDRESSES[1:4])
def test_the_print_sheet_says_the_numbers_of_the_page(client: httpx.Client, address: str) -> None:
    text = re.sub(r"<[^>]+>", "", client.get(address.replace("/patient?", "/patient/print?")).text)
    data = client.get(address.replace("/patient?", "/patient.json?")).json()
    mains = [r for r in data["risks"] if r["line"] == "main"]
    followed = {d["study"]: d["follow_up_years"] for d in data["distance"]}
    assert mains
    for row in mains:
        years = [followed[s] for s in row["effect_studies"].split("; ")]
        short = None not in years and max(years) < 1
        without, with_ = (row["without_year"], row["with_year"]) if short else (row["without"], row["with"])
        assert f"about {few(without)} of 1,000 people" in text
        assert f"With the drug, about {few(with_)} do." in text


def test_a_sheet_of_paper_holds_so_much(client: httpx.Client) -> None:
    four = "&".join(f"treatment={t}" for t in jk.evidence().treatments["treatment"][:4])
    assert client.get(f"/patient/print?{four}").status_code == 422
    page = client.get(f"/patient?{four}").text
    assert "One-page print sheet 1 of 2" in page and "One-page print sheet 2 of 2" in page


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("address", [ADDRESSES[0], *ADDRESSES[3:], "/patient?age=300&sbp=1&horizon=99"])
def test_no_axe_violation_and_no_sideways_scroll(
    browser: Browser, base: str, address: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text))
    page.goto(base + address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    complaints = [c for c in complaints if "status of 422" not in c]  # the browser reports a refused form
    assert complaints == []
    context.close()


@pytest.mark.browser
def test_the_form_works_without_javascript(browser: Browser, base: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base + "/patient")
    page.fill("#p-age", "67")
    page.select_option("#p-indication", "atopic-dermatitis")
    page.select_option("#p-prior_vte", "yes")
    page.select_option("#p-treatment", "upadacitinib-15-mg-qd")
    page.click("text=Show")
    page.wait_for_selector("h1:has-text('For this patient')")
    assert "age=67" in page.url and "prior_vte=yes" in page.url
    assert page.input_value("#p-age") == "67"
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_sheet_fits_one_page(browser: Browser, base: str, paper: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    # the three examples, and the most and longest a sheet takes
    fullest = "&".join(f"treatment={t}" for t in FULLEST) + "&" + ORAL.split("&treatment")[0]
    for query in [*(q for _, q in EXAMPLES), fullest]:
        page.goto(f"{base}/patient/print?{query}")
        assert re.findall(rb"/Count (\d+)", page.pdf(format=paper)) == [b"1"], query
    context.close()
