"""The commands about the evidence itself: who counts whom, and what is held."""

from __future__ import annotations

from typing import Annotated

import typer

from jakinib.cli_shared import AsCsv, AsJson, AsSvg, Folder, load_evidence, write


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(overlaps)
    app.command()(coverage)


def overlaps(
    about: Annotated[str | None, typer.Argument(help="A drug or a study; everything by default.")] = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """Which study counts the people of which other, and which studies are in no such relation."""
    from jakinib.evidence.overlaps import overlaps as overlaps_

    write(overlaps_(load_evidence(evidence), about), json, csv, svg)


def coverage(evidence: Folder = None, json: AsJson = False, csv: AsCsv = False, svg: AsSvg = False) -> None:
    """What is held for each approved oral JAK inhibitor, indication and outcome; what is missing."""
    from jakinib.evidence.coverage import coverage as coverage_

    write(coverage_(load_evidence(evidence)), json, csv, svg)
