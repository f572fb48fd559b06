"""Steps repeated until they no longer matter, for one data set or a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jakinib.synthesis.arms import Floats, Ints

# the error of a third-order step is of the cube of its length: after this length only rounding is left
_SHORT = 2e-4


def settle(
    step: Callable[..., Floats], t: Floats, y: Floats, v: Floats, *others: Floats, times: int = 100
) -> tuple[Floats, Ints | None]:
    """``t = step(t, y, v, *others)`` until its change is small, each data set on its own.

    ``t``: shape (...); ``y, v``: (..., k); ``others``: (...); missing leading axes are those of ``t``.
    Returned: t, and the (flat) positions that have not settled after so many ``times``, None when all have.
    """
    found, at = t, None
    for _ in range(times):
        new = step(t, y, v, *others)
        if at is None:
            found = new
        else:
            found.flat[at] = new
        moving = ~(abs(new - t) <= _SHORT * t)
        several = np.count_nonzero(moving)
        if not several:
            return found, None
        t = new
        # those that have settled stay where they are, so they leave only when they are many
        if several < moving.size // 2:
            shape = moving.shape
            at = np.flatnonzero(moving) if at is None else at[moving]
            y, v = (np.broadcast_to(x, shape + x.shape[-1:])[moving] for x in (y, v))
            t, *others = (np.broadcast_to(x, shape)[moving] for x in (t, *others))  # type: ignore[assignment]
            moving = moving[moving]
    return found, np.flatnonzero(moving) if at is None else at[moving]
