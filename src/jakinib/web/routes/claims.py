"""The claims: every sentence of the page with its verdict, why, and the rows it rests on."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from jakinib.verdicts.evaluate import VERDICTS
from jakinib.web.answer import View, figure, views
from jakinib.web.errors import BadQueryError
from jakinib.web.site import Site

router = APIRouter()


@views(router, "/claims")
def claims_view(request: Request, verdict: str = "", section: str = "") -> View:
    site: Site = request.app.state.site
    everything = site.claims
    for name, given, allowed in (("verdict", verdict, VERDICTS), ("section", section, everything.sections)):
        if given and given not in allowed:
            raise BadQueryError(name, given, ", ".join(allowed), allowed)
    found = everything.of(verdict or None, section or None)
    context = {
        "claims": everything,
        "found": found,
        "verdict": verdict,
        "section": section,
        "verdicts": VERDICTS,
        "refused": site.claims_refused,
    }
    return View("claims.html", context, found.table, found.to_dict, "claims")


@router.get("/claims.svg", response_model=None)
def claims_figure(
    request: Request, look: Literal["light", "dark"] = "light", size: Literal["wide", "narrow"] = "wide"
) -> Response:
    site: Site = request.app.state.site
    width = 560 if size == "wide" else 150

    return figure(request, lambda: site.claims.figure().properties(width=width), dark=look == "dark")
