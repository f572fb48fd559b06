"""Commands of the synthesis: pairwise, multiverse, network; on the corpus or on an arm table of your own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jakinib.cli_shared import AsCsv, AsJson, AsSvg, Folder, load_evidence, write

if TYPE_CHECKING:
    import pandas as pd

Outcome = Annotated[str | None, typer.Argument(help="e.g. sae; not with --arms.")]
Treatment = Annotated[str | None, typer.Option("--treatment", "-t", help="e.g. 'abrocitinib 200 mg qd'")]
Reference = Annotated[
    str | None, typer.Option("--reference", "-r", help="The comparator; placebo where there is one.")
]
Population = Annotated[
    str | None, typer.Option("--population", "-p", help="Indication, e.g. 'atopic dermatitis'.")
]
Measure = Annotated[str, typer.Option(help="OR, RR, RD, IRR ...")]
Period = Annotated[str, typer.Option(help="controlled or randomised.")]
Arms = Annotated[
    Path | None,
    typer.Option(
        "--arms",
        "-a",
        help="A CSV file: study, treatment, events and n or person_years, a row an arm; - is standard input.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (pairwise, multiverse, network):
        app.command()(command)


def pairwise(
    outcome: Outcome = None,
    treatment: Treatment = None,
    reference: Reference = None,
    population: Population = None,
    measure: Measure = "OR",
    method: Annotated[str, typer.Option(help="mh, peto, iv-dl, iv-reml ...")] = "mh",
    period: Period = "controlled",
    arms: Arms = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """Meta-analysis of one treatment against another over the studies that have both arms."""
    from jakinib.synthesis.pairwise import pairwise as pairwise_

    asked = _asked(outcome, population, period, arms, evidence).two(treatment, reference)
    result = pairwise_(
        asked.table, measure=measure, method=method, treatment=asked.treatment, reference=asked.reference
    )
    write(result, json, csv, svg)
    _told(asked, json or csv or svg)


def multiverse(
    outcome: Outcome = None,
    treatment: Treatment = None,
    reference: Reference = None,
    population: Population = None,
    measure: Measure = "OR",
    period: Period = "controlled",
    arms: Arms = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """One comparison through every applicable method, and whether the conclusion depends on the method."""
    from jakinib.synthesis.multiverse import multiverse as multiverse_

    asked = _asked(outcome, population, period, arms, evidence).two(treatment, reference)
    result = multiverse_(asked.table, measure=measure, treatment=asked.treatment, reference=asked.reference)
    write(result, json, csv, svg)
    _told(asked, json or csv or svg)


def network(
    outcome: Outcome = None,
    population: Population = None,
    reference: Reference = None,
    measure: Measure = "OR",
    method: Annotated[str, typer.Option(help="iv, mh, nch, firth, exact, bayes")] = "exact",
    without: Annotated[
        list[str] | None, typer.Option("--without", "-w", help="A study to leave out; may be repeated.")
    ] = None,
    dose: Annotated[
        list[str] | None,
        typer.Option(
            "--dose", help="'TREATMENT=DRUG:DOSE', repeated: one dose-response curve within a drug."
        ),
    ] = None,
    curve: Annotated[str, typer.Option(help="With --dose: linear, emax or exchangeable.")] = "linear",
    member: Annotated[
        list[str] | None,
        typer.Option("--class", help="'TREATMENT=CLASS', repeated: members exchangeable about their class."),
    ] = None,
    period: Period = "controlled",
    arms: Arms = None,
    evidence: Folder = None,
    json: AsJson = False,
    csv: AsCsv = False,
    svg: AsSvg = False,
) -> None:
    """Network meta-analysis of every treatment compared for an outcome; components are never bridged."""
    from jakinib.synthesis.network.network import network as network_

    asked = _asked(outcome, population, period, arms, evidence).leaving(without or [])
    against = asked.against(reference)
    if dose and member:
        raise ValueError("--dose and --class are two models; give one of them")
    doses = {asked.key("treatment", t): _dose(of) for t, of in (_parts(text, "=") for text in dose or [])}
    classes = {asked.key("treatment", t): c for t, c in (_parts(text, "=") for text in member or [])}
    result: Any = network_(asked.table, measure=measure, method=method, reference=against)
    if doses:
        result = result.doses(doses, curve)
    elif classes:
        result = result.classes(classes)
    write(result, json, csv, svg)
    _told(asked, json or csv or svg)


def _parts(text: str, mark: str) -> tuple[str, str]:
    """What stands before and after the last mark."""
    before, found, after = text.rpartition(mark)
    if not (found and before.strip() and after.strip()):
        raise ValueError(f"{text!r}: write --dose 'TREATMENT=DRUG:DOSE' or --class 'TREATMENT=CLASS'")
    return before.strip(), after.strip()


def _dose(text: str) -> tuple[str, float]:
    drug, dose = _parts(text, ":")
    try:
        return drug, float(dose)
    except ValueError:
        raise ValueError(f"--dose: {dose!r} of {drug!r} is not a number") from None


@dataclass(frozen=True)
class _Asked:
    """An arm table and where it is from: ``ev`` and the rows ``left`` out, or neither for a file."""

    table: Any
    what: str
    ev: Any = None
    left: pd.DataFrame | None = None
    treatment: str = ""
    reference: str = ""

    def key(self, kind: str, text: str) -> str:
        """A name as this table writes it; says what it has where it has no such name."""
        if self.ev is not None:
            text = self.ev.name(kind, text)
        held = list(dict.fromkeys(self.table[kind]))
        if kind == "treatment" and "reference" in self.table:
            held += [r for r in dict.fromkeys(self.table["reference"].dropna()) if r not in held]
        if text not in held:
            from jakinib.evidence.errors import near_matches

            near = near_matches(text, held) or sorted(held)
            raise ValueError(f"no arm of {kind} {text!r} in {self.what}; it has {', '.join(near)}")
        return text

    def against(self, reference: str | None) -> str | None:
        if reference is not None:
            return self.key("treatment", reference)
        from jakinib.evidence.package import PLACEBO

        return PLACEBO if PLACEBO in set(self.table["treatment"]) else None

    def two(self, treatment: str | None, reference: str | None) -> _Asked:
        """The arms of two treatments in the studies that have both."""
        b = self.against(reference)
        held = list(dict.fromkeys(self.table["treatment"]))
        if b is None:
            raise ValueError(f"{self.what} has no placebo; give --reference, one of {', '.join(held)}")
        by = self.table.groupby("study", sort=False)["treatment"].agg(set)
        if "reference" in self.table and self.ev is None:  # contrast rows name their comparator
            others = self.table.dropna(subset="reference").groupby("study")["reference"].agg(set)
            by = by.combine(others, set.union, fill_value=set())
        partners = sorted(set().union(*(of for of in by if b in of)) - {b})
        if treatment is None and len(partners) == 1:
            a = partners[0]
        elif treatment is None:
            raise ValueError(f"give --treatment, one of {', '.join(partners) or 'none beside ' + b}")
        else:
            a = self.key("treatment", treatment)
        if a == b:
            raise ValueError(f"--treatment and --reference are both {a!r}; one of them must differ")
        if a not in partners:
            beside = f"; beside {b} stand {', '.join(partners)}" if partners else ""
            raise ValueError(f"no study here has both {a} and {b}: {self.what}{beside}")
        rows = self.table[self.table["treatment"].isin([a, b])]
        if self.ev is not None:  # of a file every study is accounted for, of the corpus those with both
            rows = rows[rows["study"].isin(by.index[[{a, b} <= of for of in by]])]
        return _Asked(rows, self.what, self.ev, self.left, a, b)

    def leaving(self, without: list[str]) -> _Asked:
        """The table without some studies."""
        gone = {self.key("study", text) for text in without}
        rows = self.table[~self.table["study"].isin(gone)]
        if rows["treatment"].nunique() < 2:
            raise ValueError(f"no two treatments are left to compare in {self.what}")
        return _Asked(rows, self.what, self.ev, self.left)


def _asked(
    outcome: str | None,
    population: str | None,
    period: str,
    arms: Path | None,
    evidence: list[Path] | None,
) -> _Asked:
    if arms is not None:
        given = {"an outcome": outcome, "--population": population, "--evidence": evidence}
        both = [name for name, value in given.items() if value]
        if both:
            raise ValueError(f"--arms is a table of its own; leave out {' and '.join(both)}")
        from jakinib.evidence.arm_file import read_arm_file

        return _Asked(read_arm_file(arms), "standard input" if str(arms) == "-" else arms.name)
    if not outcome:
        raise ValueError("give an outcome, such as sae, or an arm table of your own with --arms FILE")
    if period not in ("controlled", "randomised"):
        raise ValueError(f"--period {period!r}: randomised arms are compared, so controlled or randomised")
    from jakinib.evidence.trials import trials

    ev = load_evidence(evidence)
    table = trials(ev, outcome, population=population, period=period)
    if table.empty:
        everywhere = trials(ev, outcome, period=period)
        held = ", ".join(dict.fromkeys(everywhere["population"]))
        other = f"; populations with such studies: {held}" if held else ""
        raise ValueError(f"no randomised study with two counted arms is held for {outcome} here{other}")
    where = f", {population}" if population else ""
    return _Asked(table, f"the studies of {outcome}{where}", ev, table.left_out)


def _told(asked: _Asked, quiet: bool) -> None:
    """What a reader of text must know beside the result: mixed populations, and rows not taken."""
    if quiet or asked.ev is None:
        return
    by = asked.table.groupby("population")["study"].nunique().sort_values(ascending=False)
    if len(by) > 1:
        told = ", ".join(f"{asked.ev.names[p]} ({k})" for p, k in by.items())
        typer.echo(f"\n{len(by)} populations are analysed together: {told}. --population takes one.")
    left = asked.left
    if left is not None and len(left):
        typer.echo(f"\nNot taken ({len(left)} rows):")
        for reason, rows in left.groupby("reason", sort=False):
            typer.echo(f"  {len(rows):>4}  {reason}")
