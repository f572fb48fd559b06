"""References for reference managers: RIS and BibTeX out of ``sources``, and into it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from jakinib.evidence.finding import Finding
from jakinib.registry.row import Row
from jakinib.registry.staging import Stage, Staged, prepare
from jakinib.registry.strict_json import RecordError
from jakinib.registry.text import clean, slug

_RIS_TYPE = {"label": "GOVDOC", "registry": "DBASE", "database": "DBASE", "reference-page": "ELEC"}
_MAX_BYTES = 50_000_000


def to_ris(sources: pd.DataFrame) -> str:
    """``sources`` as RIS text; the key of each row stands in ``ID``."""
    import rispy  # type: ignore[import-untyped]

    entries = []
    for s in _rows(sources):
        entry: dict[str, Any] = {
            "type_of_reference": _RIS_TYPE.get(s["kind"], "JOUR"),
            "id": s["source_id"],
            "title": s["title"],
            "publisher": s.get("publisher"),
            "year": s.get("year"),
            "urls": [s["url"]] if s.get("url") else None,
            "accession_number": s["source_id"].removeprefix("PMID:")
            if s["source_id"].startswith("PMID:")
            else None,
            "doi": _doi(s),
            "notes": [s["note"]] if s.get("note") else None,
            "keywords": [s["kind"]],
        }
        entries.append({k: v for k, v in entry.items() if v})
    return str(rispy.dumps(entries, implementation=_plain_ris()))


def _plain_ris() -> Any:
    import rispy

    class Plain(rispy.RisWriter):  # type: ignore[misc]
        def set_header(self, count: int) -> str:
            return ""  # rispy numbers the entries, which RIS does not know

    return Plain


def to_bibtex(sources: pd.DataFrame) -> str:
    """``sources`` as BibTeX text."""
    from bibtexparser.entrypoint import write_string
    from bibtexparser.library import Library
    from bibtexparser.model import Entry, Field

    library = Library()
    seen: dict[str, int] = {}
    for s in _rows(sources):
        key = slug(s["source_id"]).replace("-", "")
        seen[key] = seen.get(key, 0) + 1
        fields = {
            "title": s["title"],
            "journal": s.get("publisher"),
            "year": s.get("year"),
            "url": s.get("url"),
            "doi": _doi(s),
            "note": s.get("note"),
            "keywords": s["kind"],
            "sourceid": s["source_id"],
        }
        kept = [Field(k, _tex(str(v))) for k, v in fields.items() if v]
        library.add(
            Entry("article" if s["kind"] not in _RIS_TYPE else "misc", f"{key}{'x' * (seen[key] - 1)}", kept)
        )
    return str(write_string(library))


def _rows(sources: pd.DataFrame) -> list[dict[str, str]]:
    frame = sources.astype("object").where(sources.notna(), None)
    return [{str(k): str(v) for k, v in row.items() if v is not None} for row in frame.to_dict("records")]


def _doi(s: Mapping[str, str]) -> str:
    text = f"{s['source_id']} {s.get('url', '')}"
    found = re.search(r"\b10\.\d{4,9}/\S+", text)
    return found[0] if found else ""


def _tex(text: str) -> str:
    """Braces of a field must match, or the file cannot be read back."""
    return text if text.count("{") == text.count("}") and "{" not in text else re.sub(r"[{}]", "", text)


def read(raw: bytes, name: str) -> list[dict[str, str]]:
    """References of a RIS or BibTeX file: ``title, publisher, year, doi, pmid, url, authors, type``.

    Raises RecordError when the bytes are neither, or hold no reference.
    """
    if len(raw) > _MAX_BYTES:
        raise RecordError(f"{name}: {len(raw):,} bytes, more than a list of references has; not read")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{name}: byte {error.start} is not UTF-8; export the references as UTF-8"
        ) from None
    if "\0" in text:
        raise RecordError(f"{name}: a NUL character; expected RIS or BibTeX text")
    found = _ris(text, name) if re.search(r"^TY  - ", text, re.M) else _bibtex(text, name)
    if not found:
        raise RecordError(
            f"{name}: no reference; expected RIS (lines such as 'TY  - JOUR') or BibTeX (@article)"
        )
    return found


def _ris(text: str, name: str) -> list[dict[str, str]]:
    import rispy

    try:
        entries = rispy.loads(text, skip_unknown_tags=True)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise RecordError(f"{name}: not RIS ({str(error)[:120]}); export the references again") from None
    found = []
    for e in entries:
        authors = e.get("authors") or e.get("first_authors") or []
        urls = e.get("urls") or []
        found.append(
            {
                "title": e.get("title") or e.get("primary_title") or "",
                "publisher": e.get("journal_name") or e.get("secondary_title") or e.get("publisher") or "",
                "volume": e.get("volume") or "",
                "pages": e.get("start_page") or "",
                "year": str(e.get("year") or e.get("publication_year") or ""),
                "doi": e.get("doi") or "",
                "pmid": str(e.get("accession_number") or e.get("pubmed_id") or ""),
                "id": str(e.get("id") or ""),
                "url": urls[0] if isinstance(urls, list) and urls else "",
                "authors": "; ".join(map(str, authors)),
                "type": str(e.get("type_of_reference") or ""),
            }
        )
    return [{k: clean(str(v), 1_000) for k, v in f.items()} for f in found]


def _bibtex(text: str, name: str) -> list[dict[str, str]]:
    from bibtexparser.entrypoint import parse_string

    try:
        library = parse_string(text)
    except Exception as error:  # the parser raises many kinds for damaged files
        raise RecordError(
            f"{name}: not BibTeX ({type(error).__name__}); export the references again"
        ) from None
    found = []
    for entry in library.entries:
        f = {k.lower(): str(v.value).strip("{} ") for k, v in entry.fields_dict.items()}
        found.append(
            {
                "title": re.sub(r"[{}]", "", f.get("title", "")),
                "publisher": f.get("journal", f.get("publisher", "")),
                "volume": f.get("volume", ""),
                "pages": f.get("pages", ""),
                "year": f.get("year", ""),
                "doi": f.get("doi", ""),
                "pmid": f.get("pmid", ""),
                "id": f.get("sourceid", ""),
                "url": f.get("url", ""),
                "authors": f.get("author", ""),
                "type": entry.entry_type,
            }
        )
    return [{k: clean(v, 1_000) for k, v in f.items()} for f in found]


def stage(paths: Iterable[Path], into: Path) -> Staged:
    """Stage the references of RIS and BibTeX files as ``sources``; one without title or identifier is a
    finding."""
    with Stage(into, "references (RIS, BibTeX)") as out:
        for path in paths:
            try:
                raw = path.read_bytes()
                found = read(raw, path.name)
            except (OSError, RecordError) as error:
                out.skip(Finding("not-read", "file", path.name, "", str(error), "RIS or BibTeX"))
                continue
            mark = hashlib.sha256(raw).hexdigest()
            for i, f in enumerate(found, 1):
                key = source_key(f)
                if not key or not f["title"]:
                    what = f["title"][:60] or "no title"
                    out.skip(
                        Finding(
                            "no-identifier",
                            "file",
                            path.name,
                            f"reference {i}",
                            what,
                            "a PMID, DOI or address",
                        )
                    )
                    continue
                out.add(
                    prepare(
                        key,
                        [_source(key, f, i)],
                        {"sha256": mark, "file": path.name, "authors": f["authors"]},
                    )
                )
        return out.result


def source_key(f: Mapping[str, str]) -> str:
    """The ``source_id`` of a reference: its own, else by PMID, DOI or address; "" when it has none."""
    if re.fullmatch(r"[A-Za-z]{3,12}:[\w.:/()<>;-]{3,120}", f["id"]):
        return f["id"]
    if re.fullmatch(r"\d{5,9}", f["pmid"], re.ASCII):
        return f"PMID:{f['pmid']}"
    if found := re.search(r"10\.\d{4,9}/\S+", f["doi"] or f["url"]):
        return f"DOI:{found[0].lower()}"
    return f"URL:{f['url'][:200]}" if f["url"].startswith(("http://", "https://")) else ""


def _source(key: str, f: Mapping[str, str], i: int) -> Row:
    year = re.search(r"\b(1[89]\d{2}|20\d{2})\b", f["year"], re.ASCII)
    url = f["url"] if f["url"].startswith(("http://", "https://")) else ""
    url = url or (f"https://doi.org/{f['doi']}" if f["doi"] else "")
    where = ":".join(p for p in (f["volume"], f["pages"]) if p)
    values = {
        "source_id": key,
        "title": f["title"],
        "publisher": " ".join(p for p in (f["publisher"], where) if p),
        "year": int(year[1]) if year else None,
        "kind": "database",
        "url": url,
        "secondary": "true",
        "note": "from a list of references: kind not known, set it; not read yet",
    }
    return Row("sources", values, {"title": f"reference {i}"})
