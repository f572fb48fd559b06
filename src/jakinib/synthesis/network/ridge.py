"""A second maximum of the likelihood over tau, the others at their maximum.

Studies that contradict one another can be read in two ways: their effects differ much, or what is held apart
explains them. At a fixed tau the likelihood of counts is concave in the effects (Prékopa 1973), so that tau
is all there is to look over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from jakinib.synthesis.arms import Ints
from jakinib.synthesis.network.random_effects import State, newton_step, summit

_TAUS = (0.0, 0.25, 0.7, 1.6, 4.0)


@dataclass(frozen=True)
class Range:
    """Where tau may lie: its estimate, and the ends at which its own profile has fallen by ``root``^2 / 2."""

    tau: float = 0.0
    low: float = 0.0
    high: float = math.inf
    root: float = 1.0

    def may(self, tau: float, root: float) -> bool:
        """Whether effects at ``tau`` may be within ``root``^2 / 2 of the maximum: its profile bounds them.

        The signed root of a profile is nearly a line; half as much again is left for its bend.
        """
        end = self.high if tau > self.tau else self.low
        return abs(tau - self.tau) <= 1.5 * root / self.root * abs(end - self.tau)


def other_ridge(
    model: Any, state: State, free: Ints, value: float, root: float = math.inf, within: Range | None = None
) -> State | None:
    """A maximum over the ``free`` coefficients and tau that is higher than ``value``, if one is seen.

    ``state``: where a search stands, with its ``value``. ``root``, ``within``: how far that is below the
    maximum over everything (the root of twice the fall), and what is known of tau there.
    """
    found, best = None, value + 5e-3
    P = len(state.beta)
    for tau in _TAUS:
        near = abs(tau - state.tau) < 0.3 * max(state.tau, 0.1)
        if near or (within is not None and not within.may(tau, root)):
            continue
        trial = model.evaluate(state.beta, tau)
        # a trial that stays below even if it rises by twice what the quadratic says is not followed
        if not trial.value + float(trial.gradient @ newton_step(trial, free)) > value - 0.5:
            continue
        trial, height = summit(model, trial, free, random=False)
        slope, curve = float(trial.gradient[P]), float(trial.hessian[P, P])
        step = -slope / curve if curve < 0 else math.inf
        end = tau + step
        # a step back to where the search stands, or past it, is no other ridge
        if abs(step) < tau and (tau > state.tau) == (end > state.tau):
            height += 0.5 * slope * step * (abs(end - state.tau) >= 0.3 * max(state.tau, 0.1))
        if height > best:
            found, best = trial, height
    if found is None:
        return None
    found, height = summit(model, found, free, random=True)
    return replace(found, value=height) if height > value + 1e-3 else None
