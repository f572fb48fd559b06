"""Mechanism: from dose to concentration to pathway inhibition to signalling, for up to four regimens."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from jakinib.report.courses import concentration_courses, dose_curves, inhibition_courses, signalling_day
from jakinib.report.mechanism_map import mechanism_map
from jakinib.web.answer import View, csv_answer, figure, views
from jakinib.web.errors import BadQueryError, only
from jakinib.web.mechanism import CYTOKINES, HOURS, MOST_REGIMENS, PERSONS, SHARE, Asked, Mechanism
from jakinib.web.site import rows

router = APIRouter()
Regimens = Annotated[
    list[str], Query(description="drug and regimen, as tofacitinib:5 mg bid; may be repeated")
]
Cytokine = Literal["IL-6", "EPO"]
PARTS = ("map", "kinases", "course", "dose", "exposure", "signalling")
_KNOWN = {"regimen", "stimulus"}


@views(router, "/mechanism")
def mechanism_view(
    request: Request,
    regimen: Regimens = [],  # noqa: B006 - FastAPI copies it
    stimulus: str = "",
) -> View:
    of, asked = _asked(request, regimen)
    shown = of.chosen(asked, stimulus)
    # only the page needs these; the tables and the data are made when they are asked for
    context: dict[str, Any] = {
        "asked": asked,
        "texts": [a.text for a in asked],
        "stimulus": stimulus,
        "stimuli": of.stimuli(asked),
        "most": MOST_REGIMENS,
        "persons": PERSONS,
        "share": SHARE,
        "hours": HOURS,
        "cytokines": CYTOKINES,
        "shown": shown,
        "of": of,
    }

    def data() -> dict[str, Any]:
        regimens = [
            {
                "regimen": a.text,
                "level": a.level,
                "notes": list(a.result.notes),
                "no_potency": list(a.result.missing),
            }
            for a in asked
        ]
        parts = {part: rows(_part(of, asked, part, shown, None)) for part in PARTS}
        return {"regimens": regimens, "pathways": rows(of.side_by_side(asked).table()), **parts}

    name = "mechanism-" + "-v-".join(dict.fromkeys(a.drug for a in asked))
    return View("mechanism.html", context, lambda: of.side_by_side(asked).table(), data, name)


@views(router, "/mechanism/cell")
def cell_view(request: Request, regimen: str = "", potency: str = "") -> View:
    of: Mechanism = request.app.state.mechanism
    only(request, {"regimen", "potency"})
    asked = of.one(regimen)
    found = of.cell(asked, potency)
    table = of.potency_table(potency)
    held = of.site.of_all(table)[of.site.traces.places(table)[potency]]
    context = {**found, "asked": asked, "table": table, "potency": held, "persons": PERSONS}
    data = {
        "cell": found["row"],
        "potency": held,
        "pk": found["pk"],
        "notes": list(asked.result.notes),
    }
    pk = pd.DataFrame(found["pk"]).drop(columns="_key")
    return View("mechanism_cell.html", context, lambda: pk, lambda: data, f"mechanism-{potency}")


@router.api_route("/mechanism/{part}.csv", methods=["GET", "HEAD"], response_model=None)
def part_csv(
    request: Request,
    part: Literal["map", "kinases", "course", "dose", "exposure", "signalling"],
    regimen: Regimens = [],  # noqa: B006
    stimulus: str = "",
    cytokine: Cytokine | None = None,
) -> Response:
    of, asked = _asked(request, regimen, {"cytokine"})
    return csv_answer(_part(of, asked, part, of.chosen(asked, stimulus), cytokine), f"mechanism-{part}")


@router.api_route("/mechanism/{part}.svg", methods=["GET", "HEAD"], response_model=None)
def part_figure(
    request: Request,
    part: Literal["map", "course", "dose", "exposure", "signalling"],
    regimen: Regimens = [],  # noqa: B006
    stimulus: str = "",
    cytokine: Cytokine = "IL-6",
    look: Literal["light", "dark"] = "light",
    size: Literal["wide", "narrow"] = "wide",
) -> Response:
    of, asked = _asked(request, regimen, {"cytokine", "look", "size"})
    shown = of.chosen(asked, stimulus)
    wide = size == "wide"
    labels = [a.label for a in asked]

    def draw() -> Any:
        if part == "map":
            measured = {c for a in asked for c in a.result.pathways["cytokine"]}
            drugs = list(dict.fromkeys(a.drug for a in asked))
            return mechanism_map(of.map.table(), of.kinases(asked), drugs, measured=measured, wide=wide)
        if part == "exposure":
            return concentration_courses(_some(of.concentrations(asked)), labels, wide=wide)
        data = _some(_part(of, asked, part, shown, cytokine))
        if part == "signalling":
            found = of.signals(asked, cytokine)
            said = [*found["assumptions"], f"Model: {found['source']}"]
            return signalling_day(data, cytokine, said, [*labels, "no drug"], wide=wide)
        if part == "course":
            return inhibition_courses(data, labels, wide=wide)
        marks = pd.DataFrame({"treatment": labels, "dose_mg": [a.regimen.dose_mg for a in asked]})
        return dose_curves(data, marks, shown, wide=wide)

    return figure(request, draw, dark=look == "dark")


def _part(
    of: Mechanism, asked: list[Asked], part: str, shown: list[str], cytokine: str | None
) -> pd.DataFrame:
    """The table behind a part of the page."""
    if part == "map":
        return of.map.table()
    if part == "kinases":
        return of.kinases(asked)
    if part == "course":
        return of.course(asked, shown)
    if part == "dose":
        return of.doses(asked, shown)
    if part == "exposure":
        return of.exposure_table(asked)
    wanted = [cytokine] if cytokine else CYTOKINES
    return pd.concat([of.signal_curves(asked, c).assign(cytokine=c) for c in wanted], ignore_index=True)


def _some(data: pd.DataFrame) -> pd.DataFrame:
    if data.empty:
        raise BadQueryError("regimen", "", "a regimen with numbers for this figure; none of these has any")
    return data


def _asked(
    request: Request, regimen: list[str], more: set[str] | None = None
) -> tuple[Mechanism, list[Asked]]:
    of: Mechanism = request.app.state.mechanism
    only(request, _KNOWN | (more or set()))
    return of, of.asked(regimen)
