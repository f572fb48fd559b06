"""PubMed records, and references of reference managers: what goes out comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from jakinib.evidence.evidence import load
from jakinib.registry import pubmed, references
from jakinib.registry.accept import accept
from jakinib.registry.strict_json import RecordError
from registry.staged import RECORDS, read


def test_article_of_an_efetch_answer() -> None:
    [a] = pubmed.parse((RECORDS / "efetch_pubmed_article.xml").read_bytes())
    assert (a.pmid, a.year, a.volume, a.issue, a.pages) == ("29963580", 2018, "5", "2", "026002")
    assert a.doi == "10.1117/1.JMI.5.2.026002"
    assert a.title.startswith("Development of a pulmonary imaging biomarker pipeline")
    assert a.authors[:2] == ("Guo F", "Capaldi D")
    assert a.revised == "2018-11-14"


def test_articles_of_an_esummary_answer() -> None:
    found = pubmed.parse((RECORDS / "esummary_pubmed.xml").read_bytes())
    assert [(a.pmid, a.journal, a.year) for a in found] == [
        ("11850928", "Arch Dermatol", 1965),
        ("11482001", "Adverse Drug React Toxicol Rev", 2001),
    ]
    assert pubmed.row(found[1]).values["kind"] == "review"


def test_empty_search_is_an_empty_answer() -> None:
    assert pubmed.parse((RECORDS / "esearch_error.xml").read_bytes()) == ()


def test_retracted_articles_and_registered_trials_are_said(tmp_path: Path) -> None:
    text = (RECORDS / "efetch_pubmed_article.xml").read_text()
    text = text.replace(
        "</PublicationTypeList>",
        "<PublicationType>Retracted Publication</PublicationType></PublicationTypeList>",
    ).replace(
        "</AuthorList>",
        "</AuthorList><DataBankList><DataBank><DataBankName>ClinicalTrials.gov</DataBankName><AccessionNumberList>"
        "<AccessionNumber>NCT02092467</AccessionNumber></AccessionNumberList></DataBank></DataBankList>",
    )
    (tmp_path / "a.xml").write_text(text)
    staged = pubmed.import_files([tmp_path / "a.xml"], tmp_path / "staged", load())
    assert [f.code for f in staged.findings] == ["retracted"]
    [row] = read(tmp_path / "staged", "sources")
    assert row["note"].startswith("retracted; registered as NCT02092467")


def test_free_text_dates() -> None:
    text = (RECORDS / "efetch_pubmed_article.xml").read_text()
    start, end = text.index("<PubDate>"), text.index("</PubDate>")
    text = text[:start] + "<PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate>" + text[end:]
    assert pubmed.parse(text.encode())[0].year == 1998


@pytest.mark.parametrize(("write", "name"), [(references.to_ris, "x.ris"), (references.to_bibtex, "x.bib")])
def test_all_sources_of_the_corpus_go_out_and_come_back(write: object, name: str, tmp_path: Path) -> None:
    sources = load().sources
    text = write(sources)  # type: ignore[operator]
    back = references.read(text.encode(), name)
    assert [b["id"] for b in back] == list(sources["source_id"])
    assert [b["title"] for b in back] == [" ".join(t.split()) for t in sources["title"]]
    years = ["" if y != y else str(int(y)) for y in sources["year"].astype("float64")]
    assert [b["year"] for b in back] == years


RIS = """TY  - JOUR
AU  - Ytterberg, Steven R
TI  - A study
T2  - N Engl J Med
PY  - 2022
VL  - 386
SP  - 316
DO  - 10.1056/NEJMoa2109927
AN  - 35081280
ER  -

TY  - JOUR
TI  - A talk without any identifier
PY  - 2020
ER  -
"""


def test_references_of_a_manager_become_sources(tmp_path: Path) -> None:
    (tmp_path / "list.ris").write_text(RIS)
    (tmp_path / "list.bib").write_text(
        "@article{a, title={Another {JAK} study}, doi={10.1000/ABC.1}, year={2019}}"
    )
    (tmp_path / "bad.ris").write_bytes(b"\xff\xfe\x00")
    staged = references.stage(
        [tmp_path / n for n in ("list.ris", "list.bib", "bad.ris")], tmp_path / "staged"
    )
    rows = {r["source_id"]: r for r in read(tmp_path / "staged", "sources")}
    assert set(rows) == {"PMID:35081280", "DOI:10.1000/abc.1"}
    assert rows["PMID:35081280"]["publisher"] == "N Engl J Med 386:316"
    assert rows["DOI:10.1000/abc.1"]["title"] == "Another JAK study"
    assert [f.code for f in staged.skipped] == ["no-identifier", "not-read"]
    accept(tmp_path / "staged", tmp_path / "mine")


@pytest.mark.parametrize("text", [b"", b"hello", b"@article{", b"TY  - ", b"\x00\x01", "é".encode("latin-1")])
def test_what_is_no_list_of_references(text: bytes) -> None:
    with pytest.raises(RecordError):
        references.read(text, "x")
