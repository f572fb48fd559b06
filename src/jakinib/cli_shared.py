"""What the commands have in common: their options, loading the evidence, writing a result."""

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


def load_evidence(folders: list[Path] | None) -> Evidence:
    """The corpus and the folders added to it."""
    from jakinib.evidence.evidence import load

    return load(*(folders or []))


def write(result: Any, json: bool, csv: bool, svg: bool) -> None:
    """One result: as JSON, CSV, SVG or text."""
    from jakinib.report.export import to_csv, to_json

    if json:
        typer.echo(to_json(result.to_dict()))
    elif csv:
        typer.echo(to_csv(result.table()), nl=False)
    elif svg:
        write_svg(result.figure())
    else:
        typer.echo(str(result))


def write_svg(chart: Any) -> None:
    """A figure as SVG."""
    from jakinib.report.svg import svg

    typer.echo(svg(chart))
