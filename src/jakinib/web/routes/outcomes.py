"""The outcomes: what was counted, and every rate held."""

from __future__ import annotations

from fastapi import APIRouter, Request

from jakinib.web.answer import View, views
from jakinib.web.site import Row, Site, rows

router = APIRouter()


@views(router, "/outcomes")
def outcomes_view(request: Request) -> View:
    site: Site = request.app.state.site
    events, effects = site.ev["events"], site.ev["effects"]
    table = site.ev["outcomes"].sort_values("order")
    for column, held in [
        ("events_rows", events["outcome"].value_counts()),
        ("studies", events.groupby("outcome")["study"].nunique()),
        ("effects_rows", effects["outcome"].value_counts()),
    ]:
        table = table.assign(**{column: table["outcome"].map(held).fillna(0).astype(int)})
    return View("outcomes.html", {"outcomes": rows(table)}, lambda: table, lambda: rows(table), "outcomes")


@views(router, "/outcomes/{outcome}")
def outcome_view(request: Request, outcome: str) -> View:
    site: Site = request.app.state.site
    key = site.ev.name("outcome", outcome)
    facts = site.of("outcomes", outcome=key)[0]
    events = site.ev["events"]
    own = events[(events["outcome"] == key) & (events["use"] == "default") & events["subgroup"].isna()]
    taken = set(own["event"])
    lines = [line for line in site.events if line["event"] in taken]
    by: dict[str, list[Row]] = {}
    for line in lines:
        by.setdefault(line["population"], []).append(line)
    for held in by.values():
        held.sort(
            key=lambda r: (site.treatments.get(r["treatment"], ""), -(r["person_years"] or 0), -(r["n"] or 0))
        )
    order = sorted(by, key=lambda p: (-len(by[p]), p))
    effects = site.of("effects", outcome=key)
    context = {
        "outcome": facts,
        "populations": [(p, by[p]) for p in order],
        "parts": site.of("outcomes", part_of=key),
        "effects": effects,
        "strata": int(((events["outcome"] == key) & events["subgroup"].notna()).sum()),
        "warnings": [w for w in site.of_all("warnings") if w["topic"] == key],
    }
    data = {"outcome": facts, "events": lines, "effects": effects}
    return View("outcome.html", context, lambda: own, lambda: data, key)
