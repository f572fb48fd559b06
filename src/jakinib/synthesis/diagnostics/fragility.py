"""How few persons' outcomes, had they been otherwise, would turn the conclusion.

Source: fragility index of a meta-analysis, Atal et al. (2019), by the same one-event-at-a-time search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jakinib.synthesis.analysis import analyse, choose
from jakinib.synthesis.arms import read_arms
from jakinib.synthesis.pairs import COUNT_MEASURES, Pairs
from jakinib.synthesis.result import json_ready
from jakinib.synthesis.select_pairs import select_pairs


@dataclass(frozen=True)
class Fragility:
    """``index``: changes of one person's outcome that turn the conclusion; None when ``limit`` did not.

    ``significant``: whether the interval excluded no difference to begin with. ``changes``: study, group
    and the change (+1 an event added, -1 taken away), in the order made.
    """

    index: int | None
    significant: bool
    changes: tuple[tuple[str, str, int], ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        state = "excludes" if self.significant else "includes"
        if self.index is None:
            return f"The interval {state} no difference; " + "; ".join(self.notes)
        return f"The interval {state} no difference; {self.index} changed outcome(s) turn that."


def fragility(
    arms: Any,
    measure: str = "OR",
    method: str = "mh",
    reference: str | None = None,
    *,
    treatment: str | None = None,
    limit: int = 100,
    **options: Any,
) -> Fragility:
    """Change one event at a time where it moves the interval most, until the conclusion turns.

    Each step tries every study, group and direction as one batch; an interval that includes no difference is
    pushed to either side and the shorter way counts. Measures of counts only (OR, RR, RD, AS). The search is
    greedy: the index is an upper bound of the smallest number of changes.
    """
    choices = choose(measure, method, **options)
    if measure not in COUNT_MEASURES:
        raise ValueError(f"fragility changes persons' outcomes; {measure} counts no persons")
    selected = select_pairs(read_arms(arms), measure, treatment, reference)
    pairs = replace(selected.pairs, y=None, v=None)

    def ends(p: Pairs) -> Any:
        """How far each end of the interval lies beyond no difference, shape (2, ...); negative when short."""
        found = analyse(p, choices).interval
        return np.stack([found.low, -found.high])

    start = ends(pairs)
    if np.isnan(start).any():
        return Fragility(None, False, (), ("there is no interval to turn",))
    significant = bool(start.max() > 0)
    # an interval that excludes no difference has one end to turn, one that includes it has two
    sides = [int(start.argmax())] if significant else [0, 1]
    found = [_search(pairs, ends, side, significant, limit) for side in sides]
    turned, steps = min(found, key=lambda x: (not x[0], len(x[1])))
    groups = (selected.treatment, selected.reference)
    changes = tuple((selected.studies[i], groups[g], s) for i, g, s in steps)
    if turned:
        return Fragility(len(changes), significant, changes, ())
    return Fragility(None, significant, changes, (f"{len(changes)} changes do not turn it",))


def _search(
    pairs: Pairs, ends: Callable[[Pairs], Any], side: int, significant: bool, limit: int
) -> tuple[bool, list[tuple[int, int, int]]]:
    """Whether the end turned, and the changes (study, group, +1 or -1) in the order made."""
    changes: list[tuple[int, int, int]] = []
    while len(changes) < limit:
        tries = [(i, g, s) for i in range(pairs.e1.shape[-1]) for g in (0, 1) for s in (1, -1)]
        e1, e2 = np.tile(pairs.e1, (len(tries), 1)), np.tile(pairs.e2, (len(tries), 1))
        for row, (i, g, s) in enumerate(tries):
            (e1, e2)[g][row, i] += s
        legal = ((e1 >= 0) & (e1 <= pairs.d1) & (e2 >= 0) & (e2 <= pairs.d2)).all(axis=1)
        tries = [tries[t] for t in np.flatnonzero(legal)]
        e1, e2 = e1[legal], e2[legal]
        if not tries:
            break
        batch = Pairs(e1, np.broadcast_to(pairs.d1, e1.shape), e2, np.broadcast_to(pairs.d2, e2.shape))
        reach = ends(batch)[side]
        reach = np.where(np.isnan(reach), np.inf if significant else -np.inf, reach)
        best = int(np.argmin(reach) if significant else np.argmax(reach))
        pairs = replace(pairs, e1=e1[best], e2=e2[best])
        changes.append(tries[best])
        if (reach[best] > 0) != significant:
            return True, changes
    return False, changes
