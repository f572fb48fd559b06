"""Meta-regression: the log odds ratio (or another measure) as a linear function of study characteristics.

Mixed-effects model with REML residual heterogeneity. Sources: Thompson & Sharp (1999); tests with the
Knapp-Hartung adjustment (2003); REML scoring for a general design as in Raudenbush (2009).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr, stdtrit

from jakinib.synthesis.arms import ArmTableError, Floats, read_arms
from jakinib.synthesis.diagnostics.refits import study_values
from jakinib.synthesis.effect_sizes import effect_sizes
from jakinib.synthesis.result import json_ready, number, p_text
from jakinib.synthesis.select_pairs import select_pairs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MetaRegression:
    """``terms`` with ``coefficient, se, p, ci_low, ci_high`` on the scale of analysis, one value a term.

    ``tau2``: residual heterogeneity; ``qm, qm_p``: test of all terms but the intercept (chi-squared, or F
    with ``ci="hk"``); ``qe``: residual Q on ``df`` degrees of freedom.
    """

    measure: str
    terms: tuple[str, ...]
    coefficient: Floats
    se: Floats
    p: Floats
    ci_low: Floats
    ci_high: Floats
    tau2: float
    qm: float
    qm_p: float
    qe: float
    df: int
    k: int
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """One row a term."""
        import pandas as pd

        names = ("coefficient", "se", "ci_low", "ci_high", "p")
        return pd.DataFrame({"term": self.terms, **{n: getattr(self, n) for n in names}})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        lines = [f"meta-regression of {self.measure}, k = {self.k}, residual tau2 {number(self.tau2)}"]
        for i, term in enumerate(self.terms):
            span = f"{number(float(self.ci_low[i]))} to {number(float(self.ci_high[i]))}"
            value = number(float(self.coefficient[i]))
            lines.append(f"  {term}: {value} ({span}), {p_text(float(self.p[i]))}")
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def meta_regression(
    arms: Any,
    moderators: Sequence[str],
    measure: str = "OR",
    reference: str | None = None,
    *,
    treatment: str | None = None,
    ci: str = "wald",
    level: float = 0.95,
) -> MetaRegression:
    """Regress the studies' effects on columns of the arm table (numbers; both arms of a study alike).

    ``ci``: ``"wald"`` or ``"hk"``. Raises ArmTableError for a moderator that is missing, blank, text, or
    differs between the arms of a study.
    """
    if ci not in ("wald", "hk"):
        raise ValueError(f"meta_regression has ci wald or hk, not {ci!r}")
    table = read_arms(arms)
    selected = select_pairs(table, measure, treatment, reference)
    y, v = effect_sizes(selected.pairs, measure)
    known = np.isfinite(v)
    columns = [np.ones(len(y))]
    for name in moderators:
        try:
            columns.append(np.array(study_values(table, selected, name), dtype=float))
        except (TypeError, ValueError) as error:
            if isinstance(error, ArmTableError):
                raise
            raise ArmTableError("text where a number belongs", "Code it as 0 and 1", column=name) from None
    X, y, v = np.stack(columns, axis=1)[known], y[known], v[known]
    k, p = X.shape
    terms = ("intercept", *moderators)
    blank = np.full(p, math.nan)
    if k <= p or np.linalg.matrix_rank(X) < p:
        why = f"not estimable: {k} studies with an estimate for {p} terms, or the terms are not distinct"
        nan = math.nan
        return MetaRegression(
            measure, terms, blank, blank, blank, blank, blank, nan, nan, nan, nan, max(k - p, 0), k, (why,)
        )
    tau2 = _reml(X, y, v)
    b, covariance, residual_q = _least_squares(X, y, v + tau2)
    df = k - p
    if ci == "hk":
        covariance = covariance * residual_q / df
    se = np.sqrt(np.diag(covariance))
    z = b / se
    quantile = float(stdtrit(df, 0.5 + level / 2) if ci == "hk" else ndtri(0.5 + level / 2))
    p_value = 2 * (stdtr(df, -np.abs(z)) if ci == "hk" else ndtr(-np.abs(z)))
    qm, qm_p = math.nan, math.nan
    if p > 1:
        qm = float(b[1:] @ np.linalg.solve(covariance[1:, 1:], b[1:]))
        qm = qm / (p - 1) if ci == "hk" else qm
        qm_p = float(fdtrc(p - 1, df, qm) if ci == "hk" else chdtrc(p - 1, qm))
    return MetaRegression(
        measure, terms, b, se, p_value, b - quantile * se, b + quantile * se,
        tau2, qm, qm_p, _least_squares(X, y, v)[2], df, k, (),
    )  # fmt: skip


def _least_squares(X: Floats, y: Floats, v: Floats) -> tuple[Floats, Floats, float]:
    weighted = X / v[:, None]
    covariance = np.linalg.inv(X.T @ weighted)
    b = covariance @ (weighted.T @ y)
    return b, covariance, float(((y - X @ b) ** 2 / v).sum())


def _reml(X: Floats, y: Floats, v: Floats) -> float:
    """Fisher scoring on tau2 >= 0, kept inside the bracket in which the score changes sign."""
    tau2, low, high = float(max(0.0, np.var(y) - v.mean())), 0.0, math.inf
    for _ in range(500):
        W = np.diag(1 / (v + tau2))
        P = W - W @ X @ np.linalg.solve(X.T @ W @ X, X.T @ W)
        Py = P @ y
        score, information = float(Py @ Py - np.trace(P)), float(np.trace(P @ P))
        low, high = (tau2, high) if score > 0 else (low, tau2)
        if tau2 == 0 and score <= 0:
            return 0.0
        new = max(tau2 + score / information, 0.0)
        if not low <= new <= high:
            new = (low + high) / 2
        if abs(new - tau2) <= 1e-13 * max(new, 1e-12):
            return new
        tau2 = new
    return tau2
