"""What the network and multiverse pages show: analyses asked for by address, kept while there is room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd

from jakinib.evidence.package import PLACEBO
from jakinib.evidence.select import ArmTable
from jakinib.evidence.trials import trials
from jakinib.report.network_tables import NetworkTables, network_tables
from jakinib.synthesis.multiverse import Multiverse, multiverse
from jakinib.synthesis.network.default import default_method
from jakinib.synthesis.network.methods import METHODS
from jakinib.synthesis.pairs import LOG_MEASURES, MEASURE_NAMES
from jakinib.web.aside import Aside
from jakinib.web.errors import BadQueryError
from jakinib.web.site import Row, Site, network_url, rows

MEASURES = ("OR", "RR", "RD", "IRR")  # those that counts by arm give
SLOW = ("exact", "bayes")


@dataclass(frozen=True)
class Asked:
    """A network as its address asks for it; ``method`` and ``reference`` may be left to the page."""

    outcome: str
    population: str = ""
    measure: str = "OR"
    method: str = ""
    reference: str = ""
    without: tuple[str, ...] = ()

    def url(self, form: str = "", **change: Any) -> str:
        """The address of this network, or of one with something changed; defaults are left out."""
        told = {name: getattr(self, name) for name in ("outcome", "population", "measure", "method")}
        told |= {"reference": self.reference, "without": self.without} | change
        return network_url(form, **told)


@dataclass(frozen=True)
class Made:
    """A network and what it rests on. ``tables`` is None when no two arms are left to compare.

    ``method`` is the one used and ``because`` why, where the page chose it; ``used`` the arms of the studies
    that are in, ``all_arms`` those of every study that could be.
    """

    asked: Asked
    method: str
    because: str
    all_arms: ArmTable
    used: pd.DataFrame
    tables: NetworkTables | None


class Synthesis:
    """The analyses of one evidence base."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.aside = Aside()
        self.trials = lru_cache(maxsize=256)(self._trials)
        self.fast = lru_cache(maxsize=256)(self._fast)
        self.multiverse = lru_cache(maxsize=128)(self._multiverse)

    def _trials(self, outcome: str, population: str) -> ArmTable:
        return trials(self.site.ev, outcome, population=population or None)

    # -- what can be asked -----------------------------------------------------------------------------

    @cached_property
    def held(self) -> dict[str, dict[str, int]]:
        """Outcome -> population ("" for all) -> randomised studies with two arms that can be counted."""
        found: dict[str, dict[str, int]] = {}
        for outcome in self.site.outcomes:
            arms = self.trials(outcome, "")
            if len(arms):
                by = arms.groupby("population")["study"].nunique().sort_values(ascending=False)
                every = {str(p): int(k) for p, k in by.items()}
                found[outcome] = {"": int(arms["study"].nunique())} | every
        return found

    def asked(
        self, outcome: str, population: str, measure: str, method: str, reference: str, without: Iterable[str]
    ) -> Asked:
        """A network as keys. Raises UnknownNameError or BadQueryError, which say what can be asked."""
        ev = self.site.ev
        where = ev.name("population", population) if population.strip() else ""
        if method and measure not in METHODS[method].measures:
            fit = [m for m in METHODS if measure in METHODS[m].measures]
            given = METHODS[method].measures
            allowed = f"for {measure}: {', '.join(fit)}; {method} gives {', '.join(given)}"
            raise BadQueryError("method", method, allowed, instead=fit)
        against = ev.name("treatment", reference) if reference.strip() else ""
        key = ev.name("outcome", outcome)
        gone = tuple(sorted({ev.name("study", s) for s in without if s.strip()}))
        arms = self.trials(key, where)
        if len(arms) and against and against not in set(arms["treatment"]):
            here = sorted(set(arms["treatment"]))
            raise BadQueryError("reference", reference, "a treatment of this network", instead=here)
        strange = [s for s in gone if s not in set(arms["study"])]
        if strange:
            allowed = "a study of this network, to leave it out"
            raise BadQueryError("without", strange[0], allowed, instead=sorted(set(arms["study"]))[:20])
        return Asked(key, where, measure, method, against, gone)

    # -- analyses --------------------------------------------------------------------------------------

    def made(self, asked: Asked) -> Made:
        """The network; a slow method is computed aside (NotReadyError, TookTooLongError)."""
        arms = self.trials(asked.outcome, asked.population)
        used = arms[~arms["study"].isin(asked.without)]
        method, because = (asked.method, "") if asked.method else default_method(used, asked.measure)
        if used["treatment"].nunique() < 2:
            return Made(asked, method, because, arms, used, None)
        names = set(used["treatment"])
        reference = asked.reference if asked.reference in names else PLACEBO if PLACEBO in names else None
        if method in SLOW:
            plain = pd.DataFrame(used[_ARM_COLUMNS])
            given = (plain, asked.measure, method, reference)
            key = (asked.outcome, asked.population, asked.without, *given[1:])
            tables = self.aside.ask(key, network_tables, *given)
        else:
            tables = self.fast(asked, method, reference)
        return Made(asked, method, because, arms, used, tables)

    def _fast(self, asked: Asked, method: str, reference: str | None) -> NetworkTables:
        arms = self.trials(asked.outcome, asked.population)
        used = pd.DataFrame(arms.loc[~arms["study"].isin(asked.without), _ARM_COLUMNS])
        return network_tables(used, asked.measure, method, reference)

    def _multiverse(
        self, outcome: str, population: str, treatment: str, reference: str, measure: str
    ) -> tuple[Multiverse, pd.DataFrame]:
        arms = self.both(outcome, population, treatment, reference)
        found = multiverse(arms[_ARM_COLUMNS], measure, reference, treatment=treatment)
        return found, arms

    def both(self, outcome: str, population: str, treatment: str, reference: str) -> pd.DataFrame:
        """The arms of two treatments in the studies that have both."""
        arms = self.trials(outcome, population)
        of = {t: set(arms.loc[arms["treatment"] == t, "study"]) for t in (treatment, reference)}
        shared = of[treatment] & of[reference]
        return pd.DataFrame(arms[arms["study"].isin(shared) & arms["treatment"].isin(of)])

    # -- for the templates -----------------------------------------------------------------------------

    def populations(self, arms: pd.DataFrame) -> list[tuple[str, int]]:
        """Populations of the arms with their number of studies, most first."""
        by = arms.groupby("population")["study"].nunique().sort_values(ascending=False, kind="stable")
        return [(str(p), int(k)) for p, k in by.items()]

    def studies(self, arms: pd.DataFrame) -> list[tuple[Row, list[Row]]]:
        """The studies of the arms, each with its arms, by population and name."""
        by: dict[str, list[Row]] = {}
        for row in rows(arms):
            by.setdefault(row["study"], []).append(row)
        facts = {r["study"]: r for r in self.site.of_all("studies")}
        order = sorted(by, key=lambda s: (by[s][0]["population"], self.site.studies[s].lower()))
        return [(facts[s], by[s]) for s in order]


_ARM_COLUMNS = ["study", "treatment", "events", "n", "person_years"]


def log_scale(measure: str) -> bool:
    """Is the measure a ratio, drawn and analysed on the log scale?"""
    return measure in LOG_MEASURES


def described(measure: str) -> str:
    """The measure in words."""
    return MEASURE_NAMES[measure]
