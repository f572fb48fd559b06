"""Maximum likelihood of the exact random-effects models by brute force: python exact.py, in five minutes.

Writes exact_brute.csv. Independent of the library: every integral is a trapezoid sum on a fixed fine grid
(spectrally accurate for these smooth, rapidly falling integrands), the maximum is found by Nelder-Mead and
polished by finite-difference Newton steps, study intercepts are optimised one by one. Plain on purpose.
"""

import csv
import math
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln, logsumexp

HERE = Path(__file__).parent
Z = np.linspace(-9, 9, 721)
LOG_W = -0.5 * Z**2 - 0.5 * math.log(2 * math.pi) + math.log(Z[1] - Z[0])


def choose(n, x):
    return gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)


def log_binomial(x, n, eta):
    return choose(n, x) + x * eta - n * np.logaddexp(0, eta)


def log_poisson(x, t, eta):
    return x * (eta + math.log(t)) - t * np.exp(eta) - gammaln(x + 1)


def log_hypergeometric(a, n1, c, n2, eta):
    x = np.arange(max(0, a + c - n2), min(a + c, n1) + 1)
    terms = choose(n1, x) + choose(n2, a + c - x)
    return choose(n1, a) + choose(n2, c) + a * eta - logsumexp(terms + np.multiply.outer(eta, x), axis=-1)


def conditional(rows, kind):
    def loglik(par):
        theta, tau = par
        total = 0.0
        for a, d1, c, d2 in rows:
            eta = theta + tau * Z
            if kind == "cm.el":
                value = log_hypergeometric(a, d1, c, d2, eta)
            else:  # binomial with odds d1 / d2 exp(eta): cm.al, and cm.el of person-time
                value = log_binomial(a, a + c, eta + math.log(d1 / d2))
            total += logsumexp(value + LOG_W)
        return total

    return loglik, np.array([0.0, 0.5])


def fixed(rows, log_count):
    def loglik(par):
        theta, tau = par
        half = 0.5 * (theta + tau * Z)
        total = 0.0
        for a, d1, c, d2 in rows:

            def lost(alpha, a=a, d1=d1, c=c, d2=d2):
                return -logsumexp(log_count(a, d1, alpha + half) + log_count(c, d2, alpha - half) + LOG_W)

            rough = math.log((a + c + 0.5) / (d1 + d2))
            total -= minimize_scalar(lost, bracket=(rough - 0.5, rough + 0.5), options={"xtol": 1e-11}).fun
        return total

    return loglik, np.array([0.0, 0.5])


def random(rows, log_count):
    z = np.linspace(-8, 8, 161)
    w = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + math.log(z[1] - z[0])
    w2 = np.add.outer(w, w)

    def loglik(par):
        theta, tau, alpha, sigma = par
        intercept = (alpha + sigma * z)[:, None]
        half = 0.5 * (theta + tau * z)[None, :]
        return sum(
            logsumexp(log_count(a, d1, intercept + half) + log_count(c, d2, intercept - half) + w2)
            for a, d1, c, d2 in rows
        )

    a, d1, c, d2 = np.array(rows).T
    return loglik, np.array([0.0, 0.5, math.log((a + c).sum() / (d1 + d2).sum()), 0.6])


def gradient_hessian(f, x, h=1e-3):
    p = len(x)
    e = np.eye(p) * h
    g = np.array([(8 * (f(x + v) - f(x - v)) - f(x + 2 * v) + f(x - 2 * v)) / (12 * h) for v in e])
    H = np.empty((p, p))
    for i in range(p):
        for j in range(i + 1):
            H[i, j] = H[j, i] = (
                f(x + e[i] + e[j]) - f(x + e[i] - e[j]) - f(x - e[i] + e[j]) + f(x - e[i] - e[j])
            ) / (4 * h * h)
    return g, H


def maximise(loglik, start):
    free = lambda x: -loglik(np.concatenate([x[:1], [abs(x[1])], x[2:3], np.abs(x[3:])]))  # noqa: E731
    x = minimize(free, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9, "maxiter": 4000}).x
    x[1] = abs(x[1])
    boundary = x[1] < 0.02
    keep = [i for i in range(len(x)) if not (boundary and i == 1)]
    if boundary:
        x[1] = 0.0
    f = lambda part: loglik(np.array([part[keep.index(i)] if i in keep else 0.0 for i in range(len(x))]))  # noqa: E731
    part = x[keep]
    for _ in range(4):
        g, H = gradient_hessian(f, part)
        part = part - np.linalg.solve(H, g)
    g, H = gradient_hessian(f, part)
    tau = 0.0 if boundary else abs(part[1])
    return part[0], math.sqrt(-np.linalg.inv(H)[0, 0]), tau**2, f(part)


def main():
    with (HERE / "pairwise_inputs.csv").open() as file:
        everything = list(csv.DictReader(file))
    tasks = [
        (name, measure, method)
        for measure, names, methods in (
            (
                "OR",
                ("nielweise2007", "collins1985b_stillb", "sim_k5", "sim_k18", "egger2001"),
                ("cm.el", "cm.al", "um.fs"),
            ),
            ("OR", ("nielweise2007", "collins1985b_stillb", "sim_k5", "sim_k18"), ("um.rs",)),
            ("OR", ("metafor45", "nissen2007_cv"), ("cm.el", "cm.al", "um.fs")),
            ("OR", ("nissen2007_mi",), ("cm.el", "cm.al")),
            ("IRR", ("nielweise2008", "hart1999", "sim_k18"), ("cm.el", "um.fs", "um.rs")),
        )
        for name in names
        for method in methods
    ]
    only = sys.argv[1:]  # data sets to print instead of writing all
    tasks = [t for t in tasks if not only or t[0] in only]
    out = csv.writer(sys.stdout if only else (HERE / "exact_brute.csv").open("w", newline=""))
    out.writerow(["dataset", "measure", "method", "theta", "se", "tau2", "log_likelihood"])
    for name, measure, method in tasks:
        size = "n" if measure == "OR" else "t"
        rows = [
            (int(r["e1"]), float(r[size + "1"]), int(r["e2"]), float(r[size + "2"]))
            for r in everything
            if r["dataset"] == name
        ]
        if method != "um.rs":
            rows = [r for r in rows if r[0] + r[2] > 0]
        count = log_binomial if measure == "OR" else log_poisson
        if method.startswith("cm"):
            loglik, start = conditional(rows, method if measure == "OR" else "binomial")
        else:
            loglik, start = (fixed if method == "um.fs" else random)(rows, count)
        theta, se, tau2, value = maximise(loglik, start)
        out.writerow([name, measure, method, *(f"{v:.12g}" for v in (theta, se, tau2, value))])


if __name__ == "__main__":
    main()
