"""Priors of a Bayesian synthesis, named the way they are printed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.bayes.empirical import EMPIRICAL, MEASURES, empirical

_FORM = re.compile(r"^\s*([a-z0-9]+)\s*\(([^()]*)\)\s*$")
_KINDS = {
    "halfnormal": 1,  # scale of the normal folded at 0
    "halfcauchy": 1,  # scale
    "uniform": 2,  # low, high
    "lognormal": 2,  # mean and sd of log(tau)
    "lognormal2": 2,  # mean and sd of log(tau^2), as empirical priors of heterogeneity are published
    "logt2": 3,  # location, scale and degrees of freedom of Student's t for log(tau^2)
    "gamma": 2,  # shape, rate
}


@dataclass(frozen=True)
class Priors:
    """Prior distributions; printed with every result.

    ``tau``: of the between-study standard deviation: ``halfnormal(s)``, ``halfcauchy(s)``, ``uniform(a, b)``,
    ``lognormal(m, s)`` (log tau normal), ``lognormal2(m, s)`` (log tau2 normal), ``logt2(m, s, df)`` (log
    tau2 Student t), ``gamma(shape, rate)``; or a published one by setting (see ``bayes.empirical``):
    ``turner2012(comparison, outcome)``, ``turner2015(comparison, outcome)`` (log odds ratios),
    ``rhodes2015(comparison, outcome)`` (standardised mean differences), such as
    ``turner2012(pharmacological-placebo, subjective)``.
    ``effect_sd``: of the normal prior, mean 0, of every effect against the reference. ``baseline_sd``: of the
    normal prior, mean 0, of the linear predictor (log odds, log rate) of every study's baseline arm: the
    reference where the study has it, else the first of its treatments by name. Raises ValueError.
    """

    tau: str = "halfnormal(0.5)"
    effect_sd: float = 10.0
    baseline_sd: float = 10.0

    def __post_init__(self) -> None:
        self.parsed()
        for name in ("effect_sd", "baseline_sd"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} {value!r} is not a positive number")

    def parsed(self) -> tuple[str, tuple[float, ...]]:
        """Name and parameters of the prior of tau."""
        match = _FORM.match(self.tau)
        if match is not None and match[1] in EMPIRICAL:
            return empirical(match[1], match[2])
        if match is None or match[1] not in _KINDS:
            raise ValueError(
                f"tau prior {self.tau!r} is not one of "
                + ", ".join(f"{k}(...)" for k in (*_KINDS, *EMPIRICAL))
            )
        try:
            numbers = tuple(float(x) for x in match[2].split(","))
        except ValueError:
            raise ValueError(f"tau prior {self.tau!r}: its parameters are not numbers") from None
        if len(numbers) != _KINDS[match[1]]:
            raise ValueError(f"tau prior {self.tau!r} takes {_KINDS[match[1]]} parameters")
        first, last = numbers[0], numbers[-1]
        sound = 0 <= first < last if match[1] == "uniform" else last > 0
        if match[1] in ("gamma", "logt2"):
            sound = numbers[-2] > 0 and last > 0
        if not (sound and all(math.isfinite(x) for x in numbers)):
            raise ValueError(f"tau prior {self.tau!r}: no such distribution")
        return match[1], numbers

    def check(self, measure: str) -> None:
        """Raises ValueError where an empirical prior of tau belongs to another scale than ``measure``."""
        name = self.tau.split("(")[0].strip()
        if measure not in MEASURES.get(name, (measure,)):
            raise ValueError(
                f"tau prior {self.tau!r} was derived for {' and '.join(MEASURES[name])}, not for {measure}; "
                "name a prior on the scale of the measure, such as halfnormal(...)"
            )

    def log_density(self, tau: Floats) -> Floats:
        """Log of the normalised density of tau; -inf outside its support."""
        kind, numbers = self.parsed()
        a, b = numbers[0], numbers[1] if kind == "logt2" else numbers[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            log_tau = np.log(tau)
            if kind == "halfnormal":
                value = -0.5 * (tau / a) ** 2 + 0.5 * math.log(2 / math.pi) - math.log(a)
            elif kind == "halfcauchy":
                value = math.log(2 / (math.pi * a)) - np.log1p((tau / a) ** 2)
            elif kind == "uniform":
                value = np.where((tau >= a) & (tau <= b), -math.log(b - a), -np.inf)
            elif kind == "gamma":
                value = a * math.log(b) - gammaln(a) + (a - 1) * log_tau - b * tau
            elif kind == "logt2":
                df = numbers[2]
                constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
                value = constant - (df + 1) / 2 * np.log1p(((2 * log_tau - a) / b) ** 2 / df)
                value = value + math.log(2) - math.log(b) - log_tau
            else:
                twice = 2.0 if kind == "lognormal2" else 1.0
                value = -0.5 * ((twice * log_tau - a) / b) ** 2 - math.log(b) - 0.5 * math.log(2 * math.pi)
                value = value + math.log(twice) - log_tau
        return np.asarray(np.where(np.isnan(value), -np.inf, value))

    def support(self) -> tuple[float, float]:
        """Where the density of tau is not negligible."""
        kind, numbers = self.parsed()
        a, b = numbers[0], numbers[-1]
        if kind == "halfnormal":
            return 0.0, 6 * a
        if kind == "uniform":
            return a, b
        if kind == "halfcauchy":
            return 0.0, 300 * a
        if kind == "gamma":
            return 0.0, (a + 8 * math.sqrt(a) + 20) / b
        if kind == "logt2":
            a, b = numbers[:2]
            return math.exp(0.5 * (a - 20 * b)), math.exp(min(0.5 * (a + 20 * b), 5.0))
        half = 0.5 if kind == "lognormal2" else 1.0
        return math.exp(half * (a - 6 * b)), math.exp(half * (a + 6 * b))

    def __str__(self) -> str:
        kind, numbers = self.parsed()
        named = self.tau.split("(")[0].strip() in EMPIRICAL
        plain = f" = {kind}({', '.join(f'{x:g}' for x in numbers)})" if named else ""
        return (
            f"tau ~ {self.tau}{plain}; effects ~ N(0, {self.effect_sd:g}^2); "
            f"study baselines ~ N(0, {self.baseline_sd:g}^2)"
        )
