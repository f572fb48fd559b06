"""Mantel-Haenszel common effect, without continuity correction: OR, RR, RD, IRR, IRD.

Sources: OR Mantel & Haenszel (1959) with the variance of Robins, Breslow & Greenland (1986); RR and the
rate measures Greenland & Robins (1985), Rothman & Greenland; RD variance Sato (1989).
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.effect_sizes import effect_sizes
from jakinib.synthesis.pairs import Fit, Pairs, share

MEASURES = ("OR", "RR", "RD", "IRR", "IRD")


def mantel_haenszel(pairs: Pairs, measure: str) -> Fit:
    """Pooled estimate over the last axis of ``pairs`` (shape (..., k)).

    ``theta`` is -inf or inf when only one group has events (ratio measures), NaN when neither has; ``se`` is
    NaN wherever no variance exists. A study without events, or with nothing but events (OR), carries no
    information on a ratio. ``q`` compares the studies' own estimates (0.5 added where a cell is zero,
    double-zero studies left out) with the pooled one.
    """
    e1, d1, e2, d2 = pairs.e1, pairs.d1, pairs.e2, pairs.d2
    total = np.where(pairs.present, d1 + d2, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure in ("RD", "IRD"):
            weight = d1 * d2 / total
            sum_weight = weight.sum(axis=-1)
            theta = ((e1 * d2 - e2 * d1) / total).sum(axis=-1) / sum_weight
            if measure == "RD":
                p = (d1**2 * e2 - d2**2 * e1 + d1 * d2 * (d2 - d1) / 2) / total**2
                q = (e1 * (d2 - e2) + e2 * (d1 - e1)) / (2 * total)
                variance = (theta * p.sum(axis=-1) + q.sum(axis=-1)) / sum_weight**2
            else:
                variance = ((d2 / total) ** 2 * e1 + (d1 / total) ** 2 * e2).sum(axis=-1) / sum_weight**2
            used = pairs.present
        else:
            if measure == "OR":
                r, s = e1 * (d2 - e2) / total, e2 * (d1 - e1) / total
                p, q = (e1 + d2 - e2) / total, (e2 + d1 - e1) / total
            else:
                r, s = e1 * d2 / total, e2 * d1 / total
            sum_r, sum_s = r.sum(axis=-1), s.sum(axis=-1)
            theta = np.log(sum_r / sum_s)
            if measure == "OR":
                variance = (
                    (p * r).sum(axis=-1) / (2 * sum_r**2)
                    + (p * s + q * r).sum(axis=-1) / (2 * sum_r * sum_s)
                    + (q * s).sum(axis=-1) / (2 * sum_s**2)
                )
            else:
                spread = d1 * d2 * (e1 + e2) - (e1 * e2 * total if measure == "RR" else 0.0)
                variance = (spread / total**2).sum(axis=-1) / (sum_r * sum_s)
            weight, used = s, (r > 0) | (s > 0)
        se = np.sqrt(np.where((variance > 0) & np.isfinite(theta), variance, np.nan))
        y, v = effect_sizes(pairs, measure)
        centre = np.where(np.isfinite(theta), theta, np.nan)[..., None]
        q_total = np.where(np.isinf(v), 0.0, (y - centre) ** 2 / v).sum(axis=-1)
    return Fit(theta=theta, se=se, used=used, weight=share(weight), q=q_total, y=y, v=v)
