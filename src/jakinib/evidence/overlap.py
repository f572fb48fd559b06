"""Who counts whom: a graph of studies whose persons are part of other studies."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import pandas as pd


@dataclass(frozen=True)
class Overlap:
    """Relations ``whole`` counts ``part`` (columns ``whole``, ``part``), closed over chains."""

    relations: pd.DataFrame

    @cached_property
    def _parts(self) -> dict[str, frozenset[str]]:
        direct: dict[str, set[str]] = defaultdict(set)
        for whole, part in zip(self.relations["whole"], self.relations["part"], strict=True):
            direct[whole].add(part)
        closed: dict[str, frozenset[str]] = {}
        for whole in direct:
            seen: set[str] = set()
            open_ = [whole]
            while open_:
                for part in direct.get(open_.pop(), ()):
                    if part not in seen:
                        seen.add(part)
                        open_.append(part)
            closed[whole] = frozenset(seen)
        return closed

    @cached_property
    def _wholes(self) -> dict[str, frozenset[str]]:
        wholes: dict[str, set[str]] = defaultdict(set)
        for whole, parts in self._parts.items():
            for part in parts:
                wholes[part].add(whole)
        return {part: frozenset(found) for part, found in wholes.items()}

    def parts(self, study: str) -> frozenset[str]:
        """Studies whose persons ``study`` counts."""
        return self._parts.get(study, frozenset())

    def wholes(self, study: str) -> frozenset[str]:
        """Studies that count the persons of ``study``."""
        return self._wholes.get(study, frozenset())

    def cycles(self) -> list[str]:
        """Studies that would contain themselves: a mistake in the table."""
        return sorted(study for study, parts in self._parts.items() if study in parts)
