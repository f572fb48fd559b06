"""What is said when a question cannot be answered: what was asked, and what can be asked instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from jakinib.evidence.errors import UnknownNameError, near_matches
from jakinib.report.export import to_json
from jakinib.web.answer import page
from jakinib.web.aside import NotReadyError, TookTooLongError

PLACES = (
    "/",
    "/compare",
    "/patient",
    "/mechanism",
    "/network",
    "/drugs",
    "/studies",
    "/outcomes",
    "/claims",
    "/sources",
    "/data",
    "/about",
    "/overlaps",
)


class BadQueryError(ValueError):
    """A query value that cannot be used: ``name``, what was ``given``, what is ``allowed``, and values to put
    ``instead``."""

    def __init__(self, name: str, given: str, allowed: str, instead: Sequence[str] = ()) -> None:
        self.name, self.given, self.allowed, self.instead = name, given, allowed, tuple(instead)
        super().__init__(f"{name}: {given!r} cannot be used; allowed: {allowed}")


def only(request: Request, known: set[str]) -> None:
    """Refuse a query parameter that means nothing here: it would be passed over in silence."""
    strange = sorted(set(request.query_params) - known)
    if strange:
        allowed = f"only the parameters {', '.join(sorted(known))}"
        raise BadQueryError(strange[0], request.query_params[strange[0]], allowed)


def install(app: FastAPI) -> None:
    """Make the application answer errors in the form that was asked for."""
    handlers: list[tuple[Any, Any]] = [
        (UnknownNameError, _unknown),
        (BadQueryError, _bad),
        (NotReadyError, _computing),
        (TookTooLongError, _too_long),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
    ]
    for error, handler in handlers:
        app.add_exception_handler(error, handler)


async def _unknown(request: Request, error: UnknownNameError) -> Response:
    ev = request.app.state.site.ev
    near = []
    for name in error.near:
        try:  # a name that is shown stands for a key in the address
            key = ev.name(error.kind, name)
        except (KeyError, UnknownNameError):
            key = name
        near.append({"name": name, "url": _instead(request, error, key)})
    near = list({entry["url"]: entry for entry in reversed(near)}.values())[::-1]
    return _say(request, 404, f"No {_kind(error.kind)} “{error.name[:200]}”", str(error)[:400], near=near)


async def _bad(request: Request, error: BadQueryError) -> Response:
    problem = {"name": error.name, "given": error.given[:200], "allowed": error.allowed}
    near = [{"name": value, "url": _put(request, error.given, value, error.name)} for value in error.instead]
    return _say(
        request, 422, "This address cannot be answered", str(error)[:400], near=near, problems=[problem]
    )


async def _computing(request: Request, error: NotReadyError) -> Response:
    """The page comes again by itself, also without JavaScript."""
    again = {"Refresh": "1", "Retry-After": "1", "Cache-Control": "no-store"}
    if request.url.path.endswith((".csv", ".json", ".svg")):
        said = {"status": "computing", "message": "a slow method; ask the same address again"}
        return Response(to_json(said), status_code=202, media_type="application/json", headers=again)
    inside = "HX-Request" in request.headers
    return page(request, "computing.html", status=202, headers=again, inside=inside)


async def _too_long(request: Request, error: TookTooLongError) -> Response:
    message = (
        f"{error}. A quicker method, or one population, will do; the command `jakinib network` has no limit."
    )
    return _say(
        request, 503, "This method takes too long here", message, headers={"Cache-Control": "no-store"}
    )


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    problems = []
    for fault in error.errors():
        context = fault.get("ctx") or {}
        allowed = str(context.get("expected") or fault["msg"])
        name = str(fault["loc"][-1]) if not isinstance(fault["loc"][-1], int) else str(fault["loc"][-2])
        problems.append({"name": name, "given": str(fault.get("input", ""))[:200], "allowed": allowed})
    return _say(request, 422, "This address cannot be answered", "See what is allowed.", problems=problems)


async def _http(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        known = {p.strip("/"): p for p in PLACES}
        found = near_matches(request.url.path.strip("/").split("/")[0], [k for k in known if k])
        near = [{"name": known[k], "url": known[k]} for k in found]
        return _say(request, 404, "No such page", f"There is nothing at {request.url.path[:200]}.", near=near)
    return _say(
        request, error.status_code, "This cannot be answered", str(error.detail), headers=error.headers
    )


def _say(
    request: Request,
    status: int,
    title: str,
    message: str,
    near: list[dict[str, str]] | None = None,
    problems: list[dict[str, str]] | None = None,
    headers: Any = None,
) -> Response:
    if request.url.path.endswith((".csv", ".json")):
        said = {"error": title, "message": message, "near": near or [], "problems": problems or []}
        return Response(to_json(said), status_code=status, media_type="application/json", headers=headers)
    return page(request, "error.html", status=status, headers=headers, title=title, message=message,
                near=near or [], problems=problems or [])  # fmt: skip


def _kind(kind: str) -> str:
    return {"source_id": "source"}.get(kind, kind)


def _instead(request: Request, error: UnknownNameError, name: str) -> str:
    """The address that was asked for, with one name put in place of the unknown one."""
    for _, value in parse_qsl(request.url.query, keep_blank_values=True):
        # a regimen starts with the name of its drug
        if value == error.name or value.lstrip().startswith((f"{error.name}:", f"{error.name} ")):
            return _put(request, value, value.replace(error.name, name, 1))
    return quote(request.url.path.replace(error.name, name), safe="/:|,%")


def _put(request: Request, given: str, instead: str, name: str = "") -> str:
    """The address that was asked for, with one value in place of another; a blank one is filled in."""
    query = parse_qsl(request.url.query, keep_blank_values=True)
    if not given and name:
        query = [*((k, v) for k, v in query if k != name), (name, "")]
    return f"{request.url.path}?{urlencode([(k, instead if v == given else v) for k, v in query])}"
