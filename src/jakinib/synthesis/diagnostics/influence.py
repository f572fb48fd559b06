"""Influence of each study on an inverse-variance pooled effect.

Source: Viechtbauer & Cheung (2010): externally studentised residual, DFFITS, Cook's distance, hat value,
tau2 and Q without the study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jakinib.synthesis.analysis import choose
from jakinib.synthesis.arms import read_arms
from jakinib.synthesis.effect_sizes import effect_sizes
from jakinib.synthesis.methods import METHODS
from jakinib.synthesis.select_pairs import select_pairs
from jakinib.synthesis.tau2 import ESTIMATORS
from jakinib.synthesis.tau2.moments import moments

if TYPE_CHECKING:
    import pandas as pd


def influence(
    arms: Any,
    measure: str = "OR",
    method: str = "iv-reml",
    reference: str | None = None,
    *,
    treatment: str | None = None,
) -> pd.DataFrame:
    """One row a study with an estimate: ``rstudent, dffits, cook, hat, tau2_without, q_without``.

    ``method``: an inverse-variance one (iv-...). All refits are one batch. NaN where fewer than three
    studies have an estimate (nothing is left to compare with). Raises ValueError for another method.
    """
    import pandas as pd

    choices = choose(measure, method)
    if not METHODS[method].takes_correction:
        raise ValueError(f"influence is defined for inverse variance (iv-...), not {method!r}")
    selected = select_pairs(read_arms(arms), measure, treatment, reference)
    y, v = effect_sizes(selected.pairs, measure, choices.add, choices.add_to, choices.drop_double_zero)
    known = np.flatnonzero(np.isfinite(v))
    y, v = y[known], v[known]
    name = METHODS[method].options["tau2"]
    between = (lambda y, v: np.zeros(np.shape(v)[:-1])) if name == "ee" else ESTIMATORS[name]
    every = moments(y, v, between(y, v))
    k = len(known)
    out = np.eye(k, dtype=bool)
    y_without, v_without = np.where(out, 0.0, y), np.where(out, np.inf, v)
    tau2 = between(y_without, v_without)
    without = moments(y_without, v_without, tau2)
    hat = every.w / every.w1
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = (y - without.mean) / np.sqrt(v + tau2 + 1 / without.w1)
        dffits = (every.mean - without.mean) / np.sqrt(hat * (tau2 + v))
        cook = (every.mean - without.mean) ** 2 * every.w1
    few = k < 3
    blank = np.full(k, np.nan)
    return pd.DataFrame(
        {
            "study": [selected.studies[i] for i in known],
            "rstudent": blank if few else residual,
            "dffits": blank if few else dffits,
            "cook": blank if few else cook,
            "hat": hat,
            "tau2_without": blank if few else tau2,
            "q_without": blank if few else moments(y_without, v_without).q,
        }
    )
