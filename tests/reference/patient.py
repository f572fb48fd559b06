"""Reference intervals for risk differences: the same model, worked in another way.

The density of the baseline (gamma, beta or log-normal) is integrated adaptively over the baseline itself
by scipy.integrate.quad, and the distribution function is inverted with Brent's method. Run it as

    python tests/reference/patient.py > tests/reference/patient.csv
"""

import csv
import sys

import numpy as np
from scipy import integrate, optimize, stats

# baseline (kind, a, b), measure, ratio with its printed limits, years
CASES = {
    # ORAL Surveillance, malignancy excluding NMSC: 42 in 5,482 PY on TNF inhibitors; HR 1.47 (1.00 to 2.18)
    "malignancy-oral": (("gamma", 42, 5482.0), "HR", (1.47, 1.00, 2.18), 1.0),
    "malignancy-oral-5": (("gamma", 42, 5482.0), "HR", (1.47, 1.00, 2.18), 5.0),
    # few events and a wide ratio
    "sparse-hr": (("gamma", 1, 180.0), "HR", (3.0, 0.4, 22.5), 1.0),
    "sparse-or": (("gamma", 2, 150.0), "OR", (1.12, 0.27, 4.69), 5.0),
    "rr": (("gamma", 30, 900.0), "RR", (0.46, 0.26, 0.80), 2.0),
    # persons over four years
    "share-or": (("beta", 28, 1237, 4.0), "OR", (1.06, 0.63, 1.79), 1.0),
    # a printed rate with its interval: 0.58 (0.51 to 0.65) per 100 person-years
    "printed-irr": (("lognormal", 0.0058, 0.0051, 0.0065), "IRR", (1.51, 1.10, 2.08), 1.0),
}


def baseline(kind, *numbers):
    """Frozen distribution of the rate (or share, with the years it was over)."""
    if kind == "gamma":
        events, years = numbers
        return stats.gamma(events + 0.5, scale=1 / years), lambda r: r
    if kind == "beta":
        events, n, years = numbers
        return stats.beta(events + 0.5, n - events + 0.5), lambda p: -np.log1p(-p) / years
    value, low, high = numbers
    return stats.lognorm(np.log(high / low) / (2 * stats.norm.ppf(0.975)), scale=value), lambda r: r


def below(d, distribution, rate, measure, theta, se, years):
    """P(difference <= d)."""

    def inner(x):
        r = rate(x)
        p0 = 1 - np.exp(-r * years)
        p1 = p0 + d
        if p1 <= 0:
            return 0.0
        if p1 >= 1:
            return distribution.pdf(x)
        ratio = {
            "HR": np.log(1 - p1) / np.log(1 - p0),
            "IRR": np.log(1 - p1) / np.log(1 - p0),
            "RR": p1 / p0,
            "OR": p1 * (1 - p0) / (p0 * (1 - p1)),
        }[measure]
        return distribution.pdf(x) * stats.norm.cdf((np.log(ratio) - theta) / se)

    ends = distribution.ppf([1e-12, 0.05, 0.5, 0.95, 1 - 1e-12])
    start = [max(ends[0], 1e-300), *ends[1:]]
    # where p1 crosses zero the integrand has an edge
    edge = -np.log1p(min(d, 0)) / years if d < 0 else None
    points = [e for e in [*start[1:-1], edge] if e is not None and start[0] < e < start[-1]]
    return integrate.quad(
        inner, start[0], start[-1], points=sorted(points), limit=500, epsabs=1e-13, epsrel=1e-11
    )[0]


def beyond(d, q, known):
    """How far P(difference <= d) is above ``q``."""
    return below(d, *known) - q


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["case", "low", "high"])
    for case, (base, measure, (estimate, low, high), years) in CASES.items():
        distribution, rate = baseline(*base)
        theta, se = np.log(estimate), np.log(high / low) / (2 * stats.norm.ppf(0.975))
        known = (distribution, rate, measure, theta, se, years)
        ends = [optimize.brentq(beyond, -0.5, 0.999, args=(q, known), xtol=1e-12) for q in (0.025, 0.975)]
        out.writerow([case, *(f"{e:.10g}" for e in ends)])


if __name__ == "__main__":
    main()
