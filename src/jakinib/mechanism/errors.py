"""What can be wrong with a mechanism question. Every error is a ``ValueError`` with one clear sentence."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class MechanismError(ValueError):
    """A question to the mechanism room that cannot be answered as asked."""


class NotReadError(MechanismError):
    """The answer needs a number that was not read in any source: it is refused, never guessed."""


class BasisError(MechanismError):
    """A total concentration met a potency on unbound concentration, or the other way round."""


def unknown(kind: str, name: object, known: Iterable[object]) -> MechanismError:
    """The error for a name that is not there, with the nearest ones."""
    names = sorted({str(k) for k in known})
    near = get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return MechanismError(f"unknown {kind} {name!r}{hint} Known: {', '.join(names) or 'none'}")
