"""Log-likelihoods of the contrasts of a study, without its baseline, for any number of arms.

A kernel maps linear predictors ``eta`` of shape (k, nodes, m) to the log-likelihood (k, nodes), its gradient
(k, nodes, m) and Hessian (k, nodes, m, m) in ``eta``; only differences of ``eta`` within a study matter.

- Counts among persons, odds ratios: given the study's total, the noncentral multivariate hypergeometric
  distribution (McCullagh & Nelder 1989, section 7.3; Stijnen, Hamza & Özdemir 2010 for two arms).
- Counts over person-time, rate ratios: given the total, multinomial.
- Printed estimates: normal.
- Counts among persons, hazard ratios (complementary log-log): no statistic carries the baseline, which is
  integrated out over a flat prior instead (Berger, Liseo & Wolpert 1999).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import expit, gammaln, logit

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.kernels import hypergeometric, log_choose
from jakinib.synthesis.network.baseline import ArmKernel, rule

_BILINEAR = 200  # events of a three-arm study up to which all tables are summed outright

Kernel = Callable[[Floats], tuple[Floats, Floats, Floats]]


def binomial_contrasts(events: Floats, n: Floats) -> Kernel:
    """Odds ratios given the total; ``events`` and ``n`` of shape (k, m), 0 < total < persons."""
    m = events.shape[1]
    return _two(events, n) if m == 2 else _three(events, n) if m == 3 else _several(events, n)


def _two(events: Floats, n: Floats) -> Kernel:
    one = hypergeometric(events[:, 0], n[:, 0], events[:, 1], n[:, 1])
    sign = np.array([1.0, -1.0])
    outer = np.outer(sign, sign)

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        value, first, second = one(eta[..., 0] - eta[..., 1])
        return value, first[..., None] * sign, second[..., None, None] * outer

    return kernel


def _three(events: Floats, n: Floats) -> Kernel:
    """The sum over all tables of three arms as a bilinear form in the powers of two odds ratios.

    Studies of similar size are summed together, their tables padded with zeros.
    """
    total = events.sum(axis=1)
    small = np.minimum(total, n.sum(axis=1) - total) <= _BILINEAR
    turned = total > n.sum(axis=1) / 2  # with many events, count those without
    x = np.where(turned[:, None], n - events, events)
    t = x.sum(axis=1)
    size = np.minimum(n[:, :2], t[:, None]) + 1
    bucket = np.ceil(np.log2(np.maximum(size, 8)))
    buckets = []
    for key in np.unique(bucket[small], axis=0):
        i = np.flatnonzero(small & (bucket == key).all(axis=1))
        # beyond a study's own size the last count stands again, in no possible table
        first, second = (np.minimum(np.arange(size[i, j].max()), size[i, j, None] - 1) for j in (0, 1))
        real = np.arange(first.shape[1])[None, :, None] < size[i, 0, None, None]
        real = real & (np.arange(second.shape[1]) < size[i, 1, None, None])
        third = t[i, None, None] - first[:, :, None] - second[:, None, :]
        possible = real & (third >= 0) & (third <= n[i, 2, None, None])
        ways = log_choose(n[i, 0, None], first)[:, :, None] + log_choose(n[i, 1, None], second)[:, None, :]
        ways = ways + log_choose(n[i, 2, None, None], np.clip(third, 0, n[i, 2, None, None]))
        ways = np.where(possible, ways - log_choose(n[i], x[i]).sum(axis=1)[:, None, None], -np.inf)
        # a tilt to the observed table: u' M v then neither over- nor underflows near the estimate
        largest = ways.max(axis=(1, 2))
        matrix = np.exp(ways - largest[:, None, None])
        sign = np.where(turned[i], -1.0, 1.0)[:, None]
        buckets.append((i, sign, largest, matrix, first - x[i, 0, None], second - x[i, 1, None]))
    rest = np.flatnonzero(~small)
    large = _several(events[rest], n[rest]) if len(rest) else None

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        value = np.empty(eta.shape[:2])
        gradient = np.empty(eta.shape)
        hessian = np.empty((*eta.shape, 3))
        q = eta.shape[1]
        for i, sign, largest, matrix, a, b in buckets:
            first, second = sign * (eta[i, :, 0] - eta[i, :, 2]), sign * (eta[i, :, 1] - eta[i, :, 2])
            u, v = first[:, :, None] * a[:, None, :], second[:, :, None] * b[:, None, :]
            top_u = np.maximum(first * a[:, :1], first * a[:, -1:])  # powers rise along the table
            top_v = np.maximum(second * b[:, :1], second * b[:, -1:])
            u, v = np.exp(u - top_u[:, :, None]), np.exp(v - top_v[:, :, None])
            ua = u * a[:, None, :]
            left = np.concatenate([u, ua, ua * a[:, None, :]], axis=1) @ matrix
            powers = np.stack([np.ones_like(b), b, b * b], axis=2)
            sums = (left * np.concatenate([v, v, v], axis=1)) @ powers
            zero, one, two = sums[:, :q], sums[:, q : 2 * q], sums[:, 2 * q :]
            sum_ = zero[..., 0]
            with np.errstate(divide="ignore", invalid="ignore"):
                value[i] = -np.log(sum_) - top_u - top_v - largest[:, None]
                ea, eb = one[..., 0] / sum_, zero[..., 1] / sum_
                vaa = two[..., 0] / sum_ - ea**2
                vbb = zero[..., 2] / sum_ - eb**2
                vab = one[..., 1] / sum_ - ea * eb
            gradient[i] = -sign[..., None] * np.stack([ea, eb, -ea - eb], axis=-1)
            ac, bc = vaa + vab, vbb + vab
            rows = [[vaa, vab, -ac], [vab, vbb, -bc], [-ac, -bc, ac + bc]]
            hessian[i] = -np.moveaxis(np.array(rows), (0, 1), (2, 3))
            lost = i[~(sum_ > 1e-250).all(axis=1)]
            if len(lost):
                value[lost], gradient[lost], hessian[lost] = _several(events[lost], n[lost])(eta[lost])
        if large is not None:
            value[rest], gradient[rest], hessian[rest] = large(eta[rest])
        return value, gradient, hessian

    return kernel


def _several(events: Floats, n: Floats) -> Kernel:
    """The normalising sum over all tables with the same total, from the characteristic function.

    Tilted by ``mu`` so that the mean total is the total observed, the sum is a point probability of a sum
    of independent binomials, that is a Fourier coefficient; the trapezoidal rule gives it to rounding with
    a handful of angles, because the characteristic function dies off.
    """
    total = events.sum(axis=1)
    size = n.sum(axis=1)
    constant = log_choose(n, events).sum(axis=1)[:, None]
    x, persons, t = events[:, None, :], n[:, None, :], total[:, None]
    target = logit(total / size)[:, None]
    eye = np.eye(events.shape[1])

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        mu = target - (persons * eta).sum(axis=-1) / size[:, None]
        for _ in range(60):
            p = expit(mu[..., None] + eta)
            mean = (persons * p).sum(axis=-1)
            variance = (persons * p * (1 - p)).sum(axis=-1)
            share = np.clip(mean / size[:, None], 1e-300, 1 - 1e-16)
            slope = variance / (size[:, None] * share * (1 - share))
            step = (target - logit(share)) / np.maximum(slope, 0.05)
            mu = mu + np.clip(step, -5.0, 5.0)
            if np.abs(step).max(initial=0.0) < 1e-3:
                break
        shifted = mu[..., None] + eta
        p = expit(shifted)
        q = expit(-shifted)
        variance = (persons * p * q).sum(axis=-1)
        # enough angles that neither the next period (7 standard deviations away) nor the part of the circle
        # that is left out (modulus below exp(-26)) shows: a relative error of 1e-10
        widest = np.sqrt(variance.max(axis=1, initial=0.0))
        period = np.ceil(7 * widest) + 16
        arc = np.arccos(np.maximum(-1.0, 1 - 26 / np.maximum(variance.min(axis=1, initial=np.inf), 1e-9)))
        count = np.minimum(np.floor(period / 2), np.ceil(arc * period / (2 * math.pi))).astype(int)
        number = np.arange(int(count.max(initial=0)) + 1)
        theta = (2 * math.pi / period)[:, None] * number
        weight = np.where(number == 0, 1.0, 2.0) / period[:, None]
        weight = np.where(2 * number == period[:, None], weight / 2, weight)
        weight = np.where(number <= count[:, None], weight, 0.0)
        # axes: (k, nodes, m, angles); z = q + p e^{i theta} is an arm's characteristic function
        turn = np.exp(1j * theta)[:, None, None, :]
        top = p[..., None] * turn
        z = top + q[..., None]
        log_term = (persons[..., None] * np.log(z)).sum(axis=-2) - 1j * t[..., None] * theta[:, None, :]
        omega = weight[:, None, :] * np.exp(log_term)
        probability = np.maximum(omega.real.sum(axis=-1), 1e-300)
        omega = omega / probability[..., None]
        value = constant + (x * eta).sum(axis=-1)
        value = value - (persons * np.logaddexp(0.0, shifted)).sum(axis=-1) + mu * t - np.log(probability)
        # the share of an arm's person in a term of the sum, complex: r = p e^{i theta} / z
        ratio = top / z
        centre = persons * p
        away = persons[..., None] * (ratio - p[..., None])
        weighted = away * omega[..., None, :]
        mean_away = weighted.real.sum(axis=-1)
        second = np.matmul(weighted, np.swapaxes(away, -1, -2)).real
        own = persons * np.matmul(ratio * (1 - ratio), omega[..., None])[..., 0].real
        covariance = second - mean_away[..., :, None] * mean_away[..., None, :] + own[..., None] * eye
        return value, x - centre - mean_away, -covariance

    return kernel


def poisson_contrasts(events: Floats, time: Floats) -> Kernel:
    """Rate ratios given the total; ``events`` and ``time`` of shape (k, m), total > 0."""
    total = events.sum(axis=1)[:, None]
    x, log_time = events[:, None, :], np.log(time)[:, None, :]
    constant = gammaln(total + 1) - gammaln(events + 1).sum(axis=1)[:, None]
    eye = np.eye(events.shape[1])

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        weight = eta + log_time
        top = weight.max(axis=-1, keepdims=True)
        share = np.exp(weight - top)
        sum_ = share.sum(axis=-1, keepdims=True)
        share = share / sum_
        log_sum = (top + np.log(sum_))[..., 0]
        value = constant + (x * weight).sum(axis=-1) - total * log_sum
        covariance = share[..., None] * eye - share[..., :, None] * share[..., None, :]
        return value, x - total[..., None] * share, -total[..., None, None] * covariance

    return kernel


def normal_contrasts(y: Floats, v: Floats) -> Kernel:
    """Printed estimates with known variances; ``y`` and ``v`` an arm, shape (k, m)."""
    weight = 1 / v
    matrix = weight[:, :, None] * np.eye(y.shape[1])
    matrix = matrix - weight[:, :, None] * weight[:, None, :] / weight.sum(axis=1)[:, None, None]
    m = y.shape[1]
    log_det = -np.log(v).sum(axis=1) - np.log(weight.sum(axis=1))
    constant = (0.5 * log_det - 0.5 * (m - 1) * math.log(2 * math.pi))[:, None]

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        residual = y[:, None, :] - eta
        pull = np.matmul(residual, matrix)
        value = constant - 0.5 * (pull * residual).sum(axis=-1)
        return value, pull, np.broadcast_to(-matrix[:, None], (*eta.shape, m))

    return kernel


def cloglog_contrasts(events: Floats, n: Floats) -> Kernel:
    """Hazard ratios from persons: complementary log-log, the baseline integrated over a flat prior."""
    constant, start = cloglog_constant(events, n)
    arms = cloglog_arms(events, n)
    z, log_w = (part[:, None] for part in rule(events.sum(axis=1)))
    eye = np.eye(events.shape[1])

    def kernel(eta: Floats) -> tuple[Floats, Floats, Floats]:
        mu = start[:, None] - eta.mean(axis=-1)
        for _ in range(60):
            _, g, h = (part[..., 0] for part in arms((mu[..., None] + eta)[..., None]))
            curve = np.maximum(-h.sum(axis=-1), 1e-10)
            step = g.sum(axis=-1) / curve
            mu = mu + np.clip(step, -2.0, 2.0)
            if np.abs(step).max(initial=0.0) < 1e-3:
                break
        scale = 1 / np.sqrt(curve)
        t = mu[..., None, None] + eta[..., None] + scale[..., None, None] * z[:, :, None]
        value, first, second = arms(t)
        joint = value.sum(axis=-2) + log_w
        top = joint.max(axis=-1, keepdims=True)
        weight = np.exp(joint - top)
        total = weight.sum(axis=-1, keepdims=True)
        weight = (weight / total)[..., None, :]
        weighted = weight * first
        mean = weighted.sum(axis=-1)
        square = np.matmul(weighted, np.swapaxes(first, -1, -2))
        own = (weight * second).sum(axis=-1)
        hessian = square - mean[..., :, None] * mean[..., None, :] + own[..., None] * eye
        return constant[:, None] + (top + np.log(total))[..., 0] + np.log(scale), mean, hessian

    return kernel


def cloglog_constant(events: Floats, n: Floats) -> tuple[Floats, Floats]:
    """The constant of each study and a baseline to start from, shape (k,)."""
    start = np.log(-np.log1p(-events.sum(axis=1) / n.sum(axis=1)))
    return log_choose(n, events).sum(axis=1), start


def cloglog_arms(events: Floats, n: Floats) -> ArmKernel:
    """x log(1 - exp(-h)) - (n - x) h with h = exp(t), and two derivatives in t (k, nodes, m, points)."""
    x, misses = events[:, None, :, None], (n - events)[:, None, :, None]
    some = x > 0

    def arms(t: Floats) -> tuple[Floats, Floats, Floats]:
        h = np.exp(np.clip(t, -700.0, 500.0))
        chance = -np.expm1(-h)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            odds = np.where(h < 1e-12, 1.0, h * (1 - chance) / chance)  # h / (e^h - 1)
            log_chance = np.where(h < 1e-12, t, np.log(chance))
        lost, won = misses * h, x * odds
        value = np.where(some, x * log_chance, 0.0) - lost
        return value, won - lost, won * (1 - h - odds) - lost

    return arms


def poisson_arms(events: Floats, time: Floats) -> ArmKernel:
    """x t - time exp(t) and two derivatives in t (k, nodes, m, points)."""
    x, log_time = events[:, None, :, None], np.log(time)[:, None, :, None]

    def arms(t: Floats) -> tuple[Floats, Floats, Floats]:
        mean = np.exp(np.minimum(t + log_time, 700.0))
        return x * t - mean, x - mean, -mean

    return arms


def poisson_constant(events: Floats, time: Floats) -> tuple[Floats, Floats]:
    """The constant that makes the flat baseline's integral the multinomial, and a start; shape (k,)."""
    total = events.sum(axis=1)
    constant = (events * np.log(time)).sum(axis=1) - gammaln(events + 1).sum(axis=1)
    total = np.maximum(total, 1.0)  # without an event there is nothing to integrate
    return constant + np.log(total), np.log(total / time.sum(axis=1))
