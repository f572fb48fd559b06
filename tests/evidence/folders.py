"""Small evidence folders for the tests: written as a user would write them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from jakinib.evidence.package import fields

SOURCE = {"source_id": "PMID:1", "title": "A trial", "kind": "rct", "secondary": "false", "year": 2020}
STUDY = {
    "study": "trial-a", "name": "TRIAL A", "design": "rct", "population": "atopic-dermatitis",
    "source_id": "PMID:1", "locator": "abstract", "status": "reported",
}  # fmt: skip
EVENT = {
    "event": "X00001", "study": "trial-a", "population": "atopic-dermatitis", "treatment": "newinib-5-mg-qd",
    "role": "jak", "outcome": "mace", "counts": "persons", "events": 0, "n": 100, "period": "12 weeks",
    "period_kind": "controlled", "period_weeks": 12, "period_weeks_kind": "exact", "drug_printed": "newinib",
    "source_id": "PMID:1", "locator": "table 2", "status": "reported", "use": "default",
}  # fmt: skip
DRUG = {
    "drug": "newinib", "name": "newinib", "drug_class": "JAK inhibitor", "oral_jak": "true",
    "source_id": "PMID:1", "locator": "abstract", "status": "reported",
}  # fmt: skip
TREATMENT = {
    "treatment": "newinib-5-mg-qd", "drug": "newinib", "label": "newinib 5 mg once daily", "dose": 5,
    "dose_unit": "mg", "regimen": "qd", "route": "oral", "kind": "dose",
}  # fmt: skip


def write(folder: Path, table: str, rows: list[dict[str, Any]]) -> Path:
    """Write rows (dicts; columns left out are blank) as ``table`` of an evidence folder."""
    folder.mkdir(exist_ok=True)
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [f["name"] for f in fields(table)], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def event(number: int, **changes: Any) -> dict[str, Any]:
    """An event row like ``EVENT`` with its own key and the changes given."""
    return EVENT | {"event": f"X{number:05d}"} | changes


def new_trial(folder: Path, *events: dict[str, Any]) -> Path:
    """A folder with one study of a drug of its own, and the event rows given."""
    write(folder, "sources", [SOURCE])
    write(folder, "drugs", [DRUG])
    write(folder, "treatments", [TREATMENT])
    write(folder, "studies", [STUDY])
    return write(folder, "events", list(events) or [EVENT])
