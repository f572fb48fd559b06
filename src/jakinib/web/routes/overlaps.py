"""Who counts whom: all studies, those of a drug, or those around one study."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from jakinib.evidence.overlaps import RELATIONS, overlaps
from jakinib.report.overlap_figure import overlap_figure
from jakinib.web.answer import View, figure, views
from jakinib.web.site import Site, rows

router = APIRouter()


@views(router, "/overlaps")
def overlaps_view(request: Request, about: str = "") -> View:
    site: Site = request.app.state.site
    made = overlaps(site.ev, about)
    unplaced = rows(made.unplaced)
    context: dict[str, Any] = {
        "made": made,
        "name": site.drugs.get(made.about) or site.studies.get(made.about, ""),
        "relations": rows(made.relations),
        "said": RELATIONS,
        "alone": [u for u in unplaced if u["placement"] == "stands alone"],
        "open": [u for u in unplaced if u["placement"] != "stands alone"],
        "drugs": _drugs(site),
    }
    return View("overlaps.html", context, made.table, made.to_dict, f"overlaps-{made.about}".rstrip("-"))


@router.api_route("/overlaps.svg", methods=["GET", "HEAD"], response_model=None)
def overlaps_figure(request: Request, about: str = "", look: Literal["light", "dark"] = "light") -> Response:
    site: Site = request.app.state.site
    made = overlaps(site.ev, about)
    return figure(request, lambda: overlap_figure(made, dark=look == "dark"), dark=look == "dark")


def _drugs(site: Site) -> list[str]:
    """The JAK inhibitors of which some study counts another, or is counted."""
    known = site.ev.overlap.relations
    related = set(known["whole"]) | set(known["part"])
    drug = {t["treatment"]: t["drug"] for t in site.of_all("treatments")}
    held = {
        drug[row["treatment"]]
        for t in ("arms", "events")
        for row in site.of_all(t)
        if row["study"] in related
    }
    return [row["drug"] for row in site.of("drugs", drug_class="JAK inhibitor") if row["drug"] in held]
