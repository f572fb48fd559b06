"""Pooled and network estimates beside absolute rates: quick methods only, one population at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import combinations
from typing import Any

from jakinib.evidence.package import PLACEBO
from jakinib.evidence.select import ArmTable
from jakinib.synthesis.network.default import default_method
from jakinib.synthesis.network.network import Network, network
from jakinib.synthesis.pairwise import Pairwise, pairwise

Row = dict[str, Any]
Columns = dict[str, list[Any]]
ALL_PAIRS = 3  # treatments up to which every pair is shown; beyond, each against one of them


class Pooled:
    """The estimates of one evidence base; kept by outcome and population.

    ``trials``: gives the arm table of an outcome's randomised trials, in one population or ("") all.
    """

    def __init__(self, trials: Callable[[str, str], ArmTable]) -> None:
        self.trials = trials
        self.network = lru_cache(maxsize=256)(self._network)
        self.arms = lru_cache(maxsize=64)(self._arms)
        self.effects = lru_cache(maxsize=512)(self._effects)
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
        by = self.arms(outcome)
        return [p for p in by if p == (population or p) and {a, b} <= set(by[p]["treatment"])]

    def _arms(self, outcome: str) -> dict[str, Columns]:
        """Population -> the columns of its arm table: plain lists, which are quicker than frames so small."""
        found: dict[str, Columns] = {}
        for population, frame in self.trials(outcome, "").groupby("population"):
            numbers = frame[["events", "n", "person_years"]].astype("float64")
            columns = {str(name): values.tolist() for name, values in numbers.items()}
            found[str(population)] = {**columns, **{c: frame[c].tolist() for c in ("study", "treatment")}}
        return found

    def _row(self, outcome: str, a: str, b: str, population: str) -> Row:
        direct, spread = self.direct(outcome, population, a, b)
        return {
            "outcome": outcome,
            "treatment": a,
            "reference": b,
            "population": population,
            "direct": _pooled(direct),
            "random": _pooled(spread),
            "network": self._compared(outcome, population, a, b),
            "why": "",
        }

    def _direct(
        self, outcome: str, population: str, a: str, b: str
    ) -> tuple[Pairwise | None, Pairwise | None]:
        arms = self.arms(outcome)[population]
        studies = [
            {s for s, t in zip(arms["study"], arms["treatment"], strict=True) if t == x} for x in (a, b)
        ]
        both = studies[0] & studies[1]
        if not both:
            return None, None
        held = zip(arms["study"], arms["treatment"], strict=True)
        at = [i for i, (study, treatment) in enumerate(held) if study in both and treatment in (a, b)]
        two = {name: [values[i] for i in at] for name, values in arms.items()}
        common = pairwise(two, "OR", "mh", reference=b, treatment=a)
        return common, pairwise(two, "OR", "iv-reml", reference=b, treatment=a, ci="hk-adhoc")

    def _network(self, outcome: str, population: str) -> tuple[Network | None, str]:
        arms = self.arms(outcome)[population]
        held = set(arms["treatment"])
        if len(held) < 2:
            return None, ""
        method, _ = default_method(arms, "OR")
        return network(arms, "OR", method, reference=PLACEBO if PLACEBO in held else None), method

    def _compared(self, outcome: str, population: str, a: str, b: str) -> Row | None:
        made, method = self.network(outcome, population)
        if made is None or not {a, b} <= set(made.treatments):
            return None
        part = next((c for c in made.components if {a, b} <= set(c.treatments)), None)
        if part is None:
            return None
        row = self.effects(outcome, population, b)[a]
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

    def _effects(self, outcome: str, population: str, reference: str) -> dict[str, Row]:
        made, _ = self.network(outcome, population)
        assert made is not None
        table = made.effects(reference).to_dict("records")
        return {row["treatment"]: {str(k): v for k, v in row.items()} for row in table}


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


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
