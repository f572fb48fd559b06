"""Every number of the reference page is on `/`, as a link to a row that names its source."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

SOURCE = "SEED:jak-inhibitors-page"

# the page's table, per 100 patient-years: malignancy without NMSC, NMSC, MACE, VTE
TABLE = {
    "upadacitinib 15 mg": ["0.2", "0.4", "0.1", "0.1"],
    "upadacitinib 30 mg": ["0.5", "0.4", "0.0", "0.1"],
    "abrocitinib 100 mg": ["0.2", "0.6", "0.6", "0.0"],
    "abrocitinib 200 mg": ["0.2", "0.4", "0.2", "0.4"],
    "methotrexate": ["0.5", "0.3", "0.5", "0.5"],
    "ciclosporin": ["0.6", "0.5", "2.8", "no data"],
    "systemic corticosteroids": ["4.3", "3.9", "7.6", "0.02"],
    "baseline: atopic dermatitis": ["0.33", "0.09", "0.63", "0.31"],
    "reference: general population": ["0.42", "0.12", "0.14", "0.25"],
}
# the numbers of its text, each with words that stand in the same statement
TEXT = [
    ("50", "older than"),
    ("5", "MACE with tofacitinib"),
    ("10", "MACE with tofacitinib"),
    ("5", "cancers"),
    ("10", "cancers"),
    ("10", "pulmonary embolism"),
    ("10", "death from any cause"),
    ("65", "older than 65"),
    ("65", "men older than"),
    ("7.5", "more than"),
    ("8,700", "patients"),
    ("5,722", "abrocitinib, baricitinib, upadacitinib"),
    ("0.15", "JAK inhibitors"),
    ("0.12", "placebo"),
    ("0.83 (0.44 to 1.57)", "all-cause mortality"),
    ("0.52 (0.26 to 1.04)", "VTE"),
    ("38.5", "age"),
    ("61", "ORAL Surveillance"),
    ("4.9", "months"),
    ("4", "years"),
    ("38", "BRAVE-AA"),
    ("61", "tofacitinib trial"),
    ("1", "MACE"),
    ("48", "years old"),
    ("1", "cancer occurred with placebo"),
    ("1", "cancer occurred with baricitinib 4 mg"),
    ("1", "about"),
    ("0.5", "placebo"),
    ("1.1", "baricitinib 2 mg"),
    ("1", "baricitinib 4 mg"),
    ("2022", "Daniele"),
    ("2022", "JAMA Dermatol"),
    ("2024", "Ingrassia"),
    ("2022", "King"),
]
TARGETS = {
    "abrocitinib": "JAK 1",
    "baricitinib": "JAK 1/2",
    "deucravacitinib": "TYK 2",
    "ruxolitinib": "JAK 1/2",
    "tofacitinib": "JAK 1/3",
    "upadacitinib": "JAK 1",
}
CITED = ["34246698", "35081280", "35679017", "36468956", "36001310", "37910098", "35334197"]


@pytest.fixture(scope="module")
def home(client: httpx.Client) -> str:
    return unescape(client.get("/").text)


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).strip()


@pytest.mark.parametrize("name", TABLE)
def test_rate_table(home: str, client: httpx.Client, name: str) -> None:
    table = home[home.index("The page's rate table") :]
    rows = [r for r in re.findall(r"<tr>(.*?)</tr>", table, re.S) if plain(r).startswith(name)]
    assert len(rows) == 1
    shown = re.findall(r'<span class="page">page <a(?: class="blank")? href="([^"]+)">(.*?)</a>', rows[0])
    assert [plain(value) for _, value in shown] == TABLE[name]
    for link, _ in shown:
        assert SOURCE in client.get(link).text


@pytest.mark.parametrize(("number", "words"), TEXT)
def test_number_of_the_text(home: str, client: httpx.Client, number: str, words: str) -> None:
    found = [
        link.group(1)
        for item in re.findall(r"<li>(.*?)(?=<li>|</ul>)", home, re.S)
        if words in plain(item)
        and (link := re.search(rf'<a href="([^"]+)"><b>{re.escape(number)}</b></a>', item))
    ]
    assert found, f"{number} ({words}) is not a link on the page"
    assert SOURCE in client.get(found[0]).text


@pytest.mark.parametrize("drug", TARGETS)
def test_drug_table(home: str, drug: str) -> None:
    row = re.search(rf'<th scope="row"><a href="/drugs/{drug}">.*?</tr>', home, re.S)
    assert row
    cells = [plain(cell) for cell in re.findall(r"<td.*?</td>", row.group(), re.S)]
    assert cells[0] == TARGETS[drug]
    assert len(cells[2]) > 3, "what the page says it is approved for"


@pytest.mark.parametrize("pmid", CITED)
def test_cited_publication_is_named(home: str, pmid: str) -> None:
    assert f"PMID:{pmid}" in home


def test_contradictions_are_on_the_page(home: str) -> None:
    for words in ("50 years or older", "1.33 (0.91 to 1.94)", "placebo or dupilumab"):
        assert words in plain(home)
