"""Evidence from a stranger's folder: whatever stands in a cell is shown as text, never run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import httpx
import pandas as pd
import pytest
from playwright.sync_api import Browser

from jakinib.evidence.evidence import Evidence, load
from jakinib.web.app import create_app
from web.conftest import served

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
SOURCE = 'x"><b>'
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(scope="module")
def hostile(ev: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("stranger")

    def write(table: str, like: str, **changed: object) -> None:
        """A row of the shipped table with some cells changed."""
        frame = ev[table].drop(columns="origin")
        row = frame[frame.iloc[:, 0] == like].head(1).astype(object).assign(source_id=SOURCE, **changed)
        row = row.map(lambda cell: str(cell).lower() if isinstance(cell, bool) else cell)
        row.to_csv(folder / f"{table}.csv", index=False)

    write("sources", "PMID:37910098", title=SCRIPT, publisher=FORMULA, url="javascript:alert(1)")
    told = {"name": SCRIPT, "limits": SCRIPT, "enrichment": "{{ 7919*7907 }}", "population_text": FORMULA}
    write("studies", "oral-surveillance", study="stranger", **told)
    event = ev["events"].iloc[0]["event"]
    told = {"definition": FORMULA, "period": SCRIPT, "note": "+cmd|'x'!A1", "population": "psoriasis"}
    write("events", event, event="E99999", study="stranger", treatment="tofacitinib-5-mg-bid", outcome="vte",
          **told)  # fmt: skip
    with served(create_app(load(folder))) as where:
        yield where


PAGES = [
    "/studies/stranger",
    "/studies",
    "/sources",
    "/sources/x%22%3E%3Cb%3E",
    "/row/events/E99999",
    "/outcomes/vte",
    "/data/events?page=1",
    "/compare?treatment=tofacitinib-5-mg-bid&outcome=vte",
    "/drugs/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/compare?treatment=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "/compare?treatment=placebo&per=%3Cscript%3E",
]


@pytest.mark.parametrize("page", PAGES)
def test_cells_are_text(hostile: str, page: str) -> None:
    text = httpx.get(hostile + page, timeout=30).text
    for live in ("<script>document", "<script>alert", "<img src=x", 'href="javascript:', 'x"><b>'):
        assert live not in text
    assert "62615533" not in text


def test_the_stranger_is_there(hostile: str) -> None:
    text = httpx.get(hostile + "/studies/stranger", timeout=30).text
    assert "&lt;script&gt;document.title" in text
    assert "{{ 7919*7907 }}" in text


def test_formulas_in_csv_are_text(hostile: str) -> None:
    for where in ("/data/events.csv", "/data/sources.csv", "/data/studies.csv", "/studies/stranger.csv"):
        read = csv.reader(io.StringIO(httpx.get(hostile + where, timeout=30).text))
        next(read)
        for line in read:
            for cell in line:
                if cell.startswith(("=", "+", "@", "\t")):
                    float(cell)  # a number is the one thing that may stand bare
    sources = pd.read_csv(io.StringIO(httpx.get(hostile + "/data/sources.csv", timeout=30).text))
    assert f"'{FORMULA}" in set(sources["publisher"])


@pytest.mark.browser
def test_nothing_runs_in_a_browser(hostile: str, browser: Browser) -> None:
    page = browser.new_page()
    ran: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    for where in PAGES:
        page.goto(hostile + where)
        assert page.title() != "owned"
    page.close()
    assert ran == []


def test_a_long_name_does_not_break_an_error_page(hostile: str) -> None:
    answer = httpx.get(f"{hostile}/drugs/{'x' * 5000}", timeout=30)
    assert answer.status_code == 404 and len(answer.text) < 20_000
