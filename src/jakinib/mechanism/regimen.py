"""A dosing regimen and how it is read from text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from jakinib.mechanism.errors import MechanismError

_SCHEDULE = {
    "qd": 24.0,
    "od": 24.0,
    "once daily": 24.0,
    "once a day": 24.0,
    "daily": 24.0,
    "bid": 12.0,
    "twice daily": 12.0,
    "twice a day": 12.0,
    "tid": 8.0,
    "three times daily": 8.0,
    "three times a day": 8.0,
    "qod": 48.0,
    "every other day": 48.0,
    "weekly": 168.0,
    "qw": 168.0,
}
_T = TypeVar("_T")
_NAME = {24.0: "qd", 12.0: "bid", 8.0: "tid", 48.0: "qod", 168.0: "qw"}
_FORM = {
    "er": "ER",
    "xr": "ER",
    "extended-release": "ER",
    "extended release": "ER",
    "prolonged-release": "ER",
    "prolonged release": "ER",
    "mr": "ER",
    "modified-release": "ER",
    "modified release": "ER",
    "ir": "IR",
    "immediate-release": "IR",
    "immediate release": "IR",
}
_FILLER = {"tablet", "tablets", "capsule", "capsules", "oral", "po", "by mouth", "of"}


@dataclass(frozen=True)
class Regimen:
    """One dose repeated at a fixed interval.

    Parameters
    ----------
    dose_mg : amount of one dose, mg
    interval_h : hours between doses; ``None`` for a single dose
    formulation : ``"ER"``, ``"IR"`` or ``None`` where the drug has one oral form only
    """

    dose_mg: float
    interval_h: float | None
    formulation: str | None = None

    def __post_init__(self) -> None:
        if not self.dose_mg > 0:
            raise MechanismError(f"dose must be positive; got {self.dose_mg:g} mg")
        if self.interval_h is not None and not self.interval_h > 0:
            raise MechanismError(f"dosing interval must be positive; got {self.interval_h:g} h")

    @property
    def schedule(self) -> str:
        """``qd``, ``bid``, ``q6h``, ``single`` ..."""
        if self.interval_h is None:
            return "single"
        return _NAME.get(self.interval_h, f"q{self.interval_h:g}h")

    @property
    def daily_dose_mg(self) -> float:
        """Dose per 24 h, mg (the dose itself for a single dose)."""
        return self.dose_mg if self.interval_h is None else self.dose_mg * 24.0 / self.interval_h

    def __str__(self) -> str:
        return " ".join(x for x in (f"{self.dose_mg:g} mg", self.formulation, self.schedule) if x)

    def at_dose(self, dose_mg: float) -> Regimen:
        """The same schedule with another dose."""
        return Regimen(dose_mg, self.interval_h, self.formulation)


def parse_regimen(text: str | Regimen) -> Regimen:
    """Read ``"15 mg ER qd"``, ``"5 mg twice daily"``, ``"10 mg q8h"``, ``"50 mg single"``.

    Raises MechanismError if there is no dose, the dose is not positive, a word is not understood, or the
    schedule is missing - then the message lists the regimens that the text could mean.
    """
    if isinstance(text, Regimen):
        return text
    rest = " ".join(text.lower().replace(",", " ").split())
    amounts = re.findall(r"([-+]?\d+(?:\.\d+)?)\s*(mg|g|mcg|µg|ug|%)(?![a-z])", rest)
    if len(amounts) != 1:
        found = f"{len(amounts)} doses" if amounts else "no dose in mg"
        raise MechanismError(f"regimen {text!r}: {found}; write one regimen like '15 mg ER qd' or '5 mg bid'")
    number, unit = amounts[0]
    if unit == "%":
        raise MechanismError(f"regimen {text!r}: a strength in % is not a dose; write the dose in mg")
    dose = float(number) * {"mg": 1.0, "g": 1000.0}.get(unit, 0.001)
    if dose <= 0:
        raise MechanismError(f"regimen {text!r}: dose must be positive; got {dose:g} mg")
    rest = re.sub(r"[-+]?\d+(?:\.\d+)?\s*(mg|g|mcg|µg|ug)(?![a-z])", " ", rest)
    formulation, rest = _take(rest, _FORM)
    interval: float | None = None
    schedule = re.search(r"\b(?:q|every )\s*(\d+(?:\.\d+)?)\s*h(?:ours?)?\b", rest)
    if schedule:
        interval = float(schedule[1])
        rest = rest[: schedule.start()] + rest[schedule.end() :]
        single = False
    else:
        single = re.search(r"\b(single|once only|single dose)\b", rest) is not None
        rest = re.sub(r"\b(single dose|single|once only|dose)\b", " ", rest)
        if not single:
            interval, rest = _take(rest, _SCHEDULE)
    left = [w for w in rest.split() if w not in _FILLER]
    if left:
        raise MechanismError(f"regimen {text!r}: cannot read {' '.join(left)!r}")
    if interval is None and not single:
        head = " ".join(x for x in (f"{dose:g} mg", formulation) if x)
        could = ", ".join(f"'{head} {s}'" for s in ("qd", "bid", "single"))
        raise MechanismError(f"regimen {text!r} has no schedule; it could be {could}")
    return Regimen(dose, interval, formulation)


def _take(text: str, words: Mapping[str, _T]) -> tuple[_T | None, str]:
    """The value of the longest of ``words`` found in ``text``, and the text without it."""
    for word in sorted(words, key=len, reverse=True):
        found = re.search(rf"\b{re.escape(word)}\b", text)
        if found:
            return words[word], text[: found.start()] + " " + text[found.end() :]
    return None, text
