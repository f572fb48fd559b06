"""Take staged rows into an evidence folder of the user's: checked first, written whole or not at all."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jakinib.evidence import package
from jakinib.evidence.check import check
from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.evidence import load
from jakinib.evidence.finding import Finding
from jakinib.registry.diff import CHANGED, CONFLICT, NAMED, NEW, Diff, Difference, diff, staging_folder
from jakinib.registry.staging import PROVENANCE
from jakinib.registry.swap import beside, put, sync


class NotAcceptedError(EvidenceError):
    """Staged rows that fail the check. ``findings`` says which rows, and what would be right."""

    def __init__(self, folder: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        lines = "\n".join(f"  {f}" for f in findings[:20])
        more = f"\n  ... and {len(findings) - 20:,} more" if len(findings) > 20 else ""
        super().__init__(f"{folder}: {len(findings):,} findings; nothing was written\n{lines}{more}")


@dataclass(frozen=True)
class Accepted:
    """What was taken: rows by table, rows left out because they are held, rows in conflict."""

    folder: Path
    rows: dict[str, int]
    changed: int
    held: int
    conflicts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "folder": self.folder.name,
            "rows": self.rows,
            "changed": self.changed,
            "held": self.held,
            "conflicts": list(self.conflicts),
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {table}" for table, n in self.rows.items()) or "no rows"
        lines = [
            f"{self.folder}: {counts}",
            f"{self.changed:,} rows changed, {self.held:,} were held already",
        ]
        if self.conflicts:
            lines += [f"{len(self.conflicts):,} in conflict, kept beside the others and not used by default:"]
            lines += [f"  {c}" for c in self.conflicts[:40]]
        return "\n".join(lines)


def accept(staged: str | Path, into: str | Path) -> Accepted:
    """Take a staging folder into an evidence folder, which ``jk.evidence(into)`` loads.

    Rows of an earlier version of the same record are replaced. Facts that are held already are left out.
    Facts that conflict with a row of the evidence are taken as ``alternative`` where the table knows the
    word, so that no number in use changes silently. Drugs, studies and the like that the evidence names
    keep their rows.

    Parameters
    ----------
    staged
        A folder written by an import.
    into
        The folder to write; new, or one of tables. The shipped corpus is refused.

    Raises
    ------
    NotAcceptedError
        The check finds something that it does not find without the staged rows. Nothing is written.
    EvidenceError
        Not a staging folder, or a target that is no evidence folder or is the shipped corpus.
    """
    source, target = staging_folder(staged), Path(into)
    _refuse(source, target)
    held = load(target) if _holds_tables(target) else load()
    difference = diff(source, held)
    temp = beside(target)
    try:
        if target.is_dir():
            shutil.copytree(target, temp, dirs_exist_ok=True)
        rows = _merge(source, temp, difference, target.name)
        if not rows and not _holds_tables(target):  # everything is held: there is nothing to make a folder of
            return _accepted(target, rows, difference)
        _provenance(source, temp)
        worse = _worse(temp, target)
        if worse:
            raise NotAcceptedError(source.name, worse)
        sync(temp)
        put(temp, target)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return _accepted(target, rows, difference)


def _accepted(target: Path, rows: dict[str, int], difference: Diff) -> Accepted:
    conflicts = tuple(str(d) for d in difference.of(CONFLICT))
    changed = sum(_taken(d, target.name) for d in difference.of(CHANGED))
    return Accepted(target, rows, changed, len(difference.differences) - sum(rows.values()), conflicts)


def _worse(temp: Path, target: Path) -> tuple[Finding, ...]:
    """Open findings of the new folder that the old one does not have."""
    after = check(temp).open
    if not after:
        return ()
    before = check(target if _holds_tables(target) else None).open
    known = {_without_origin(f) for f in before}
    return tuple(f for f in after if _without_origin(f) not in known)


def _without_origin(f: Finding) -> tuple[str, ...]:
    return f.code, f.table, f.row, f.column, f.found


def _holds_tables(folder: Path) -> bool:
    return folder.is_dir() and any((folder / f"{t}.csv").is_file() for t in package.schemas())


def _refuse(source: Path, target: Path) -> None:
    corpus = package.corpus_folder().resolve()
    place = target.resolve()
    if place == corpus or corpus in place.parents or (place / "datapackage.json").exists():
        raise EvidenceError(
            f"{target}: a complete corpus, which no command writes; give a folder of your own"
        )
    if place == source.resolve():
        raise EvidenceError(f"{target}: is the staging folder itself; give a folder of your own")
    if target.exists() and not target.is_dir():
        raise EvidenceError(f"{target}: is a file; give a folder")
    if target.is_dir() and any(target.iterdir()) and not _holds_tables(target):
        raise EvidenceError(
            f"{target}: holds other things than evidence tables; give a new or an evidence folder"
        )
    if (target / PROVENANCE).is_file() and not (target / PROVENANCE).read_bytes()[:60].startswith(_HEAD):
        raise EvidenceError(f"{target}: is a staging folder; give a folder of your own")


def _merge(source: Path, temp: Path, difference: Diff, own: str) -> dict[str, int]:
    """Write the tables of ``temp`` with the staged rows in."""
    status = {(d.table, d.row): d for d in difference.differences}
    taken: Counter[str] = Counter()
    for table in package.schemas():
        path = source / f"{table}.csv"
        if not path.is_file():
            continue
        keys = package.primary_key(table)
        fresh: dict[str, dict[str, str]] = {}
        for row in _read(path):
            key = "|".join(row[k] for k in keys)
            d = status[table, key]
            if not _taken(d, own):
                continue
            if d.against not in ("", d.row) and row.get("use") == "default":
                row["use"] = "alternative"
                if "use_reason" in row:
                    verb = "differs from" if d.status == CONFLICT else "states the same fact as"
                    row["use_reason"] = f"{verb} {d.against} ({d.origin})"
            fresh[key] = row
        if fresh:
            _write(table, temp / f"{table}.csv", keys, fresh)
            taken[table] = len(fresh)
    return dict(taken)


def _taken(d: Difference, own: str) -> bool:
    """Is the staged row written? What the corpus names or holds under this key stays as it is there."""
    if d.status == CHANGED:
        return d.origin == own
    return d.status == NEW or (d.status == CONFLICT and d.table not in NAMED)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(table: str, path: Path, keys: list[str], fresh: dict[str, dict[str, str]]) -> None:
    columns = [f["name"] for f in package.fields(table)]
    rows = _read(path) if path.is_file() else []
    merged = {"|".join(row[k] for k in keys): row for row in rows} | fresh
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(merged.values())


_HEAD = b'{"format": "jakinib-accepted-1"'


def _provenance(source: Path, temp: Path) -> None:
    """Keep the provenance of every accepted import beside the tables, the newest version of a record
    first."""
    path = temp / PROVENANCE
    before: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["records"] if path.is_file() else []
    staged = json.loads((source / PROVENANCE).read_text("utf-8"))
    fresh = [{"service": staged["service"], "imported": staged["made"], **r} for r in staged["records"]]
    marks = {(r["record"], r.get("sha256")) for r in fresh}
    records = [*fresh, *(r for r in before if (r["record"], r.get("sha256")) not in marks)]
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEAD.decode() + ', "records": [')
        for i, record in enumerate(records):
            file.write((",\n" if i else "\n") + json.dumps(record, ensure_ascii=False))
        file.write("\n]}\n")
