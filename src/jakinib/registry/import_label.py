"""Import drug labels (SPL XML, openFDA JSON): approvals, boxed warnings, sources; sections kept as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jakinib.evidence.evidence import Evidence
from jakinib.evidence.finding import Finding
from jakinib.registry import openfda, spl
from jakinib.registry.files import Document, documents
from jakinib.registry.label import Label, Section
from jakinib.registry.names import Names, known
from jakinib.registry.row import Row
from jakinib.registry.staging import Stage, Staged, prepare
from jakinib.registry.strict_json import RecordError
from jakinib.registry.text import fold, slug

_TOPICS = (
    ("serious_infection", r"\binfections?\b"),
    ("tuberculosis", r"\btuberculosis\b"),
    ("death", r"\bmortality\b|\bdeath\b"),
    ("malignancy", r"\bmalignanc"),
    ("mace", r"\bmajor adverse cardiovascular|\bmace\b"),
    ("vte", r"\bthrombo"),
)
_NAMED = {
    "serious_infection": "serious infections",
    "tuberculosis": "tuberculosis",
    "death": "death",
    "malignancy": "malignancies",
    "mace": "major adverse cardiovascular events",
    "vte": "thrombosis",
}
_KEPT = (
    "boxed warning",
    "recent major changes",
    "indications",
    "adverse reactions",
    "warnings and precautions",
)
_CHANGE = re.compile(
    r"Indications and Usage,?\s*([^()\[\]]{0,120}?)\s*\((1(?:\.\d+)?)\)[\s\-–—.]*(\d{1,2})/(\d{4})"
)


def import_files(paths: Iterable[Path], into: Path, evidence: Evidence) -> Staged:
    """Stage the labels of files and folders; see :func:`stage`."""
    return stage(documents(paths, (".xml", ".json")), into, evidence)


def stage(found: Iterable[Document | Finding], into: Path, evidence: Evidence) -> Staged:
    """Stage labels at hand: SPL XML and openFDA JSON are told apart by their first character.

    The sections with indications, boxed warning, warnings and adverse reactions stand in
    ``provenance.json`` under ``sections``, with their numbers and their tables as rows of text.
    """
    names = known(evidence)
    with Stage(into, "US drug labels") as out:
        for item in found:
            if isinstance(item, Finding):
                out.skip(item)
                continue
            try:
                labels = labels_in(item)
            except RecordError as error:
                out.skip(Finding("not-read", "file", item.name, "", str(error), "a drug label"))
                continue
            if not labels:
                out.skip(
                    Finding(
                        "no-label", "file", item.name, "", "the service has no such label", "another name"
                    )
                )
            for label in labels:
                rows, confirm = convert(label, names)
                out.add(prepare(label.set_id, rows, _about(label, item), (), confirm))
        return out.result


def labels_in(document: Document) -> tuple[Label, ...]:
    """The labels of one document. Raises RecordError."""
    if document.raw.lstrip()[:1] == b"<" or document.name.lower().endswith(".xml"):
        return (spl.parse(document.raw, document.name),)
    return openfda.parse(document.raw, document.name)


def _about(label: Label, document: Document) -> dict[str, Any]:
    sections = [
        {
            "kind": s.kind,
            "number": s.number,
            "title": s.title,
            "date": s.date,
            "path": s.path,
            "text": s.text,
            "tables": [{"caption": t.caption, "rows": [list(r) for r in t.rows]} for t in s.tables],
        }
        for s in label.sections
        if s.kind in _KEPT
    ]
    return {
        "label": label.title,
        "version": f"{label.version} of {label.date}",
        "service": label.service,
        "sha256": label.sha256,
        "bytes": label.size,
        "file": label.name,
        **document.about,
        "sections": sections,
    }


def convert(label: Label, names: Names) -> tuple[list[Row], list[str]]:
    """Rows of ``sources``, ``drugs`` (when new), ``approvals`` and ``warnings``; and what to confirm."""
    source = f"SETID:{label.set_id}"
    drug = next(iter(names.drugs_in(label.generic) or names.drugs_in(label.brand)), "")
    confirm = []
    values = {
        "source_id": source,
        "title": f"{label.brand or label.generic} US prescribing information",
        "publisher": label.maker,
        "year": int(label.date[:4]) if label.date else None,
        "kind": "label",
        "url": f"https://dailymed.nlm.nih.gov/dailymed/drugInfo.cfm?setid={label.set_id}",
        "secondary": "false",
        "licence": "US government public domain",
        "note": f"version {label.version} of {label.date or 'unknown date'}",
    }
    rows = [Row("sources", values, {"year": "document.effectiveTime", "note": "document.versionNumber"})]
    if not drug:
        drug = slug(label.generic or label.brand, 40)
        jak = drug.endswith("citinib")
        oral = jak and "oral" in label.route
        confirm.append(f"drug {drug}: new; class taken as {'JAK inhibitor' if jak else 'mixed'!r}")
        new = {
            "drug": drug,
            "name": label.generic or label.brand,
            "brands": label.brand,
            "drug_class": "JAK inhibitor" if jak else "mixed",
            "oral_jak": "true" if oral else "false",
            "source_id": source,
            "locator": "document",
            "status": "reported",
        }
        rows.append(Row("drugs", new, {"name": "document.genericMedicine.name"}))
    rows += _approvals(label, names, drug, source)
    rows += _warnings(label, drug, source)
    return rows, confirm


def _approvals(label: Label, names: Names, drug: str, source: str) -> Iterator[Row]:
    changes = {m[2]: (m[3], m[4]) for s in label.of("recent major changes") for m in _CHANGE.finditer(s.text)}
    boxed = bool(label.of("boxed warning"))
    for number, title, path in _indications(label, names):
        date = changes.get(number)
        note = f"label of {label.date}" if label.date else "label without date"
        if date:
            note += f"; indication changed {date[1]}-{int(date[0]):02d}"
        yield Row(
            "approvals",
            {
                "drug": drug,
                "brand": label.brand or label.generic,
                "region": "US",
                "indication": title,
                "population": names.populations.get(fold(title), ""),
                "route": label.route or "not stated",
                "boxed_warning": "true" if boxed else "false",
                "note": note,
                "source_id": source,
                "locator": f"section {number}",
                "status": "reported",
            },
            {"indication": path},
        )


def _indications(label: Label, names: Names) -> Iterator[tuple[str, str, str]]:
    """Numbered indications: subsections where the label has them, else numbered known diseases in its
    text."""
    sections = label.of("indications")
    parts = [s for s in sections if s.number.startswith("1.")]
    for s in parts:
        yield s.number, s.title, s.path
    if parts or not sections:
        return
    seen = set()
    for m in re.finditer(r"\b(1\.\d{1,2})\s+([A-Z][A-Za-z'’\- ]{4,80})", sections[0].text):
        words = fold(m[2])
        name = max((n for n in names.populations if words.startswith(n)), key=len, default="")
        if name and m[1] not in seen:
            seen.add(m[1])
            yield m[1], m[2][: len(name)].strip(), sections[0].path


def _warnings(label: Label, drug: str, source: str) -> Iterator[Row]:
    """One row a topic that the boxed warning names in its title or in a head."""
    for s in label.of("boxed warning")[:1]:
        named = fold(" ".join((s.title, *s.heads)))
        for topic, words in _TOPICS:
            if re.search(words, named):
                yield Row(
                    "warnings",
                    {
                        "warning": f"{label.set_id}:boxed:{topic}",
                        "jurisdiction": "US",
                        "drug": drug,
                        "kind": "boxed",
                        "topic": topic,
                        "statement": f"The boxed warning names {_NAMED[topic]}.",
                        "date": label.date,
                        "source_id": source,
                        "locator": _where(s),
                        "status": "reported",
                    },
                    {"topic": f"{s.path}.title"},
                )


def _where(s: Section) -> str:
    return f"boxed warning: {s.title}" if s.title else "boxed warning"
