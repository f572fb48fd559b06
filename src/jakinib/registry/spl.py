"""Structured product labels (SPL, HL7 v3 XML), as DailyMed gives them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from lxml import etree

from jakinib.registry.label import SECTIONS, Label, Section, Table, iso
from jakinib.registry.strict_json import RecordError
from jakinib.registry.strict_xml import parse as parse_xml
from jakinib.registry.strict_xml import words
from jakinib.registry.text import clean

_V3 = "{urn:hl7-org:v3}"
_TEXT = 200_000  # characters of a section; the longest seen is below 60,000


def parse(raw: bytes, name: str = "label") -> Label:
    """Parse one SPL document.

    Parameters
    ----------
    raw
        The bytes of the XML document.
    name
        File name or address, for messages.

    Raises
    ------
    RecordError
        Not well-formed, or no SPL document (no set id).
    """
    root = parse_xml(raw, name)
    set_id = _attribute(root, "setId", "root")
    if root.tag != f"{_V3}document" or not re.fullmatch(r"[0-9A-Za-z-]{8,64}", set_id):
        raise RecordError(f"{name}: no label (document/setId is missing); expected SPL XML of a drug label")
    title = words(root.find(f"{_V3}title"))
    product = root.find(f".//{_V3}manufacturedProduct/{_V3}manufacturedProduct")
    generic = words(root.find(f".//{_V3}genericMedicine/{_V3}name"))
    approved = re.search(r"Initial U\.?S\.? Approval:?\s*(\d{4})", title)
    route = root.find(f".//{_V3}routeCode")
    return Label(
        set_id=set_id.lower(),
        version=clean(_attribute(root, "versionNumber", "value"), 20),
        date=iso(_attribute(root, "effectiveTime", "value")),
        title=clean(title, 600),
        brand=clean(words(product.find(f"{_V3}name")) if product is not None else "", 100),
        generic=clean(generic, 100),
        maker=clean(words(root.find(f".//{_V3}representedOrganization/{_V3}name")), 200),
        first_approved=int(approved[1]) if approved else None,
        route=clean(route.get("displayName") or "", 60).lower() if route is not None else "",
        sections=tuple(_sections(root)),
        service="DailyMed SPL",
        name=name,
        sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
    )


def _attribute(root: etree._Element, child: str, name: str) -> str:
    found = root.find(f"{_V3}{child}")
    return "" if found is None else (found.get(name) or "").strip()


def _sections(root: etree._Element) -> Iterator[Section]:
    tree = root.getroottree()
    for section in root.iter(f"{_V3}section"):
        kind = _kind(section)
        if not kind:
            continue
        heading = words(section.find(f"{_V3}title"))
        numbered = re.match(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+(.*)", heading)
        texts = section.findall(f"{_V3}text") or section.findall(f"{_V3}excerpt/{_V3}highlight/{_V3}text")
        bold = [head for text in texts for p in text.iterfind(f"{_V3}paragraph") if (head := _head(p))]
        tables = tuple(_table(t) for text in texts for t in text.iter(f"{_V3}table"))
        date = section.find(f"{_V3}effectiveTime")
        yield Section(
            kind,
            numbered[1] if numbered else "",
            clean(numbered[2] if numbered else heading, 300),
            clean("\n".join(_prose(text) for text in texts), _TEXT),
            tuple(bold),
            tables,
            iso(date.get("value") or "") if date is not None else "",
            tree.getelementpath(section).replace(_V3, ""),
        )


def _kind(section: etree._Element) -> str:
    """The kind by the section's own code, or by that of the section around it."""
    here: etree._Element | None = section
    while here is not None:
        if here.tag == f"{_V3}section":
            code = here.find(f"{_V3}code")
            kind = SECTIONS.get(code.get("code") or "") if code is not None else None
            if kind:
                return kind
        here = here.getparent()
    return ""


def _head(paragraph: etree._Element) -> str:
    """The text of a paragraph that is bold and in capitals all through; else ""."""
    text = words(paragraph)
    letters = [c for c in text if c.isalpha()]
    bold = paragraph.find(f"{_V3}content")
    if bold is None or (bold.get("styleCode") or "").lower() != "bold" or words(bold) != text:
        return ""
    return clean(text, 200) if len(letters) > 3 and all(c.isupper() for c in letters) else ""


def _prose(text: etree._Element) -> str:
    """Text without its tables (they are kept as rows)."""
    parts: list[str] = []

    def walk(element: etree._Element) -> None:
        if element.tag == f"{_V3}table":
            parts.append(" ")
        else:
            parts.append(element.text or "")
            for child in element:
                walk(child)
                parts.append((child.tail or "") if child.tag != f"{_V3}br" else " " + (child.tail or ""))
            if element.tag in (f"{_V3}paragraph", f"{_V3}item"):
                parts.append("\n")

    walk(text)
    return " ".join("".join(parts).split())


def _table(table: etree._Element) -> Table:
    rows = tuple(
        tuple(clean(_cell(c), 1_000) for c in row if c.tag in (f"{_V3}td", f"{_V3}th"))
        for row in table.iter(f"{_V3}tr")
    )
    return Table(clean(words(table.find(f"{_V3}caption")), 600), tuple(r for r in rows if any(r)))


def _cell(cell: etree._Element) -> str:
    for line in cell.iter(f"{_V3}br"):
        line.tail = " " + (line.tail or "")
    return words(cell)
