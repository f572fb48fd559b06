"""The names the evidence already has: drugs, treatments, populations, studies, outcomes, sources."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jakinib.registry.text import fold, slug

if TYPE_CHECKING:  # workers that map records have no use for data frames, slow to import
    from jakinib.evidence.evidence import Evidence


@dataclass(frozen=True)
class Names:
    """What is known, by folded name. Build one with :func:`known`."""

    drugs: dict[str, str]
    drug_class: dict[str, str]
    treatments: dict[tuple[Any, ...], str]
    treatment_keys: frozenset[str]
    populations: dict[str, str]
    studies: dict[str, str]  # registry id -> study
    study_keys: frozenset[str]
    sources: frozenset[str]
    outcomes: dict[str, str | None]  # outcome -> broader outcome
    pattern: re.Pattern[str] = field(repr=False)

    def drugs_in(self, text: str) -> list[str]:
        """Drugs named in ``text``, in the order they appear, each once."""
        return list(dict.fromkeys(self.drugs[m[0]] for m in self.pattern.finditer(fold(text))))


def known(ev: Evidence) -> Names:
    """Collect the names of ``ev``."""
    drugs: dict[str, str] = {"placebo": "placebo", "vehicle": "vehicle", "pbo": "placebo"}
    frame = ev.tables["drugs"]
    for key, name, brands in zip(frame["drug"], frame["name"], frame["brands"], strict=True):
        for alias in (key, name, *(brands.split(";") if isinstance(brands, str) else ())):
            if alias := fold(alias):
                drugs.setdefault(alias, key)
    table = ev.tables["treatments"]
    treatments: dict[tuple[Any, ...], str] = {}
    for row in table[table["kind"].isin(["dose", "pool", "comparator"])].to_dict("records"):
        treatments.setdefault(
            (
                row["drug"],
                _number(row["dose"]),
                _number(row["dose_high"]),
                _text(row["dose_unit"]),
                _text(row["regimen"]),
            ),
            row["treatment"],
        )
    populations: dict[str, str] = {}
    for key, name in zip(
        ev.tables["populations"]["population"], ev.tables["populations"]["name"], strict=True
    ):
        populations |= {fold(name): key, fold(key): key}
    studies = {}
    for key, ids in zip(ev.tables["studies"]["study"], ev.tables["studies"]["registry_id"], strict=True):
        if isinstance(ids, str) and ";" not in ids:  # a pool of several trials is none of them
            studies[ids.strip()] = key
    outcomes = ev.tables["outcomes"]
    return Names(
        drugs=drugs,
        drug_class=dict(zip(frame["drug"], frame["drug_class"], strict=True)),
        treatments=treatments,
        treatment_keys=frozenset(table["treatment"]),
        populations=populations,
        studies=studies,
        study_keys=frozenset(ev.tables["studies"]["study"]),
        sources=frozenset(ev.tables["sources"]["source_id"]),
        outcomes={
            key: part if isinstance(part, str) else None
            for key, part in zip(outcomes["outcome"], outcomes["part_of"], strict=True)
        },
        pattern=pattern(drugs),
    )


def pattern(aliases: dict[str, str]) -> re.Pattern[str]:
    """Whole words only; the longest alias wins."""
    words = sorted((re.escape(a) for a in aliases if len(a) > 2), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(words)})\b" if words else r"(?!)")


def population(names: Names, conditions: tuple[str, ...]) -> tuple[str, str, bool]:
    """The population of the first condition that is known: key, printed name, whether it is known.

    A condition is known when its words are those of a population of the evidence; more words around them
    ("moderate to severe atopic dermatitis") are allowed when exactly one population fits.
    """
    for condition in conditions:
        if found := names.populations.get(fold(condition)):
            return found, condition, True
    for condition in conditions:
        words = f" {fold(condition)} "
        inside = {key for name, key in names.populations.items() if f" {name} " in words}
        if len(inside) == 1:
            return inside.pop(), condition, True
    if not conditions:
        return "not-stated", "", True
    return slug(conditions[0]), conditions[0], False


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value == value else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
