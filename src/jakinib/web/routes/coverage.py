"""What is held for each approved oral JAK inhibitor, indication and outcome, and what is missing."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from jakinib.evidence.coverage import FACTS, KINDS, coverage, sorted_rows
from jakinib.web.answer import View, views
from jakinib.web.errors import BadQueryError
from jakinib.web.site import Row, Site, rows

router = APIRouter()
SHORT = {"randomised": "rand.", "long-term": "long", "observational": "obs.", "background": "bg."}


@views(router, "/about/coverage")
def coverage_view(request: Request) -> View:
    site: Site = request.app.state.site
    made = coverage(site.ev)
    drugs: dict[str, dict[tuple[str, str | None], dict[str, list[dict[str, Any]]]]] = {}
    cells = rows(made.cells)
    for cell in cells:
        held = [
            {
                "kind": kind,
                "short": SHORT[kind],
                "rows": cell[f"{key}_rows"],
                "studies": cell[f"{key}_studies"],
            }
            for kind in KINDS
            if cell[f"{(key := kind.replace('-', '_'))}_rows"]
        ]
        of = drugs.setdefault(cell["drug"], {}).setdefault((cell["indication"], cell["population"]), {})
        of[cell["outcome"]] = held
    counts = {kind: sum(bool(c[f"{kind.replace('-', '_')}_rows"]) for c in cells) for kind in KINDS}
    context = {
        "drugs": drugs,
        "outcomes": list(dict.fromkeys(c["outcome"] for c in cells)),
        "cells": len(cells),
        "counts": counts,
        "short": SHORT,
        "trials": rows(made.trials),
        "facts": FACTS,
    }
    return View("coverage.html", context, made.table, made.to_dict, "coverage")


@views(router, "/about/coverage/rows")
def rows_view(request: Request, outcome: str, population: str, kind: str, drug: str = "") -> View:
    site: Site = request.app.state.site
    if kind not in KINDS:
        raise BadQueryError("kind", kind, ", ".join(KINDS), KINDS)
    key_drug = site.ev.name("drug", drug) if kind != "background" else None
    key = key_drug, site.ev.name("population", population), site.ev.name("outcome", outcome), kind
    taken = {event for event, _ in sorted_rows(site.ev).get(key, ())}
    lines: list[Row] = [line for line in site.events if line["event"] in taken]
    lines.sort(key=lambda r: (r["study"], r["treatment"], r["subgroup"] or "", r["event"]))
    events = site.ev["events"]
    own = events[events["event"].isin(taken)]
    context = {
        "lines": lines, "kind": kind, "drug": key_drug, "population": key[1], "outcome": key[2],
    }  # fmt: skip
    return View("coverage_rows.html", context, lambda: own, lambda: lines, "coverage-rows")
