"""The tables whole, and every single row with where it comes from."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request

from jakinib.evidence.evidence import Evidence
from jakinib.evidence.tables import fields, package, primary_key
from jakinib.report.tables import resolve
from jakinib.web.answer import View, views
from jakinib.web.errors import BadQueryError
from jakinib.web.site import Site, rows

router = APIRouter()
PAGE = 100  # rows a page


@views(router, "/data")
def data_view(request: Request) -> View:
    site: Site = request.app.state.site
    listed = [
        {"table": r["name"], "rows": len(site.ev[r["name"]]), "title": r.get("title", "")}
        for r in package()["resources"]
    ]
    described = {name["table"]: fields(name["table"]) for name in listed}
    context = {"tables": listed, "described": described, "keys": {t: primary_key(t) for t in described}}
    return View("data.html", context, lambda: pd.DataFrame(listed), package, "tables")


@views(router, "/data/{table}")
def table_view(request: Request, table: str, page: Annotated[int, Query(ge=1, le=100_000)] = 1) -> View:
    site: Site = request.app.state.site
    frame = site.ev[table]
    pages = max(1, -(-len(frame) // PAGE))
    if page > pages:
        raise BadQueryError("page", str(page), f"1 to {pages}")
    part = frame.iloc[(page - 1) * PAGE : page * PAGE]
    context = {
        "table": table,
        "title": next(r.get("title", "") for r in package()["resources"] if r["name"] == table),
        "columns": [f["name"] for f in fields(table)],
        "rows": site.keyed(table, part),
        "page": page,
        "pages": pages,
        "total": len(frame),
    }
    return View("table.html", context, lambda: frame, lambda: rows(frame), table)


@views(router, "/row/{table}/{key:path}")
def row_view(request: Request, table: str, key: str) -> View:
    site: Site = request.app.state.site
    trace = site.traces.trace(table, key)
    plain = rows(pd.DataFrame([trace.row]))[0]
    same = site.keyed(table, trace.same_fact)
    context: dict[str, Any] = {
        "table": table,
        "key": key,
        "row": plain,
        "described": trace.described,
        "source": site.sources.get(str(plain.get("source_id"))),
        "line": site.lines(site.ev["events"].loc[[_place(site, key)]])[0] if table == "events" else None,
        "same": site.lines(trace.same_fact) if table == "events" else same,
        "corrections": rows(trace.corrections),
        "discrepancies": rows(trace.discrepancies),
        "on_page": rows(trace.page),
        "points_to": _points_to(site.ev, plain),
    }
    data = {
        "table": table,
        "key": key,
        "row": plain,
        "source": context["source"],
        "same_fact": same,
        "corrections": context["corrections"],
        "discrepancies": context["discrepancies"],
        "on_page": context["on_page"],
    }
    return View("row.html", context, lambda: pd.DataFrame([trace.row]), lambda: data, f"{table}-{key}")


def _place(site: Site, key: str) -> int:
    return int(site.ev["events"].index[site.traces.places("events")[key]])


def _points_to(ev: Evidence, row: dict[str, Any]) -> list[tuple[str, str]]:
    """The rows that a row of ``page``, ``discrepancies`` or ``corrections`` speaks about."""
    if row.get("row_table"):
        return resolve(ev, row["row_table"], row["row_key"])
    if row.get("table") and row.get("rows"):
        return resolve(ev, row["table"], row["rows"])
    if row.get("effect") and "factor" in row:
        return resolve(ev, "effects", row["effect"])
    return []
