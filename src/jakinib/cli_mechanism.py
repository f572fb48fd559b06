"""The mechanism's commands: exposure, inhibition, selectivity, signalling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jakinib.cli_shared import AsCsv, AsJson, AsSvg, Folder, load_evidence, write, write_svg

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

Drug = Annotated[str, typer.Argument(help="e.g. tofacitinib")]
Dosing = Annotated[str, typer.Argument(help="e.g. '5 mg bid', '15 mg ER qd', '20 mg single'")]
Beside = Annotated[
    list[str] | None,
    typer.Option(
        "--beside", "-b", help="Another drug and regimen, e.g. 'upadacitinib 15 mg ER qd'; may be repeated."
    ),
]
Persons = Annotated[int, typer.Option(min=0, help="Persons to simulate for the range between them.")]
Seed = Annotated[int, typer.Option(help="Seed of the simulated persons.")]
Person = Annotated[
    list[str] | None,
    typer.Option("--person", help="A covariate of everyone, e.g. crcl_ml_min=45; may be repeated."),
]
Model = Annotated[str | None, typer.Option(help="A published model by name, e.g. tse-2020.")]
MANY = 20_000  # persons from which on a progress bar is worth its room


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (exposure, inhibition, selectivity, signalling):
        app.command()(command)


def exposure(
    drug: Drug,
    regimen: Dosing,
    persons: Persons = 500,
    seed: Seed = 1,
    person: Person = None,
    model: Model = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """Plasma concentration of a regimen at steady state, from a published population model."""
    from jakinib.mechanism.exposure import exposure as exposure_

    ev = load_evidence(evidence)
    given = _covariates(person)
    key = ev.name("drug", drug)
    result = exposure_(key, regimen, persons=persons, seed=seed, covariates=given, model=model, tables=ev)
    write(result, json, csv, svg)


def inhibition(
    drug: Drug,
    regimen: Dosing,
    beside: Beside = None,
    persons: Persons = 500,
    seed: Seed = 1,
    person: Person = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """Dose to concentration to inhibition of each pathway that has a sourced potency."""
    from jakinib.mechanism.inhibition import inhibition as inhibition_
    from jakinib.mechanism.side_by_side import inhibition_side_by_side

    ev = load_evidence(evidence)
    pairs = _pairs(ev, drug, regimen, beside)
    given = _covariates(person)
    result: Any
    if len(pairs) > 1:
        everyone = {name: given for name, _ in pairs}
        result = inhibition_side_by_side(pairs, persons=persons, seed=seed, covariates=everyone, tables=ev)
        drawn = len(result.table())
    else:
        with _progress(persons) as moved:
            result = inhibition_(
                *pairs[0], persons=persons, seed=seed, covariates=given, tables=ev, progress=moved
            )
        drawn = len(result.pathways)
    if svg and not drawn:
        raise ValueError("no potency on a pathway was read that the concentration can be put to: no figure")
    write(result, json, csv, svg)


def selectivity(
    drug: Drug,
    regimen: Dosing,
    dose: Annotated[
        list[float] | None,
        typer.Option("--dose", "-d", help="A dose in mg; may be repeated. Default: 1/8 to 8 times."),
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Two pathways: the dose at which the second reaches a share of the first."),
    ] = None,
    share: Annotated[float, typer.Option(help="That share, above 0 and at most 1.")] = 0.8,
    person: Person = None,
    model: Model = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """Average inhibition of every pathway against dose: selectivity as a curve."""
    from jakinib.mechanism.selectivity import selectivity as selectivity_

    ev = load_evidence(evidence)
    given = _covariates(person)
    key = ev.name("drug", drug)
    result = selectivity_(key, regimen, doses=dose or None, covariates=given, model=model, tables=ev)
    crossing = result.crossing(*pair, share) if pair else None
    write(result, json, csv, svg)
    if pair and not (json or csv or svg):
        where = "at no dose" if crossing is None else f"from {crossing:.3g} mg a time on"
        typer.echo(f"{pair[1]} is inhibited at least {share:.0%} as much as {pair[0]} {where}")


def signalling(
    cytokine: Annotated[str, typer.Argument(help="IL-6, EPO or IL-13")],
    drug: Annotated[str | None, typer.Argument(help="e.g. ruxolitinib; none for the pathway alone")] = None,
    regimen: Annotated[str | None, typer.Argument(help="e.g. '20 mg bid'")] = None,
    beside: Beside = None,
    total: Annotated[
        bool, typer.Option("--total", help="Let cells see the total concentration: an upper bound.")
    ] = False,
    hours: Annotated[float, typer.Option(help="Length of the run.")] = 24.0,
    person: Person = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """A day of cytokine, JAK, STAT and transcription under a regimen; the assumptions are printed."""
    from jakinib.mechanism.signalling import signalling as signalling_

    if (drug is None) != (regimen is None) or (beside and drug is None):
        raise ValueError("write a drug and its regimen, like: signalling IL-6 ruxolitinib '20 mg bid'")
    ev = load_evidence(evidence)
    given = _covariates(person)
    basis: Any = "total" if total else "unbound"
    if drug is None or regimen is None:
        write(signalling_(cytokine, hours=hours, tables=ev), json, csv, svg)
        return
    results = [
        signalling_(cytokine, name, said, basis=basis, hours=hours, covariates=given, tables=ev)
        for name, said in _pairs(ev, drug, regimen, beside)
    ]
    if len(results) == 1:
        write(results[0], json, csv, svg)
    elif svg:
        write_svg(_overlay(cytokine, results))
    elif json:
        from jakinib.report.export import to_json

        typer.echo(to_json([r.to_dict() for r in results]))
    elif csv:
        import pandas as pd

        from jakinib.report.export import to_csv

        parts = [r.table().assign(drug=r.drug, regimen=r.regimen) for r in results]
        typer.echo(to_csv(pd.concat(parts, ignore_index=True)), nl=False)
    else:
        typer.echo("\n\n".join(map(str, results)))


def _overlay(cytokine: str, results: list[Any]) -> Any:
    import pandas as pd

    from jakinib.report.courses import signalling_day

    parts = [r.curves.assign(run=f"{r.drug} {r.regimen}", value=r.curves["with_drug"]) for r in results]
    parts.append(results[0].curves.assign(run="no drug", value=results[0].curves["without_drug"]))
    curves = pd.concat(parts, ignore_index=True)
    said = list(dict.fromkeys(" ".join(r.assumptions) for r in results))
    runs = list(dict.fromkeys(curves["run"]))
    return signalling_day(curves, cytokine, [*said, f"Model: {results[0].source}"], runs)


def _pairs(ev: Evidence, drug: str, regimen: str, beside: list[str] | None) -> list[tuple[str, str]]:
    from jakinib.mechanism.drug_regimen import drug_and_regimen

    pairs = [(drug, regimen), *map(drug_and_regimen, beside or [])]
    return [(ev.name("drug", name), said) for name, said in pairs]


def _covariates(given: list[str] | None) -> dict[str, Any]:
    """``name=value`` texts; a value that reads as a number is one."""
    found: dict[str, Any] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise ValueError(f"--person {text!r}: write name=value, like weight_kg=60")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return found


def _progress(persons: int) -> Any:
    """A bar on the terminal for many persons; gives the function that moves it, or None."""
    from contextlib import contextmanager

    @contextmanager
    def bar() -> Any:
        if persons < MANY:
            yield None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task("persons", total=persons)
            yield lambda done, _: shown.update(task, completed=done)

    return bar()
