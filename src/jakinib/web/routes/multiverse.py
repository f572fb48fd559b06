"""One comparison through every applicable method: does the conclusion depend on the method?"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from jakinib.evidence.package import PLACEBO
from jakinib.report.network_figures import effects_forest, two_lines
from jakinib.synthesis.multiverse import Multiverse
from jakinib.web.answer import View, figure, views
from jakinib.web.errors import BadQueryError, only
from jakinib.web.site import network_url, rows
from jakinib.web.synthesis import MEASURES, Synthesis, described, log_scale

router = APIRouter()
Measure = Literal["OR", "RR", "RD", "IRR"]
_KNOWN = {"outcome", "population", "treatment", "reference", "measure"}


@views(router, "/multiverse")
def multiverse_view(
    request: Request,
    outcome: str = "",
    population: str = "",
    treatment: str = "",
    reference: str = PLACEBO,
    measure: Measure = "OR",
) -> View:
    only(request, _KNOWN)
    of: Synthesis = request.app.state.synthesis
    asked = _keys(of, outcome, population, treatment, reference, measure)
    found, arms = of.multiverse(*asked)
    context: dict[str, Any] = {
        "of": of,
        "asked": dict(
            zip(("outcome", "population", "treatment", "reference", "measure"), asked, strict=True)
        ),
        "found": found,
        "events": int(arms["events"].sum()),
        "analyses": rows(found.table()),
        "universes": found.analyses,
        "described": described,
        "measures": MEASURES,
        "populations": of.populations(arms),
        "studies": of.studies(arms),
        "network_url": network_url(outcome=asked[0], population=asked[1]),
        "treatments": _pairs(of, asked[0], asked[1], asked[3]),
    }

    def data() -> dict[str, Any]:
        told = found.to_dict()
        return {"question": context["asked"], **told, "arms": rows(arms)}

    name = f"multiverse-{asked[0]}-{asked[2]}-v-{asked[3]}"
    return View("multiverse.html", context, found.table, data, name)


@router.get("/multiverse.svg", response_model=None)
def multiverse_figure(
    request: Request,
    outcome: str,
    treatment: str,
    population: str = "",
    reference: str = PLACEBO,
    measure: Measure = "OR",
    look: Literal["light", "dark"] = "light",
    size: Literal["wide", "narrow"] = "wide",
) -> Response:
    only(request, _KNOWN | {"look", "size"})
    of: Synthesis = request.app.state.synthesis
    asked = _keys(of, outcome, population, treatment, reference, measure)
    found, _ = of.multiverse(*asked)
    wide = size == "wide"
    against = of.site.treatments[asked[3]]
    return figure(request, lambda: _draw(found, against, wide), dark=look == "dark")


def _draw(found: Multiverse, against: str, wide: bool) -> Any:
    table = found.table()
    table["label"] = [two_lines(label, wide) for label in table["analysis"]]
    name = described(found.measure).capitalize()
    return effects_forest(table, name, against, found.level, log=log_scale(found.measure), wide=wide)


def _keys(
    of: Synthesis, outcome: str, population: str, treatment: str, reference: str, measure: str
) -> tuple[str, str, str, str, str]:
    """The question as keys; says what could be asked where two arms are not held together."""
    ev = of.site.ev
    if not outcome.strip():
        raise BadQueryError("outcome", "", f"an outcome with randomised arms: {', '.join(of.held)}")
    key = ev.name("outcome", outcome)
    where = ev.name("population", population) if population.strip() else ""
    against = ev.name("treatment", reference or PLACEBO)
    others = _pairs(of, key, where, against)
    if not treatment.strip():
        raise BadQueryError("treatment", "", f"a treatment: {', '.join(others)}", instead=others)
    mine = ev.name("treatment", treatment)
    if mine not in others:
        allowed = f"a treatment with an arm beside {against} in a randomised study of this outcome"
        raise BadQueryError("treatment", treatment, allowed, instead=others)
    arms = of.both(key, where, mine, against)
    if measure == "IRR" and not (arms["person_years"] > 0).all():
        raise BadQueryError("measure", measure, "OR, RR or RD: person-years of these arms are not held",
                            instead=("OR", "RR", "RD"))  # fmt: skip
    return key, where, mine, against, measure


def _pairs(of: Synthesis, outcome: str, population: str, reference: str) -> list[str]:
    """Treatments with an arm beside the reference in some study."""
    arms = of.trials(outcome, population)
    beside = arms[arms["study"].isin(set(arms.loc[arms["treatment"] == reference, "study"]))]
    held = set(beside["treatment"]) - {reference}
    return sorted(held, key=lambda t: of.site.treatments[t].lower())
