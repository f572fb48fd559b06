"""Direct against indirect evidence, Bayesian: the model with one parameter more, its posterior as exact.

The node-split of Dias et al. (2010): the direct evidence on a pair differs from the indirect by a parameter
with the prior of an effect, half of it on either arm (White 2015; in a study of three arms half the
difference then falls on the third). Baselines and tau are shared, as in gemtc.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.bayes.posterior import Posterior
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.edges import edges
from jakinib.synthesis.network.exact_split import independent
from jakinib.synthesis.network.split import Split


def loops(data: NetworkData, a: int, b: int) -> bool:
    """Whether there is indirect evidence on a v b."""
    both = (data.presence[:, a] & data.presence[:, b])[data.study]
    column = np.where(both & (data.treatment == a), 0.5, np.where(both & (data.treatment == b), -0.5, 0.0))
    X = np.column_stack([np.eye(len(data.treatments))[data.treatment], column])
    return bool(X.shape[1] - 1 in independent(X, data))


def node_splits(data: NetworkData, whole: Posterior, split: Callable[[tuple[int, int]], Posterior]) -> Split:
    """Every direct comparison split; ``whole``: the posterior of the consistent model, ``split(pair)`` that
    of the model with one parameter more.

    Means and standard deviations of the posteriors; ``p`` is twice the smaller posterior probability of a
    sign of the difference; all NaN where a split posterior was not found.
    """
    pairs = edges(data.presence)
    T, E = len(data.treatments), len(pairs.a)
    points: list[dict[str, tuple[Posterior, Floats]]] = []
    p, share = np.full(E, math.nan), np.full(E, math.nan)
    for e, (a, b) in enumerate(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)):
        found = {"network": (whole, whole.contrast(a, b))}
        points.append(found)
        if not loops(data, a, b):
            found["direct"], share[e] = found["network"], 1.0
            continue
        post = split((a, b))
        if post.lost:
            continue
        direct, indirect = post.contrast(T, T + 1), post.contrast(a, b)
        found |= {"direct": (post, direct), "indirect": (post, indirect), "w": (post, direct - indirect)}
        below = min(1.0, float(post.cdf(direct - indirect, np.zeros(1))[0]))
        p[e] = 2 * min(below, 1 - below)
        share[e] = min(1.0, (whole.mean_sd(found["network"][1])[1] / post.mean_sd(direct)[1]) ** 2)

    def moments(kind: str) -> tuple[Floats, Floats]:
        rows = [f[kind][0].mean_sd(f[kind][1]) if kind in f else (math.nan, math.nan) for f in points]
        mean, sd = np.array(rows, dtype=float).reshape(E, 2).T
        return mean, sd

    def limits(kind: str, level: float) -> tuple[Floats, Floats]:
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        rows = [
            f[kind][0].quantiles(f[kind][1], tails) if kind in f else np.full(2, math.nan) for f in points
        ]
        low, high = np.array(rows).reshape(E, 2).T
        return low, high

    (direct, se_direct), (indirect, se_indirect) = moments("direct"), moments("indirect")
    (network, se_network), (difference, se_difference) = moments("network"), moments("w")
    return Split(
        a=pairs.a,
        b=pairs.b,
        studies=pairs.studies,
        direct=direct,
        se_direct=se_direct,
        indirect=indirect,
        se_indirect=se_indirect,
        network=network,
        se_network=se_network,
        share=share,
        difference=difference,
        se_difference=se_difference,
        p=p,
        limits=limits,
    )
