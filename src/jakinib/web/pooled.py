"""Pooled and network estimates beside absolute rates: quick methods only, one population at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations
from typing import Any

import pandas as pd

from jakinib.synthesis.network.network import Network, network
from jakinib.synthesis.pairwise import Pairwise, pairwise
from jakinib.web.site import PLACEBO, Row
from jakinib.web.synthesis import ARM_COLUMNS, Synthesis, default_method

ALL_PAIRS = 3  # treatments up to which every pair is shown; beyond, each against one of them


class Pooled:
    """The estimates of one evidence base; kept by outcome and population."""

    def __init__(self, of: Synthesis) -> None:
        self.of = of
        self.network = lru_cache(maxsize=256)(self._network)
        self.direct = lru_cache(maxsize=512)(self._direct)

    def rows(self, treatments: Iterable[str], outcomes: Iterable[str], population: str) -> list[Row]:
        """One row an outcome, pair and population in which both can be compared, each an odds ratio.

        Columns: outcome, treatment, reference, population; ``direct`` (Mantel-Haenszel over the studies with
        both, with k, events, Q and I2), ``random`` (REML with Hartung-Knapp and safeguard, with its
        prediction interval), ``network`` (with method, model, k, events, tau2, prediction interval); a part
        that cannot be had is None. A pair that cannot be compared has no population and ``why``.
        """
        found = []
        for outcome in outcomes:
            for a, b in pairs(tuple(treatments)):
                mine = [self._row(outcome, a, b, p) for p in self._populations(outcome, a, b, population)]
                mine = [row for row in mine if row["direct"] or row["network"]]
                found += mine or [_none(outcome, a, b)]
        return found

    def _populations(self, outcome: str, a: str, b: str, population: str) -> list[str]:
        arms = self.of.trials(outcome, "")
        held = arms[arms["treatment"].isin([a, b])].groupby("population")["treatment"].nunique()
        both = [str(p) for p, k in held.items() if k == 2]
        return [p for p in both if not population or p == population]

    def _row(self, outcome: str, a: str, b: str, population: str) -> Row:
        direct, spread = self.direct(outcome, population, a, b)
        made, method = self.network(outcome, population)
        return {
            "outcome": outcome,
            "treatment": a,
            "reference": b,
            "population": population,
            "direct": _pooled(direct),
            "random": _pooled(spread),
            "network": _of_network(made, method, a, b),
            "why": "",
        }

    def _direct(
        self, outcome: str, population: str, a: str, b: str
    ) -> tuple[Pairwise | None, Pairwise | None]:
        two = self.of.both(outcome, population, a, b)
        if two.empty:
            return None, None
        arms = two[ARM_COLUMNS]
        common = pairwise(arms, "OR", "mh", reference=b, treatment=a)
        return common, pairwise(arms, "OR", "iv-reml", reference=b, treatment=a, ci="hk-adhoc")

    def _network(self, outcome: str, population: str) -> tuple[Network | None, str]:
        arms = self.of.trials(outcome, population)
        if arms["treatment"].nunique() < 2:
            return None, ""
        method, _ = default_method(arms, "OR")
        reference = PLACEBO if PLACEBO in set(arms["treatment"]) else None
        return network(pd.DataFrame(arms[ARM_COLUMNS]), "OR", method, reference=reference), method


def pairs(treatments: tuple[str, ...]) -> list[tuple[str, str]]:
    """Treatment against reference: placebo is the reference of its pairs, else the one named later."""
    others = [t for t in treatments if t != PLACEBO]
    if len(treatments) > ALL_PAIRS:
        against = PLACEBO if PLACEBO in treatments else treatments[0]
        return [(t, against) for t in treatments if t != against]
    return [*combinations(others, 2), *((t, PLACEBO) for t in others if PLACEBO in treatments)]


def _none(outcome: str, a: str, b: str) -> Row:
    why = "no chain of randomised studies within one population connects them: a comparison would be naive"
    parts: dict[str, Any] = dict.fromkeys(("direct", "random", "network"))
    return {"outcome": outcome, "treatment": a, "reference": b, "population": "", **parts, "why": why}


def _pooled(result: Pairwise | None) -> Row | None:
    if result is None:
        return None
    low, high = result.prediction
    return {
        "method": result.method,
        "k": result.k,
        "studies": len(result.studies),
        "events": result.events,
        "estimate": result.estimate,
        "ci_low": result.ci_low,
        "ci_high": result.ci_high,
        "i2": _finite(result.i2),
        "q": _finite(result.q),
        "q_df": result.q_df,
        "q_p": _finite(result.q_p),
        "prediction_low": _finite(low),
        "prediction_high": _finite(high),
    }


def _of_network(made: Network | None, method: str, a: str, b: str) -> Row | None:
    if made is None or not {a, b} <= set(made.treatments):
        return None
    part = next((c for c in made.components if {a, b} <= set(c.treatments)), None)
    if part is None:
        return None
    effects = made.effects(b)
    row = effects[effects["treatment"] == a].iloc[0]
    numbers = ("estimate", "ci_low", "ci_high", "prediction_low", "prediction_high")
    return {
        "method": method,
        "model": made.model,
        "k": len(part.studies),
        "events": part.events,
        "direct_studies": int(row["studies"]),
        "tau2": _finite(part.fit.tau2),
        **{name: float(row[name]) for name in numbers[:3]},
        **{name: _finite(float(row[name])) for name in numbers[3:]},
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
