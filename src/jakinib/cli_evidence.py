"""The commands about the evidence itself: who counts whom, and what is held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

Folder = Annotated[
    list[Path] | None,
    typer.Option("--evidence", "-e", help="Add a folder of your own tables to the corpus (may be repeated)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write CSV.")]
AsSvg = Annotated[bool, typer.Option("--svg", help="Write the figure as SVG.")]


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

    _write(overlaps_(_load(evidence), about), json, csv, svg)


def coverage(evidence: Folder = None, json: AsJson = False, csv: AsCsv = False, svg: AsSvg = False) -> None:
    """What is held for each approved oral JAK inhibitor, indication and outcome; what is missing."""
    from jakinib.evidence.coverage import coverage as coverage_

    _write(coverage_(_load(evidence)), json, csv, svg)


def _load(folders: list[Path] | None) -> Evidence:
    from jakinib.evidence.evidence import load

    return load(*(folders or []))


def _write(result: Any, json: bool, csv: bool, svg: bool) -> None:
    from jakinib.report.export import to_csv, to_json

    if json:
        typer.echo(to_json(result.to_dict()))
    elif csv:
        typer.echo(to_csv(result.table()), nl=False)
    elif svg:
        from jakinib.report.svg import svg as draw

        typer.echo(draw(result.figure()))
    else:
        typer.echo(str(result))
