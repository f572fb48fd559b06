"""The web application."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from jakinib.evidence.evidence import Evidence, load
from jakinib.patient.pooled import Pooled
from jakinib.web import errors
from jakinib.web.answer import HERE
from jakinib.web.headers import SecurityHeaders
from jakinib.web.kept import Kept
from jakinib.web.mechanism import Mechanism
from jakinib.web.routes import (
    about,
    claims,
    compare,
    coverage,
    data,
    drugs,
    home,
    mechanism,
    multiverse,
    network,
    outcomes,
    overlaps,
    patient,
    sources,
    studies,
)
from jakinib.web.site import Site
from jakinib.web.synthesis import Synthesis


def create_app(evidence: Evidence | None = None) -> FastAPI:
    """The page as an ASGI application.

    Parameters
    ----------
    evidence
        What is served; by default the shipped corpus.
    """
    app = FastAPI(title="jakinib", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = Site(evidence or load())
    app.state.mechanism = Mechanism(app.state.site)
    app.state.synthesis = Synthesis(app.state.site)
    app.state.pooled = Pooled(app.state.synthesis.trials)
    app.state.kept = Kept()
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=6)
    app.add_middleware(SecurityHeaders)
    for routes in (
        home,
        compare,
        patient,
        mechanism,
        network,
        multiverse,
        drugs,
        studies,
        outcomes,
        claims,
        sources,
        data,
        about,
        coverage,
        overlaps,
    ):
        app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    errors.install(app)
    return app
