"""The reference page, alive: mechanism, drugs, safety, studies and patients at risk, each with its rows."""

from __future__ import annotations

import re
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from jakinib.report.forest import RATES, SHARES
from jakinib.report.numbers import printed
from jakinib.report.pathway import jaks_in, pathway
from jakinib.verdicts.evaluate import Verdict
from jakinib.web.answer import View, figure, views
from jakinib.web.routes.drugs import cards
from jakinib.web.site import Row, Site, rows

router = APIRouter()
OWN_PLACE = ("Mechanism of action", "Drug table", "Safety", "Rate table")  # the other sections are studies
ORAL = "oral-surveillance"
ORAL_OUTCOMES = ("mace", "malignancy_ex_nmsc", "nmsc", "vte", "pe", "dvt", "death")  # what the page speaks of
POPULATION = "atopic-dermatitis"  # of the JAK inhibitors in the page's rate table
BACKGROUND = {"general-population": "reference"}  # what the page calls its two last rows
ROLES = ("jak", "active", "background", "placebo")  # order of the rate table


@views(router, "/", "/index")
def home_view(request: Request) -> View:
    site: Site = request.app.state.site
    page = site.ev["page"]
    said = [_statement(site, row) for row in site.of_all("page")]
    sections: dict[str, list[dict[str, Any]]] = {}
    for statement in said:
        sections.setdefault(statement["section"], []).append(statement)
    columns = [
        o["outcome"] for o in sorted(site.of_all("outcomes"), key=lambda o: o["order"]) if o["on_page"]
    ]
    table = _rate_table(site, columns, sections.get("Rate table", []))
    jak = [r["treatment"] for r in table if r["role"] == "jak"]
    context = {
        "sections": sections,
        "studies": [_study(site, name, s) for name, s in sections.items() if name not in OWN_PLACE],
        "cards": cards(site),
        "columns": columns,
        "rate_table": table,
        "drawn": jak,
        "drawn_population": POPULATION,
        "general": _general(site),
        "table_claims": [v for v in site.claims if len(v.claim.positions) > 1],
        "cytokines": _cytokines(site),
        "oral": _oral(site),
        "oral_study": ORAL if ORAL in site.studies else "",
        "factors": site.of_all("risk_factors"),
    }
    data = {"page": rows(page), "rate_table": _plain(table), "cytokines": site.of_all("cytokines")}
    return View("home.html", context, lambda: page, lambda: data, "page")


@router.get("/pathway.svg", response_model=None)
def pathway_figure(
    request: Request, look: Literal["light", "dark"] = "light", size: Literal["wide", "narrow"] = "wide"
) -> Response:
    site: Site = request.app.state.site
    width = 600 if size == "wide" else 190
    return figure(request, lambda: pathway(site.ev["cytokines"], width=width), dark=look == "dark")


def _statement(site: Site, row: Row) -> dict[str, Any]:
    """A statement of the page with its number cut out, to be made a link, and what contradicts it."""
    held = site.traces.resolve(row["row_table"] or "", row["row_key"])
    before, number, after = _around(row["statement"], row["value"], row["value_low"], row["value_high"])
    return {
        **row,
        "before": before,
        "number": number,
        "after": after,
        "evidence": [(row["row_table"], key) for key in held],
        "disputes": site.disputes("page", row["_key"]),
        "verdicts": _verdicts(site, row["position"]),
    }


def _verdicts(site: Site, position: int) -> list[Verdict]:
    """What became of a statement: one claim of each verdict, of those that speak of it alone."""
    found: dict[str, Verdict] = {}
    for verdict in site.claims.at(position):
        if len(verdict.claim.positions) == 1:
            found.setdefault(verdict.verdict, verdict)
    return list(found.values())


def _around(text: str, value: float | None, low: float | None, high: float | None) -> tuple[str, str, str]:
    """Split a statement around its number; the number is empty when it has none that can be found."""
    if value is None:
        return text, "", ""
    numbers = {f"{value:.1f}", printed(value), f"{value:.10g}", f"{value:.2f}"}
    interval = (
        ""
        if low is None or high is None
        else rf" \({re.escape(printed(low))} to {re.escape(printed(high))}\)"
    )
    for number in sorted(numbers, key=len, reverse=True):
        found = re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d])(?!\.\d){interval}", text)
        if found:
            return text[: found.start()], found.group(), text[found.end() :]
    return text, "", ""


def _general(site: Site) -> list[Row]:
    """Where the page's drug table as a whole differs from the evidence."""
    found = site.of("discrepancies", table="approvals")
    return [d for d in found if d["topic"].startswith("page:")]


