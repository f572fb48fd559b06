"""The pairwise methods by name: what each is, what it takes, how its interval is found by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jakinib.synthesis.bayes.pair import MEASURES as BAYES_MEASURES
from jakinib.synthesis.bayes.pair import bayes
from jakinib.synthesis.beta_binomial import beta_binomial
from jakinib.synthesis.conditional import conditional_approximate, conditional_exact
from jakinib.synthesis.firth import firth
from jakinib.synthesis.inverse_variance import inverse_variance
from jakinib.synthesis.mantel_haenszel import MEASURES as MH_MEASURES
from jakinib.synthesis.mantel_haenszel import mantel_haenszel
from jakinib.synthesis.pairs import MEASURES, Fit, Pairs
from jakinib.synthesis.peto import MEASURES as PETO_MEASURES
from jakinib.synthesis.peto import peto
from jakinib.synthesis.unconditional import fixed_studies, random_studies

WALD = ("wald",)
PROFILE = ("profile", "wald")
SCALED = ("wald", "hk", "hk-adhoc", "t")


@dataclass(frozen=True)
class Method:
    """``fit(pairs, measure, **options)``; ``effects`` and ``ci``: what it offers, the default first."""

    title: str
    source: str
    fit: Callable[..., Fit]
    measures: tuple[str, ...]
    effects: tuple[str, ...]
    ci: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    takes_correction: bool = False
    takes_estimates: bool = False


def _mh(pairs: Pairs, measure: str, effects: str) -> Fit:
    return mantel_haenszel(pairs, measure)


def _peto(pairs: Pairs, measure: str, effects: str) -> Fit:
    return peto(pairs, measure)


def _iv(pairs: Pairs, measure: str, effects: str, **options: Any) -> Fit:
    return inverse_variance(pairs, measure, **options)


def _inverse_variance(tau2: str, title: str, source: str) -> Method:
    common = tau2 == "ee"
    return Method(
        title=f"inverse variance, {title}",
        source=source,
        fit=_iv,
        measures=MEASURES,
        effects=("common",) if common else ("random",),
        ci=SCALED,
        options={"tau2": tau2},
        takes_correction=True,
        takes_estimates=True,
    )


METHODS: dict[str, Method] = {
    "mh": Method(
        title="Mantel-Haenszel, no continuity correction",
        source="Mantel & Haenszel 1959; Robins, Breslow & Greenland 1986; Greenland & Robins 1985; Sato 1989",
        fit=_mh,
        measures=MH_MEASURES,
        effects=("common",),
        ci=WALD,
    ),
    "peto": Method(
        title="Peto's one-step odds ratio",
        source="Yusuf et al. 1985",
        fit=_peto,
        measures=PETO_MEASURES,
        effects=("common",),
        ci=WALD,
    ),
    "iv-ee": _inverse_variance("ee", "common effect", "Fleiss & Berlin 2009"),
    "iv-dl": _inverse_variance("dl", "random effects, DerSimonian-Laird", "DerSimonian & Laird 1986"),
    "iv-reml": _inverse_variance("reml", "random effects, REML", "Viechtbauer 2005"),
    "iv-ml": _inverse_variance("ml", "random effects, maximum likelihood", "Hardy & Thompson 1996"),
    "iv-pm": _inverse_variance("pm", "random effects, Paule-Mandel", "Paule & Mandel 1982"),
    "iv-eb": _inverse_variance(
        "eb", "random effects, empirical Bayes (the Paule-Mandel root)", "Morris 1983"
    ),
    "iv-sj": _inverse_variance("sj", "random effects, Sidik-Jonkman", "Sidik & Jonkman 2005"),
    "iv-he": _inverse_variance("he", "random effects, Hedges", "Hedges & Olkin 1985"),
    "iv-hs": _inverse_variance("hs", "random effects, Hunter-Schmidt", "Hunter & Schmidt 1990"),
    "cm.el": Method(
        title="exact conditional model (noncentral hypergeometric-normal; binomial-normal for rates)",
        source="van Houwelingen et al. 1993; Stijnen et al. 2010",
        fit=conditional_exact,
        measures=("OR", "IRR"),
        effects=("random", "common"),
        ci=PROFILE,
    ),
    "cm.al": Method(
        title="approximate conditional model (binomial-normal)",
        source="Stijnen et al. 2010",
        fit=conditional_approximate,
        measures=("OR",),
        effects=("random", "common"),
        ci=PROFILE,
    ),
    "um.fs": Method(
        title="exact unconditional model with fixed study intercepts",
        source="Stijnen et al. 2010; Jackson et al. 2018",
        fit=fixed_studies,
        measures=("OR", "IRR"),
        effects=("random", "common"),
        ci=PROFILE,
    ),
    "um.rs": Method(
        title="exact unconditional model with random study intercepts",
        source="Stijnen et al. 2010; Jackson et al. 2018",
        fit=random_studies,
        measures=("OR", "IRR"),
        effects=("random", "common"),
        ci=PROFILE,
    ),
    "beta-binomial": Method(
        title="beta-binomial model of the arms (pairing not used)",
        source="Griffiths 1973; Kuss 2015",
        fit=beta_binomial,
        measures=("OR",),
        effects=("random",),
        ci=PROFILE,
    ),
    "bayes": Method(
        title="Bayesian, deterministic",
        source="Smith, Spiegelhalter & Thomas 1995; Dias et al. 2013; see docs/network.md",
        fit=bayes,
        measures=BAYES_MEASURES,
        effects=("random", "common"),
        ci=("credible",),
        takes_estimates=True,
    ),
    "firth": Method(
        title="penalised (Firth) logistic regression with study intercepts",
        source="Firth 1993; Heinze & Schemper 2002",
        fit=firth,
        measures=("OR",),
        effects=("common",),
        ci=PROFILE,
    ),
}
