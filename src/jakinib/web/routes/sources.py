"""The sources: where every number was read."""

from __future__ import annotations

from fastapi import APIRouter, Request

from jakinib.evidence.errors import UnknownNameError
from jakinib.report.tables import sources_table
from jakinib.web.answer import View, views
from jakinib.web.site import Site, rows

router = APIRouter()


@views(router, "/sources")
def sources_view(request: Request) -> View:
    site: Site = request.app.state.site
    table = sources_table(site.ev)
    return View("sources.html", {"sources": rows(table)}, lambda: table, lambda: rows(table), "sources")


@views(router, "/sources/{source:path}")
def source_view(request: Request, source: str) -> View:
    site: Site = request.app.state.site
    facts = site.sources.get(source)
    if facts is None:
        raise UnknownNameError("source", source, site.sources)
    held = {
        table: site.of(table, source_id=source)
        for table, frame in site.ev.tables.items()
        if table != "sources" and "source_id" in frame.columns
    }
    held = {table: found for table, found in held.items() if found}
    events = site.ev["events"]
    own = events[events["source_id"] == source]
    lines = [line for line in site.events if line["source_id"] == source]
    cited = [r for r in site.of_all("page") if r["cites"] == source]
    context = {"source": facts, "held": held, "lines": lines, "cited": cited}
    return View("source.html", context, lambda: own, lambda: {"source": facts, **held}, source)
