"""Network meta-analysis of one outcome: estimates, their disagreement, and what they rest on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from jakinib.report.network_figures import effects_forest, network_graph, two_lines
from jakinib.synthesis.network.methods import METHODS
from jakinib.web.answer import View, figure, views
from jakinib.web.errors import BadQueryError, only
from jakinib.web.site import Site, rows
from jakinib.web.synthesis import MEASURES, SLOW, Asked, Made, Synthesis, described, log_scale

router = APIRouter()
Without = Annotated[list[str], Query(description="study left out; may be repeated")]
Measure = Literal["OR", "RR", "RD", "IRR"]
Method = Literal["", "iv", "mh", "nch", "firth", "exact", "bayes"]
_KNOWN = {"outcome", "population", "measure", "method", "reference", "without"}


@router.get("/network/ticked", response_model=None)
def ticked(
    request: Request,
    outcome: str,
    population: str = "",
    measure: Measure = "OR",
    method: Method = "",
    reference: str = "",
    study: Annotated[list[str], Query()] = [],  # noqa: B006
) -> Response:
    """The form of the studies: what is not ticked is left out; the answer is the address that says so."""
    only(request, (_KNOWN - {"without"}) | {"study"})
    of: Synthesis = request.app.state.synthesis
    asked = of.asked(outcome, population, measure, method, reference, ())
    kept = {of.site.ev.name("study", s) for s in study if s.strip()}
    gone = tuple(sorted(set(of.trials(asked.outcome, asked.population)["study"]) - kept))
    return RedirectResponse(asked.url(without=gone), status_code=303)


@views(router, "/network")
def network_view(
    request: Request,
    outcome: str = "",
    population: str = "",
    measure: Measure = "OR",
    method: Method = "",
    reference: str = "",
    without: Without = [],  # noqa: B006 - FastAPI copies it
) -> View:
    only(request, _KNOWN)
    of: Synthesis = request.app.state.synthesis
    if not outcome.strip():
        return _choose(of)
    made = of.made(of.asked(outcome, population, measure, method, reference, without))
    asked, site = made.asked, of.site
    context: dict[str, Any] = {
        "of": of,
        "asked": asked,
        "made": made,
        "net": made.tables,
        "held": of.held,
        "measures": MEASURES,
        "described": described,
        "methods": METHODS,
        "slow": SLOW,
        "populations": of.populations(made.used),
        "studies": of.studies(made.all_arms),
        "used": set(made.used["study"]),
        "treatments": sorted(set(made.all_arms["treatment"]), key=lambda t: site.treatments[t].lower()),
        "left_out": _reasons(made),
        "both": _compared(made),
    }

    def data() -> dict[str, Any]:
        return {
            "question": {name: getattr(asked, name) for name in sorted(_KNOWN)},
            "method_chosen_because": made.because or None,
            "populations": dict(of.populations(made.used)),
            "network": made.tables.to_dict() if made.tables else None,
            "arms": rows(made.used),
            "not_selected": rows(made.all_arms.left_out),
        }

    name = "-".join(filter(None, ("network", asked.outcome, asked.population)))
    return View("network.html", context, lambda: _effects(made), data, name)


@router.get("/network/{part}.svg", response_model=None)
def network_figure(
    request: Request,
    part: Literal["graph", "forest"],
    outcome: str,
    population: str = "",
    measure: Measure = "OR",
    method: Method = "",
    reference: str = "",
    without: Without = [],  # noqa: B006
    look: Literal["light", "dark"] = "light",
    size: Literal["wide", "narrow"] = "wide",
) -> Response:
    only(request, _KNOWN | {"look", "size"})
    of: Synthesis = request.app.state.synthesis
    made = of.made(of.asked(outcome, population, measure, method, reference, without))
    if made.tables is None:
        raise BadQueryError("without", ", ".join(without), "at least one study with two arms left in")
    wide = size == "wide"
    draw = _graph if part == "graph" else _forest
    return figure(request, lambda: draw(of.site, made, wide), dark=look == "dark")


def _graph(site: Site, made: Made, wide: bool) -> Any:
    assert made.tables is not None
    parts = [list(t) for t, _, _ in made.tables.components]
    parts.append([t for t, _ in made.tables.isolated])
    sizes = {str(t): int(k) for t, k in made.used.groupby("treatment")["study"].nunique().items()}
    return network_graph(parts, made.tables.edges, sizes, lambda t: site.treatments.get(t, t), wide=wide)


def _forest(site: Site, made: Made, wide: bool) -> Any:
    net = made.tables
    assert net is not None
    labels = [two_lines(site.treatments.get(t, t), wide) for t in net.effects["treatment"]]
    return effects_forest(
        net.effects.assign(label=labels), described(net.measure).capitalize(),
        site.treatments.get(net.reference, net.reference), net.level, log=log_scale(net.measure), wide=wide,
    )  # fmt: skip


def _effects(made: Made) -> pd.DataFrame:
    if made.tables is None:
        return pd.DataFrame(columns=["treatment", "reference", "estimate", "ci_low", "ci_high"])
    net = made.tables
    return net.effects.assign(measure=net.measure, method=net.method, effects_model=net.model)


def _compared(made: Made) -> set[tuple[str, str]]:
    """Pairs of treatments that some study has both of."""
    arms = made.all_arms.groupby("study")["treatment"].agg(set)
    return {(a, b) for held in arms for a in held for b in held}


def _reasons(made: Made) -> list[tuple[str, list[tuple[str, str]], int]]:
    """Rows that are about the outcome and not in the network: reason, (event, study) of each, how many."""
    by: dict[str, list[tuple[str, str]]] = {}
    for row in rows(made.all_arms.left_out):
        by.setdefault(row["reason"], []).append((row["event"], row["study"]))
    return sorted(((why, held, len(held)) for why, held in by.items()), key=lambda e: -e[2])


def _choose(of: Synthesis) -> View:
    table = pd.DataFrame(
        [(o, p, k) for o, by in of.held.items() for p, k in by.items()],
        columns=["outcome", "population", "studies"],
    )
    context = {"held": of.held, "asked": Asked("")}
    return View("network_empty.html", context, lambda: table, lambda: rows(table), "networks")
