"""Drug labels as openFDA gives them: one JSON answer with ``meta`` and ``results``."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from lxml import etree, html

from jakinib.registry.label import Label, Section, Table, iso
from jakinib.registry.strict_json import Reader, RecordError, loads
from jakinib.registry.strict_xml import words
from jakinib.registry.text import clean

_FIELDS = {
    "boxed_warning": "boxed warning",
    "recent_major_changes": "recent major changes",
    "indications_and_usage": "indications",
    "contraindications": "contraindications",
    "warnings_and_cautions": "warnings and precautions",
    "warnings": "warnings",
    "adverse_reactions": "adverse reactions",
    "use_in_specific_populations": "specific populations",
    "pediatric_use": "paediatric use",
    "geriatric_use": "geriatric use",
    "clinical_studies": "clinical studies",
}


def parse(raw: bytes, name: str = "label") -> tuple[Label, ...]:
    """Labels of an answer of ``/drug/label.json``; none for the service's own "not found".

    Raises RecordError when the bytes are not JSON or not such an answer.
    """
    document = loads(raw, name)
    if not isinstance(document, dict):
        raise RecordError(f"{name}: not an answer of openFDA; expected an object with results")
    error = document.get("error")
    if isinstance(error, dict) and error.get("code") == "NOT_FOUND":
        return ()
    reader = Reader(name)
    results = reader.objects(document, "results", "")
    if not results:
        raise RecordError(f"{name}: no results; expected an answer of openFDA /drug/label.json")
    mark = hashlib.sha256(raw).hexdigest()
    found = []
    for i, result in enumerate(results):
        set_id = reader.text(result, "set_id", f"results[{i}]")
        if not re.fullmatch(r"[0-9A-Za-z-]{8,64}", set_id):
            raise RecordError(f"{name}: results[{i}].set_id is missing; expected an openFDA drug label")
        found.append(_label(reader, result, i, set_id, name, mark, len(raw)))
    return tuple(found)


def _label(
    reader: Reader, result: dict[str, Any], i: int, set_id: str, name: str, mark: str, size: int
) -> Label:
    path = f"results[{i}]"
    about = reader.mapping(result, "openfda", path)

    def first(key: str) -> str:
        return next(iter(reader.texts(about, key, f"{path}.openfda")), "")

    sections = []
    for field, kind in _FIELDS.items():
        texts = reader.texts(result, field, path)
        tables = tuple(t for h in reader.texts(result, f"{field}_table", path) for t in _tables(h))
        if texts or tables:
            text = " ".join(texts)
            heading = re.match(r"\s*(\d{1,2})\.?\s+([A-Z][A-Z ,&/]{5,80}?)(?=\s+(?:\d|[A-Z][a-z]))", text)
            sections.append(
                Section(
                    kind,
                    heading[1] if heading else "",
                    clean(heading[2]) if heading else kind,
                    clean(text, 200_000),
                    _heads(text) if kind == "boxed warning" else (),
                    tables,
                    "",
                    f"{path}.{field}",
                )
            )
    return Label(
        set_id=set_id.lower(),
        version=clean(reader.text(result, "version", path), 20),
        date=iso(reader.text(result, "effective_time", path)),
        title=clean(f"{first('brand_name')} ({first('generic_name')}) label", 600),
        brand=clean(first("brand_name"), 100).title()
        if first("brand_name").isupper()
        else clean(first("brand_name"), 100),
        generic=clean(first("generic_name"), 100).lower(),
        maker=clean(first("manufacturer_name"), 200),
        first_approved=None,
        route=clean(first("route"), 60).lower(),
        sections=tuple(sections),
        service="openFDA drug label",
        name=name,
        sha256=mark,
        size=size,
    )


def _heads(text: str) -> tuple[str, ...]:
    """Runs of words in capitals: the heads of a boxed warning, whose lines openFDA runs together."""
    found = re.findall(r"\b[A-Z][A-Z,\- ()/]{6,150}[A-Z)](?=\s|:|$)", text)
    return tuple(clean(h.removeprefix("WARNING").strip(" :"), 200) for h in found[:3])


def _tables(markup: str) -> list[Table]:
    try:
        root = html.fragment_fromstring(markup[:2_000_000], create_parent="div")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return []
    return [
        Table(
            clean(words(table.find(".//caption")), 600),
            tuple(
                tuple(clean(words(c), 1_000) for c in row if c.tag in ("td", "th"))
                for row in table.iter("tr")
            ),
        )
        for table in root.iter("table")
    ]
