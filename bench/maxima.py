"""Are the estimates, limits and p values of the exact models those of the highest maximum?

    python bench/maxima.py [TABLES]        20 random tables of each kind when not given

Every profile is climbed again from many values of tau (and of the spread of intercepts, or of the effect),
the others first. Printed: each result that is off by more than 0.005 of the log-likelihood, or a p value by
more than 0.001, and the counts.
"""

from __future__ import annotations

import itertools
import os
import sys
import warnings
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.special import chdtrc, chdtri

import jakinib as jk
from jakinib.synthesis.analysis import analyse, choose
from jakinib.synthesis.network import random_effects
from jakinib.synthesis.network.exact import Line
from jakinib.synthesis.pairs import Pairs

FALL = float(chdtri(1.0, 0.05)) / 2
TAUS = (0.0, 0.1, 0.3, 0.7, 1.5, 3.0, 6.0, 10.0)
PAIRWISE = (
    ("OR", "cm.el"), ("OR", "um.fs"), ("OR", "um.rs"), ("OR", "beta-binomial"), ("OR", "cm.al"),
    ("IRR", "cm.el"), ("IRR", "um.fs"), ("IRR", "um.rs"),
)  # fmt: skip


def table(i: int) -> Pairs:
    """Two to 15 studies: rare events, effects that differ by up to e^3, pairs that contradict one another."""
    rng = np.random.default_rng([1, i])
    k, kind = int(rng.integers(2, 16)), i % 3
    n = rng.integers(10, 400, (2, k))
    if kind == 0:
        p = np.full((2, k), rng.uniform(0.001, 0.05)) * np.array([[rng.uniform(0.3, 3)], [1.0]])
    elif kind == 1:
        base = 1 / (1 + np.exp(-rng.normal(-3, rng.uniform(0, 2), k)))
        ratio = np.exp(rng.normal(rng.normal(), rng.uniform(0, 3), k))
        p = np.array([np.clip(base * ratio, 0, 0.98), base])
    else:
        low, high = rng.uniform(0, 0.1, k), rng.uniform(0.3, 0.95, k)
        turned = rng.random(k) < rng.uniform(0.1, 0.9)
        p = np.where(turned, np.array([low, high]), np.array([high, low]))
    (e1, e2), (n1, n2) = rng.binomial(n, p).astype(float), n.astype(float)
    return Pairs(e1, n1, e2, n2)


def network(i: int) -> pd.DataFrame:
    """Three treatments in four to seven studies of two arms, or up to five in studies of up to four."""
    rng = np.random.default_rng([2, i])
    several = i % 2
    T = int(rng.integers(3, 6)) if several else 3
    k = int(rng.integers(T, 14)) if several else int(rng.integers(4, 8))
    rows = []
    for s in range(k):
        arms = (
            [s, s + 1]
            if s < T - 1
            else rng.choice(T, int(rng.integers(2, min(T, 4) + 1)) if several else 2, False)
        )
        n = rng.integers(10, 200, len(arms))
        eta = rng.normal(-2.5, 1) + rng.normal(0, (0.3, 2.5, 1.0)[i % 3], len(arms))
        events = rng.binomial(n, 1 / (1 + np.exp(-eta)))
        rows += [(f"s{s}", f"t{t}", int(e), int(size)) for t, e, size in zip(arms, events, n, strict=True)]
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])


def highest(fit: Any, j: int, x: float) -> float:
    """The profile of a pairwise fit with parameter ``j`` at ``x``."""
    model = fit.model
    spreads = (0.0, 0.1, 0.5, 1.2, 3.0) if model.random_intercepts else (None,)
    starts = []
    thetas, taus = ((x,), TAUS) if j == 0 else ((fit.theta - 2, fit.theta, fit.theta + 2), (x,))
    for theta, tau, sigma in itertools.product(thetas, taus, spreads):
        beta = fit.state.beta.copy()
        beta[0, :2] = theta, tau
        if sigma is not None:
            beta[0, 3] = sigma
        starts.append(beta)
    free = np.arange(model.size) != j
    rough = [model.maximise(model.evaluate(b, fit.state.study, 10), free, 10, 1e-3, 1e-2) for b in starts]
    rough.sort(key=lambda state: -state.value[0])
    return max(float(model.maximise(model.anew(s, 16), free, 16).value[0]) for s in rough[:2])


def off(name: str, at: float, peak: float, height: float) -> list[str]:
    wrong = abs(height - (peak - FALL)) > 5e-3
    return [f"{name} {at:.4g}: off by {height - peak + FALL:+.3f}"] if wrong else []


def pairwise(tables: int) -> None:
    for measure, method in PAIRWISE:
        wrong = fits = 0
        for i in range(tables):
            fitted = analyse(table(i), choose(measure, method, ci="profile")).fit.fitted[()]
            # one study tells nothing of tau, which is then held
            if not hasattr(fitted, "model") or not fitted.free[1]:
                continue
            fits += 1
            peak, found = fitted.log_likelihood, []
            if highest(fitted, 0, fitted.theta) > peak + 1e-3:
                found.append("a higher maximum")
            ends = ("low", 0, fitted.limits(0.95)[0]), ("high", 0, fitted.limits(0.95)[1])
            spread = (("tau low", 1, fitted.tau_limits(0.95)[0]), ("tau high", 1, fitted.tau_limits(0.95)[1]))
            for name, j, x in (*ends, *spread):
                if np.isfinite(x) and not (j == 1 and (x == 0 or x >= 10)):
                    found += off(name, x, peak, highest(fitted, j, x))
            p = float(chdtrc(1, max(0.0, 2 * (peak - highest(fitted, 0, 0.0)))))
            if abs(p - fitted.p()) > 1e-3:
                found.append(f"p {fitted.p():.4f} for {p:.4f}")
            wrong += bool(found)
            if found:
                print(f"  {measure} {method} table {i}: {'; '.join(found)}")
        print(f"{measure} {method}: {wrong} of {fits}", flush=True)


def networks(tables: int) -> None:
    wrong = fits = 0
    for i in range(tables):
        net = jk.network(network(i), "OR", "exact", reference="t0")
        for component in net.components:
            fit: Any = component.fit
            if not fit.random or (fit.label != fit.label[0]).any():
                continue
            fits += 1
            model, line = fit.exact, Line(fit, 1, 0)

            def profile(x: float, model: Any = model, line: Line = line) -> float:
                heights = []
                for tau in TAUS:
                    beta = line.start.copy()
                    beta[1] = x
                    state = random_effects.maximise(model, model.evaluate(beta, tau), line.free, False)
                    heights.append(random_effects.maximise(model, state, line.free, True).value)
                return max(heights)

            effect = fit.compare(np.array([1]), np.array([0]), 0.95)
            found = ["a higher maximum"] * (profile(float(effect.theta[0])) > fit.peak + 1e-3)
            for name, x in (("low", float(effect.low[0])), ("high", float(effect.high[0]))):
                if np.isfinite(x):
                    found += off(name, x, fit.peak, profile(x))
            p = float(chdtrc(1, max(0.0, 2 * (fit.peak - profile(0.0)))))
            if abs(p - effect.p[0]) > 1e-3:
                found.append(f"p {effect.p[0]:.4f} for {p:.4f}")
            wrong += bool(found)
            if found:
                print(f"  network {i}: {'; '.join(found)}")
    print(f"exact network: {wrong} of {fits}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    pairwise(many)
    networks(many)
