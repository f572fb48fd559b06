"""The tables whole, and every single row with where it comes from."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request

from jakinib.evidence.package import fields, package, primary_key
from jakinib.report.trace import keys
from jakinib.web.answer import View, views
from jakinib.web.errors import BadQueryError
from jakinib.web.site import Row, Site, rows

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
    context = {
        "table": table,
        "title": next(r.get("title", "") for r in package()["resources"] if r["name"] == table),
        "columns": [f["name"] for f in fields(table)],
        "rows": site.of_all(table)[(page - 1) * PAGE : page * PAGE],
        "page": page,
        "pages": pages,
        "total": len(frame),
    }
    return View("table.html", context, lambda: frame, lambda: rows(frame), table)


@views(router, "/row/{table}/{key:path}")
def row_view(request: Request, table: str, key: str) -> View:
    site: Site = request.app.state.site
    trace = site.traces.trace(table, key)
    plain = site.of_all(table)[site.traces.places(table)[key]]
    wanted = set(keys(trace.same_fact, table))
    same = [r for r in site.of_all(table) if r["_key"] in wanted]
    context: dict[str, Any] = {
        "table": table,
        "key": key,
        "row": {k: v for k, v in plain.items() if k != "_key"},
        "described": trace.described,
        "source": site.sources.get(str(plain.get("source_id"))),
        "line": site.events[site.traces.places(table)[key]] if table == "events" else None,
        "same": [x for x in site.events if x["event"] in wanted] if table == "events" else same,
        "corrections": rows(trace.corrections),
        "discrepancies": rows(trace.discrepancies),
        "on_page": rows(trace.page),
        "points_to": _points_to(site, plain),
    }
    data = {
        "table": table,
        "key": key,
        "row": context["row"],
        "source": context["source"],
        "same_fact": same,
        "corrections": context["corrections"],
        "discrepancies": context["discrepancies"],
        "on_page": context["on_page"],
    }
    return View("row.html", context, lambda: pd.DataFrame([trace.row]), lambda: data, f"{table}-{key}")


def _points_to(site: Site, row: Row) -> list[tuple[str, str]]:
    """The rows that a row of ``page``, ``discrepancies`` or ``corrections`` speaks about."""
    for table, named in [("row_table", "row_key"), ("table", "rows")]:
        if row.get(table) and row.get(named):
            return [(row[table], key) for key in site.traces.resolve(row[table], row[named])]
    if "factor" in row and row.get("effect"):
        return [("effects", key) for key in site.traces.resolve("effects", row["effect"])]
    return []
