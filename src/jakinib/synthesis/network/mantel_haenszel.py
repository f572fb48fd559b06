"""Mantel-Haenszel network for odds ratios, common effect, without continuity correction.

Source: Efthimiou et al. (2019). Within each design the generalised Mantel-Haenszel estimators of Mickey &
Elashoff (1985) with the covariances of Greenland (1989); across designs generalised least squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.decomposition import Decomposition, Test, chi2
from jakinib.synthesis.network.edges import edges
from jakinib.synthesis.network.fit import NetworkFit
from jakinib.synthesis.network.split import Split, back_calculate
from jakinib.synthesis.result import LeftOut


def _by_design(data: NetworkData) -> dict[tuple[int, ...], Ints]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for s, design in enumerate(data.designs):
        groups.setdefault(design, []).append(s)
    return {design: np.array(members, dtype=np.intp) for design, members in groups.items()}


def informative(data: NetworkData, measure: str) -> tuple[Any, list[LeftOut]]:
    """Arms the method can use, and what it cannot: a design whose studies show no event (or no one without)
    under a treatment loses that treatment; a study with one arm left, or without an event, goes.
    """
    keep = np.ones(len(data.study), dtype=bool)
    left_out: list[LeftOut] = []
    events = data.total(data.events)
    full = events == data.total(data.denominator)
    for s in np.flatnonzero((events == 0) | full):
        keep[data.study == s] = False
        what = "no event in any arm" if events[s] == 0 else "everyone in every arm had the event"
        left_out.append(LeftOut(data.studies[s], f"{what}: no information on the comparison"))
    uninformative = (events == 0) | full
    for design, members in _by_design(data).items():
        used = members[~uninformative[members]]
        if not len(used):
            continue
        treatments = list(design)
        while len(treatments) > 1:
            cross = _cross(data, used, treatments)[2]
            np.fill_diagonal(cross, np.inf)
            bad = (cross <= 0) | (cross.T <= 0)
            if not bad.any():
                break
            worst = int(np.argmax(bad.sum(axis=1)))
            gone = treatments.pop(worst)
            _drop(data, used, gone, keep, left_out)
        if len(treatments) == 1:
            _drop(data, used, treatments[0], keep, left_out, "no other arm of its design can be used")
    return keep, left_out


def _drop(
    data: NetworkData,
    studies: Ints,
    treatment: int,
    keep: Any,
    left_out: list[LeftOut],
    reason: str = "in its design no odds ratio against it is defined without a continuity correction "
    "(no event, or no one without)",
) -> None:
    for s in studies:
        arm = (data.study == s) & (data.treatment == treatment)
        if keep[arm].any():
            keep[arm] = False
            left_out.append(LeftOut(data.studies[s], f"arm {data.treatments[treatment]!r}: {reason}"))


def _cross(data: NetworkData, studies: Ints, treatments: list[int]) -> tuple[Floats, Floats, Floats, Floats]:
    """Events and non-events (K, m) of the studies, sums C_hi = sum a_h b_i / N, and N."""
    at = {t: j for j, t in enumerate(treatments)}
    row = np.full(len(data.studies), -1)
    row[studies] = np.arange(len(studies))
    a, b = np.zeros((len(studies), len(at))), np.zeros((len(studies), len(at)))
    for i in np.flatnonzero(np.isin(data.study, studies) & np.isin(data.treatment, treatments)):
        place = row[data.study[i]], at[int(data.treatment[i])]
        a[place], b[place] = data.events[i], data.denominator[i] - data.events[i]
    size = (a + b).sum(axis=1)
    return a, b, (a / size[:, None]).T @ b, size


def design_estimates(a: Floats, b: Floats, cross: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Log odds ratios of the other treatments against the first and their covariance, for one design."""
    m = a.shape[1]
    cross = np.where(np.eye(m, dtype=bool), 1.0, cross)
    ratio = np.log(cross) - np.log(cross.T)
    scaled = 1 / size**2
    # covariance of log odds ratios L_hi and L_hj that share h, and variances (Robins et al. 1986) for i = j
    shared = np.zeros((m, m, m))
    for h in range(m):
        for i in range(m):
            for j in range(m):
                if h in (i, j):
                    continue
                if i == j:
                    p, q = a[:, h] + b[:, i], b[:, h] + a[:, i]
                    r, s = a[:, h] * b[:, i], b[:, h] * a[:, i]
                    R, S = cross[h, i], cross[i, h]
                    shared[h, i, i] = (
                        (scaled * p * r).sum() / (2 * R**2)
                        + (scaled * (p * s + q * r)).sum() / (2 * R * S)
                        + (scaled * q * s).sum() / (2 * S**2)
                    )
                else:
                    # Greenland's mean over the three forms each product takes under the odds ratios
                    ah, bh, ai, bi, aj, bj = a[:, h], b[:, h], a[:, i], b[:, i], a[:, j], b[:, j]
                    psi_i, psi_j = cross[h, i] / cross[i, h], cross[h, j] / cross[j, h]
                    first = ah * bi * bj + psi_i * bh * ai * bj + psi_j * bh * bi * aj
                    second = psi_i * psi_j * bh * ai * aj + psi_j * ah * bi * aj + psi_i * ah * ai * bj
                    shared[h, i, j] = (scaled * (first + second)).sum() / (3 * cross[h, i] * cross[h, j])
    # the generalised estimator is linear in the L_hi (i < j once each): means over the third treatments
    pairs = [(h, i) for h in range(m) for i in range(h + 1, m)]
    position = {pair: k for k, pair in enumerate(pairs)}
    V = np.zeros((len(pairs), len(pairs)))
    for k, (h, i) in enumerate(pairs):
        for n, (g, j) in enumerate(pairs):
            if k == n:
                V[k, n] = shared[h, i, i]
            elif h == g:
                V[k, n] = shared[h, i, j]
            elif i == j:
                V[k, n] = shared[i, h, g]
            elif h == j:
                V[k, n] = -shared[h, i, g]
            elif i == g:
                V[k, n] = -shared[i, h, j]
    A = np.zeros((m - 1, len(pairs)))
    for t in range(1, m):
        for other in range(m):
            for end, sign in ((t, 1.0), (0, -1.0)):
                if other != end:
                    k = position[(min(end, other), max(end, other))]
                    A[t - 1, k] += sign * (1.0 if end < other else -1.0) / m
    flat = np.array([ratio[h, i] for h, i in pairs])
    return A @ flat, A @ V @ A.T


