"""The command on claims: every sentence of the page and what the evidence makes of it."""

from __future__ import annotations

from typing import Annotated

import typer

from jakinib.cli_shared import AsCsv, AsJson, Folder, load_evidence

Verdict = Annotated[
    str | None,
    typer.Option(help="Only this verdict: supported, 'supported with qualification', 'not supported', "
                 "contradicted, 'cannot be checked here'."),
]  # fmt: skip
Section = Annotated[str | None, typer.Option(help="Only this section of the page, e.g. Safety.")]
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
    from jakinib.verdicts.evaluate import claims as claims_

    found = claims_(load_evidence(evidence)).of(verdict, section)
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
