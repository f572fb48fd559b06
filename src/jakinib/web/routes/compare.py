"""Treatments side by side."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from jakinib.patient.compare import Comparison
from jakinib.report.forest import RATES, SHARES, rates_forest
from jakinib.synthesis.result import json_ready
from jakinib.web.answer import View, figure, views
from jakinib.web.errors import BadQueryError
from jakinib.web.site import Row, Site, rows

router = APIRouter()
MOST_TREATMENTS = 8
MOST_OUTCOMES = 12
EXAMPLES = (
    (("upadacitinib-15-mg-qd", "abrocitinib-200-mg-qd"), ("vte",), ""),
    (("upadacitinib-15-mg-qd", "upadacitinib-30-mg-qd", "placebo"), (), "atopic-dermatitis"),
    (("tofacitinib-5-mg-bid", "tnf-inhibitor"), (), "rheumatoid-arthritis"),
    (("baricitinib-4-mg-qd", "placebo"), ("herpes_zoster", "mace", "vte"), "alopecia-areata"),
)

Treatments = Annotated[list[str], Query(description="treatment key or label; may be repeated")]
Outcomes = Annotated[list[str], Query(description="outcome key or label; may be repeated")]
Per = Literal["100", "1000"]
_KNOWN = {"treatment", "outcome", "population", "per"}


@views(router, "/compare")
def compare_view(
    request: Request,
    treatment: Treatments = [],  # noqa: B006 - FastAPI copies it
    outcome: Outcomes = [],  # noqa: B006
    population: str = "",
    per: Per = "100",
) -> View:
    site: Site = request.app.state.site
    asked = _asked(request, site, treatment, outcome, population)
    if not asked[0]:
        return _empty(site, asked, int(per))
    made = site.compared(*asked, int(per))
    pooled = request.app.state.pooled.rows(made.treatments, made.outcomes, made.population)
    context = {
        "comparison": made,
        "pooled": pooled,
        "names": [site.treatments[t] for t in made.treatments],
        "table": side_by_side(site, made),
        "bases": _bases(made),
        "who": populations(site, made),
        "left_out": rows(made.left_out),
        "chosen": asked[1],
        "population": asked[2],
        "per": int(per),
        **choices(site),
    }
    name = "-v-".join(made.treatments)
    return View(
        "compare.html", context, made.table, lambda: made.to_dict() | {"pooled": json_ready(pooled)}, name
    )


@router.get("/compare.svg", response_model=None)
def compare_figure(
    request: Request,
    treatment: Treatments = [],  # noqa: B006
    outcome: Outcomes = [],  # noqa: B006
    population: str = "",
    per: Per = "100",
    look: Literal["light", "dark"] = "light",
    size: Literal["wide", "narrow"] = "wide",
) -> Response:
    site: Site = request.app.state.site
    asked = _asked(request, site, treatment, outcome, population, {"look", "size"})
    if not asked[0]:
        raise BadQueryError("treatment", "", "at least one treatment")
    width = 460 if size == "wide" else 150

    def draw() -> Any:
        return rates_forest(site.compared(*asked, int(per)), names=site.ev.names, width=width)

    return figure(request, draw, dark=look == "dark")


def _asked(
    request: Request,
    site: Site,
    treatment: list[str],
    outcome: list[str],
    population: str,
    more: set[str] = frozenset(),  # type: ignore[assignment]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The question as keys, in the order asked, each once; blanks (an empty choice in the form) fall away."""
    strange = set(request.query_params) - _KNOWN - more
    if strange:
        raise BadQueryError(sorted(strange)[0], request.query_params[sorted(strange)[0]],
                            f"only the parameters {', '.join(sorted(_KNOWN))}")  # fmt: skip
    treatments = tuple(dict.fromkeys(site.ev.name("treatment", t) for t in treatment if t.strip()))
    outcomes = tuple(dict.fromkeys(site.ev.name("outcome", o) for o in outcome if o.strip()))
    for name, given, most in [
        ("treatment", treatments, MOST_TREATMENTS),
        ("outcome", outcomes, MOST_OUTCOMES),
    ]:
        if len(given) > most:
            raise BadQueryError(name, f"{len(given)} of them", f"at most {most} at once")
    return treatments, outcomes, site.ev.name("population", population) if population.strip() else ""


def _empty(site: Site, asked: tuple[Any, tuple[str, ...], str], per: int) -> View:
    held = set(site.treatments)
    examples = [e for e in EXAMPLES if set(e[0]) <= held]
    context = {"examples": examples, "chosen": asked[1], "population": asked[2], "per": per, **choices(site)}
    treatments = site.ev["treatments"]
    return View("compare_empty.html", context, lambda: treatments, lambda: rows(treatments), "treatments")


