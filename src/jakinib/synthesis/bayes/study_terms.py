"""Each study's marginal likelihood as a function of the treatment effects, at a fixed tau.

With study baseline mu free of the effects and arm deviations u ~ N(0, tau^2 / 2) (so that contrasts have
variance tau^2 and correlate by one half), study s contributes

    g_s(d) = log of the integral over mu of prod_a h_a(mu + d_a - d_b),   h_a = f_a * N(0, tau^2 / 2)

where f_a is the arm's likelihood, times the prior of the baseline in the baseline arm b. In a study of two
arms g_s depends on one contrast and is K_s * N(0, tau^2), K_s the integral over mu without heterogeneity: a
table made once. In larger studies the h_a are tables and mu is integrated by quadrature. Everything is
vectorised over studies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.bayes.arm_likelihood import arm_likelihood
from jakinib.synthesis.bayes.tables import Extent, Function, Table, enough, hermite, tabulate
from jakinib.synthesis.network.data import BINOMIAL, NORMAL, POISSON, NetworkData

_BASE_POINTS = 15


@dataclass(frozen=True)
class Two:
    """Two-arm studies: positions, treatments, the table of log K, where the crude contrast lies."""

    studies: Ints
    other: Ints
    base: Ints
    table: Table
    over: Extent


@dataclass(frozen=True)
class Several:
    """Studies of m arms of one link, the baseline arm first. ``treatment``: (k, m)."""

    studies: Ints
    treatment: Ints
    arms: Function  # rows: k * m
    over: Extent
    crude: Floats
    spread: Floats
    empty: Any  # studies without an event, or without a non-event


class StudyTerms:
    """All studies of a network. ``reference``: treatment index that is every study's baseline if present.

    ``same`` (T,): the treatment that each treatment is when the baseline is chosen.
    """

    def __init__(self, data: NetworkData, link: str, reference: int, baseline_sd: float, same: Ints) -> None:
        self.data, self.reference, self.baseline_sd = data, reference, baseline_sd
        self.two: list[Two] = []
        self.several: list[Several] = []
        self.normal: list[tuple[Ints, Ints, Floats, Floats]] = []
        for kind in np.unique(data.kind).tolist():
            for m in np.unique(data.arms[data.kind == kind]).tolist():
                members = np.flatnonzero((data.kind == kind) & (data.arms == m))
                arms = data.starts[members][:, None] + np.arange(m)
                treatment = data.treatment[arms]
                # the baseline arm first: the reference where it is there, else the first by name
                first = np.argsort(same[treatment] != reference, axis=1, kind="stable")
                arms = np.take_along_axis(arms, first, axis=1)
                treatment = np.take_along_axis(treatment, first, axis=1)
                if kind == NORMAL:
                    self.normal.append((members, treatment, data.y[arms], data.v[arms]))
                    continue
                e, size = data.events[arms], data.denominator[arms]
                name = "log" if kind == POISSON else link
                crude, spread = _crude(e, size, kind, name)
                if m == 2:
                    self.two.append(self._two(members, treatment, e, size, name, crude, spread))
                else:
                    full = (e.sum(axis=1) == size.sum(axis=1)) & (kind == BINOMIAL)
                    prior = np.full(e.shape, np.inf)
                    prior[:, 0] = baseline_sd
                    function = arm_likelihood(e.ravel(), size.ravel(), name, prior.ravel())
                    empty = (e.sum(axis=1) == 0) | full
                    over = Extent(crude.ravel(), spread.ravel(), 8 * spread.ravel() + 12)
                    self.several.append(Several(members, treatment, function, over, crude, spread, empty))

    def _two(
        self,
        members: Ints,
        treatment: Ints,
        e: Floats,
        size: Floats,
        link: str,
        crude: Floats,
        spread: Floats,
    ) -> Two:
        base = arm_likelihood(e[:, 0], size[:, 0], link, np.full(len(e), self.baseline_sd))
        other = arm_likelihood(e[:, 1], size[:, 1], link)
        centre = crude[:, 1] - crude[:, 0]
        width = np.hypot(spread[:, 0], spread[:, 1])
        reach = 8 * width + 6
        nodes = 161
        step = 2 * reach / (nodes - 1)
        z = (centre - reach)[:, None] + step[:, None] * np.arange(nodes)
        value, slope = _integrate_baseline(base, other, z, crude[:, 0])
        table = Table(centre - reach, step, value, slope)
        return Two(members, treatment[:, 1], treatment[:, 0], table, Extent(centre, width, reach))

    def at(self, tau: float, centre: Floats, spread: Floats) -> AtTau:
        """The terms at one tau. ``centre`` (T,) and ``spread`` (T, T): where effects and contrasts lie."""
        return AtTau(self, tau, centre, spread)


def _crude(e: Floats, size: Floats, kind: int, link: str) -> tuple[Floats, Floats]:
    """Rough linear predictor of each arm and its standard error, (k, m)."""
    if kind == POISSON:
        return np.log((e + 0.5) / size), 1 / np.sqrt(e + 0.5)
    p = (e + 0.5) / (size + 1)
    value = np.log(p / (1 - p)) if link == "logit" else np.log(-np.log1p(-p))
    return value, np.sqrt(1 / (e + 0.5) + 1 / (size - e + 0.5))


def _integrate_baseline(base: Function, other: Function, z: Floats, start: Floats) -> tuple[Floats, Floats]:
    """log of the integral of base(e) other(e + z) over e and its derivative in z; z of shape (rows, n).

    Between the points where the (log-concave) integrand has fallen by exp(-28): Gauss-Legendre on each side
    of its mode, so that a prior's long tail on one side and a sharp fall on the other do no harm.
    """

    def both(t: Floats) -> tuple[Floats, Floats, Floats]:
        a, b = base(t), other(t + z)
        return a[0] + b[0], a[1] + b[1], a[2] + b[2]

    mode = np.broadcast_to(start[:, None], z.shape) - 0.5 * np.clip(z, -20, 20)
    for _ in range(80):
        _, first, second = both(mode)
        step = first / np.maximum(-second, 1e-8)
        mode = mode + np.clip(step, -4.0, 4.0)
        if np.abs(step).max(initial=0.0) < 1e-3:
            break
    peak, _, second = both(mode)
    scale = 1 / np.sqrt(np.maximum(-second, 1e-8))
    ends = []
    for side in (-1.0, 1.0):
        # outwards until it has fallen enough, then a few steps of the secant
        reach = 4 * scale
        for _ in range(12):
            short = both(mode + side * reach)[0] > peak - 28
            if not short.any():
                break
            reach = np.where(short, 1.8 * reach, reach)
        inner = np.zeros_like(reach)
        for _ in range(5):
            middle = (inner + reach) / 2
            fallen = both(mode + side * middle)[0] < peak - 28
            reach, inner = np.where(fallen, middle, reach), np.where(fallen, inner, middle)
        ends.append(side * reach)
    x, w = np.polynomial.legendre.leggauss(_BASE_POINTS)
    total = np.zeros_like(z)
    mean = np.zeros_like(z)
    for end in ends:
        for xi, wi in zip(x, w, strict=True):
            t = mode + end * (xi + 1) / 2
            a = base(t)[0]
            b, slope, _ = other(t + z)
            weight = np.exp(a + b - peak) * wi * np.abs(end) / 2
            total += weight
            mean += weight * slope
    return peak + np.log(total), mean / total


@dataclass(frozen=True)
class Quadrature:
    """Studies of m arms at one tau: arm tables (rows k * m), where mu is evaluated, and with what log weight.

    ``shift`` (k, m): arm contrasts at the centre, for which ``nodes`` and ``weights`` (k, q) were made;
    ``move`` (k, m): how the mode of mu follows each arm.
    """

    studies: Ints
    treatment: Ints
    table: Table
    shift: Floats
    nodes: Floats
    weights: Floats
    move: Floats

    def where(self, d: Floats) -> Floats:
        """Linear predictors (k, m, points, q) for effects d (T, points)."""
        shift = d[self.treatment] - d[self.treatment[:, :1]]
        start = -(self.move[..., None] * (shift - self.shift[..., None])).sum(axis=1)
        return np.asarray(self.nodes[:, None, None, :] + (shift + start[:, None, :])[..., None])

    def values(self, d: Floats) -> Floats:
        """Log of the integrals over mu, (k, points)."""
        k, m = self.treatment.shape
        n, q = d.shape[1], self.nodes.shape[1]
        out = np.empty((k, n))
        block = max(1, 20_000 // (k * m * q))  # what fits the processor's cache
        for i in range(0, n, block):
            x = self.where(d[:, i : i + block])
            value = self.table(x.reshape(k * m, -1)).reshape(k, m, -1, q).sum(axis=1)
            value += self.weights[:, None, :]
            top = value.max(axis=-1)
            value -= top[..., None]
            out[:, i : i + block] = top + np.log(np.exp(value, out=value).sum(axis=-1))
        return out


class AtTau:
    """Study terms at one tau: values for many effects at once, derivatives at one."""

    def __init__(self, terms: StudyTerms, tau: float, centre: Floats, spread: Floats) -> None:
        self.terms, self.tau = terms, tau
        self.two = []
        for group in terms.two:
            middle = centre[group.other] - centre[group.base]
            reach = 7 * spread[group.other, group.base] + 0.5
            # with the study's own contrast inside: beyond a table the line must lead down
            low = np.minimum(middle - reach, group.over.centre - group.over.spread)
            high = np.maximum(middle + reach, group.over.centre + group.over.spread)
            table = (
                group.table
                if tau == 0.0
                else tabulate(group.table.derivatives, group.over, low, high, 49, tau, enough(tau))
            )
            self.two.append((group, table))
        self.several: list[Quadrature] = []
        sd = tau / math.sqrt(2)
        for several in terms.several:
            reach = 7 * several.spread + 2 + 3 * tau
            # about each arm's own count, and about what the effects at the centre make of the study
            shift = centre[several.treatment]
            weight = 1 / (several.spread**2 + sd**2)
            level = (weight * (several.crude - shift)).sum(axis=1) / weight.sum(axis=1)
            fitted = level[:, None] + shift
            low = (np.minimum(several.crude, fitted) - reach).ravel()
            high = (np.maximum(several.crude, fitted) + reach).ravel()
            table = tabulate(several.arms, several.over, low, high, 61, sd, enough(sd))
            self.several += self._quadratures(several, table, centre, spread)

    def _quadratures(self, group: Several, table: Table, centre: Floats, spread: Floats) -> list[Quadrature]:
        """Nodes for mu at ``centre``: for each study as few as give the log integral to 1e-4."""
        k, m = group.treatment.shape
        shift = centre[group.treatment] - centre[group.treatment[:, :1]]
        mu = group.crude[:, 0].copy()
        for _ in range(40):
            _, first, second = table.derivatives((mu[:, None] + shift).reshape(-1, 1))
            first, second = first.reshape(k, m), np.minimum(second.reshape(k, m), -1e-6)
            step = first.sum(axis=1) / -second.sum(axis=1)
            mu = mu + np.clip(step, -1.5, 1.5)
            if np.abs(step).max(initial=0.0) < 1e-3:
                break
        scale = 1 / np.sqrt(-second.sum(axis=1))
        move = second / second.sum(axis=1, keepdims=True)

        def part(which: Any, points: int) -> Quadrature:
            z, log_w = hermite(points)
            rows = (np.asarray(which)[:, None] * m + np.arange(m)).ravel()
            s = scale[which]
            return Quadrature(
                studies=group.studies[which],
                treatment=group.treatment[which],
                table=table.rows(rows),
                shift=shift[which],
                nodes=mu[which, None] + s[:, None] * z,
                weights=log_w + np.log(s)[:, None],
                move=move[which],
            )

        found = []
        sparse = np.flatnonzero(group.empty)
        if len(sparse):
            # a plateau down (or up) to where the prior ends: evenly spaced nodes over all of it
            even = part(sparse, 201)
            middle, far = mu[sparse], 7 * self.terms.baseline_sd
            low, high = np.where(middle < 0, -far, middle - 12), np.where(middle < 0, middle + 12, far)
            grid = np.linspace(0, 1, 201)
            width = np.log((high - low) / 200)
            found.append(
                replace(
                    even,
                    nodes=low[:, None] + (high - low)[:, None] * grid,
                    weights=np.repeat(width[:, None], 201, axis=1),
                    move=np.zeros_like(even.move),
                )
            )
        rest = np.flatnonzero(~group.empty)
        if len(rest):
            # tried in the corners of where the effects lie
            away = 2.5 * spread[:, self.terms.reference]
            order = np.arange(len(centre))
            signs = np.array([order < 0, order % 2, order // 2 % 2]) * 2 - 1
            probes = centre[:, None] + np.concatenate([signs, -signs]).T * away[:, None]
            exact = part(rest, 21).values(probes)
            for points in (7, 11, 15):
                error = np.abs(part(rest, points).values(probes) - exact).max(axis=1)
                enough = error < 1e-4
                if enough.any():
                    found.append(part(rest[enough], points))
                rest, exact = rest[~enough], exact[~enough]
                if not len(rest):
                    break
            else:
                found.append(part(rest, 21))
        return found

    def values(self, d: Floats) -> Floats:
        """g_s(d): (studies, points) for effects d (T, points)."""
        out = np.zeros((len(self.terms.data.studies), d.shape[1]))
        for group, table in self.two:
            out[group.studies] = table(d[group.other] - d[group.base])
        for several in self.several:
            out[several.studies] = several.values(d)
        for studies, treatment, y, v in self.terms.normal:
            out[studies] = _normal(d[treatment], y, v + self.tau**2 / 2)
        return out

    def newton(self, d: Floats) -> tuple[float, Floats, Floats]:
        """Sum of g_s, gradient (T,) and Hessian (T, T) at effects d (T,)."""
        T = len(d)
        value, gradient, hessian = 0.0, np.zeros(T), np.zeros((T, T))
        for group, table in self.two:
            v, first, second = (x[:, 0] for x in table.derivatives((d[group.other] - d[group.base])[:, None]))
            value += float(v.sum())
            a, b = group.other, group.base
            np.add.at(gradient, a, first)
            np.add.at(gradient, b, -first)
            for i, j, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
                np.add.at(hessian, (i, j), sign * second)
        for several in self.several:
            k, m = several.treatment.shape
            x = several.where(d[:, None])[:, :, 0]
            v, first, second = (u.reshape(k, m, -1) for u in several.table.derivatives(x.reshape(k * m, -1)))
            joint = v.sum(axis=1) + several.weights
            top = joint.max(axis=1, keepdims=True)
            share = np.exp(joint - top)
            total = share.sum(axis=1, keepdims=True)
            share = (share / total)[:, None, :]
            value += float((top + np.log(total)).sum())
            # the baseline arm's own slope carries the prior: contrasts with it are minus the others' sum
            g = (share * first).sum(axis=-1)
            h = np.matmul(share * first, np.swapaxes(first, 1, 2)) - g[:, :, None] * g[:, None, :]
            h = h + (share * second).sum(axis=-1)[:, :, None] * np.eye(m)
            to = np.eye(m)
            to[0, 0] = 0.0
            to[1:, 0] = -1.0  # arms as functions of effects: arm a moves with d_a - d_b, the baseline stays
            np.add.at(gradient, several.treatment, g @ to)
            rows = np.broadcast_to(several.treatment[:, :, None], (k, m, m))
            columns = np.broadcast_to(several.treatment[:, None, :], (k, m, m))
            np.add.at(hessian, (rows, columns), to.T @ h @ to)
        for _studies, treatment, y, v in self.terms.normal:
            weight = 1 / (v + self.tau**2 / 2)
            k, m = treatment.shape
            matrix = weight[:, :, None] * np.eye(m)
            matrix = matrix - weight[:, :, None] * weight[:, None, :] / weight.sum(axis=1)[:, None, None]
            residual = y - d[treatment]
            pull = np.matmul(matrix, residual[..., None])[..., 0]
            value += float(_normal(d[treatment][..., None], y, v + self.tau**2 / 2).sum())
            np.add.at(gradient, treatment, pull)
            rows = np.broadcast_to(treatment[:, :, None], (k, m, m))
            columns = np.broadcast_to(treatment[:, None, :], (k, m, m))
            np.add.at(hessian, (rows, columns), -matrix)
        return value, gradient, hessian


def _normal(eta: Floats, y: Floats, v: Floats) -> Floats:
    """Log density of the contrasts of printed estimates; eta (k, m, points)."""
    weight = 1 / v
    total = weight.sum(axis=1)
    residual = y[..., None] - eta
    mean = (weight[..., None] * residual).sum(axis=1) / total[:, None]
    q = (weight[..., None] * (residual - mean[:, None, :]) ** 2).sum(axis=1)
    m = y.shape[1]
    constant = 0.5 * (np.log(weight).sum(axis=1) - np.log(total)) - 0.5 * (m - 1) * math.log(2 * math.pi)
    return np.asarray(constant[:, None] - 0.5 * q)
