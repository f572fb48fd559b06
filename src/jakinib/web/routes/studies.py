"""The studies: design, who was studied beside whom others studied, arms, outcomes, limits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from jakinib.report.tables import studies_table
from jakinib.web.answer import View, views
from jakinib.web.site import Row, Site, rows

router = APIRouter()
REFERENCE = "oral-surveillance"  # the trial that the class warnings rest on stands beside every study


@views(router, "/studies")
def studies_view(request: Request, population: str = "") -> View:
    site: Site = request.app.state.site
    table = studies_table(site.ev)
    where = site.ev.name("population", population) if population else ""
    if where:
        table = table[table["population"] == where]
    offered = [p for p in site.populations if p in set(site.ev["studies"]["population"])]
    context = {"studies": rows(table), "population": where, "offered": offered}
    return View("studies.html", context, lambda: table, lambda: rows(table), "studies")


@views(router, "/studies/{study}")
def study_view(request: Request, study: str) -> View:
    site: Site = request.app.state.site
    key = site.ev.name("study", study)
    facts = site.of("studies", study=key)[0]
    events = site.ev["events"]
    own = events[events["study"] == key]
    lines = [line for line in site.events if line["study"] == key]
    order = {o: i for i, o in enumerate(site.outcomes)}

    def place(line: Row) -> tuple[object, ...]:
        told = line["subgroup"] or "", line["period"] or "", line["role"] == "placebo", line["treatment"]
        return order.get(line["outcome"], len(order)), *told

    lines.sort(key=place)
    arms = site.of("arms", study=key)
    effects = site.of("effects", study=key)
    overlaps = [o for o in site.of_all("overlaps") if key in (o["whole"], o["part"])]
    disputes: dict[str, dict[str, Row]] = {"discrepancies": {}, "corrections": {}}
    for kind, id_ in (("discrepancies", "discrepancy"), ("corrections", "correction")):
        for table in ("events", "effects", "arms", "studies"):
            frame = site.ev[table]
            for row in rows(site.traces.touching(kind, frame[frame["study"] == key], table)):
                disputes[kind][row[id_]] = row
    context: dict[str, Any] = {
        "study": facts,
        "beside": _beside(site, facts),
        "arms": arms,
        "characteristics": _characteristics(site, key),
        "default": [r for r in lines if r["use"] == "default" and r["subgroup"] is None],
        "strata": [r for r in lines if r["use"] == "default" and r["subgroup"] is not None],
        "other": [r for r in lines if r["use"] != "default"],
        "effects": effects,
        "overlaps": overlaps,
        "disputes": {k: list(v.values()) for k, v in disputes.items()},
        "registry": len(site.of("registry_events", study=key)),
        "page": [r for r in site.of_all("page") if r["cites"] and r["cites"] == facts["source_id"]],
    }
    data = {
        "study": facts,
        "arms": arms,
        "arm_characteristics": site.of("arm_characteristics", study=key),
        "events": lines,
        "effects": effects,
        "overlaps": overlaps,
        **context["disputes"],
    }
    return View("study.html", context, lambda: own, lambda: data, key)


def _beside(site: Site, facts: Row) -> list[Row]:
    """This study, the reference trial, then the others of the same population, largest first."""
    studies = site.of_all("studies")
    same = [s for s in studies if s["population"] == facts["population"] and s["study"] != facts["study"]]
    same.sort(key=lambda s: (s["mean_age"] is None and s["enrichment"] is None, -(s["n"] or 0)))
    reference = [s for s in studies if s["study"] == REFERENCE and facts["study"] != REFERENCE]
    return [facts, *reference, *(s for s in same if s["study"] != REFERENCE)]


def _characteristics(site: Site, study: str) -> dict[str, Any]:
    """Baseline characteristics as a table: characteristics down, arms across."""
    found = site.of("arm_characteristics", study=study)
    across = list(dict.fromkeys((r["treatment"] or "", r["subgroup"] or "") for r in found))
    down: dict[str, dict[tuple[str, str], list[Row]]] = {}
    for row in found:
        down.setdefault(row["characteristic"], {}).setdefault(
            (row["treatment"] or "", row["subgroup"] or ""), []
        ).append(row)
    return {"across": across, "down": down}