def _rate_table(site: Site, columns: list[str], statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The page's rate table: a row a treatment or background, a cell an outcome, beside the primary evidence.

    The page's own figures are the rows of ``events`` that rest on it; a cell for which it prints "no data" is
    the statement that says so.
    """
    own = [
        line
        for line in site.events
        if line["source_id"] in site.reference_pages
        and "table" in line["locator"]
        and line["outcome"] in columns
    ]
    verdicts = {key: s["verdicts"] for s in statements for table, key in s["evidence"] if table == "events"}
    held: dict[tuple[str, str], dict[str, Row]] = {}
    for line in sorted(own, key=lambda x: (ROLES.index(x["role"]), x["event"])):
        who = line["population"] if line["role"] == "background" else line["treatment"]
        held.setdefault((line["role"], who), {})[line["outcome"]] = line
    silent = [s for s in statements if s["value"] is None and s["unit"]]
    table = []
    for (role, who), says in held.items():
        name = (
            f"{BACKGROUND.get(who, 'baseline')}: {site.populations[who]}"
            if role == "background"
            else site.treatments[who]
        )
        cells = {}
        for outcome in columns:
            own_line = says.get(outcome)
            no_data = (s for s in silent if _about(s, name, site.outcomes[outcome]))
            unsaid = None if own_line else next(no_data, None)
            cells[outcome] = {
                "page": own_line,
                "silent": unsaid,
                "verdicts": unsaid["verdicts"]
                if unsaid
                else verdicts.get(own_line["event"], [])
                if own_line
                else [],
                "disputes": site.disputes("events", own_line["event"]) if own_line else [],
                "primary": _primary(site, own_line) if own_line else [],
            }
        first = next(iter(says.values()))
        table.append({"role": role, "treatment": first["treatment"], "name": name, "cells": cells})
    return table


def _plain(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rate table for JSON: verdicts as claim and verdict, also those of a cell's statement."""

    def ready(cell: dict[str, Any]) -> dict[str, Any]:
        told = {v.claim.claim: v.verdict for v in cell["verdicts"]}
        silent = cell["silent"] and {k: v for k, v in cell["silent"].items() if k != "verdicts"}
        return cell | {"verdicts": told, "silent": silent}

    return [row | {"cells": {o: ready(cell) for o, cell in row["cells"].items()}} for row in table]


def _about(statement: dict[str, Any], name: str, outcome: str) -> bool:
    """Does a statement such as "Ciclosporin: VTE: ..." speak of this treatment and outcome?"""
    head, _, tail = str(statement["statement"]).partition(":")
    return head.lower() in name.lower() and outcome in tail


def _primary(site: Site, page: Row) -> list[Row]:
    """What other sources give for treatment, population and outcome of a figure of the page: the two rates
    over the longest period, else for a treatment the share over the longest."""
    alike = ("treatment", "population", "outcome", "role")
    lines = [
        x
        for x in site.events
        if all(x[c] == page[c] for c in alike)
        and (x["use"], x["counts"], x["subgroup"]) == ("default", "persons", None)
        and x["source_id"] not in site.reference_pages
    ]
    lines.sort(
        key=lambda x: (-(x["period_weeks"] or 0), -(x["person_years"] or 0), -(x["n"] or 0), x["event"])
    )
    taken = [x for x in lines if x["kind"] in RATES][:2]
    return taken or ([] if page["role"] == "background" else [x for x in lines if x["kind"] in SHARES][:1])


def _cytokines(site: Site) -> list[dict[str, Any]]:
    """Cytokines with the same JAKs together; each name keeps its row."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in site.of_all("cytokines"):
        found = jaks_in(row["jaks"])
        if found:
            groups.setdefault(found, []).append(row)
    return [{"jaks": jaks, "rows": found} for jaks, found in sorted(groups.items())]


def _study(site: Site, name: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    """A cited study: what the page says, and the studies and effects held from the same publication."""
    cited = next((s["cites"] for s in statements if s["cites"]), "")
    studies = site.of("studies", source_id=cited)
    return {
        "name": name,
        "cites": cited,
        "held": cited in site.sources,
        "statements": statements,
        "studies": studies,
        "effects": [e for e in site.of("effects", source_id=cited) if e["use"] == "default"] if cited else [],
    }


def _oral(site: Site) -> list[Row]:
    """Published effects of ORAL Surveillance for whole arms."""
    found = site.of("effects", study=ORAL, kind="treatment", use="default")
    return [e for e in found if e["subgroup"] is None and e["outcome"] in ORAL_OUTCOMES]
