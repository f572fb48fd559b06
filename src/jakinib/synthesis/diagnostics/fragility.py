"""How few persons' outcomes, had they been otherwise, would turn the conclusion.

Source: fragility index of a meta-analysis, Atal et al. (2019), by the same one-event-at-a-time search.
"""

from __future__ import annotations

import math
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

    Each step tries every study, group and direction as one batch. Measures of counts only (OR, RR, RD, AS).
    The search is greedy: the index is an upper bound of the smallest number of changes.
    """
    choices = choose(measure, method, **options)
    if measure not in COUNT_MEASURES:
        raise ValueError(f"fragility changes persons' outcomes; {measure} counts no persons")
    selected = select_pairs(read_arms(arms), measure, treatment, reference)
    pairs = replace(selected.pairs, y=None, v=None)

    def distance(p: Pairs) -> Any:
        """How far the nearer end of the interval lies beyond no difference; negative when it is included."""
        found = analyse(p, choices).interval
        return np.maximum(found.low, -found.high)

    start = float(distance(pairs))
    if math.isnan(start):
        return Fragility(None, False, (), ("there is no interval to turn",))
    significant, k = start > 0, len(selected.studies)
    changes: list[tuple[str, str, int]] = []
    for step in range(1, limit + 1):
        tries = [(i, g, s) for i in range(k) for g in (0, 1) for s in (1, -1)]
        e1, e2 = np.tile(pairs.e1, (len(tries), 1)), np.tile(pairs.e2, (len(tries), 1))
        for row, (i, g, s) in enumerate(tries):
            (e1, e2)[g][row, i] += s
        legal = ((e1 >= 0) & (e1 <= pairs.d1) & (e2 >= 0) & (e2 <= pairs.d2)).all(axis=1)
        tries = [tries[t] for t in np.flatnonzero(legal)]
        e1, e2 = e1[legal], e2[legal]
        if not tries:
            break
        batch = Pairs(e1, np.broadcast_to(pairs.d1, e1.shape), e2, np.broadcast_to(pairs.d2, e2.shape))
        reach = distance(batch)
        reach = np.where(np.isnan(reach), np.inf if significant else -np.inf, reach)
        best = int(np.argmin(reach) if significant else np.argmax(reach))
        i, g, s = tries[best]
        pairs = replace(pairs, e1=e1[best], e2=e2[best])
        changes.append((selected.studies[i], (selected.treatment, selected.reference)[g], s))
        if (reach[best] > 0) != significant:
            return Fragility(step, significant, tuple(changes), ())
    return Fragility(None, significant, tuple(changes), (f"{len(changes)} changes do not turn it",))
