"""Direct comparisons: every pair of arms within a study, and their sums over the studies of a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jakinib.synthesis.arms import Floats, Ints


@dataclass(frozen=True)
class Edges:
    """``a, b`` (a < b): the treatments of each direct comparison, shape (E,). ``study, first, second,
    edge``: one entry a study and pair of its arms, shape (pairs,), ``edge`` indexing ``a`` and ``b``.
    """

    a: Ints
    b: Ints
    study: Ints
    first: Ints
    second: Ints
    edge: Ints

    def sum(self, values: Floats) -> Floats:
        """Sum of values a pair over the studies of each direct comparison, shape (E,)."""
        return np.bincount(self.edge, weights=values, minlength=len(self.a))

    @property
    def studies(self) -> Ints:
        """Number of studies of each direct comparison."""
        return np.bincount(self.edge, minlength=len(self.a))


def edges(present: Floats) -> Edges:
    """The direct comparisons in a boolean (studies, treatments)."""
    T = present.shape[1]
    study, first, second = [], [], []
    arms = present.sum(axis=1)
    for m in np.unique(arms[arms > 1]).tolist():
        rows = np.flatnonzero(arms == m)
        members = np.nonzero(present[rows])[1].reshape(len(rows), m)
        i, j = np.triu_indices(m, 1)
        study.append(np.repeat(rows, len(i)))
        first.append(members[:, i].ravel())
        second.append(members[:, j].ravel())
    empty = np.zeros(0, dtype=np.intp)
    s, a, b = (np.concatenate(x) if x else empty for x in (study, first, second))
    key, edge = np.unique(a * T + b, return_inverse=True)
    return Edges(key // max(T, 1), key % max(T, 1), s, a, b, edge)
