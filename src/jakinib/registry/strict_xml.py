"""XML of strangers: no entities of its own, no external documents, no network, bounded size and depth."""

from __future__ import annotations

import re

from lxml import etree

from jakinib.registry.strict_json import MAX_BYTES, RecordError

_INTERNAL_ENTITY = re.compile(rb"<!ENTITY", re.I)


def parse(raw: bytes, name: str) -> etree._Element:
    """The root element of an XML document.

    A document type may be named (NCBI's answers name theirs) but is never loaded, and a document that
    declares entities is refused: that is how bombs and reads of local files are made, and no label or
    PubMed answer does.

    Raises RecordError for malformed XML, a wrong encoding, declared entities, excessive depth or size.
    """
    if len(raw) > MAX_BYTES:
        raise RecordError(f"{name}: {len(raw):,} bytes, more than a record has ({MAX_BYTES:,}); not read")
    if _INTERNAL_ENTITY.search(raw) or b"\x00" in raw[:4096]:
        what = "declares entities" if b"\x00" not in raw[:4096] else "is not UTF-8"
        raise RecordError(f"{name}: {what}; not read. Download the record again from its own service")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise RecordError(f"{name}: is not well-formed XML ({str(error)[:150]}); download it again") from None
    return root


def words(element: etree._Element | None) -> str:
    """All text inside an element, on one line."""
    return "" if element is None else " ".join("".join(str(t) for t in element.itertext()).split())
