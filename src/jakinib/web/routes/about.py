"""How the numbers are made, what is disputed, and under which terms all this can be used."""

from __future__ import annotations

from fastapi import APIRouter, Request

from jakinib import __version__
from jakinib.report.tables import DISCLAIMER
from jakinib.web.answer import View, views
from jakinib.web.site import Site, rows

router = APIRouter()


@views(router, "/about")
def about_view(request: Request) -> View:
    site: Site = request.app.state.site
    disputed = site.ev["discrepancies"]
    counts = {name: len(table) for name, table in site.ev.tables.items() if len(table)}
    licences = site.ev["sources"].groupby("licence", dropna=True).size().sort_values(ascending=False)
    context = {
        "discrepancies": rows(disputed),
        "corrections": rows(site.ev["corrections"]),
        "counts": counts,
        "folders": [f.name for f in site.ev.folders],
        "licences": [(str(name), int(n)) for name, n in licences.items()],
    }
    data = {"version": __version__, "note": DISCLAIMER, "rows": counts, "discrepancies": rows(disputed)}
    return View("about.html", context, lambda: disputed, lambda: data, "discrepancies")
