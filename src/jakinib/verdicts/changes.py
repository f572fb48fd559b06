"""What staged rows would do to the verdicts, were they accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jakinib.evidence import package, tables
from jakinib.evidence.evidence import Evidence, load
from jakinib.registry.diff import staging_folder
from jakinib.verdicts.evaluate import Claims, Verdict, claims

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Change:
    """A claim whose verdict would be another. None: the claim is not there before, or after."""

    claim: str
    statement: str
    before: Verdict | None
    after: Verdict | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "claim": self.claim, "statement": self.statement,
            "before": self.before and self.before.verdict, "after": self.after and self.after.verdict,
            "reason_before": self.before and self.before.reason,
            "reason_after": self.after and self.after.reason,
        }  # fmt: skip

    def __str__(self) -> str:
        was, will = (v.verdict if v else "no such claim" for v in (self.before, self.after))
        why = f"\n      {self.after.reason}" if self.after else ""
        return f"{self.claim} {was} -> {will}: {self.statement}{why}"


@dataclass(frozen=True)
class Changes:
    """The verdicts that would change, of how many claims."""

    staged: str
    claims: int
    changes: tuple[Change, ...]

    def table(self) -> pd.DataFrame:
        """One row a change: ``claim, statement, before, after, reason_before, reason_after``."""
        import pandas as pd

        columns = ["claim", "statement", "before", "after", "reason_before", "reason_after"]
        return pd.DataFrame([c.to_dict() for c in self.changes], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "staged": self.staged,
            "claims": self.claims,
            "changes": [c.to_dict() for c in self.changes],
        }

    def __str__(self) -> str:
        head = f"verdicts: {len(self.changes)} of {self.claims} would change"
        return "\n".join([head + (":" if self.changes else ""), *(f"  {c}" for c in self.changes)])


def changes(staged: str | Path, against: Evidence | None = None) -> Changes:
    """Test the claims with and without staged rows.

    Parameters
    ----------
    staged
        A folder written by an import. A staged row takes the place of the row with its key.
    against
        The evidence it would be added to; the shipped corpus by default.

    Raises
    ------
    EvidenceError
        The folder is not a staging folder, a table in it cannot be read, or a claim is refused.
    """
    folder = staging_folder(staged)
    ev = against or load()
    before, after = claims(ev), claims(_with(ev, folder))
    return Changes(folder.name, len(after), tuple(_changed(before, after)))


def _with(ev: Evidence, folder: Path) -> Evidence:
    import pandas as pd

    merged = dict(ev.tables)
    for table in package.schemas():
        path = folder / f"{table}.csv"
        if path.is_file():
            new, held = tables.read(table, path, folder.name), ev.tables[table]
            kept = held[~tables.row_keys(table, held).isin(set(tables.row_keys(table, new)))]
            merged[table] = pd.concat([kept, new], ignore_index=True)
    return replace(ev, tables=merged, folders=(*ev.folders, folder))


def _changed(before: Claims, after: Claims) -> list[Change]:
    was = {v.claim.claim: v for v in before}
    will = {v.claim.claim: v for v in after}
    found = []
    for key in sorted(was | will):
        one, other = was.get(key), will.get(key)
        if one is None or other is None or one.verdict != other.verdict:
            known = other or one
            assert known is not None
            found.append(Change(key, known.claim.statement, one, other))
    return found
