"""Is the evidence sound? Every finding names table, row and column, what is there and what would be right."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from jakinib.evidence import arithmetic, claims, keys, shape
from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.evidence import Evidence, load
from jakinib.evidence.finding import Finding
from jakinib.evidence.package import corpus_folder


@dataclass(frozen=True)
class Findings:
    """What :func:`check` found; ``ok`` when ``discrepancies`` acknowledges every finding."""

    findings: tuple[Finding, ...]
    checked: str

    @property
    def open(self) -> tuple[Finding, ...]:
        """Findings that no row of ``discrepancies`` acknowledges."""
        return tuple(f for f in self.findings if not f.acknowledged)

    @property
    def ok(self) -> bool:
        return not self.open

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Any:
        return iter(self.findings)

    def table(self) -> pd.DataFrame:
        """One row a finding: ``code, table, row, column, found, expected, acknowledged``."""
        columns = list(Finding.__dataclass_fields__)
        return pd.DataFrame([asdict(f) for f in self.findings], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        return {"checked": self.checked, "ok": self.ok, "findings": [asdict(f) for f in self.findings]}

    def __str__(self) -> str:
        known = len(self.findings) - len(self.open)
        head = f"{self.checked}: {len(self.open)} open, {known} acknowledged in discrepancies"
        return "\n".join([head, *(f"  {f}" for f in self.findings)])


def check(evidence: Evidence | str | Path | None = None) -> Findings:
    """Check evidence: shape and types, keys, arithmetic, duplicates, overlap, sources, claims.

    Parameters
    ----------
    evidence
        Loaded evidence, or a folder to add to the shipped corpus, or None for the shipped corpus alone. A
        folder that holds a complete copy of the corpus (it has a ``datapackage.json``) is checked by itself.

    Returns
    -------
    Findings
        All findings, those acknowledged in the ``discrepancies`` table marked with its key.

    Raises
    ------
    EvidenceError
        The folder does not exist or holds no table. Faults inside tables are findings, not errors.
    """
    if isinstance(evidence, Evidence):
        folders, ev = evidence.folders, evidence
    else:
        folders = _folders(evidence)
        # the shipped corpus is checked when it is asked about, not with every folder added to it
        found = shape.check(folders[-1])
        if found:  # a table that cannot be read cannot be reasoned about
            return Findings(tuple(found), _named(folders))
        ev = load(*folders[1:]) if folders[0] == corpus_folder() else load(folders[0], corpus=False)
    found = [f for folder in folders for f in shape.check(folder)] if ev is evidence else []
    found += keys.check(ev)
    found += arithmetic.check(ev)
    found += claims.check(ev)
    return Findings(tuple(_acknowledge(found, ev)), _named(folders))


def _folders(folder: str | Path | None) -> tuple[Path, ...]:
    if folder is None:
        return (corpus_folder(),)
    path = Path(folder)
    if not path.is_dir():
        raise EvidenceError(f"no folder {str(folder)!r}; give a folder with CSV tables such as events.csv")
    return (path,) if (path / "datapackage.json").is_file() else (corpus_folder(), path)


def _named(folders: tuple[Path, ...]) -> str:
    return " + ".join(folder.name for folder in folders)


def _acknowledge(found: list[Finding], ev: Evidence) -> list[Finding]:
    """Mark the findings that a row of ``discrepancies`` names by code and row key."""
    known: dict[tuple[str, str], str] = {}
    table = ev.tables["discrepancies"]
    for key, code, rows in zip(table["discrepancy"], table["finding"], table["rows"], strict=True):
        if isinstance(code, str) and isinstance(rows, str):
            known |= {(code, row.strip()): key for row in rows.split(";")}
    return [replace(f, acknowledged=known.get((f.code, f.row), "")) for f in found]
