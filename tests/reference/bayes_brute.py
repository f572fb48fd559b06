"""Posteriors of two treatments by brute force, on grids of baseline, effect and tau: writes bayes_brute.csv.

    python bayes_brute.py

Nothing of the package is used. Each study's likelihood of a contrast is summed over a grid of its baseline,
convolved with N(0, tau^2) on a grid of the contrast (Gauss-Hermite where tau is small), multiplied over the
studies with the priors, and summed over grids of the effect and of log(tau). Takes a few minutes.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.special import gammaln, logsumexp

HERE = Path(__file__).parent
PRIORS = {
    # Turner et al. 2015, adverse events, pharmacological v placebo: log(tau^2) ~ N(-1.87, 1.52^2)
    "turner2015(pharmacological-placebo, adverse events)": lambda t: (
        -0.5 * ((2 * np.log(t) + 1.87) / 1.52) ** 2 - math.log(1.52 * math.sqrt(2 * math.pi)) + np.log(2 / t)
    ),
    "halfnormal(0.5)": lambda t: -2 * t**2 + 0.5 * math.log(2 / math.pi) - math.log(0.5),
}
# events and persons, or person-years: (treatment, its size, reference, its size), one entry a study
TABLES = {
    "contradiction": ("OR", [50, 0], [50, 50], [0, 50], [50, 50]),
    "contradiction, large": ("OR", [5000, 10], [10000, 10000], [10, 5000], [10000, 10000]),
    "contradiction, person-years": ("IRR", [3, 0, 8], [1e-3, 2, 1e4], [1, 9, 0], [1e4, 1, 1e-2]),
    "three sparse studies": ("OR", [4, 5, 6], [300, 300, 400], [1, 1, 1], [300, 300, 400]),
}


def arm(events: float, size: float, eta: np.ndarray, measure: str) -> np.ndarray:
    if measure == "IRR":
        return events * (eta + math.log(size)) - size * np.exp(eta) - gammaln(events + 1)
    choose = gammaln(size + 1) - gammaln(events + 1) - gammaln(size - events + 1)
    return choose + events * eta - size * np.logaddexp(0, eta)


def normal(x: np.ndarray, sd: float) -> np.ndarray:
    return -0.5 * (x / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))


def contrasts(measure: str, study: tuple[float, ...], z: np.ndarray) -> np.ndarray:
    """Log-likelihood of the contrasts z, the baseline ~ N(0, 10^2) summed out."""
    x1, n1, x0, n0 = study
    mu = np.arange(-75, 75, 0.01)
    base = normal(mu, 10) + arm(x0, n0, mu, measure)
    return np.array([logsumexp(base + arm(x1, n1, mu + c, measure)) + math.log(0.01) for c in z])


def posterior(z: np.ndarray, tables: list[np.ndarray], prior: str) -> dict[str, float]:
    d = np.arange(-60, 60.01, 0.05)
    splines = [CubicSpline(z, table) for table in tables]
    log_tau = np.arange(math.log(1e-5), math.log(60), 0.06)
    x, w = np.polynomial.hermite_e.hermegauss(25)
    joint = np.empty((len(log_tau), len(d)))
    for i, t in enumerate(np.exp(log_tau)):
        total = normal(d, 10) + PRIORS[prior](t) + math.log(t)
        for table, spline in zip(tables, splines, strict=True):
            if t < 0.3:
                values = spline(np.clip(d[:, None] + t * x, -150, 150))
                total = total + logsumexp(values, axis=1, b=w / w.sum())
            else:
                # a sum of products, not of Fourier transforms, which would fill the tails with rounding
                half = int(min(12 * t, 150) / 0.05)
                kernel = np.exp(normal(0.05 * np.arange(-half, half + 1), t)) * 0.05
                top = table.max()
                padded = np.pad(np.exp(table - top), half, mode="edge")
                inside = np.convolve(padded, kernel, mode="valid")
                total = total + top + np.log(np.maximum(np.interp(d, z, inside), 1e-300))
        joint[i] = total
    log_evidence = float(logsumexp(joint) + math.log(0.05 * 0.06))
    p = np.exp(joint - joint.max())
    p = p / p.sum()
    tau = np.exp(log_tau)
    mean, mean_tau = float(p.sum(axis=0) @ d), float(p.sum(axis=1) @ tau)
    return {
        "mean": mean,
        "sd": math.sqrt(p.sum(axis=0) @ (d - mean) ** 2),
        "tau": mean_tau,
        "tau_sd": math.sqrt(p.sum(axis=1) @ (tau - mean_tau) ** 2),
        "log_evidence": log_evidence,
    }


def main() -> None:
    inputs = pd.read_csv(HERE / "pairwise_inputs.csv")
    part = inputs[inputs.dataset == "nielweise2008"]
    tables = {**TABLES, "nielweise2008": ("IRR", *(part[c].tolist() for c in ("e1", "t1", "e2", "t2")))}
    rows = []
    for name, (measure, *columns) in tables.items():
        z = np.arange(-150, 150.01, 0.05)
        studies = [contrasts(measure, study, z) for study in zip(*columns, strict=True)]
        for prior in PRIORS:
            rows.append({"table": name, "prior": prior, **posterior(z, studies, prior)})
            print(rows[-1])
    pd.DataFrame(rows).to_csv(HERE / "bayes_brute.csv", index=False, float_format="%.7g")


if __name__ == "__main__":
    main()
