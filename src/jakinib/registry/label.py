"""A drug label: what it is, its sections with their numbers, its tables as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

#: LOINC codes of the sections that are kept
SECTIONS = {
    "34066-1": "boxed warning",
    "43683-2": "recent major changes",
    "34067-9": "indications",
    "34070-3": "contraindications",
    "43685-7": "warnings and precautions",
    "34071-1": "warnings",
    "34084-4": "adverse reactions",
    "43684-0": "specific populations",
    "34081-0": "paediatric use",
    "34082-8": "geriatric use",
    "34092-7": "clinical studies",
}


class Table(NamedTuple):
    """A table as text: its caption and its rows of cells."""

    caption: str
    rows: tuple[tuple[str, ...], ...]


class Section(NamedTuple):
    """A section: what it is (``indications``), its number (``6.1``) and title as printed, and its own text.

    ``heads`` are the lines set in bold by themselves, as the boxed warning has them.
    """

    kind: str
    number: str
    title: str
    text: str
    heads: tuple[str, ...]
    tables: tuple[Table, ...]
    date: str
    path: str


@dataclass(frozen=True)
class Label:
    """A label version. ``set_id`` stays the same over versions; ``date`` is that of this version."""

    set_id: str
    version: str
    date: str
    title: str
    brand: str
    generic: str
    maker: str
    first_approved: int | None
    route: str
    sections: tuple[Section, ...]
    service: str
    name: str
    sha256: str
    size: int

    def of(self, kind: str) -> tuple[Section, ...]:
        """Sections of a kind, subsections included."""
        return tuple(s for s in self.sections if s.kind == kind)


def iso(date: str) -> str:
    """``20130930`` as ``2013-09-30``; anything else is no date."""
    if len(date) >= 8 and date[:8].isascii() and date[:8].isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:8]}"
    return ""
