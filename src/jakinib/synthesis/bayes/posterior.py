"""Posterior of a network: quadrature over tau, skewed normal proposals for the effects, exact re-weighting.

At each node of tau the effects' posterior is found by Newton, its shape along every axis by Geweke's (1989)
split scales, and a quasi-random sample from that shape is re-weighted by the exact density (study terms are
exact to quadrature). The nodes' weights follow from the same sample, so effects and tau are averaged
together. There is no randomness: the points are an additive lattice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.bayes.pareto import pareto_k
from jakinib.synthesis.bayes.priors import Priors
from jakinib.synthesis.bayes.study_terms import AtTau, StudyTerms
from jakinib.synthesis.network.arm_effects import arm_effects
from jakinib.synthesis.network.data import NetworkData
from jakinib.synthesis.network.gls import laplacian, weights

_BANDWIDTH = 0.12
_FALL = 13.0  # nodes of tau whose log density is lower than the highest by more are left out

LOST = (
    "not estimable: the posterior was not found; the studies contradict one another by far more than the "
    "priors allow"
)


@dataclass(frozen=True)
class Posterior:
    """Weighted points. ``d`` (N, T): effects against the reference, ``tau`` (N,), ``weight``
    (N,) summing to 1. ``tau_nodes``, ``tau_log_density``: log posterior density of tau at the nodes.
    ``log_evidence``: log marginal likelihood. ``k``: Pareto shape of the weights, ``ess`` effective number
    of points. ``study_terms`` (S, N): log-likelihood of each study at each point.
    """

    d: Floats
    tau: Floats
    weight: Floats
    tau_nodes: Floats
    tau_weights: Floats
    tau_log_density: Floats
    log_evidence: float
    k: float
    ess: float
    study_terms: Floats

    @property
    def lost(self) -> bool:
        """Whether the points missed the posterior: then no number of it means anything."""
        spread = np.sqrt(self.weight @ (self.d - self.weight @ self.d) ** 2).max()
        return not (self.ess > 20 and 1 / float(self.weight @ self.weight) > 20 and spread > 1e-6)

    def contrast(self, a: int, b: int) -> Floats:
        """theta_a - theta_b at each point."""
        return np.asarray(self.d[:, a] - self.d[:, b])

    def mean_sd(self, x: Floats) -> tuple[float, float]:
        """Posterior mean and standard deviation of values a point."""
        mean = float(self.weight @ x)
        return mean, math.sqrt(max(0.0, float(self.weight @ (x - mean) ** 2)))

    def cdf(self, x: Floats, at: Floats, extra_sd: Floats | float = 0.0) -> Floats:
        """P(value + N(0, extra_sd^2) <= at), smoothed by a narrow kernel that leaves mean and sd alone."""
        mean, sd = self.mean_sd(x)
        width = _BANDWIDTH * sd
        shrunk = mean + (x - mean) * math.sqrt(1 - _BANDWIDTH**2)
        scale = np.sqrt(width**2 + np.square(extra_sd)) + 1e-300
        return np.asarray(ndtr((np.atleast_1d(at)[:, None] - shrunk) / scale) @ self.weight)

    def quantiles(self, x: Floats, probability: Floats, extra_sd: Floats | float = 0.0) -> Floats:
        """Quantiles of value + N(0, extra_sd^2)."""
        mean, sd = self.mean_sd(x)
        spread = math.sqrt(sd**2 + float(self.weight @ np.broadcast_to(np.square(extra_sd), x.shape)))
        if spread == 0:
            return np.full(len(probability), mean)
        order = np.argsort(x)
        rough = np.interp(probability, np.cumsum(self.weight[order]), x[order])
        found = []
        for p, guess in zip(np.atleast_1d(probability), rough, strict=True):
            low, high = mean - 4 * spread, mean + 4 * spread
            while self.cdf(x, np.array([low]), extra_sd)[0] > p:
                low -= 4 * spread
            while self.cdf(x, np.array([high]), extra_sd)[0] < p:
                high += 4 * spread
            middle = float(np.clip(guess, low, high))
            for _ in range(60):
                step = 1e-4 * spread
                c = self.cdf(x, np.array([middle, middle + step]), extra_sd)
                if c[0] > p:
                    high = middle
                else:
                    low = middle
                slope = (c[1] - c[0]) / step
                new = middle - (c[0] - p) / slope if slope > 1e-12 else (low + high) / 2
                if not low < new < high:
                    new = (low + high) / 2
                if abs(new - middle) < 1e-8 * spread:
                    break
                middle = new
            found.append(middle)
        return np.array(found)

    @cached_property
    def tau_summary(self) -> tuple[float, float, Floats]:
        """Posterior mean, sd and the 2.5, 50, 97.5 % quantiles of tau, from the quadrature."""
        nodes, density = self.tau_nodes, np.exp(self.tau_log_density - self.tau_log_density.max())
        mass = self.tau_weights * density
        if nodes[0] == 0.0 and len(nodes) > 1:
            # tau itself is not even about 0, as the quadrature takes for granted
            nodes, mass = self._tau_density
        mass = mass / mass.sum()
        mean = float(mass @ nodes)
        sd = math.sqrt(max(0.0, float(mass @ (nodes - mean) ** 2)))
        if len(self.tau_nodes) == 1:
            return mean, 0.0, np.full(3, mean)
        fine, cumulative = self.tau_curve
        head = float(cumulative[0])
        quantiles = np.interp([0.025, 0.5, 0.975], cumulative, fine)
        if head > 0.025:
            quantiles[0] = self.tau_nodes[0] * 0.025 / head
        return mean, sd, quantiles

    @cached_property
    def _tau_density(self) -> tuple[Floats, Floats]:
        """A fine grid of tau and the posterior density on it (its height free), the log density splined."""
        from scipy.interpolate import CubicSpline

        nodes = self.tau_nodes
        fine = np.linspace(nodes[0], nodes[-1], 2001)
        curve = CubicSpline(nodes, self.tau_log_density)(fine)
        return fine, np.exp(curve - curve.max())

    @cached_property
    def tau_curve(self) -> tuple[Floats, Floats]:
        """The fine grid of tau and the posterior distribution function on it."""
        nodes = self.tau_nodes
        fine, p = self._tau_density
        step = fine[1] - fine[0]
        cumulative = np.concatenate([[0.0], np.cumsum((p[1:] + p[:-1]) / 2) * step])
        # to the end of the interval, where the nodes do not reach
        mean = float((fine * p).sum() / p.sum())
        head = float(nodes[0] * p[0]) if nodes[0] < 0.2 * mean else 0.0
        return fine, (cumulative + head) / (cumulative[-1] + head)

    def rank_probability(self, lower_is_better: bool = True) -> Floats:
        """(T, T): probability that a treatment (row) has a rank (column)."""
        T = self.d.shape[1]
        order = np.argsort(np.argsort(self.d if lower_is_better else -self.d, axis=1), axis=1)
        out = np.zeros((T, T))
        for t in range(T):
            out[t] = np.bincount(order[:, t], weights=self.weight, minlength=T)
        return out

    def loo(self) -> tuple[Floats, Floats]:
        """Log predictive density of each study given the others, by importance; their Pareto k."""
        log_w = np.log(np.maximum(self.weight, 1e-300)) - self.study_terms
        top = log_w.max(axis=1, keepdims=True)
        value = -(top[:, 0] + np.log(np.exp(log_w - top).sum(axis=1)))
        return value, np.array([pareto_k(row) for row in log_w])


def lattice(n: int, dimension: int, skip: int) -> Floats:
    """Points (n, dimension) of an additive recurrence in (0, 1), each followed by its reflection.

    In one dimension evenly spaced, which is the best there is.
    """
    if dimension == 1:
        return ((np.arange(n) + 0.5) / n)[:, None]
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (dimension + 1))
    step = root ** -np.arange(1.0, dimension + 1)
    half = (n + 1) // 2
    u = (0.5 + (skip + np.arange(1, half + 1))[:, None] * step) % 1.0
    both = np.empty((2 * half, dimension))
    both[::2], both[1::2] = u, 1 - u
    return np.clip(both[:n], 1e-12, 1 - 1e-12)


def _matched(g: Floats) -> Floats:
    """Standard normal points moved slightly, so that their mean is 0 and their covariance the identity."""
    n, P = g.shape
    if n < 3 * P:
        return g
    centred = g - g.mean(axis=0)
    lower = np.linalg.cholesky(centred.T @ centred / n)
    return np.asarray(np.linalg.solve(lower, centred.T).T)


@dataclass
class Node:
    """One tau: the terms, the mode of the effects and a symmetric root of the inverse curvature."""

    tau: float
    terms: AtTau
    mode: Floats
    root: Floats
    laplace: float


class Sampler:
    """The posterior of one connected network; ``reference``: index of the treatment with effect 0.

    The parameters are the effects of the other treatments. ``split``, a pair of treatments: one more, by
    which the direct evidence on the pair differs from the indirect. In the studies that hold both, the first
    is then another treatment, half the difference above itself, and the second one half below itself
    (White 2015); these two are the last columns of the posterior's effects.
    """

    def __init__(
        self,
        data: NetworkData,
        measure: str,
        link: str,
        reference: int,
        priors: Priors,
        random: bool,
        split: tuple[int, int] | None = None,
    ) -> None:
        self.priors, self.random = priors, random
        self.reference = reference
        T = len(data.treatments)
        y, v = _rough(data, measure)
        # effects of treatments (rows) as sums of parameters (columns)
        self.design = np.delete(np.eye(T), reference, axis=1)
        same = np.arange(T)
        if split is not None:
            a, b = split
            both = (data.presence[:, a] & data.presence[:, b])[data.study]
            treatment = data.treatment.copy()
            treatment[both & (data.treatment == a)] = T
            treatment[both & (data.treatment == b)] = T + 1
            names = (*data.treatments, *(f"{data.treatments[t]}, direct" for t in split))
            data = replace(data, treatments=names, treatment=treatment)
            self.design = np.vstack([self.design, self.design[[a, b]]])
            self.design = np.column_stack([self.design, [0.0] * T + [0.5, -0.5]])
            same = np.append(same, split)
        self.data = data
        self.terms = StudyTerms(data, link, reference, priors.baseline_sd, same)
        self.rough = data.dense(y), data.dense(v, np.inf)

    def _guess(self, tau: float) -> tuple[Floats, Floats]:
        """The parameters (P,) and their covariance by least squares on the rough arm estimates."""
        y, weight = self.rough[0], weights(self.rough[1], tau**2)
        centred = y - ((weight * y).sum(axis=1) / weight.sum(axis=1))[:, None]
        information = self.design.T @ laplacian(weight) @ self.design
        information[np.diag_indices(len(information))] += 1 / self.priors.effect_sd**2
        covariance = np.linalg.inv(information)
        return covariance @ (self.design.T @ (weight * centred).sum(axis=0)), covariance

    def node(self, tau: float, near: Floats | None = None) -> Node:
        guess, covariance = self._guess(tau)
        between = self.design @ covariance @ self.design.T
        d = np.diag(between)
        spread = np.sqrt(np.maximum(d[:, None] + d[None, :] - 2 * between, 0.0))
        terms = self.terms.at(tau, self.design @ guess, spread)
        P, precision = len(guess), 1 / self.priors.effect_sd**2
        mode = guess if near is None else near.copy()

        def log_posterior(x: Floats) -> tuple[float, Floats, Floats]:
            value, g, h = terms.newton(self.design @ x)
            value -= 0.5 * precision * float(x @ x)
            return (
                value,
                self.design.T @ g - precision * x,
                self.design.T @ h @ self.design - precision * np.eye(P),
            )

        value, g, h = log_posterior(mode)
        for _ in range(40):
            values, vectors = np.linalg.eigh(-h)
            values = np.maximum(np.abs(values), precision)
            step = vectors @ ((vectors.T @ g) / values)
            expected = 0.5 * float(step @ g)
            size = min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
            for _ in range(20):
                trial = mode + size * step
                new = log_posterior(trial)
                if new[0] >= value - 1e-9:
                    break
                size /= 2
            mode, (value, g, h) = trial, new
            if size == 1.0 and expected < 1e-3:  # in log density: the proposal's mode, the weights are exact
                break
        values, vectors = np.linalg.eigh(-h)
        values = np.maximum(values, precision)
        root = (vectors / np.sqrt(values)) @ vectors.T
        log_prior = -P * (math.log(self.priors.effect_sd) + 0.5 * math.log(2 * math.pi))
        laplace = value + log_prior + 0.5 * P * math.log(2 * math.pi) - 0.5 * float(np.log(values).sum())
        if self.random:
            laplace += float(self.priors.log_density(np.array(tau)))
        return Node(tau, terms, mode, root, laplace)

    def log_joint(self, node: Node, z: Floats) -> tuple[Floats, Floats, Floats]:
        """Effects (T, n), log prior + likelihood at root z, z (n, P), and the study terms (S, n)."""
        x = node.mode[:, None] + node.root @ z.T
        d = self.design @ x
        terms = node.terms.values(d)
        sd = self.priors.effect_sd
        prior = -0.5 * (x**2).sum(axis=0) / sd**2
        prior = prior - len(x) * (math.log(sd) + 0.5 * math.log(2 * math.pi))
        value = terms.sum(axis=0) + prior
        if self.random:
            value = value + float(self.priors.log_density(np.array(node.tau)))
        return d, value, terms

    def split_scales(self, node: Node) -> tuple[Floats, Floats]:
        """Scales (P,) below and above the mode along each axis (Geweke 1989)."""
        P = self.design.shape[1]
        reach = np.array([0.7, 1.5, 2.5, 4.0, 8.0, 16.0])
        z = np.zeros((1 + 2 * P * len(reach), P))
        row = 1
        for axis in range(P):
            for side in (-1, 1):
                z[row : row + len(reach), axis] = side * reach
                row += len(reach)
        _, value, _ = self.log_joint(node, z)
        fall = np.maximum(value[0] - value[1:], 1e-3).reshape(P, 2, len(reach))
        # far out only a plateau counts, where nothing but the prior ends it; an exponential tail is left
        # to the weights
        fall = np.where((reach > 4) & (fall > reach), np.inf, fall)
        scale = np.clip((reach / np.sqrt(2 * fall)).max(axis=-1), 0.8, 16.0)
        return scale[:, 0], scale[:, 1]

    def sample(self, node: Node, n: int, skip: int) -> tuple[Floats, Floats, Floats]:
        """Effects (n, T), log of (joint density / proposal density), study terms (S, n)."""
        below, above = (1.03 * s for s in self.split_scales(node))
        u = ndtr(_matched(ndtri(lattice(n, self.design.shape[1], skip))))
        u = np.clip(u, 1e-12, 1 - 1e-12)
        share = below / (below + above)
        left = u < share
        with np.errstate(divide="ignore", invalid="ignore"):
            low = below * ndtri(np.minimum(u / (2 * share), 0.5))
            high = above * ndtri(np.maximum(0.5 + (u - share) / (2 * (1 - share)), 0.5))
        z = np.where(left, low, high)
        width = np.where(left, below, above)
        log_q = (
            math.log(2) - np.log(below + above) - 0.5 * (z / width) ** 2 - 0.5 * math.log(2 * math.pi)
        ).sum(axis=1)
        log_q = log_q - np.linalg.slogdet(node.root)[1]
        d, value, terms = self.log_joint(node, z)
        return d.T, value - log_q, terms

    def nodes(self) -> tuple[list[Node], Floats]:
        """Nodes of tau where the posterior has mass, and their quadrature weights.

        Equal steps in s, tau = c sinh(s) (log tau where the prior vanishes at 0), halved until the sum no
        longer moves: the integrand is smooth, even at s = 0 and gone at the other end, where the trapezoidal
        rule converges geometrically. A prior that ends where there is mass takes Gauss-Legendre nodes.
        """
        if not self.random:
            return [self.node(0.0)], np.ones(1)
        low, high = self.priors.support()
        kind, _ = self.priors.parsed()
        logarithmic = kind.startswith("log") or kind == "gamma"
        c = 0.3
        ends = np.array([max(low, 1e-6), min(high, 50.0)])
        first, last = np.log(ends) if logarithmic else np.arcsinh(ends / c)
        even = not logarithmic and low == 0.0
        if even:
            first = 0.0

        def tau(s: float) -> float:
            return math.exp(s) if logarithmic else c * math.sinh(s)

        def jacobian(s: float) -> float:
            return math.exp(s) if logarithmic else c * math.cosh(s)

        found: dict[int, tuple[float, Node]] = {}
        # at first a step of about a half in s, an integer position counts the finest steps
        finest = 4096
        cells = max(4, math.ceil((last - first) / 0.6))
        unit = (last - first) / (cells * finest)

        def place(i: int) -> tuple[float, Node]:
            if i not in found:
                s = first + i * unit
                near = min(found, key=lambda j: abs(j - i), default=None)
                node = self.node(tau(s), None if near is None else found[near][1].mode)
                value = node.laplace + math.log(jacobian(s))
                found[i] = (value if math.isfinite(value) else -math.inf, node)
            return found[i]

        def active(step: int) -> list[int]:
            top = max(value for value, _ in found.values())
            return [i for i in sorted(found) if i % step == 0 and found[i][0] > top - _FALL]

        def moments(step: int) -> Floats:
            use = active(step)
            height = np.array([found[i][0] for i in use])
            mass = np.exp(height - max(v for v, _ in found.values())) * step
            mass[[i == 0 or i == end for i in use]] /= 2
            t = np.array([found[i][1].tau for i in use])
            total = max(float(mass.sum()), 1e-300)
            return np.array([total, mass @ t / total, mass @ t**2 / total])

        step = finest
        end = cells * finest
        for i in range(0, end + 1, step):
            place(i)
        # data that contradict the prior: on to where the posterior has fallen
        while kind != "uniform" and active(step)[-1] == end and tau(first + end * unit) < 1e3:
            end += step
            place(end)
        while step > 1:
            half = step // 2
            for i in active(step):
                for j in (i - half, i + half):
                    if 0 <= j <= end:
                        place(j)
            change = np.abs(moments(half) / np.maximum(moments(step), 1e-300) - 1).max()
            step = half
            # the error falls with the fourth power at each halving, with the second at worst
            if change < 0.03 and len(active(step)) > 5:
                break
        use = active(step)
        top = max(v for v, _ in found.values())
        cut = (use[0] == 0 and not even and found[0][0] > top - 8) or (
            use[-1] == end and found[use[-1]][0] > top - 8
        )
        if not cut:
            width = np.array([jacobian(first + i * unit) * unit * step for i in use])
            if use[0] == 0:
                width[0] /= 2
            return [found[i][1] for i in use], width
        # the prior ends where there is mass
        a, b = first + max(use[0] - step, 0) * unit, first + min(use[-1] + step, end) * unit
        x, w = np.polynomial.legendre.leggauss(15)
        s = (a + b) / 2 + (b - a) / 2 * x
        return [self.node(tau(float(t))) for t in s], w * (b - a) / 2 * np.array(
            [jacobian(float(t)) for t in s]
        )

    def run(self, points: int | None = None) -> Posterior:
        """``points``: how many to begin with; one or two dimensions are filled by fewer."""
        points = points or {1: 1024, 2: 2048}.get(self.design.shape[1], 4096)
        nodes, width = self.nodes()
        laplace = np.array([n.laplace for n in nodes]) + np.log(width)
        share = np.exp(laplace - laplace.max())
        share = share / share.sum()
        for _ in range(3):
            posterior = self._run(nodes, width, share, points)
            if (posterior.k < 0.7 and posterior.ess > 0.2 * points) or posterior.lost:
                break
            points *= 3
        return posterior

    def _run(self, nodes: list[Node], width: Floats, share: Floats, points: int) -> Posterior:
        counts = np.maximum(2 * np.round(points * share / 2).astype(int), 32)
        skip = 0
        effects, logs, taus, studies, evidence = [], [], [], [], []
        for node, n, w in zip(nodes, counts.tolist(), width, strict=True):
            d, ratio, terms = self.sample(node, n, skip)
            skip += n
            top = ratio.max()
            evidence.append(top + math.log(np.exp(ratio - top).mean()))
            effects.append(d)
            taus.append(np.full(n, node.tau))
            logs.append(ratio + math.log(w) - math.log(n))
            studies.append(terms)
        log_weight = np.concatenate(logs)
        top = float(log_weight.max())
        weight = np.exp(log_weight - top)
        total = float(weight.sum())
        # nodes differ in how many points they got: the tail is judged among points of equal standing
        within = np.concatenate([x - e for x, e in zip((r for r in logs), np.array(evidence), strict=True)])
        within = within + np.log(np.repeat(counts, counts)) - np.repeat(np.log(width), counts)
        chosen = np.repeat(share, counts) > 1e-3
        relative = np.exp(within[chosen])
        return Posterior(
            d=np.concatenate(effects),
            tau=np.concatenate(taus),
            weight=weight / total,
            tau_nodes=np.array([n.tau for n in nodes]),
            tau_weights=width,
            tau_log_density=np.array(evidence) - top - math.log(total),
            log_evidence=top + math.log(total),
            k=pareto_k(within[chosen]),
            ess=float(relative.sum() ** 2 / (relative**2).sum()) * points / max(int(chosen.sum()), 1),
            study_terms=np.concatenate(studies, axis=1),
        )


def _rough(data: NetworkData, measure: str) -> tuple[Floats, Floats]:
    """Arm estimates for a first guess: every cell with a half added, whatever the measure."""
    scale = "OR" if measure == "OR" else "IRR"
    y, v, _ = arm_effects(data, scale)
    bad = ~np.isfinite(v)
    e, d = data.events, data.denominator
    y = np.where(bad, np.log((e + 0.5) / (d + 1)), y)
    v = np.where(bad, 1 / (e + 0.5) + (1 / (d - e + 0.5) if scale == "OR" else 0.0), v)
    return y, v
