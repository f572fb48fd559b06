"""The pages over HTTP: every view in three forms, headers, links, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest

from jakinib.evidence.evidence import Evidence
from jakinib.patient.compare import compare
from web.pages import COMPARE, PAGES, WRONG


def form(address: str, suffix: str) -> str:
    """The address of the same view as CSV or JSON."""
    parts = urlsplit(address)
    return parts._replace(path=("/index" if parts.path == "/" else parts.path) + suffix).geturl()


@pytest.mark.parametrize("address", PAGES)
def test_view_answers_as_page_csv_and_json(client: httpx.Client, address: str) -> None:
    page = client.get(address)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert form(address, ".csv") in unescape(page.text)
    table = client.get(form(address, ".csv"))
    assert table.headers["content-type"].startswith("text/csv")
    read = list(csv.reader(io.StringIO(table.text)))
    assert len({len(line) for line in read}) == 1 and len(read[0]) > 1
    json.loads(client.get(form(address, ".json")).text)


@pytest.mark.parametrize("address", PAGES + WRONG)
def test_nothing_is_loaded_from_elsewhere_or_run_inline(client: httpx.Client, address: str) -> None:
    page = client.get(address)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    loaded = re.findall(r'(?:src|srcset|href)="([^"]*)"', re.sub(r"<a\s[^>]*>", "", page.text))
    assert loaded and all(where.startswith(("/", "#")) for where in loaded)
    assert not re.search(r"<style|style=|\son\w+=|javascript:", page.text)


def test_every_internal_link_of_the_main_pages_leads_somewhere(client: httpx.Client) -> None:
    found: dict[str, str] = {}
    for address in PAGES:
        for link in re.findall(r'href="(/[^"#]*)"', client.get(address).text):
            found.setdefault(unescape(link), address)
    # rows differ only by key: of each table a sample, of everything else all
    rows: dict[str, list[str]] = {}
    for link in found:
        kind = (
            "/".join(link.split("/")[:3])
            if link.startswith("/row/")
            else link.split("?")[0].rsplit("/", 1)[0]
        )
        rows.setdefault(kind, []).append(link)
    chosen = [link for links in rows.values() for link in links[:: max(1, len(links) // 12)]]
    broken = [(link, found[link]) for link in chosen if client.head(link).status_code != 200]
    assert len(chosen) > 100
    assert broken == []


def test_every_number_of_a_comparison_opens_its_row(client: httpx.Client, ev: Evidence) -> None:
    made = compare(["upadacitinib-15-mg-qd", "abrocitinib-200-mg-qd"], "vte", evidence=ev)
    text = client.get(COMPARE).text
    assert len(made.table()) > 3
    for line in made.table().itertuples():
        assert f'href="/row/events/{line.event}"' in text
        row = client.get(f"/row/events/{line.event}").text
        assert str(line.source_id) in unescape(row)


def test_json_of_a_comparison_is_the_comparison(client: httpx.Client, ev: Evidence) -> None:
    made = compare(["upadacitinib-15-mg-qd", "abrocitinib-200-mg-qd"], "vte", evidence=ev)
    got = client.get(form(COMPARE, ".json")).json()
    assert got["lines"] == json.loads(json.dumps(made.to_dict()["lines"]))
    assert got["pairs"][0]["kind"] in ("direct", "indirect", "naive")


def test_basis_of_the_comparison_is_said(client: httpx.Client, ev: Evidence) -> None:
    pair = ["tofacitinib-5-mg-bid", "abrocitinib-200-mg-qd"]
    made = compare(pair, "mace", evidence=ev)
    assert set(made.pairs()["kind"]) == {"naive"}
    text = client.get(f"/compare?treatment={pair[0]}&treatment={pair[1]}&outcome=mace").text
    assert "naive comparison" in text
    assert made.pairs()["reason"].iloc[0].split(". ")[0] in unescape(text)


def test_a_pooled_programme_does_not_hide_the_trial_in_people_at_risk(client: httpx.Client) -> None:
    text = client.get(
        "/compare?treatment=tofacitinib-5-mg-bid&outcome=mace&population=rheumatoid-arthritis"
    ).text
    unfolded = re.sub(r"<details>.*?</details>", "", text, flags=re.S)
    table = unfolded[unfolded.index('<table class="compare') : unfolded.index("</table>")]
    assert "ORAL Surveillance" in table and "at least one additional cardiovascular risk factor" in table


def test_a_study_that_has_both_treatments_is_in_sight(client: httpx.Client) -> None:
    where = (
        "/compare?treatment=upadacitinib-30-mg-qd&treatment=placebo&outcome=vte&population=atopic-dermatitis"
    )
    unfolded = re.sub(r"<details>.*?</details>", "", client.get(where).text, flags=re.S)
    body = unfolded[unfolded.index("<tbody>") : unfolded.index("</table>")]
    shown = [
        set(re.findall(r'href="/studies/([^"]+)"', cell)) for cell in re.findall(r"<td.*?</td>", body, re.S)
    ]
    assert len(shown) == 2 and shown[0] & shown[1]


def test_an_outcome_without_evidence_says_so(client: httpx.Client) -> None:
    page = client.get("/compare?treatment=methotrexate&outcome=gi_perforation&population=vitiligo")
    assert page.status_code == 200 and "not reported" in page.text


def test_rates_per_thousand_are_ten_times_those_per_hundred(client: httpx.Client) -> None:
    hundred = client.get(form(COMPARE, ".json")).json()["lines"]
    thousand = client.get(form(COMPARE + "&per=1000", ".json")).json()["lines"]
    assert [x["event"] for x in hundred] == [x["event"] for x in thousand]
    for a, b in zip(hundred, thousand, strict=True):
        if a["estimate"] is not None:
            assert b["estimate"] == pytest.approx(10 * a["estimate"])
    page = client.get(COMPARE + "&per=1000").text
    assert "per 1,000 people a year" in page and "per 100 PY" not in page


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("/drugs/upadacitnib", "/drugs/upadacitinib"),
        ("/studies/oral-surveilance", "/studies/oral-surveillance"),
        ("/outcomes/mase", "/outcomes/mace"),
        ("/sources/PMID:3791009", "/sources/PMID:37910098"),
        ("/data/event", "/data/events"),
        ("/row/effects/F00366", "/row/effects/F0036"),
        ("/compare?treatment=upadacitinib-15-mg", "/compare?treatment=upadacitinib-15-mg-qd"),
        ("/compare?treatment=placebo&outcome=vtee", "/compare?treatment=placebo&outcome=vte"),
        ("/studys", "/studies"),
    ],
)
def test_unknown_name_is_404_with_near_matches(client: httpx.Client, address: str, near: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    links = [unescape(link).lower() for link in re.findall(r'href="([^"]+)"', answer.text)]
    assert any(link.startswith(near.lower()[:-1]) for link in links), links
    assert client.get(form(address, ".json")).status_code == 404


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/compare?treatment=placebo&per=7", "1000"),
        ("/compare?treatment=placebo&treatmnt=placebo", "treatment"),
        ("/compare?treatment=placebo&per=", "100"),
        ("/data/effects?page=0", "greater than or equal to 1"),
        ("/data/effects?page=x", "integer"),
        ("/data/effects?page=999", "1 to"),
        ("/compare.svg", "at least one treatment"),
        ("/compare.svg?treatment=placebo&look=pink", "dark"),
    ],
)  # fmt: skip
def test_bad_query_value_is_422_and_says_what_is_allowed(
    client: httpx.Client, address: str, allowed: str
) -> None:
    answer = client.get(address)
    assert answer.status_code == 422
    assert allowed in unescape(re.sub(r"<[^>]+>", "", answer.text))


def test_too_many_treatments_are_refused(client: httpx.Client, ev: Evidence) -> None:
    many = "&".join(f"treatment={t}" for t in ev["treatments"]["treatment"][:9])
    answer = client.get(f"/compare?{many}")
    assert answer.status_code == 422 and "at most 8" in answer.text


def test_blank_choices_of_the_form_are_ignored(client: httpx.Client) -> None:
    page = client.get("/compare?treatment=placebo&treatment=&outcome=&population=&per=100")
    assert page.status_code == 200 and "<h1>placebo</h1>" in page.text


def test_names_and_brands_are_understood(client: httpx.Client) -> None:
    assert "<h1>upadacitinib" in client.get("/drugs/Rinvoq").text
    assert client.get("/compare?treatment=placebo&population=Atopic dermatitis").status_code == 200


def test_one_study_in_the_population_filter(client: httpx.Client, ev: Evidence) -> None:
    wanted = set(ev["studies"].loc[ev["studies"]["population"] == "psoriasis", "study"])
    read = csv.DictReader(io.StringIO(client.get("/studies.csv?population=psoriasis").text))
    assert {line["study"] for line in read} == wanted


def test_tables_download_whole(client: httpx.Client, ev: Evidence) -> None:
    for table in ("events", "effects", "sources"):
        read = list(csv.DictReader(io.StringIO(client.get(f"/data/{table}.csv").text)))
        assert len(read) == len(ev[table])
        assert len(client.get(f"/data/{table}.json").json()) == len(ev[table])


def test_row_tells_source_disputes_and_the_other_rows_of_the_fact(client: httpx.Client, ev: Evidence) -> None:
    disputed = ev["discrepancies"]
    named = disputed[(disputed["table"] == "effects") & disputed["rows"].notna()].iloc[0]
    key = named["rows"].split(";")[0].strip()
    text = unescape(client.get(f"/row/effects/{key}").text)
    assert named["what"] in text
    assert ev.row("effects", key)["source_id"] in text
    events = ev["events"]
    doubled = events[events["use"] == "alternative"].iloc[0]
    row = client.get(f"/row/events/{doubled['event']}.json").json()
    same = events[
        (events["study"] == doubled["study"])
        & (events["treatment"] == doubled["treatment"])
        & (events["outcome"] == doubled["outcome"])
        & (events["event"] != doubled["event"])
    ]
    assert set(same["event"]) <= {r["event"] for r in row["same_fact"]}


def test_derived_value_shows_its_formula(client: httpx.Client, ev: Evidence) -> None:
    events = ev["events"]
    derived = events[events["status"] == "derived"].iloc[0]
    text = unescape(client.get(f"/row/events/{derived['event']}").text)
    assert "Derived" in text and derived["derivation"] in text


def test_study_page_puts_its_population_beside_the_others(client: httpx.Client, ev: Evidence) -> None:
    text = client.get("/studies/jade-mono-1").text
    assert "ORAL Surveillance" in text and "Its population beside the others" in text
    assert "not reported" in text


def test_figures_are_svg_for_light_and_dark(client: httpx.Client) -> None:
    for where in ("/pathway.svg?look=", form(COMPARE, ".svg") + "&look="):
        light, dark = client.get(where + "light"), client.get(where + "dark")
        assert light.headers["content-type"].startswith("image/svg+xml")
        assert light.text.startswith("<svg") and light.text != dark.text


def test_first_load_of_compare_is_small(client: httpx.Client) -> None:
    """60 kB gzip together, without the figure, which is loaded when it comes into view."""
    page = client.get(COMPARE)
    parts = [COMPARE, *re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)]
    size = 0
    for where in parts:
        with client.stream("GET", where) as answer:
            size += sum(len(chunk) for chunk in answer.iter_raw())
    assert len(parts) >= 3
    assert size <= 60_000


def test_static_files_are_kept_by_the_browser_and_carry_their_licence(client: httpx.Client) -> None:
    link = re.search(r'src="(/static/htmx[^"]+)"', client.get(COMPARE).text)
    assert link and "immutable" in client.get(link.group(1)).headers["cache-control"]
    assert "Zero-Clause BSD" in client.get("/static/htmx.LICENSE").text