@dataclass(frozen=True)
class MantelHaenszelFit(NetworkFit):
    """``direct``: per design (treatments, estimates against its first, covariance, studies)."""

    direct: Any = None
    q: float = 0.0
    data: Any = None

    def split(self) -> Split | None:
        """Back-calculated from each design's estimates, those of multi-arm designs taken pair by pair."""
        pairs = edges(self.data.presence)
        information, total = np.zeros(len(pairs.a)), np.zeros(len(pairs.a))
        at = {(int(x), int(y)): e for e, (x, y) in enumerate(zip(pairs.a, pairs.b, strict=True))}
        for treatments, y, V, _ in self.direct:
            m = len(treatments)
            full = np.zeros((m, m))
            full[1:, 1:] = V
            theta = np.concatenate([[0.0], y])
            for i in range(m):
                for j in range(i + 1, m):
                    variance = full[i, i] + full[j, j] - 2 * full[i, j]
                    e = at[treatments[i], treatments[j]]
                    information[e] += 1 / variance
                    total[e] += (theta[i] - theta[j]) / variance
        return back_calculate(pairs, total / information, 1 / information, self.theta, self.covariance)

    def decomposition(self) -> Decomposition:
        nan = Test(float("nan"), 0, float("nan"))
        contrasts = sum(len(y) for _, y, _, _ in self.direct)
        between = chi2(self.q, contrasts - (len(self.theta) - 1))
        return Decomposition(
            total=nan,
            heterogeneity=nan,
            inconsistency=between,
            inconsistency_random=nan,
            tau_within=float("nan"),
            designs=tuple((t, k, float("nan")) for t, _, _, k in self.direct),
        )


def fit(data: NetworkData, measure: str, effects: str) -> MantelHaenszelFit:
    """Fit a connected network in which every odds ratio of a design is defined (see ``informative``)."""
    T = len(data.treatments)
    information, right = np.zeros((T, T)), np.zeros(T)
    direct = []
    square = 0.0
    for design, members in _by_design(data).items():
        y, V = design_estimates(*_cross(data, members, list(design)))
        X = np.zeros((len(y), T))
        X[np.arange(len(y)), list(design[1:])] = 1.0
        X[:, design[0]] = -1.0
        W = np.linalg.inv(V)
        information += X.T @ W @ X
        right += X.T @ W @ y
        square += float(y @ W @ y)
        direct.append((design, y, V, len(members)))
    covariance = np.zeros((T, T))
    covariance[1:, 1:] = np.linalg.inv(information[1:, 1:])
    theta = covariance @ right
    q = max(0.0, square - float(theta @ right))
    return MantelHaenszelFit(
        theta=theta,
        covariance=covariance,
        tau2=float("nan"),
        df=len(data.study) - len(data.studies) - (T - 1),
        direct=direct,
        q=q,
        data=data,
    )
