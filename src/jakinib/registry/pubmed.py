"""PubMed records (E-utilities efetch and esummary XML) as rows of ``sources``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from jakinib.evidence.evidence import Evidence
from jakinib.evidence.finding import Finding
from jakinib.registry.files import Document, documents
from jakinib.registry.row import Row
from jakinib.registry.staging import Stage, Staged, prepare
from jakinib.registry.strict_json import RecordError
from jakinib.registry.strict_xml import parse as parse_xml
from jakinib.registry.strict_xml import words
from jakinib.registry.text import clean


@dataclass(frozen=True)
class Article:
    """A bibliographic record. The abstract belongs to its publisher and is not kept."""

    pmid: str
    title: str
    journal: str
    year: int | None
    volume: str
    issue: str
    pages: str
    doi: str
    authors: tuple[str, ...]
    types: tuple[str, ...]
    revised: str
    trials: tuple[str, ...]
    remarks: tuple[str, ...]
    path: str


def parse(raw: bytes, name: str = "PubMed answer") -> tuple[Article, ...]:
    """Articles of an efetch or esummary answer; none for an empty search.

    Raises RecordError when the bytes are not such an answer.
    """
    root = parse_xml(raw, name)
    kind = etree.QName(root).localname
    if kind == "PubmedArticleSet":
        return tuple(_article(a, i, name) for i, a in enumerate(root.iterfind("PubmedArticle"), 1))
    if kind == "eSummaryResult":
        return tuple(_summary(d, i, name) for i, d in enumerate(root.iterfind("DocSum"), 1))
    if kind == "eSearchResult":
        missing = [words(e) for e in root.iterfind("ErrorList/PhraseNotFound")]
        if missing or words(root.find("Count")) == "0":
            return ()
    raise RecordError(
        f"{name}: <{kind}>, which holds no article; expected an efetch or esummary answer of PubMed"
    )


def ids(raw: bytes, name: str = "PubMed answer") -> tuple[str, ...]:
    """PMIDs of an esearch answer."""
    root = parse_xml(raw, name)
    return tuple(i for e in root.iterfind("IdList/Id") if (i := words(e)).isascii() and i.isdigit())


def _pmid(text: str, name: str, path: str) -> str:
    if not re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII):
        raise RecordError(f"{name}: no PMID at {path}; expected a PubMed record")
    return text.strip()


def _article(a: etree._Element, i: int, name: str) -> Article:
    path = f"PubmedArticle[{i}]"
    issue = a.find("MedlineCitation/Article/Journal/JournalIssue")
    journal = a.find("MedlineCitation/Article/Journal")
    doi = [
        words(e)
        for e in (
            *a.iterfind("MedlineCitation/Article/ELocationID[@EIdType='doi']"),
            *a.iterfind("PubmedData/ArticleIdList/ArticleId[@IdType='doi']"),
        )
    ]
    types = tuple(words(t) for t in a.iterfind("MedlineCitation/Article/PublicationTypeList/PublicationType"))
    notes = {
        "RetractionIn": "retracted",
        "ExpressionOfConcernIn": "expression of concern",
        "ErratumIn": "erratum",
        "RetractionOf": "is a retraction notice",
    }
    remarks = [
        notes[kind] for c in a.iterfind(".//CommentsCorrections") if (kind := c.get("RefType") or "") in notes
    ]
    if "Retracted Publication" in types:
        remarks.insert(0, "retracted")
    revised = a.find("MedlineCitation/DateRevised")
    parts = [words(revised.find(p)).zfill(2) for p in ("Year", "Month", "Day")] if revised is not None else []
    trials = [
        words(n)
        for bank in a.iterfind(".//DataBank")
        if words(bank.find("DataBankName")) == "ClinicalTrials.gov"
        for n in bank.iterfind("AccessionNumberList/AccessionNumber")
    ]
    title = (
        words(journal.find("ISOAbbreviation")) or words(journal.find("Title")) if journal is not None else ""
    )
    return Article(
        pmid=_pmid(words(a.find("MedlineCitation/PMID")), name, path),
        title=clean(words(a.find("MedlineCitation/Article/ArticleTitle")), 1_000),
        journal=clean(title, 300),
        year=_year(issue.find("PubDate") if issue is not None else None),
        volume=clean(words(issue.find("Volume")), 40) if issue is not None else "",
        issue=clean(words(issue.find("Issue")), 40) if issue is not None else "",
        pages=clean(words(a.find("MedlineCitation/Article/Pagination/MedlinePgn")), 60),
        doi=clean(doi[0], 200) if doi else "",
        authors=tuple(_author(p) for p in a.iterfind("MedlineCitation/Article/AuthorList/Author"))[:200],
        types=tuple(clean(t, 100) for t in types),
        revised="-".join(parts),
        trials=tuple(t for t in trials if re.fullmatch(r"NCT\d{8}", t, re.ASCII)),
        remarks=tuple(dict.fromkeys(remarks)),
        path=path,
    )


def _summary(d: etree._Element, i: int, name: str) -> Article:
    item = {e.get("Name"): e for e in d.iterfind("Item")}

    def text(key: str) -> str:
        return clean(words(item.get(key)), 1_000)

    doi = next((words(e) for e in d.iterfind(".//Item[@Name='doi']")), "")
    year = re.match(r"(\d{4})", text("PubDate"))
    return Article(
        pmid=_pmid(words(d.find("Id")), name, f"DocSum[{i}]"),
        title=text("Title"),
        journal=text("Source"),
        year=int(year[1]) if year else None,
        volume=text("Volume"),
        issue=text("Issue"),
        pages=text("Pages"),
        doi=clean(doi, 200),
        authors=tuple(clean(words(e), 200) for e in d.iterfind("Item[@Name='AuthorList']/Item")),
        types=tuple(clean(words(e), 100) for e in d.iterfind("Item[@Name='PubTypeList']/Item")),
        revised="",
        trials=(),
        remarks=(),
        path=f"DocSum[{i}]",
    )


def _year(date: etree._Element | None) -> int | None:
    """``Year``, or the first year of the free text of ``MedlineDate`` ("1998 Dec-1999 Jan")."""
    text = "" if date is None else words(date.find("Year")) or words(date.find("MedlineDate"))
    found = re.search(r"\b(1[89]\d{2}|20\d{2})\b", text, re.ASCII)
    return int(found[1]) if found else None


def _author(person: etree._Element) -> str:
    name = f"{words(person.find('LastName'))} {words(person.find('Initials'))}".strip()
    return clean(name or words(person.find("CollectiveName")), 200)


def row(article: Article) -> Row:
    """The article as a row of ``sources``."""
    a = article
    where = a.volume + (f"({a.issue})" if a.issue else "") + (f":{a.pages}" if a.pages else "")
    kinds = {t.lower() for t in a.types}
    kind = (
        "meta-analysis"
        if "meta-analysis" in kinds
        else "rct"
        if any("randomized controlled" in t for t in kinds)
        else "review"
        if any("review" in t for t in kinds)
        else "cohort"
        if "observational study" in kinds
        else "database"
    )
    notes = [*a.remarks, *([f"registered as {', '.join(a.trials)}"] if a.trials else [])]
    if kind == "database":
        notes.append("kind not stated by PubMed: set it")
    values = {
        "source_id": f"PMID:{a.pmid}",
        "title": a.title or f"PubMed record {a.pmid}",
        "publisher": " ".join(p for p in (a.journal, where) if p),
        "year": a.year,
        "kind": kind,
        "url": f"https://pubmed.ncbi.nlm.nih.gov/{a.pmid}/",
        "secondary": "false",
        "note": "; ".join(notes),
    }
    place = f"{a.path}/MedlineCitation" if a.path.startswith("Pubmed") else a.path
    return Row(
        "sources", values, {"title": f"{place}/Article/ArticleTitle" if a.revised else place, "year": place}
    )


def import_files(paths: Iterable[Path], into: Path, evidence: Evidence) -> Staged:
    """Stage PubMed answers of files and folders as sources."""
    return stage(documents(paths, (".xml",)), into, evidence)


def stage(found: Iterable[Document | Finding], into: Path, evidence: Evidence) -> Staged:
    """Stage PubMed answers at hand. A retracted article is a finding."""
    del evidence  # sources are new or the same by their PMID: nothing to look up
    with Stage(into, "NCBI E-utilities (PubMed)") as out:
        for item in found:
            if isinstance(item, Finding):
                out.skip(item)
                continue
            try:
                articles = parse(item.raw, item.name)
            except RecordError as error:
                out.skip(Finding("not-read", "file", item.name, "", str(error), "a PubMed record"))
                continue
            if not articles:
                out.skip(Finding("no-article", "file", item.name, "", "nothing found", "another search"))
            mark = hashlib.sha256(item.raw).hexdigest()
            for a in articles:
                about = {
                    "version": a.revised,
                    "doi": a.doi,
                    "authors": list(a.authors),
                    "sha256": mark,
                    "bytes": len(item.raw),
                    "file": item.name,
                    **item.about,
                }
                findings = [
                    Finding(
                        "retracted", "sources", f"PMID:{a.pmid}", "note", remark, "an article that stands"
                    )
                    for remark in a.remarks
                    if remark == "retracted"
                ]
                out.add(prepare(f"PMID:{a.pmid}", [row(a)], about, findings))
        return out.result
