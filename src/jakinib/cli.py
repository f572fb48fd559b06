"""The ``jakinib`` command: the same words and numbers as the page."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jakinib import cli_claims, cli_evidence, cli_mechanism, cli_registry, cli_synthesis
from jakinib.cli_shared import AsCsv, AsJson, Folder, load_evidence

if TYPE_CHECKING:
    import pandas as pd


app = typer.Typer(
    name="jakinib",
    help="How safe is this JAK inhibitor, at this dose, compared with the alternatives - and how do we know? "
    "Published evidence, every number with its source. Not medical advice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class As(StrEnum):
    """How a result is written."""

    text = "text"
    json = "json"
    csv = "csv"


Population = Annotated[
    str | None, typer.Option("--population", "-p", help="Indication, e.g. 'atopic dermatitis'.")
]
Period = Annotated[
    str, typer.Option(help="controlled, randomised, long-term, cohort, open-label, post-switch.")
]


def main() -> None:
    """Run the command; a question that cannot be answered ends with one line and exit code 2."""
    from jakinib.evidence.errors import EvidenceError, UnknownNameError

    try:
        app()
    except (UnknownNameError, EvidenceError, ValueError) as error:
        typer.echo(f"jakinib: {error}", err=True)
        raise SystemExit(2) from None


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    if version:
        from jakinib import __version__

        typer.echo(f"jakinib {__version__}")
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    evidence: Folder = None,
) -> None:
    """Serve the page on this machine."""
    import socket

    import uvicorn

    from jakinib.web.app import create_app

    listener = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET,
        socket.SOCK_STREAM,
        socket.IPPROTO_TCP,  # named, or asyncio leaves Nagle's delay on
    )
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise ValueError(f"cannot listen on {host} port {port}: {error.strerror}; try --port 0") from error
    page = create_app(load_evidence(evidence))
    shown = f"[{host}]" if ":" in host else host
    listener.listen()  # a reader who is quicker than the server waits instead of being refused
    typer.echo(f"jakinib is at http://{shown}:{listener.getsockname()[1]}/  (stop with Ctrl-C)")
    uvicorn.Server(uvicorn.Config(page, log_level="warning", access_log=False)).run(sockets=[listener])


@app.command()
def compare(
    treatments: Annotated[
        list[str], typer.Argument(help="e.g. 'upadacitinib 15 mg qd' 'abrocitinib 200 mg qd'")
    ],
    outcome: Annotated[
        list[str] | None, typer.Option("--outcome", "-o", help="e.g. vte; may be repeated.")
    ] = None,
    population: Population = None,
    patient: Annotated[
        str | None,
        typer.Option(help="For one person: 'age=67,sex=f,smoking=past,prior_vte=yes,indication=...'"),
    ] = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """Treatments side by side: absolute rates, their populations, and what the comparison rests on."""
    if patient is not None:
        from jakinib.patient.for_patient import for_patient
        from jakinib.patient.profile import Patient

        if population:
            raise ValueError("give the indication in --patient, not a --population beside it")
        one = for_patient(Patient.parse(patient), treatments, outcome, evidence=load_evidence(evidence))
        if not _written(one, json, csv):
            typer.echo(str(one))
        return
    from jakinib.evidence.trials import trials
    from jakinib.patient.compare import compare as compare_
    from jakinib.patient.pooled import Pooled
    from jakinib.report.export import to_json
    from jakinib.report.text import comparison
    from jakinib.synthesis.result import json_ready

    ev = load_evidence(evidence)
    result = compare_(treatments, outcome, population=population, evidence=ev)
    if csv:
        _written(result, json=False, csv=True)
        return
    made = Pooled(lambda o, p: trials(ev, o, population=p or None))
    pooled = made.rows(result.treatments, result.outcomes, result.population)
    if json:
        typer.echo(to_json(result.to_dict() | {"pooled": json_ready(pooled)}))
    else:
        comparison(result, _console(), ev.names, pooled)


@app.command()
def drugs(evidence: Folder = None, json: AsJson = False, csv: AsCsv = False) -> None:
    """The drugs: brands, targets as sources state them, approvals."""
    from jakinib.report.tables import drug_table

    _show(drug_table(load_evidence(evidence)), "Drugs", json, csv)


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="Key, name or registry id, e.g. 'oral-surveillance'.")],
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """One study: design, population, limits, and every safety row with its source."""
    from jakinib.plain import plain

    ev = load_evidence(evidence)
    key = ev.name("study", name)
    facts = {k: v for k, v in ((k, plain(v)) for k, v in ev.row("studies", key).items()) if v is not None}
    rows = ev.events[ev.events["study"] == key]
    if json or csv:
        _show(rows, key, json, csv)
        return
    _facts(facts)
    columns = [
        "event",
        "treatment",
        "outcome",
        "subgroup",
        "events",
        "n",
        "person_years",
        "rate",
        "period",
        "use",
    ]
    _print(rows[[*columns, "source_id"]], f"{len(rows)} rows of evidence")


@app.command()
def rates(
    outcome: Annotated[str, typer.Argument(help="e.g. mace")],
    population: Population = None,
    drug: Annotated[str | None, typer.Option(help="Only this drug and its comparators.")] = None,
    period: Period = "long-term",
    pools: Annotated[
        bool, typer.Option(help="Take pooled analyses and leave out the studies in them.")
    ] = True,
    method: Annotated[str, typer.Option(help="exact, midp or byar.")] = "exact",
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """Incidence rates per 100 person-years with exact intervals, one row an arm."""
    from jakinib.synthesis.rates import rates as rates_

    arms = load_evidence(evidence).select(
        outcome, population=population, drug=drug, period=period, pools=pools
    )
    result = rates_(arms, method=method)
    if not _written(result, json, csv):
        typer.echo(str(result))
        _left_out(arms.left_out)


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of tables; the shipped corpus by default.")
    ] = None,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """Check schema, keys, arithmetic, duplicates, overlap, sources. Exit 1 when a finding is open."""
    from jakinib.evidence.check import check as check_

    findings = check_(folder)
    if not _written(findings, json, csv):
        from jakinib.report.text import findings as shown

        shown(findings, _console())
    raise typer.Exit(0 if findings.ok else 1)


@app.command()
def row(
    table: Annotated[str, typer.Argument(help="e.g. events")],
    key: Annotated[str, typer.Argument(help="e.g. E00039")],
    evidence: Folder = None,
    json: AsJson = False,
) -> None:
    """One row of the evidence: the number, its source and where in it."""
    from jakinib.plain import plain

    ev = load_evidence(evidence)
    facts = {k: v for k, v in ((k, plain(v)) for k, v in ev.row(table, key).items()) if v is not None}
    if "source_id" in facts:
        source = ev.row("sources", str(facts["source_id"]))
        facts |= {"source": plain(source["title"]), "url": plain(source["url"])}
    if json:
        from jakinib.report.export import to_json

        typer.echo(to_json(facts))
    else:
        _facts(facts)


@app.command()
def data(
    table: Annotated[str | None, typer.Argument(help="A table; without one, the list of tables.")] = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """The tables of the evidence, whole."""
    import pandas as pd

    ev = load_evidence(evidence)
    if table:
        _show(ev[table], table, json, csv)
        return
    from jakinib.evidence.package import package

    listed = [(r["name"], len(ev[r["name"]]), r["title"]) for r in package()["resources"]]
    _show(pd.DataFrame(listed, columns=["table", "rows", "what"]), "Tables", json, csv)


def _facts(facts: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        shown.add_row(Text(name.replace("_", " "), "bold"), Text(str(value)))
    _console().print(shown)


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)


def _written(result: Any, json: bool, csv: bool) -> bool:
    """Write a result object as JSON or CSV when asked to; say whether it was."""
    from jakinib.report.export import to_csv, to_json

    if json:
        typer.echo(to_json(result.to_dict()))
    elif csv:
        typer.echo(to_csv(result.table()), nl=False)
    return json or csv


def _show(frame: pd.DataFrame, title: str, json: bool, csv: bool) -> None:
    from jakinib.plain import records
    from jakinib.report.export import to_csv, to_json

    if json:
        typer.echo(to_json(records(frame)))
    elif csv:
        typer.echo(to_csv(frame), nl=False)
    else:
        _print(frame, title)


def _print(frame: pd.DataFrame, title: str) -> None:
    from jakinib.report.text import table

    _console().print(table(frame, title))


def _left_out(left: pd.DataFrame) -> None:
    if len(left):
        typer.echo(f"\nNot taken ({len(left)} rows):")
        for reason, rows in left.groupby("reason", sort=False):
            typer.echo(f"  {len(rows):>4}  {reason}")


cli_synthesis.register(app)
cli_evidence.register(app)
cli_claims.register(app)
cli_mechanism.register(app)
cli_registry.register(app)
