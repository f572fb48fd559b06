"""Treatments that share coefficients: the doses of a drug on one line, the members of a class together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jakinib.synthesis.arms import Floats


@dataclass(frozen=True)
class Nodes:
    """``group`` of each treatment (None: a node of its own) and its ``dose`` (1 in a class), both by
    ``treatments``; ``reference``: the index of the zero. ``names``: the groups, in order of treatment.
    """

    treatments: tuple[str, ...]
    group: tuple[str | None, ...]
    dose: Floats
    reference: int

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(g for g in self.group if g is not None))

    @property
    def alone(self) -> list[int]:
        """Treatments with a coefficient of their own."""
        return [t for t, g in enumerate(self.group) if g is None and t != self.reference]

    @property
    def curved(self) -> list[str]:
        """Groups with at least two doses; the shape of the others cannot be seen."""
        return [g for g in self.names if len(set(self.dose[self.members(g)])) > 1]

    def members(self, name: str) -> list[int]:
        """The treatments of a group."""
        return [t for t, g in enumerate(self.group) if g == name]

    def linear(self) -> Floats:
        """Design (T, groups + alone): the dose in the column of the group, one in a treatment's own."""
        B = np.zeros((len(self.treatments), len(self.names) + len(self.alone)))
        for k, name in enumerate(self.names):
            B[self.members(name), k] = self.dose[self.members(name)]
        B[self.alone, len(self.names) + np.arange(len(self.alone))] = 1.0
        return B

    def exchangeable(self) -> Floats:
        """Design (T, members): a column of its own for every treatment of a group."""
        inside = [t for t, g in enumerate(self.group) if g is not None]
        Z = np.zeros((len(self.treatments), len(inside)))
        Z[inside, np.arange(len(inside))] = 1.0
        return Z


def nodes(
    treatments: Sequence[str], reference: str, group: Mapping[str, str], dose: Mapping[str, float]
) -> Nodes:
    """Checked: every treatment named is in the network, is not the reference, and has a dose above 0."""
    for t, x in dose.items():
        if t not in treatments or t == reference:
            raise ValueError(
                f"{t!r} is not a treatment that can be compared with {reference!r}; "
                f"these are {', '.join(n for n in treatments if n != reference)}"
            )
        if not (math.isfinite(x) and x > 0):
            raise ValueError(f"dose {x!r} of {t!r} is not a number above 0")
    if not group:
        raise ValueError("no treatment was given a group: name at least one")
    return Nodes(
        tuple(treatments),
        tuple(group.get(t) for t in treatments),
        np.array([dose.get(t, 0.0) for t in treatments]),
        list(treatments).index(reference),
    )
