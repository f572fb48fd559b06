"""A second maximum of the likelihood over tau, the others at their maximum.

Studies that contradict one another can be read in two ways: their effects differ much, or what is held apart
explains them. At a fixed tau the likelihood of counts is concave in the effects (Prékopa 1973), so that tau
is all there is to look over.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jakinib.synthesis.arms import Ints
from jakinib.synthesis.network.random_effects import State, newton_step, summit

_TAUS = (0.0, 0.25, 0.7, 1.6, 4.0)


def within_reach(tau: float, low: float, high: float, ratio: float) -> tuple[float, ...]:
    """The values of tau at which any effects may be as high as where a search stands.

    ``tau``: its estimate, ``low, high``: the ends of its own profile interval, which bounds them. ``ratio``:
    the signed root of the likelihood ratio where the search stands, to that at those ends. It is nearly a
    line in tau; half as much again is left for its bend.
    """
    return tuple(t for t in _TAUS if abs(t - tau) <= 1.5 * ratio * abs((high if t > tau else low) - tau))


def outermost(
    limit: tuple[float, State],
    j: int,
    other: Callable[[State], State | None],
    onward: Callable[[State], tuple[float, State]],
) -> float:
    """A ``limit`` of coefficient ``j`` and the state there, taken on to the ridge that falls last.

    ``other``: a higher ridge with the coefficient as in a state, or None. ``onward``: the limit from there.
    """
    x, state = limit
    for _ in range(3):
        if math.isinf(x):
            break
        beta = state.beta.copy()
        beta[j] = x
        higher = other(replace(state, beta=beta))
        if higher is None:
            break
        x, state = onward(higher)
    return x


def other_ridge(
    model: Any, state: State, free: Ints, value: float, taus: tuple[float, ...] = _TAUS
) -> State | None:
    """A maximum over the ``free`` coefficients and tau that is higher than ``value``, if one is seen.

    ``state``: where a search stands, with its ``value``. ``taus``: where to look.
    """
    found, best = None, value + 5e-3
    P = len(state.beta)
    for tau in taus:
        if abs(tau - state.tau) < 0.3 * max(state.tau, 0.1):
            continue
        trial = model.evaluate(state.beta, tau)
        # a trial that stays below even if it rises by twice what the quadratic says is not followed
        if not trial.value + float(trial.gradient @ newton_step(trial, free, random=True)[0]) > value - 0.5:
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
