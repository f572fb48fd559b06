"""Maximum likelihood of exact models with normal random effects, by adaptive quadrature.

Study i contributes the integral over standard normal z of ``exp(sum_j l_ij(eta_ij))`` with

    eta_ij = alpha_i + c_j (theta + tau z2) + sigma z1

where ``l_ij`` is a kernel. ``alpha_i`` is absent (conditional models), free in every study, or one common
``alpha`` with ``sigma`` the standard deviation of the study intercepts. Being linear in every parameter,
``eta`` gives first and second derivatives of the log-likelihood as posterior expectations under the same
quadrature (Louis 1982), so every step is a Newton step; free study intercepts are eliminated from it (Schur
complement). Nodes are centred and scaled study by study: a trapezoid sum for one random effect, which
stays exact for the one-sided integrands of studies with a zero cell. For two, a Gauss-Hermite product
(Naylor & Smith 1982; Pinheiro & Bates 1995) leads near the maximum, and trapezoid sums along the one at every
node of the other are the likelihood. Nodes are added until it stands still.

A model is evaluated at P points of its parameters at once: the ends of a profile interval, say, are searched
side by side, which costs little more than one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.kernels import Kernel
from jakinib.synthesis.model import FULL, LINES, Model, State
from jakinib.synthesis.quadrature import DROP, ends, gauss_hermite, probes, trapezoid

_BLOCK = 100_000  # studies x points x nodes held at once
# between nodes of a trapezoid sum with FULL points, in scales of the integrand and in eta; more make it finer
_STEPS = np.array([0.55, 0.6])
# of no events the integrand is analytic for pi / 2 in eta only: finer where the rule is not refined
_PLANE_STEPS = np.array([0.6, 0.52])


def _sum(parts: Floats, times: Sequence[float] | None = None) -> Floats:
    """The sum over the first axis, which is short, each part ``times`` its own number."""
    total: Floats = parts[0] if times is None else times[0] * parts[0]
    for j in range(1, len(parts)):
        total = total + (parts[j] if times is None else times[j] * parts[j])
    return total


def _triangle(first: Floats, second: Floats, bend: Floats) -> tuple[Floats, Floats, Floats]:
    """Cholesky factor [[root, 0], [share, rest]] of I + sum_j bend_j v_j v_j' over j, v = (first, second).

    Its determinant is a sum of positive terms, so that it stays regular however much one of them outweighs.
    """
    own = 1.0 + (bend * first * first).sum(axis=0)
    turn = first[0] * second[1] - first[1] * second[0]
    determinant = own + (bend * second * second).sum(axis=0) + bend[0] * bend[1] * turn * turn
    root = np.sqrt(own)
    return root, (bend * first * second).sum(axis=0) / root, np.sqrt(determinant / own)


@dataclass(frozen=True)
class _Grid:
    """Nodes ``z`` (k, P, Q, d) in use, their log weights ``base``, their powers and products ``features``
    (k, P, Q, 1 + d + ...) unless they are many, and how far each point's linear predictor may move
    (``room``, (P,)) from where they were laid before they are laid anew.
    """

    beta: Floats
    study: Floats
    points: int
    centre: Floats
    z: Floats
    base: Floats
    features: Floats | None
    room: Floats


def _features(z: Floats) -> Floats:
    """1, z, and the products of two z (k, P, Q, 1 + d + ...), each z's values side by side in memory."""
    d = z.shape[-1]
    features = np.empty((*z.shape[:2], (d + 1) * (d + 2) // 2, z.shape[2]))
    features[:, :, 0] = 1.0
    for i in range(d):
        features[:, :, 1 + i] = z[..., i]
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    for n, (i, j) in enumerate(pairs):
        np.multiply(features[:, :, 1 + i], features[:, :, 1 + j], out=features[:, :, 1 + d + n])
    return features.swapaxes(2, 3)


class MixedModel(Model):
    """A model over k studies.

    ``kernel``: the log-likelihoods of the counts of all studies, first those of the first ``c``, then those
    of the next (k studies each). ``intercept``: None, "fixed" or "random".
    """

    def __init__(self, kernel: Kernel, c: Sequence[float], k: int, intercept: str | None = None) -> None:
        super().__init__(k, 4 if intercept == "random" else 2, intercept)
        self.kernel, self.c = kernel, c
        self._grid: dict[tuple[int, ...], _Grid] = {}

    def evaluate(self, beta: Floats, study: Floats, points: int, centre: Floats | None = None) -> State:
        if self.random_intercepts and len(beta) > 1:
            # one random effect has a rule of its own, which is better than the product for two
            kinds = (beta[:, [1, 3]] != 0.0) @ [1, 2]
            parts = [np.flatnonzero(kinds == kind) for kind in set(kinds.tolist())]
            if len(parts) > 1:
                states = [self.evaluate(beta[at], study[at], points) for at in parts]
                states = [replace(s, centre=np.zeros((len(s.value), self.k, 2))) for s in states]
                return State.joined(states).take(np.argsort(np.concatenate(parts)))
        random = tuple(i for i in (1, 3) if i < self.size and beta[:, i].any())
        if len(random) == 2 and points >= LINES and len(beta) > 1:  # one fills the processor's cache
            near = [None if centre is None else centre[[p]] for p in range(len(beta))]
            alone = [self.evaluate(beta[[p]], study[[p]], points, at) for p, at in enumerate(near)]
            return State.joined(alone)
        grid = self._nodes(beta, study, random, points, centre)
        if grid.features is not None:
            value, moments = self._moments(beta, study, random, grid.z, grid.base, grid.features)
        else:
            block = max(1, _BLOCK // (self.k * len(beta)))
            blocks = [slice(at, at + block) for at in range(0, grid.z.shape[2], block)]
            sums = [
                self._moments(beta, study, random, grid.z[:, :, at], grid.base[:, :, at], None)
                for at in blocks
            ]
            each = np.stack([log for log, _ in sums])
            value = np.logaddexp.reduce(each, axis=0)
            share = np.exp(each - value)
            moments = sum(w[..., None, None] * m for w, (_, m) in zip(share, sums, strict=True))
        value = value.sum(axis=0)
        column: dict[tuple[int, ...], int] = {(): 0}
        column |= {(i,): 1 + n for n, i in enumerate(random)}
        pairs = [(i, j) for n, i in enumerate(random) for j in random[n:]]
        column |= {pair: 1 + len(random) + n for n, pair in enumerate(pairs)}
        # theta, tau (, alpha, sigma or alpha_i): 0 along theta, 1 along alpha; and the z it is multiplied by
        along = (0, 0, 1, 1)
        count = self.size + (self.intercept == "fixed")
        mean = np.zeros((self.k, len(beta), count))
        hessian = np.zeros((self.k, len(beta), count, count))
        live = [p for p in range(count) if p in (0, 2) or p in random]
        for p in live:
            own = (p,) if p in random else ()
            mean[..., p] = moments[..., 2 * along[p], column[own]]
            for q in live[: live.index(p) + 1]:
                both = tuple(sorted(own + ((q,) if q in random else ())))
                row = (1, 3, 4)[along[p] + along[q]]
                hessian[..., p, q] = hessian[..., q, p] = moments[..., row, column[both]]
        hessian -= mean[..., :, None] * mean[..., None, :]
        # where all standard deviations are zero their nodes are not spanned: d2/dtau2 = g^2 + h at z = 0
        for i, row in ((1, 1), (3, 4)):
            if i < self.size and i not in random:
                hessian[..., i, i] = moments[..., row, 0]
        none = np.zeros((len(beta), 0))
        if self.intercept != "fixed":
            return State(
                beta,
                study,
                value,
                mean.sum(axis=0),
                hessian.sum(axis=0),
                np.zeros(len(beta)),
                none,
                none[..., None],
                grid.centre,
            )
        curve = np.minimum(hessian[..., 2, 2], -1e-12)
        cross = -hessian[..., 2, :2] / curve[..., None]
        reduced = hessian[..., :2, :2].sum(axis=0)
        reduced += np.einsum("kPp,kPq->Ppq", cross, hessian[..., 2, :2])
        slope = mean[..., 2]
        gradient = mean[..., :2].sum(axis=0) + (cross * slope[..., None]).sum(axis=0)
        step = -slope / curve
        gain = 0.5 * (slope * step).sum(axis=0)
        return State(
            beta, study, value, gradient, reduced, gain, step.T, cross.transpose(1, 0, 2), grid.centre
        )

    def _moments(
        self,
        beta: Floats,
        study: Floats,
        random: tuple[int, ...],
        z: Floats,
        base: Floats,
        features: Floats | None,
    ) -> tuple[Floats, Floats]:
        """Each study's log integral over the nodes (k, P), and the expectations its derivatives are made of.

        The score along each parameter is that along theta or alpha times 1 or z, so all that is needed are
        expectations of scores and of their products, times 1, z, and products of two z.
        """
        l0, l1, l2 = self._likelihood(beta, study, z, random)
        joint = base + _sum(l0)
        top = joint.max(axis=2, keepdims=True)
        weight = np.exp(joint - top)
        total = weight.sum(axis=2, keepdims=True)
        weight /= total
        gt = _sum(l1, self.c)
        rows = np.empty((self.k, len(beta), 2 if self.intercept is None else 5, weight.shape[2]))
        np.multiply(weight, gt, out=rows[:, :, 0])
        np.multiply(weight, gt * gt + _sum(l2, [c * c for c in self.c]), out=rows[:, :, 1])
        if self.intercept is not None:
            ga = _sum(l1)
            np.multiply(weight, ga, out=rows[:, :, 2])
            np.multiply(weight, gt * ga + _sum(l2, self.c), out=rows[:, :, 3])
            np.multiply(weight, ga * ga + _sum(l2), out=rows[:, :, 4])
        value = (top + np.log(total))[..., 0]
        return value, np.matmul(rows, _features(z) if features is None else features)

    def _likelihood(
        self, beta: Floats, study: Floats, z: Floats, random: tuple[int, ...]
    ) -> tuple[Floats, Floats, Floats]:
        """Each count's log-likelihood and its two derivatives in eta, (c, k, P, Q)."""
        effect = beta[:, :1]
        if 1 in random:
            effect = effect + beta[:, 1:2] * z[..., random.index(1)]
        eta = np.empty((len(self.c), *z.shape[:3]))
        for c, own in zip(self.c, eta, strict=True):
            np.multiply(c, effect, out=own)
        if self.intercept == "fixed":
            eta += study.T[:, :, None]
        elif self.random_intercepts:
            eta += beta[:, 2:3]
            if 3 in random:
                eta += beta[:, 3:4] * z[..., random.index(3)]
            elif study.size:  # one node each of the random intercepts
                eta += study.T[:, :, None]
        shape = eta.shape
        l0, l1, l2 = self.kernel(eta.reshape(shape[0] * shape[1], -1))
        return l0.reshape(shape), l1.reshape(shape), l2.reshape(shape)

    def _nodes(
        self, beta: Floats, study: Floats, random: tuple[int, ...], points: int, centre: Floats | None
    ) -> _Grid:
        """Nodes and log weights: those in use as long as they fit."""
        grid = self._grid.get(random)
        if grid is not None and self._still_fits(grid, beta, study, points):
            return grid
        P = len(beta)
        if centre is None or centre.shape[2] != len(random):
            centre = np.zeros((P, self.k, len(random)))
        centre = centre.transpose(1, 0, 2)
        if not random:
            z, base, room = np.zeros((self.k, P, 1, 0)), np.zeros((self.k, P, 1)), np.full(P, np.inf)
        elif len(random) == 2 and points >= LINES:
            centre, scale, _ = self._adapt(beta, study, random, centre)
            z, base, room = self._plane(beta, centre, scale, _PLANE_STEPS * (FULL / points))
        elif len(random) == 2:
            centre, scale, log_scale = self._adapt(beta, study, random, centre)
            x, log_w = gauss_hermite(points, 2)
            z = centre[:, :, None, :] + np.matmul(x, scale.transpose(0, 1, 3, 2))
            base = log_w - 0.5 * (z**2).sum(axis=-1) + log_scale[..., None]
            # the widest shift of eta that leaves every study's nodes where its integrand is
            width = np.sqrt((scale**2).sum(axis=3)) * beta[:, list(random)]
            room = 0.3 * width.min(axis=(0, 2), initial=np.inf)
        else:
            centre, scale, _ = self._adapt(beta, study, random, centre)
            z, base, room = self._line(beta, study, random, _STEPS * (FULL / points), centre, scale[..., 0])
        many = z.shape[2] * self.k * P > _BLOCK
        features = None if many else _features(z)
        grid = _Grid(beta, study, points, centre.transpose(1, 0, 2), z, base, features, room)
        self._grid[random] = grid
        return grid

    def _line(
        self,
        beta: Floats,
        study: Floats,
        random: tuple[int, ...],
        steps: Floats,
        centre: Floats,
        scale: Floats,
    ) -> tuple[Floats, Floats, Floats]:
        """Nodes (k, P, Q, 1), log weights and room of a trapezoid sum over all of each study's integrand.

        The integrand is log-concave, so it has fallen by exp(-DROP) at most sqrt(2 DROP) from its mode.
        The sum converges exponentially once the step resolves both the posterior and the bend of the
        likelihood, which is of width 1 in eta, hence of width 1 / tau in z.
        """
        probe = probes(centre, scale)
        height = _sum(self._likelihood(beta, study, probe[..., None], random)[0]) - 0.5 * probe**2
        left, right = ends(probe, height)
        tau = beta[:, random[0], None]
        z, log_weight = trapezoid(left, right, scale, tau, steps)
        room = 0.3 * scale.min(axis=(0, 2)) * tau[:, 0]
        return z[..., None], log_weight, room

    def _plane(
        self, beta: Floats, centre: Floats, scale: Floats, steps: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Nodes (k, 1, Q, 2), log weights and room of trapezoid sums over z2 at every node of one over z1.

        Both integrands are log-concave, that of z1 because the marginal of such a one is (Prékopa 1973).
        """
        tau, sigma = beta[0, [1, 3]]
        slope = scale[..., 0, 1] / scale[..., 1, 1]  # how the mode of z2 follows z1
        middle, width = centre[:, 0, 1, None], scale[:, 0, 1, 1, None]

        def across(u: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
            """Given z1 = u (k, U): U points with study intercepts, the mode and scale of z2, and Laplace's
            log integrand of z1.
            """
            rows, shift = np.repeat(beta * [1.0, 1.0, 1.0, 0.0], u.shape[1], axis=0), sigma * u.T
            start = centre[:, :, 0] + slope * (u - middle)
            mode, inner, log_scale = self._adapt(rows, shift, (1,), start[..., None])
            height = _sum(self._likelihood(rows, shift, mode[:, :, None, :], (1,))[0])[..., 0]
            return rows, shift, mode, inner[..., 0], height + log_scale - 0.5 * (mode[..., 0] ** 2 + u**2)

        probe = probes(middle, width)
        left, right = ends(probe, across(probe)[-1])
        u, log_weight = trapezoid(left, right, width, sigma, steps)
        rows, shift, mode, inner, height = across(u)
        # beyond the end any nodes will do
        inner[height < height.max(axis=1, keepdims=True) - DROP] = 1.0
        v, base, _ = self._line(rows, shift, (1,), steps, mode, inner)
        z = np.empty((self.k, 1, v.shape[1] * v.shape[2], 2))
        z[..., 0] = v.reshape(self.k, 1, -1)
        z[..., 1] = np.repeat(u, v.shape[2], axis=1)[:, None]
        base = base + log_weight[..., None]
        room = 0.3 * min(sigma * float(width.min()), tau * float(inner.min()))
        return z, base.reshape(self.k, 1, -1), np.array([room])

    def _still_fits(self, grid: _Grid, beta: Floats, study: Floats, points: int) -> bool:
        """Whether eta has moved little enough anywhere on the nodes; those beyond |z| = 3 hardly count."""
        if points != grid.points or len(beta) != len(grid.beta):
            return False
        move = np.abs(beta - grid.beta)
        shift = move[:, 0] + 3.0 * move[:, 1]
        if self.random_intercepts:
            shift = shift + move[:, 2] + 3.0 * move[:, 3]
        elif self.intercept == "fixed":
            shift = shift + np.abs(study - grid.study).max(axis=1, initial=0.0)
        return bool((shift <= grid.room).all())

    def _adapt(
        self, beta: Floats, study: Floats, random: tuple[int, ...], z: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Posterior mode of z, from near by, and a square root of its inverse curvature, study by study.

        Roughly is enough: any centre and scale give the same integral, only with more or fewer nodes.
        """
        sd = beta[:, list(random)]
        c = np.array(self.c)[:, None, None]
        reach = 2.0 / np.maximum(1.0, sd)  # at most 2 in eta: longer steps overshoot the bend
        # how eta of each count moves with each z
        lead = [(c if i == 1 else np.ones_like(c)) * sd[:, n] for n, i in enumerate(random)]
        enough = 0.05 if len(random) == 2 else 0.2  # a product of nodes must be well centred
        for _ in range(50):
            _, l1, l2 = (part[..., 0] for part in self._likelihood(beta, study, z[:, :, None, :], random))
            gradient = [(m * l1).sum(axis=0) - z[..., n] for n, m in enumerate(lead)]
            if len(random) == 1:
                precision = 1.0 - (lead[0] * lead[0] * l2).sum(axis=0)
                step = (gradient[0] / precision)[..., None]
            else:
                root, share, rest = _triangle(lead[0], lead[1], -l2)
                first = gradient[0] / root
                second = (gradient[1] - share * first) / rest / rest
                step = np.stack([(first - share * second) / root, second], axis=-1)
            z = z + np.minimum(np.maximum(step, -reach), reach)
            if np.abs(step).max(initial=0.0) < enough:
                break
        if len(random) == 1:
            scale = (1 / np.sqrt(precision))[..., None, None]
            return z, scale, np.log(scale[..., 0, 0])
        scale = np.zeros((*root.shape, 2, 2))
        scale[..., 0, 0], scale[..., 1, 1] = 1 / root, 1 / rest
        scale[..., 0, 1] = -share / (root * rest)
        return z, scale, -np.log(root) - np.log(rest)
