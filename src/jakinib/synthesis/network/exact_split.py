"""Direct against indirect evidence, designs against consistency, and slopes, on the exact likelihood.

Node-splitting: Dias et al. (2010), by an extra effect in the studies that compare the pair directly, half to
one arm and half to the other (the symmetric form of White 2015, so that it does not matter which of the two
carries it). Design-by-treatment interaction: Higgins et al. (2012), tested by the likelihood ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.decomposition import Test
from jakinib.synthesis.network.edges import Edges, edges
from jakinib.synthesis.network.random_effects import ExactModel, State, maximise
from jakinib.synthesis.network.ridge import other_ridge
from jakinib.synthesis.network.split import Split


def independent(X: Floats, data: NetworkData) -> Ints:
    """Columns that add something within studies to those before them."""
    means = np.stack([data.total(c) for c in X.T], axis=1) / data.arms[:, None]
    centred = X - means[data.study]
    kept: list[int] = []
    basis = np.zeros((len(X), 0))
    for j in range(X.shape[1]):
        rest = centred[:, j] - basis @ (basis.T @ centred[:, j])
        size = float(np.linalg.norm(rest))
        if size > 1e-8 * max(1.0, float(np.linalg.norm(centred[:, j]))):
            basis = np.column_stack([basis, rest / size])
            kept.append(j)
    return np.array(kept, dtype=np.intp)


def _extend(
    model: ExactModel, best: State, columns: Floats, random: bool
) -> tuple[State, Ints, Floats] | None:
    """The maximum with columns (arms, c) added, its free coefficients and the covariance of all.

    None when the columns add nothing to the network's own within studies.
    """
    T = model.X.shape[1]
    X = np.column_stack([model.X, columns])
    free = independent(X, model.data)
    if not (free >= T).any():
        return None
    zero = np.setdiff1d(np.arange(T), free)  # the treatment that is the zero of the others
    shift = best.beta[zero[0]] if len(zero) else 0.0
    beta = np.concatenate([best.beta - shift, np.zeros(X.shape[1] - T)])
    extended = model.with_design(X)
    state = maximise(extended, extended.evaluate(beta, best.tau), free, random, iterations=40)
    other = other_ridge(extended, state, free, state.value) if random else None
    if other is not None:
        state = maximise(extended, other, free, random, iterations=40)
    P = len(beta)
    moving = np.append(free, P) if random and state.tau > 0 else free
    covariance = np.zeros((P + 1, P + 1))
    covariance[np.ix_(moving, moving)] = np.linalg.pinv(
        -state.hessian[np.ix_(moving, moving)], hermitian=True
    )
    return state, free, covariance[:P, :P]


def _p(better: State, best: State, df: int) -> float:
    return float(chdtrc(df, max(0.0, 2 * (better.value - best.value))))


def node_splits(model: ExactModel, best: State, theta: Floats, covariance: Floats, random: bool) -> Split:
    """Every direct comparison split; ``best`` is the maximum of the consistent model."""
    pairs = edges(model.data.presence)
    rows = [_split(model, best, pairs, e, random) for e in range(len(pairs.a))]
    columns = np.array(rows, dtype=float).reshape(-1, 7).T
    direct, se_direct, indirect, se_indirect, difference, se_difference, p = columns
    a, b = pairs.a, pairs.b
    network = theta[a] - theta[b]
    total = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
    only = np.isnan(indirect)  # all evidence is direct
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(only, 1.0, np.clip(total / se_direct**2, 0.0, 1.0))
    return Split(
        a=a,
        b=b,
        studies=pairs.studies,
        direct=np.where(only, network, direct),
        se_direct=np.where(only, np.sqrt(total), se_direct),
        indirect=indirect,
        se_indirect=se_indirect,
        network=network,
        se_network=np.sqrt(total),
        share=share,
        difference=difference,
        se_difference=se_difference,
        p=p,
    )


def _split(model: ExactModel, best: State, pairs: Edges, e: int, random: bool) -> tuple[float, ...]:
    """Direct, indirect and difference, each with its standard error, and the likelihood-ratio p."""
    data = model.data
    a, b = int(pairs.a[e]), int(pairs.b[e])
    both = (data.presence[:, a] & data.presence[:, b])[data.study]
    column = np.where(both & (data.treatment == a), 0.5, np.where(both & (data.treatment == b), -0.5, 0.0))
    found = _extend(model, best, column[:, None], random)
    if found is None:
        return (math.nan,) * 7
    state, _, covariance = found
    indirect, difference = np.zeros(len(state.beta)), np.zeros(len(state.beta))
    indirect[a], indirect[b], difference[-1] = 1.0, -1.0, 1.0
    values: list[float] = []
    for direction in (indirect + difference, indirect, difference):
        variance = float(direction @ covariance @ direction)
        values += [float(direction @ state.beta), math.sqrt(variance) if variance > 0 else math.nan]
    return (*values, _p(state, best, 1))


def design_by_treatment(model: ExactModel, best: State, random: bool) -> Test:
    """Likelihood ratio of the model in which every design has effects of its own against consistency."""
    data, T = model.data, model.X.shape[1]
    columns = []
    for design in dict.fromkeys(data.designs):
        inside = np.array([d == design for d in data.designs])[data.study]
        columns += [(inside & (data.treatment == t)).astype(float) for t in design[1:]]
    found = _extend(model, best, np.stack(columns, axis=1), random)
    if found is None:
        return Test(0.0, 0, math.nan)
    state, free, _ = found
    df = int((free >= T).sum())
    return Test(max(0.0, 2 * (state.value - best.value)), df, _p(state, best, df))


@dataclass(frozen=True)
class Slope:
    """A regression coefficient on the scale of analysis; ``p`` by likelihood ratio. NaN if not estimable."""

    estimate: float
    se: float
    p: float
    tau2: float


def meta_regression(model: ExactModel, best: State, covariate: Floats, reference: int, random: bool) -> Slope:
    """A slope shared by all treatments against the reference (Cooper et al. 2009).

    ``covariate``: a value an arm, the same within a study; the effect of every treatment but the reference
    changes by the estimate for each unit of it.
    """
    column = np.where(model.data.treatment == reference, 0.0, covariate)
    found = _extend(model, best, column[:, None], random)
    if found is None:
        return Slope(math.nan, math.nan, math.nan, math.nan)
    state, _, covariance = found
    se = math.sqrt(max(covariance[-1, -1], 0.0))
    return Slope(float(state.beta[-1]), se, _p(state, best, 1), state.tau**2)
