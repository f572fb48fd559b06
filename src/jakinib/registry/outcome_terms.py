"""From adverse-event terms to outcomes, by the list of our own in the corpus (``outcome_terms.csv``).

A term counts persons; several terms may count the same person. So terms are never added up to persons: what
they allow is a range, from the largest single term to the sum of all (:func:`bounds`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from jakinib.evidence.package import corpus_folder
from jakinib.registry.text import fold

#: broader outcomes that a term of the narrower one counts towards (serious_infection comes by organ system)
BROADER = {
    "mi": ("mace",),
    "stroke": ("mace",),
    "pe": ("vte",),
    "dvt": ("vte",),
    "lymphoma": ("malignancy_ex_nmsc", "malignancy"),
    "lung_cancer": ("malignancy_ex_nmsc", "malignancy"),
    "breast_cancer": ("malignancy_ex_nmsc", "malignancy"),
    "melanoma": ("malignancy_ex_nmsc", "malignancy"),
    "malignancy_ex_nmsc": ("malignancy",),
    "nmsc": ("malignancy",),
    "cv_death": ("mace",),
    "eczema_herpeticum": ("herpes_simplex",),
}

#: outcomes made of several different events: built from terms they are never an adjudicated endpoint
COMPOSITE = frozenset(
    {"mace", "vte", "malignancy", "malignancy_ex_nmsc", "serious_infection", "opportunistic_infection"}
)

_CERTAINTY = {"certain": 0, "probable": 1, "possible": 2}
_ORGAN = "organ system: "


class Mapped(NamedTuple):
    """An outcome a term counts towards, how surely, and why."""

    outcome: str
    certainty: str
    reason: str


@dataclass(frozen=True)
class Terms:
    """The list, ready to ask."""

    exact: dict[str, tuple[Mapped, ...]]
    globs: tuple[tuple[int, re.Pattern[str], tuple[Mapped, ...]], ...]  # letters, pattern; longest first
    organs: tuple[tuple[str, tuple[Mapped, ...]], ...]
    _asked: dict[tuple[str, str], tuple[Mapped, ...] | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def of(self, term: str, organ_system: str = "") -> tuple[Mapped, ...] | None:
        """Outcomes of a term: () when the list says it is part of none, None when the list does not know it.

        The exact term beats a pattern, a longer pattern a shorter one. The organ system adds to either.
        """
        asked = term, organ_system
        if asked not in self._asked:
            if len(self._asked) > 50_000:  # strangers' terms have no end
                self._asked.clear()
            self._asked[asked] = _of(self, term, organ_system)
        return self._asked[asked]

    def _find(self, term: str) -> tuple[Mapped, ...] | None:
        folded = fold_term(term)
        if folded in self.exact:
            return self.exact[folded]
        return next((mapped for _, words, mapped in self.globs if words.fullmatch(folded)), None)


def _of(terms: Terms, term: str, organ_system: str) -> tuple[Mapped, ...] | None:
    found = terms._find(term)
    organ = fold_term(organ_system)
    more = [m for start, mapped in terms.organs if organ.startswith(start) for m in mapped]
    if found is None and not more:
        return None
    best: dict[str, Mapped] = {}
    for mapped in [*(found or ()), *more]:
        for outcome in (mapped.outcome, *BROADER.get(mapped.outcome, ())):
            if outcome and (outcome not in best or _weaker(best[outcome], mapped)):
                best[outcome] = Mapped(outcome, mapped.certainty, mapped.reason)
    return tuple(best.values())


def _weaker(one: Mapped, other: Mapped) -> bool:
    return _CERTAINTY[one.certainty] > _CERTAINTY[other.certainty]


def fold_term(term: str) -> str:
    """A term for comparison: folded, British and American spelling made one.

    >>> fold_term("HAEMORRHAGIC STROKE |") == fold_term("Hemorrhagic stroke")
    True
    """
    return fold(term).replace("ae", "e").replace("oe", "e").replace("tumour", "tumor")


@cache
def shipped() -> Terms:
    """The list of the shipped corpus."""
    path = corpus_folder() / "outcome_terms.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return build(csv.DictReader(file))


def build(rows: Iterable[dict[str, str]]) -> Terms:
    """Make the list ready from rows with ``term, outcome, certainty, reason``."""
    grouped: dict[str, list[Mapped]] = {}
    for row in rows:
        grouped.setdefault(row["term"], []).append(
            Mapped(row["outcome"] or "", row["certainty"], row["reason"])
        )
    exact: dict[str, tuple[Mapped, ...]] = {}
    globs: list[tuple[int, re.Pattern[str], tuple[Mapped, ...]]] = []
    organs: list[tuple[str, tuple[Mapped, ...]]] = []
    for term, mapped in grouped.items():
        found = tuple(m for m in mapped if m.outcome)
        if term.startswith(_ORGAN):
            organs.append((fold_term(term.removeprefix(_ORGAN)), found))
        elif "*" in term:
            parts = [fold_term(part) for part in term.split("*")]
            words = ".*".join(re.escape(part) for part in parts)
            globs.append((sum(map(len, parts)), re.compile(words), found))
        else:
            exact[fold_term(term)] = found
    globs.sort(key=lambda g: -g[0])
    return Terms(exact, tuple(globs), tuple(organs))


class Bounds(NamedTuple):
    """Persons with at least one of several terms: at least ``low``, at most ``high``."""

    low: int
    high: int

    @property
    def exact(self) -> bool:
        return self.low == self.high


def bounds(counts: Iterable[int], at_risk: int, total: int | None = None) -> Bounds:
    """Persons with at least one of the terms whose persons are ``counts``.

    Parameters
    ----------
    counts
        Persons with each term.
    at_risk
        Persons who could have had one.
    total
        Persons with any event of the kind (a group's posted total), which the outcome cannot exceed.

    Returns
    -------
    Bounds
        Largest term <= persons <= sum of the terms (Boole's inequality), also at most ``total`` and
        ``at_risk``.
    """
    found = list(counts)
    low = max(found, default=0)
    limit = at_risk if total is None else min(at_risk, total)
    return Bounds(low, max(low, min(sum(found), limit)))
