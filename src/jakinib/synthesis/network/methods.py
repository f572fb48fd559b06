"""The network methods by name: what each is, what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jakinib.synthesis.network import bayes, exact, firth, hypergeometric, inverse_variance, mantel_haenszel
from jakinib.synthesis.network.fit import NetworkFit
from jakinib.synthesis.pairs import MEASURES
from jakinib.synthesis.result import LeftOut


@dataclass(frozen=True)
class Method:
    """``informative(data, measure, **)``: the arms it can use and what is left out; ``fit(data, measure,
    effects, **)`` of one connected component. ``effects``: what it offers, the default first. ``options``:
    the names of the choices it takes beyond those. ``mixed``: persons and person-years in one network.
    ``estimates``: printed estimates join in.
    """

    title: str
    source: str
    measures: tuple[str, ...]
    effects: tuple[str, ...]
    informative: Callable[..., tuple[Any, list[LeftOut]]]
    fit: Callable[..., NetworkFit]
    options: tuple[str, ...] = ()
    takes_reference: bool = False
    mixed: bool = False
    estimates: bool = False


METHODS: dict[str, Method] = {
    "iv": Method(
        title="inverse variance",
        source="Rücker 2012; Rücker & Schwarzer 2014",
        measures=MEASURES,
        effects=("random", "common"),
        informative=inverse_variance.informative,
        fit=inverse_variance.fit,
        options=("tau2", "add"),
        estimates=True,
    ),
    "mh": Method(
        title="Mantel-Haenszel, no continuity correction",
        source="Efthimiou et al. 2019",
        measures=("OR",),
        effects=("common",),
        informative=mantel_haenszel.informative,
        fit=mantel_haenszel.fit,
    ),
    "nch": Method(
        title="noncentral hypergeometric, multinomial approximation",
        source="Stijnen et al. 2010",
        measures=("OR",),
        effects=("common",),
        informative=mantel_haenszel.informative,
        fit=hypergeometric.fit,
    ),
    "firth": Method(
        title="penalised (Firth) logistic regression",
        source="Firth 1993; Evrenoglou et al. 2022",
        measures=("OR",),
        effects=("common", "random"),
        informative=firth.informative,
        fit=firth.fit,
    ),
    "exact": Method(
        title="exact likelihood given each study's total",
        source="Stijnen et al. 2010; see docs/network.md",
        measures=("OR", "IRR", "HR"),
        effects=("random", "common"),
        informative=exact.informative,
        fit=exact.fit,
        mixed=True,
        estimates=True,
    ),
    "bayes": Method(
        title="Bayesian, deterministic",
        source="Dias et al. 2013; see docs/network.md",
        measures=("OR", "IRR", "HR"),
        effects=("random", "common"),
        informative=bayes.informative,
        fit=bayes.fit,
        options=("priors",),
        takes_reference=True,
        mixed=True,
        estimates=True,
    ),
}
