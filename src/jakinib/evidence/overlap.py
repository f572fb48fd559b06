"""Who counts whom: a graph of studies whose persons are part of other studies.

A relation is stated in the table ``overlaps`` or follows from a rule over the table ``studies``
(:mod:`jakinib.evidence.overlap_rules`). ``pools``, ``extends``, ``later-cutoff`` and ``subset`` mean that
the whole counts the persons of the part, and hold through chains. ``same-trial`` means that two studies have
some persons in common and neither contains the other: it holds for the two, and for what contains one of
them, not for their other parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

#: two studies with some persons in common, neither of which contains the other
IN_COMMON = "same-trial"


@dataclass(frozen=True)
class Overlap:
    """Relations (columns ``whole``, ``part``, ``relation``), closed over chains.

    ``drugs`` names the drugs that the arms of a study are known to have; ``complete`` the studies of which
    every arm is known. A study that is in neither may have had any drug.
    """

    relations: pd.DataFrame
    drugs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    jak: frozenset[str] = frozenset()

    @cached_property
    def direct(self) -> dict[str, set[str]]:
        """Whole -> the parts that a relation names."""
        found: dict[str, set[str]] = defaultdict(set)
        for whole, part, relation in self._rows:
            if relation != IN_COMMON:
                found[whole].add(part)
        return dict(found)

    @property
    def _rows(self) -> list[tuple[str, str, str]]:
        columns = ("whole", "part", "relation")
        return list(zip(*(self.relations[c].astype(str) for c in columns), strict=True))

    @cached_property
    def _parts(self) -> dict[str, frozenset[str]]:
        closed: dict[str, frozenset[str]] = {}
        for whole in self.direct:
            seen: set[str] = set()
            open_ = [whole]
            while open_:
                for part in self.direct.get(open_.pop(), ()):
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

    @cached_property
    def _common(self) -> dict[str, frozenset[str]]:
        """Study -> names of the groups of people it has in common with another, as ``a & b``."""
        found: dict[str, set[str]] = defaultdict(set)
        for whole, part, relation in self._rows:
            if relation == IN_COMMON:
                for one in (whole, part):
                    for study in {one} | self.wholes(one):
                        found[study].add(" & ".join(sorted((whole, part))))
        return {study: frozenset(names) for study, names in found.items()}

    def parts(self, study: str) -> frozenset[str]:
        """Studies whose persons ``study`` counts."""
        return self._parts.get(study, frozenset())

    def wholes(self, study: str) -> frozenset[str]:
        """Studies that count the persons of ``study``."""
        return self._wholes.get(study, frozenset())

    def persons(self, study: str, drugs: frozenset[str]) -> frozenset[str]:
        """The groups of people that an arm of ``study`` with one of ``drugs`` may count.

        A group is named ``study/drug``; two arms that share a name may count the same people. A part that is
        known not to have the drug gives nothing.
        """
        if (study, drugs) not in self._asked:
            self._asked[study, drugs] = self._persons(study, drugs)
        return self._asked[study, drugs]

    @cached_property
    def _asked(self) -> dict[tuple[str, frozenset[str]], frozenset[str]]:
        return {}

    def _persons(self, study: str, drugs: frozenset[str]) -> frozenset[str]:
        groups = {f"{study}/{drug}" for drug in drugs}
        for part in self.parts(study):
            known = self.drugs.get(part)
            if not known:
                groups.add(f"{part}/any")
            else:
                groups |= {f"{part}/{d}" for d in drugs if d in known or not self._all_known(part, d)}
        groups |= {f"{pair}/{drug}" for pair in self._common.get(study, ()) for drug in drugs}
        return frozenset(groups)

    def _all_known(self, study: str, drug: str) -> bool:
        """Would ``drug`` be known if an arm of ``study`` had it? JAK inhibitors are always recorded."""
        return study in self.complete or drug in self.jak

    def cycles(self) -> list[str]:
        """Studies that would contain themselves: a mistake in the table."""
        return sorted(study for study, parts in self._parts.items() if study in parts)
