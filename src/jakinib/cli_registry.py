"""The commands that bring public records in: ``import``, ``diff``, ``accept``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jakinib.cli_shared import AsCsv, AsJson, load_evidence

if TYPE_CHECKING:
    from collections.abc import Callable


_import = typer.Typer(
    help="Public records become staged rows of the evidence tables, with the path of every value. "
    "Nothing is added to any evidence until you accept it.",
    no_args_is_help=True,
)

Files = Annotated[
    list[Path] | None, typer.Option("--file", help="A file (may be repeated); no network is used.")
]
Folders = Annotated[list[Path] | None, typer.Option("--folder", help="A folder of files or zip archives.")]
Into = Annotated[Path, typer.Option("--into", help="The staging folder to write.")]
Added = Annotated[
    list[Path] | None,
    typer.Option("--evidence", "-e", help="A folder of your own tables, whose names count as known."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.add_typer(_import, name="import")
    app.command()(diff)
    app.command()(accept)


@_import.command()
def ctgov(
    ids: Annotated[list[str] | None, typer.Argument(help="NCT ids, e.g. NCT03349060.")] = None,
    file: Files = None,
    folder: Folders = None,
    into: Into = Path("staged"),
    evidence: Added = None,
    json: AsJson = False,
) -> None:
    """ClinicalTrials.gov study records with results (API v2)."""
    from jakinib.registry import download, import_ctgov

    paths = _paths(ids, file, folder, "NCT ids")
    with _progress(len(ids or ()) or None) as step:
        if paths:
            staged = import_ctgov.import_files(paths, into, load_evidence(evidence), step)
        else:
            with _client() as client:
                found = download.trials(client, ids or [])
                staged = import_ctgov.stage(found, into, load_evidence(evidence), step)
    _show(staged, json)


@_import.command()
def label(
    names: Annotated[list[str] | None, typer.Argument(help="Generic names or SPL set ids.")] = None,
    file: Files = None,
    folder: Folders = None,
    into: Into = Path("staged"),
    evidence: Added = None,
    json: AsJson = False,
) -> None:
    """US drug labels (SPL XML of DailyMed, openFDA JSON)."""
    from jakinib.registry import download, import_label

    paths = _paths(names, file, folder, "generic names or set ids")
    if paths:
        staged = import_label.import_files(paths, into, load_evidence(evidence))
    else:
        with _client() as client:
            staged = import_label.stage(download.labels(client, names or []), into, load_evidence(evidence))
    _show(staged, json)


@_import.command()
def pubmed(
    pmids: Annotated[list[str] | None, typer.Argument(help="PMIDs.")] = None,
    file: Files = None,
    folder: Folders = None,
    into: Into = Path("staged"),
    evidence: Added = None,
    json: AsJson = False,
) -> None:
    """PubMed records (E-utilities XML) as sources."""
    from jakinib.registry import download
    from jakinib.registry import pubmed as pubmed_

    paths = _paths(pmids, file, folder, "PMIDs")
    if paths:
        staged = pubmed_.import_files(paths, into, load_evidence(evidence))
    else:
        with _client() as client:
            staged = pubmed_.stage(download.articles(client, pmids or []), into, load_evidence(evidence))
    _show(staged, json)


@_import.command()
def references(
    file: Annotated[list[Path], typer.Argument(help="RIS or BibTeX files.")],
    into: Into = Path("staged"),
    json: AsJson = False,
) -> None:
    """References of a reference manager (RIS, BibTeX) as sources."""
    from jakinib.registry.references import stage

    _show(stage(file, into), json)


def diff(
    staged: Annotated[Path, typer.Argument(help="A staging folder written by import.")],
    evidence: Added = None,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """What staged rows would change: new, changed, held already, conflicting; and which verdicts."""
    from jakinib.registry.diff import diff as diff_
    from jakinib.verdicts.changes import changes

    ev = load_evidence(evidence)
    result = diff_(staged, ev)
    if csv:
        typer.echo(result.table().to_csv(index=False), nl=False)
    elif json:
        from jakinib.report.export import to_json

        typer.echo(to_json(result.to_dict() | {"verdicts": changes(staged, ev).to_dict()}))
    else:
        typer.echo(f"{result}\n\n{changes(staged, ev)}")


def accept(
    staged: Annotated[Path, typer.Argument(help="A staging folder written by import.")],
    into: Annotated[Path, typer.Option("--into", help="Your evidence folder; new, or one of tables.")],
    json: AsJson = False,
) -> None:
    """Check staged rows and take them into an evidence folder of your own, whole or not at all."""
    from jakinib.registry.accept import accept as accept_

    _show(accept_(staged, into), json)


def _paths(
    asked: list[str] | None, file: list[Path] | None, folder: list[Path] | None, what: str
) -> list[Path]:
    paths = [*(file or []), *(folder or [])]
    if bool(paths) == bool(asked):
        raise ValueError(f"give either {what} (asks the service) or --file/--folder (no network)")
    return paths


def _client() -> Any:
    from jakinib.registry.client import Client

    return Client()


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on the error stream, so that the output stays clean."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("records"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=total)
        yield lambda: bar.advance(task)


def _show(result: Any, json: bool) -> None:
    if json:
        from jakinib.report.export import to_json

        typer.echo(to_json(result.to_dict()))
    else:
        typer.echo(str(result))
