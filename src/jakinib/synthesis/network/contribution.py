"""How much each direct comparison contributes to each network estimate, as streams of evidence.

Source: König, Krahn & Binder (2013) for the flow of evidence; Papakonstantinou et al. (2018) for the streams:
a row of the hat matrix is a flow from one treatment to the other; shortest streams are taken out first, and
each gives its share in equal parts to the comparisons it passes through.
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.network.edges import Edges


def hat_matrix(pairs: Edges, weight: Floats, covariance: Floats) -> Floats:
    """Rows: all pairs a < b of T treatments; columns: the direct comparisons. ``weight``: (S, T)."""
    total = weight.sum(axis=1)
    s, i, j = pairs.study, pairs.first, pairs.second
    joint = pairs.sum(weight[s, i] * weight[s, j] / total[s])  # off-diagonal of the Laplacian, by comparison
    T = len(covariance)
    a, b = np.triu_indices(T, 1)
    row = covariance[a] - covariance[b]
    return np.asarray((row[:, pairs.a] - row[:, pairs.b]) * joint)


def contributions(pairs: Edges, hat: Floats, T: int) -> Floats:
    """Share of each direct comparison (columns) in each network estimate (rows); rows sum to 1."""
    out = np.zeros_like(hat)
    a, b = np.triu_indices(T, 1)
    number = np.full((T, T), -1)
    number[pairs.a, pairs.b] = number[pairs.b, pairs.a] = np.arange(len(pairs.a))
    for r in range(len(hat)):
        flow = np.zeros((T, T))
        h = hat[r]
        forward = h > 0
        flow[pairs.a[forward], pairs.b[forward]] = h[forward]
        flow[pairs.b[~forward], pairs.a[~forward]] = -h[~forward]
        flow[flow < 1e-12] = 0.0
        while True:
            path = _shortest(flow, int(a[r]), int(b[r]))
            if path is None:
                break
            start, end = np.array(path[:-1]), np.array(path[1:])
            least = flow[start, end].min()
            out[r, number[start, end]] += least / len(start)
            flow[start, end] -= least
            flow[flow < 1e-12] = 0.0
    total = out.sum(axis=1, keepdims=True)
    return out / np.where(total > 0, total, 1.0)


def _shortest(flow: Floats, source: int, sink: int) -> list[int] | None:
    """A path with the fewest edges along positive flow, by breadth; ties go to the earlier treatment."""
    came: dict[int, int] = {source: source}
    front = [source]
    while front and sink not in came:
        following = []
        for node in front:
            for other in np.flatnonzero(flow[node]).tolist():
                if other not in came:
                    came[other] = node
                    following.append(other)
        front = following
    if sink not in came:
        return None
    path = [sink]
    while path[-1] != source:
        path.append(came[path[-1]])
    return path[::-1]
