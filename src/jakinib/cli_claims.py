"""The command on claims: every sentence of the page and what the evidence makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Verdict = Annotated[
    str | None,
    typer.Option(help="Only this verdict: supported, 'supported with qualification', 'not supported', "
                 "contradicted, 'cannot be checked here'."),
]  # fmt: skip
Section = Annotated[str | None, typer.Option(help="Only this section of the page, e.g. Safety.")]
Folder = Annotated[
    list[Path] | None,
    typer.Option("--evidence", "-e", help="Add a folder of your own tables to the corpus (may be repeated)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write CSV.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Write Markdown tables.")]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(claims)


def claims(
    verdict: Verdict = None,
    section: Section = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
) -> None:
    """The page's sentences, each with the verdict that the evidence gives it."""
    from jakinib.evidence.evidence import load
    from jakinib.verdicts.evaluate import claims as claims_

    found = claims_(load(*(evidence or []))).of(verdict, section)
    if json:
        from jakinib.report.export import to_json

        typer.echo(to_json(found.to_dict()))
    elif csv:
        from jakinib.report.export import to_csv

        typer.echo(to_csv(found.table()), nl=False)
    elif markdown:
        from jakinib.report.verdicts import markdown as markdown_

        typer.echo(markdown_(found), nl=False)
    else:
        from rich.console import Console

        from jakinib.report.text import verdicts

        verdicts(found, Console(highlight=False))