def choices(site: Site) -> dict[str, Any]:
    """What the form offers: treatments with evidence, by drug; JAK inhibitors first."""
    drugs = {r["drug"]: r for r in site.of_all("drugs")}
    held = {line["treatment"] for line in site.events}
    groups: dict[str, list[Row]] = {}
    for row in site.of_all("treatments"):
        if row["treatment"] in held:
            groups.setdefault(row["drug"], []).append(row)
    order = sorted(groups, key=lambda d: (drugs[d]["drug_class"] != "JAK inhibitor", drugs[d]["name"]))
    populations = {line["population"] for line in site.events}
    return {
        "offered": [(drugs[d]["name"], groups[d]) for d in order],
        "offered_populations": [p for p in site.populations if p in populations],
    }


def side_by_side(site: Site, made: Comparison) -> list[dict[str, Any]]:
    """Outcomes; in each the populations; in each a cell a treatment: its headline line and the others."""
    lines, pairs = rows(made.table()), rows(made.pairs())
    enriched = {study for study, who in populations(site, made).items() if who["enrichment"]}
    table = []
    for outcome in made.outcomes:
        of = [line for line in lines if line["outcome"] == outcome]
        held = {
            p: {line["treatment"] for line in of if line["population"] == p}
            for p in {x["population"] for x in of}
        }
        order = sorted(held, key=lambda p: (-len(held[p]), site.populations.get(p, p)))
        body = []
        for population in order or [made.population]:
            here = [x for x in of if x["population"] == population]
            insight = enriched | _together(here)
            cells = [_cell(t, [x for x in here if x["treatment"] == t], insight) for t in made.treatments]
            body.append({"population": population, "cells": cells, "mixed": _mixed(cells)})
        kinds = {p["kind"] for p in pairs if p["outcome"] == outcome}
        worst = next((k for k in ("naive", "indirect", "direct") if k in kinds), "")
        table.append({"outcome": outcome, "rows": body, "basis": worst})
    return table


def _together(here: list[Row]) -> set[str]:
    """The study that shows most of the treatments side by side, then most persons; none if none shows two."""
    persons: dict[str, dict[str, float]] = {}
    for line in here:
        if line["counts"] == "persons":
            held = persons.setdefault(line["study"], {})
            held[line["treatment"]] = max(held.get(line["treatment"], 0), line["n"] or 0)
    best = max(persons, key=lambda s: (len(persons[s]), sum(persons[s].values()), s), default="")
    return {best} if best and len(persons[best]) > 1 else set()


def _cell(treatment: str, here: list[Row], insight: set[str]) -> dict[str, Any]:
    """The lines of a treatment in a population: the first, those that stay in sight, and those folded away.

    One line each of the studies ``insight`` stays in sight: those whose entry criteria change the risk, and
    one that has several of the treatments. A pooled programme in front must not hide them.
    """
    first = next((x for x in here if x["headline"]), None)
    others = [x for x in here if x is not first]
    seen = {first["study"]} if first else set()
    beside = []
    for line in others:
        if line["study"] in insight - seen:
            seen.add(line["study"])
            beside.append(line)
    more = [x for x in others if x not in beside]
    return {"treatment": treatment, "first": first, "beside": beside, "more": more}


def _mixed(cells: list[dict[str, Any]]) -> str:
    """Why the first lines of a row cannot be read against each other, if they cannot."""
    first = [c["first"] for c in cells if c["first"]]
    why = []
    if len({line["study"] for line in first}) > 1:
        why.append("different studies")
    kinds = {line["kind"] in SHARES for line in first if line["kind"] in RATES + SHARES}
    weeks = [line["period_weeks"] for line in first if line["period_weeks"]]
    if len(kinds) > 1:
        why.append("a rate beside a share")
    elif True in kinds and weeks and max(weeks) > 1.5 * min(weeks):
        why.append("periods of different length")
    if len({line["counts"] for line in first}) > 1:
        why.append("persons beside events")
    return f"First lines not to be subtracted: {', '.join(why)}" if why else ""


def populations(site: Site, made: Comparison) -> dict[str, Row]:
    """The studies behind the lines, by key."""
    return {row["study"]: row for row in rows(made.populations())}


def _bases(made: Comparison) -> list[dict[str, Any]]:
    """What each pair rests on, told once for all outcomes that rest on the same; naive ones first."""
    told: dict[tuple[str, ...], dict[str, Any]] = {}
    for pair in rows(made.pairs()):
        studies = [s for s in (pair["studies"] or "").split("; ") if s]
        said, _, more = pair["reason"].partition(". ")
        if pair["kind"] == "direct":
            said = "Randomised against each other"
        key = (pair["treatment_a"], pair["treatment_b"], pair["kind"], said)
        entry = told.setdefault(
            key, {**pair, "said": said.rstrip("."), "outcomes": [], "studies": {}, "more": []}
        )
        entry["outcomes"].append((pair["outcome"], len(studies)))
        entry["studies"] |= dict.fromkeys(studies)
        if more:
            entry["more"].append((pair["outcome"], more))
    order = {"naive": 0, "indirect": 1, "direct": 2}
    return sorted(told.values(), key=lambda e: order[e["kind"]])
