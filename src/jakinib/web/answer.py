"""A view answers in three forms at one address: a page, ``.csv`` and ``.json``."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from jakinib import __version__
from jakinib.report import numbers
from jakinib.report.export import to_csv, to_json
from jakinib.report.svg import svg
from jakinib.web import site as addresses

HERE = Path(__file__).parent


@dataclass(frozen=True)
class View:
    """What a page shows: its template and values, the table behind it, and all of it as JSON-ready data."""

    template: str
    context: dict[str, Any]
    table: Callable[[], pd.DataFrame]
    data: Callable[[], Any]
    name: str = "jakinib"


def views(router: APIRouter, path: str, csv_path: str | None = None) -> Callable[[Callable[..., View]], None]:
    """Register a function that makes a View at ``path``, ``path.csv`` and ``path.json``.

    The function's parameters are the query and path parameters, checked by FastAPI.
    """

    def register(make: Callable[..., View]) -> None:
        stem = csv_path or path
        for form, answer in (("csv", _csv), ("json", _json), ("", _html)):
            where = f"{stem}.{form}" if form else path
            # HEAD too, so that a link can be checked without fetching the page
            router.add_api_route(where, _endpoint(make, answer), methods=["GET", "HEAD"], response_model=None)

    return register


def _endpoint(
    make: Callable[..., View], answer: Callable[[Request, View], Response]
) -> Callable[..., Response]:
    @functools.wraps(make)
    def endpoint(request: Request, *args: Any, **kwargs: Any) -> Response:
        if answer is not _html:
            return answer(request, make(request, *args, **kwargs))
        kept, address = request.app.state.kept, f"{request.url.path}?{request.url.query}"
        body = kept.get(address)
        if body is None:
            body = _html(request, make(request, *args, **kwargs)).body
            kept.put(address, body)
        return HTMLResponse(body)

    endpoint.__annotations__ = {**make.__annotations__, "return": Response}
    return endpoint


def figure(request: Request, draw: Callable[[], Any], *, dark: bool) -> Response:
    """A chart as SVG, drawn once for its address."""
    kept, address = request.app.state.kept, f"{request.url.path}?{request.url.query}"
    body = kept.get(address)
    if body is None:
        body = svg(draw(), dark=dark).encode()
        kept.put(address, body)
    return Response(body, media_type="image/svg+xml")


def _html(request: Request, view: View) -> Response:
    return page(request, view.template, **view.context)


def csv_answer(frame: pd.DataFrame, name: str) -> Response:
    """A frame as a CSV file to save."""
    return Response(
        to_csv(frame),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{_filename(name)}.csv"'},
    )


def _csv(request: Request, view: View) -> Response:
    return csv_answer(view.table(), view.name)


def _json(request: Request, view: View) -> Response:
    return Response(to_json(view.data()), media_type="application/json")


def _filename(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)[:80]


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Response:
    """Render a template as a page."""
    site = request.app.state.site
    html = (
        templates()
        .get_template(template)
        .render(site=site, path=request.url.path, query=request.url.query, **context)
    )
    return HTMLResponse(html, status_code=status, headers=headers)


def form_url(path: str, query: str, form: str) -> str:
    """The address of the same view in another form."""
    stem = "/index" if path == "/" else path
    return quote(f"{stem}.{form}", safe="/:|,%") + (f"?{query}" if query else "")


@cache
def templates() -> Environment:
    """The templates; everything put into them is escaped."""
    made = Environment(
        loader=PackageLoader("jakinib.web", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(
        version=__version__,
        static=static_url,
        row_url=addresses.row_url,
        source_url=addresses.source_url,
        compare_url=addresses.compare_url,
        form_url=form_url,
        mechanism_url=addresses.mechanism_url,
        overlaps_url=addresses.overlaps_url,
        coverage_url=addresses.coverage_url,
        shown=numbers.shown,
        effect=numbers.effect,
        counts=numbers.counts,
        span=numbers.span,
        rate_unit=numbers.rate_unit,
        network_url=addresses.network_url,
        multiverse_url=addresses.multiverse_url,
        interval=numbers.interval,
        no_event=numbers.NO_EVENT,
        not_reported=numbers.NOT_REPORTED,
    )
    made.filters.update(
        cell=numbers.cell,
        printed=numbers.printed,
        number=numbers.number,
        significant=numbers.significant,
        count=numbers.count,
        percent=numbers.percent,
    )
    return made


@cache
def static_url(name: str) -> str:
    """Address of a static file; it changes with the content, so that a browser may keep the file."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"
