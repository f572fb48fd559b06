"""Per-study effect estimates and their large-sample variances, with an explicit continuity correction.

Source: variances by the delta method as in Fleiss & Berlin (2009); arcsine difference: Rücker et al. (2009).
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.pairs import TIME_MEASURES, Pairs


def effect_sizes(
    pairs: Pairs, measure: str, add: float = 0.5, add_to: str = "only0", drop_double_zero: bool = True
) -> tuple[Floats, Floats]:
    """Estimates and variances on the scale of analysis, each of shape (..., k).

    ``add`` is added to every cell of the 2 x 2 table (to both counts of events for person-time) of the
    studies with a zero cell (``add_to="only0"``), of all studies of a data set that has one
    (``"if0all"``), of all studies (``"all"``) or of none (``"none"``). With ``drop_double_zero`` a study
    with no event in either group, or in which all had it, gives no estimate. The arcsine difference is
    defined for empty cells and never corrected.

    A study without an estimate has y = 0 and v = inf, hence weight 0. Studies given by estimate and
    variance (``pairs.y, pairs.v``) pass through.
    """
    time = measure in TIME_MEASURES
    informative = pairs.d1 * pairs.d2
    with np.errstate(divide="ignore", invalid="ignore"):
        if time:
            e1, d1, e2, d2 = _added_time(pairs, add, add_to)
            if drop_double_zero:
                informative = informative * (pairs.e1 + pairs.e2)
            y, v = _rate_effect(e1, d1, e2, d2, measure)
        else:
            cells = np.array([pairs.e1, pairs.d1 - pairs.e1, pairs.e2, pairs.d2 - pairs.e2])
            if drop_double_zero:
                # no event in either group, or nobody without one: a factor of zero
                informative = informative * (cells[0] + cells[2]) * (cells[1] + cells[3])
            cells += _where_to_add(np.multiply.reduce(cells) == 0, add, "none" if measure == "AS" else add_to)
            y, v = _count_effect(cells, measure)
        keep = (informative > 0) & (v > 0) & np.isfinite(y + v)
    y, v = np.where(keep, y, 0.0), np.where(keep, v, np.inf)
    if pairs.y is not None and pairs.v is not None:
        given = ~np.isnan(pairs.v)
        y, v = np.where(given, pairs.y, y), np.where(given, pairs.v, v)
    return y, v


def _where_to_add(zero: Floats, add: float, add_to: str) -> Floats | float:
    if add_to == "none":
        return 0.0
    if add_to == "all":
        return add
    if add_to == "if0all":
        return add * zero.any(axis=-1, keepdims=True)
    return add * zero


def _added_time(pairs: Pairs, add: float, add_to: str) -> tuple[Floats, Floats, Floats, Floats]:
    extra = _where_to_add((pairs.e1 == 0) | (pairs.e2 == 0), add, add_to)
    return pairs.e1 + extra, pairs.d1, pairs.e2 + extra, pairs.d2


def _count_effect(cells: Floats, measure: str) -> tuple[Floats, Floats]:
    a, b, c, d = cells
    if measure == "OR":
        return np.log(a * d / (b * c)), np.add.reduce(1 / cells)
    n1, n2 = a + b, c + d
    if measure == "RR":
        return np.log(a * n2 / (c * n1)), b / (a * n1) + d / (c * n2)
    if measure == "RD":
        return a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    if measure == "AS":
        return np.arcsin(np.sqrt(a / n1)) - np.arcsin(np.sqrt(c / n2)), 0.25 / n1 + 0.25 / n2
    return np.full_like(n1, np.nan), np.full_like(n1, np.nan)


def _rate_effect(e1: Floats, d1: Floats, e2: Floats, d2: Floats, measure: str) -> tuple[Floats, Floats]:
    if measure == "IRR":
        return np.log(e1 * d2 / (e2 * d1)), 1 / e1 + 1 / e2
    return e1 / d1 - e2 / d2, e1 / d1**2 + e2 / d2**2
