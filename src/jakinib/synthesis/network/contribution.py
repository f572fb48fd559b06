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
    number = {}
    for e, (i, j) in enumerate(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)):
        number[i, j] = number[j, i] = e
    ends = list(number)[::2]
    for r, (source, sink) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        flow: dict[tuple[int, int], float] = {}
        after = [0] * T  # treatments that flow leads on to, as bits
        for (i, j), h in zip(ends, hat[r].tolist(), strict=True):
            if abs(h) >= 1e-12:
                i, j = (i, j) if h > 0 else (j, i)
                flow[i, j] = abs(h)
                after[i] |= 1 << j
        share = [0.0] * len(ends)
        while path := _shortest(after, source, sink):
            least = min(flow[step] for step in path)
            for step in path:
                share[number[step]] += least / len(path)
                flow[step] -= least
                if flow[step] < 1e-12:
                    after[step[0]] &= ~(1 << step[1])
        out[r] = share
    total = out.sum(axis=1, keepdims=True)
    return out / np.where(total > 0, total, 1.0)


def _shortest(after: list[int], source: int, sink: int) -> list[tuple[int, int]]:
    """A path with the fewest steps, by breadth, empty where there is none; ties go to earlier treatments."""
    came = {source: source}
    seen = 1 << source
    front = [source]
    while front:
        following = []
        for node in front:
            new = after[node] & ~seen
            if new >> sink & 1:
                path = [(node, sink)]
                while path[-1][0] != source:
                    path.append((came[path[-1][0]], path[-1][0]))
                return path[::-1]
            seen |= new
            while new:
                other = (new & -new).bit_length() - 1
                came[other] = node
                following.append(other)
                new &= new - 1
        front = following
    return []
