"""Log-likelihoods of one group's (or one study's) count as functions of a linear predictor.

A kernel maps ``eta`` of shape (k, nodes) to the log-likelihood and its first two derivatives in ``eta``,
each of that shape, constants included, so that log-likelihoods of different models can be compared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

from jakinib.synthesis.arms import Floats

# Arrays of more than 128 kB would be given back to the system when freed, and taken anew, page by page,
# by the next operation: several times the cost of the arithmetic. Freeing one large block, which is never
# touched, makes the C library keep them (mallopt(3), M_MMAP_THRESHOLD, "dynamic").
np.empty(3_900_000)

Kernel = Callable[[Floats], tuple[Floats, Floats, Floats]]


def log_choose(n: Floats | float, x: Floats) -> Floats:
    """log of n over x."""
    n = np.asarray(n, dtype=float)
    return gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)


def binomial(events: Floats, n: Floats, offset: Floats | float = 0.0) -> Kernel:
    """events ~ Binomial(n, expit(eta + offset)); arguments of shape (k,)."""
    x, size = events[:, None], n[:, None]
    shift = np.broadcast_to(np.asarray(offset, dtype=float), events.shape)[:, None]
    constant = log_choose(n, events)[:, None]

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        t = eta + shift
        value, p, curve = softplus(t)
        return constant + x * t - size * value, x - size * p, -size * curve

    return kernel


def softplus(t: Floats) -> tuple[Floats, Floats, Floats]:
    """log(1 + exp(t)) and its two derivatives.

    By log(1 + e) with what rounding 1 + e took away put back: several times as fast as log1p.
    """
    e = np.exp(-np.abs(t))
    one = 1.0 + e
    near = 1.0 / one
    far = e * near
    value = np.log(one)
    one -= 1.0
    one -= e
    one *= near
    value -= one
    value += np.maximum(t, 0.0)
    return value, np.where(t > 0, near, far), far * near


def poisson(events: Floats, time: Floats) -> Kernel:
    """events ~ Poisson(time exp(eta)); arguments of shape (k,)."""
    x = events[:, None]
    log_time = np.log(time)[:, None]
    constant = -gammaln(events + 1)[:, None]

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        t = eta + log_time
        mean = np.exp(np.minimum(t, 300.0))  # whose square, times a hundred studies', is still finite
        return constant + x * t - mean, x - mean, -mean

    return kernel


def hypergeometric(e1: Floats, n1: Floats, e2: Floats, n2: Floats) -> Kernel:
    """e1 given e1 + e2: noncentral hypergeometric with log odds ratio eta (Fisher 1935)."""
    total = e1 + e2
    lowest, highest = np.maximum(0.0, total - n2), np.minimum(total, n1)
    # A sum over whole numbers of a smooth bump of standard deviation s equals r times the sum over every r-th
    # but for exp(-2 pi^2 s^2 / r^2) (Poisson summation); s / r >= 4 leaves room for s to shrink at
    # other eta (it is off in the eighth digit only where the likelihood has fallen by exp(-90)).
    s = 1 / np.sqrt(1 / (e1 + 0.5) + 1 / (n1 - e1 + 0.5) + 1 / (e2 + 0.5) + 1 / (n2 - e2 + 0.5))
    stride = np.maximum(1.0, np.floor(s / 4))
    lowest = e1 - stride * np.floor((e1 - lowest) / stride)
    size = (np.floor((highest - lowest) / stride) + 1).astype(int)
    # studies of similar support are summed together, so that one large study does not widen all
    bucket = np.ceil(np.log2(np.maximum(size, 8))).astype(int)
    groups = []
    for b in np.unique(bucket):
        members = np.flatnonzero(bucket == b)
        x = lowest[members, None] + stride[members, None] * np.arange(size[members].max())
        inside = x <= highest[members, None]
        x = np.minimum(x, highest[members, None])
        ways = log_choose(n1[members, None], x) + log_choose(n2[members, None], total[members, None] - x)
        observed = log_choose(n1[members], e1[members]) + log_choose(n2[members], e2[members])
        log_ratio = np.where(inside, ways - observed[:, None] + np.log(stride[members, None]), -np.inf)
        step = x - e1[members, None]
        powers = np.stack([np.ones_like(step), step, step**2], axis=1)
        # how far eta may be from 0 before a term, in units of that of the observed table, overflows
        room = (700.0 - float(log_ratio.max())) / max(float(np.abs(step).max()), 1.0)
        groups.append((members, log_ratio[:, :, None], step[:, :, None], powers, room))

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        value, first, second = np.empty_like(eta), np.empty_like(eta), np.empty_like(eta)
        widest = float(np.abs(eta).max(initial=0.0))
        for members, log_ratio, step, powers, room in groups:
            term = step * eta[members][:, None, :]
            term += log_ratio
            top = np.zeros(1)
            if not widest < room:
                top = term.max(axis=1)
                term -= top[:, None, :]
            sums = np.matmul(powers, np.exp(term, out=term))
            sum_ = sums[:, 0]
            mean = sums[:, 1] / sum_
            value[members] = -top - np.log(sum_)
            first[members] = -mean
            second[members] = mean * mean - sums[:, 2] / sum_
        return value, first, second

    return kernel
