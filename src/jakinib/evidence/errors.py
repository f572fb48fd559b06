"""What can be wrong with evidence, or with a question put to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EvidenceError(ValueError):
    """A table that cannot be used: names the table, the row, the column and the remedy."""


class UnknownNameError(LookupError):
    """A drug, study, outcome ... that the evidence does not have.

    Attributes: ``kind`` (what was looked for), ``name`` (as asked), ``near`` (names that look alike).
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.near = near_matches(name, known)
        hint = f" Did you mean {' or '.join(repr(n) for n in self.near)}?" if self.near else ""
        super().__init__(f"no {kind} {name!r} in the evidence.{hint}")

    def __str__(self) -> str:  # LookupError would otherwise show a bare tuple
        return str(self.args[0])


def near_matches(name: str, known: Iterable[str], limit: int = 5) -> list[str]:
    """Names in ``known`` that look like ``name``: those that contain it first, then close spellings."""
    wanted = name.lower().replace(" ", "-")
    folded = {k.lower().replace(" ", "-"): k for k in known}
    inside = [k for f, k in sorted(folded.items()) if wanted and (wanted in f or f in wanted)]
    close = [folded[f] for f in difflib.get_close_matches(wanted, folded, n=limit, cutoff=0.55)]
    return list(dict.fromkeys([*close, *inside]))[:limit]
