"""Estimate and variance of each arm on the scale of analysis, with the continuity correction of a study.

Within a study the contrast of two arms is the difference of their estimates, its variance the sum of their
variances, and two contrasts that share an arm covary by that arm's variance: so multi-arm studies are exact.
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.data import NORMAL, NetworkData
from jakinib.synthesis.pairs import TIME_MEASURES
from jakinib.synthesis.result import LeftOut


def arm_effects(data: NetworkData, measure: str, add: float = 0.5) -> tuple[Floats, Floats, list[LeftOut]]:
    """``y`` and ``v`` of shape (arms,), v infinite in a study that gives no estimate, and those studies.

    ``add`` goes to events (and to non-events) of every arm of a study in which any arm has a cell of zero.
    For OR and RR a study in which no arm, or every person of every arm, had the event is left out; for
    the other measures it stays in (for IRR on the strength of the correction alone). The risk ratio takes
    ``add`` once into its denominators, the risk difference into its variances only, the arcsine difference
    nowhere. These are the defaults of R's netmeta.
    """
    e, d, s = data.events, data.denominator, data.study
    given = data.kind[s] == NORMAL
    time = measure in TIME_MEASURES
    none = data.total(np.where(given, 1.0, e)) == 0
    full = np.zeros_like(none) if time else data.total(np.where(given, 1.0, d - e)) == 0
    zero = (e == 0) if time else (e == 0) | (e == d)
    extra = np.where(data.total(np.where(given, 0.0, zero))[s] > 0, add, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "OR":
            a, b = e + extra, d - e + extra
            y, v = np.log(a / b), 1 / a + 1 / b
        elif measure == "RR":
            a, n = e + extra, d + extra
            y, v = np.log(a / n), 1 / a - 1 / n
        elif measure == "RD":
            a, n = e + extra, d + 2 * extra
            y, v = e / d, a * (n - a) / n**3
        elif measure == "AS":
            y, v = np.arcsin(np.sqrt(e / d)), 0.25 / d
        elif measure == "IRR":
            a = e + extra
            y, v = np.log(a / d), 1 / a
        elif measure == "IRD":
            y, v = e / d, (e + extra) / d**2
        else:
            y, v = np.full_like(e, np.nan), np.full_like(e, np.nan)
    y, v = np.where(given, data.y, y), np.where(given, data.v, v)
    left_out = []
    drop = np.zeros(len(data.studies), dtype=bool)
    if measure in ("OR", "RR"):
        drop = none | full
        for i in np.flatnonzero(drop):
            what = "no event in any arm" if none[i] else "everyone in every arm had the event"
            left_out.append(LeftOut(data.studies[i], f"{what}: no estimate without inventing one"))
    bad = ~np.isfinite(y) | ~np.isfinite(v) | (v <= 0)
    for i in np.flatnonzero((data.total(bad.astype(float)) > 0) & ~drop):
        left_out.append(LeftOut(data.studies[i], "an arm has no estimate or no variance (a cell of zero)"))
        drop[i] = True
    return np.where(drop[s], 0.0, y), np.where(drop[s], np.inf, v), left_out
