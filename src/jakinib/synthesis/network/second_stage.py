"""Nodes that share: linear dose within drug, common or exchangeable class effect, over a fitted network.

At a given tau2 the effects against the reference and their covariance V hold all that a normal network says
on them. So d ~ N(B g, V + s2 E): least squares over B (dose slopes, class means) is what the network with
these effects in place of its own would give in one step, and s2, the variance between members of a class
(E: 1 for a treatment that is a member of one), is found by restricted likelihood.

Sources: Del Giovane et al. (2013) for dose and class in networks; Owen, Tincello &
Abrams (2015), three levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from jakinib.synthesis.arms import Floats


@dataclass(frozen=True)
class Stage:
    """``coefficients`` (c,), their ``covariance`` (c, c), ``theta`` (T,) fitted effects with ``se``, ``s2``
    (NaN where not modelled), and the misfit ``q`` on ``df`` with ``p`` (at s2 = 0).
    """

    coefficients: Floats
    covariance: Floats
    theta: Floats
    se: Floats
    s2: float
    q: float
    df: int
    p: float


def linear_doses(drug: list[str | None], dose: Floats, reference: int) -> tuple[Floats, list[str]]:
    """Design (T, c): a slope a unit of dose for every drug, a column of its own for every other treatment.

    With a dose of 1 the slopes are the means of classes.
    """
    names = list(dict.fromkeys(d for d in drug if d is not None))
    columns = [[float(dose[t]) if drug[t] == name else 0.0 for t in range(len(drug))] for name in names]
    for t in range(len(drug)):
        if drug[t] is None and t != reference:
            columns.append([float(u == t) for u in range(len(drug))])
            names.append("")
    return np.array(columns, dtype=float).T, names


def fit(theta: Floats, covariance: Floats, B: Floats, reference: int, members: Floats | None) -> Stage:
    """``theta`` (T,) and ``covariance`` (T, T) of a network; ``members`` (T,): 1 where exchangeable."""
    keep = np.delete(np.arange(len(theta)), reference)
    d = theta[keep] - theta[reference]
    cross = covariance[keep, reference]
    V = covariance[np.ix_(keep, keep)] - cross[:, None] - cross + covariance[reference, reference]
    X = B[keep]
    if np.linalg.matrix_rank(X) < X.shape[1]:
        raise ValueError("the treatments do not tell these slopes or class means apart: give fewer of them")

    def solve(s2: float) -> tuple[Floats, Floats, Floats, float, float]:
        W = V + s2 * np.diag(np.zeros(len(d)) if members is None else members[keep])
        inverse = np.linalg.inv(W)
        information = X.T @ inverse @ X
        c = np.linalg.inv(information)
        g = c @ X.T @ inverse @ d
        r = d - X @ g
        q = float(r @ inverse @ r)
        value = -0.5 * (np.linalg.slogdet(W)[1] + np.linalg.slogdet(information)[1] + q)
        return g, c, W, q, float(value)

    g, c, W, q, _ = solve(0.0)
    df = len(d) - X.shape[1]
    p = float(chdtrc(df, max(q, 0.0))) if df > 0 else math.nan
    s2 = math.nan
    fitted, spread = X @ g, X @ c @ X.T
    if members is not None:
        s2 = _reml(lambda x: solve(x)[4], float(V.diagonal().mean())) if df > 0 else 0.0
        g, c, W, _, _ = solve(s2)
        # each member drawn towards its class (best linear unbiased prediction)
        G = s2 * np.diag(members[keep])
        pull = G @ np.linalg.inv(W)
        fitted = X @ g + pull @ (d - X @ g)
        A = X - pull @ X
        spread = A @ c @ A.T + G - pull @ G
    out, se = np.zeros(len(theta)), np.zeros(len(theta))
    out[keep], se[keep] = fitted, np.sqrt(np.maximum(spread.diagonal(), 0.0))
    return Stage(g, c, out, se, s2, q, df, p)


def _reml(value: Callable[[float], float], scale: float) -> float:
    """The maximum of a restricted likelihood over s2 >= 0."""
    from scipy.optimize import minimize_scalar

    grid = scale * np.concatenate([[0.0], 10.0 ** np.arange(-3, 4.1, 0.25)])
    values = [value(float(x)) for x in grid]
    best = int(np.argmax(values))
    if best == 0 and values[0] >= value(float(grid[1]) / 10):
        return 0.0
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(lambda x: -value(float(x)), bounds=(low, high), options={"xatol": 1e-10})
    return float(found.x)
