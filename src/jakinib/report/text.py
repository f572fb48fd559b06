"""Results for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jakinib.report.numbers import cell, interval, shown, significant, span

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from jakinib.evidence.check import Findings
    from jakinib.evidence.finding import Finding
    from jakinib.patient.compare import Comparison
    from jakinib.verdicts.evaluate import Claims


def table(frame: pd.DataFrame, title: str) -> Table:
    """A frame as a table; a blank cell stays blank."""
    made = Table(title=f"{title} ({len(frame):,} rows)", title_justify="left")
    for column in frame.columns:
        number = frame[column].dtype.kind in "iuf"
        made.add_column(str(column).replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        made.add_row(*(Text(cell(value)) for value in row))
    return made


def comparison(
    result: Comparison, console: Console, names: dict[str, str], pooled: list[dict[str, Any]]
) -> None:
    """Treatments side by side: every line of evidence, what the pairs rest on, pooled estimates, and who was
    studied.

    ``names``: key -> name to show, for treatments, outcomes, populations and studies. ``pooled``: rows of
    :class:`jakinib.patient.pooled.Pooled`.
    """
    lines = result.table()
    for outcome in result.outcomes:
        here = lines[lines["outcome"] == outcome]
        console.print(Text(f"\n{names[outcome]}", "bold underline"))
        for treatment in result.treatments:
            rows = here[here["treatment"] == treatment].to_dict("records")
            made = Table(title=names[treatment], title_justify="left", title_style="bold", box=None)
            for column in ("population", "figure", "observed", "study", "over", "row"):
                made.add_column(
                    column, overflow="fold", style="" if column != "row" else "cyan", no_wrap=column == "row"
                )
            for row in rows:
                line = {str(k): v for k, v in row.items()}
                s = shown(line)
                figure = " ".join(filter(None, [s.value, s.unit, f"({s.interval})" if s.interval else ""]))
                figure += f", {s.remark}" if s.remark else ""
                said = [
                    names[row["population"]],
                    figure,
                    s.counts,
                    names[row["study"]],
                    span(line),
                    row["event"],
                ]
                made.add_row(*map(Text, said), style="" if row["headline"] else "dim")
            console.print(made if rows else Text(f"{names[treatment]}: {shown(None)}"))
        for pair in result.pairs().to_dict("records"):
            if pair["outcome"] == outcome:
                style = "bold red" if pair["kind"] == "naive" else "bold"
                console.print(Text(f"{pair['kind']} comparison", style) + Text(f": {pair['reason']}"))
        _pooled([row for row in pooled if row["outcome"] == outcome and row["population"]], console, names)
    who = ["name", "population", "mean_age", "enrichment", "background_therapy", "follow_up", "n"]
    console.print()
    console.print(table(result.populations()[who], "Who was studied"))
    console.print(
        Text("Bright lines are shown first on the page. A row opens with: jakinib row events E00001", "dim")
    )


def _pooled(rows: list[dict[str, Any]], console: Console, names: dict[str, str]) -> None:
    """Odds ratios from randomised trials, one population at a time; a pair that has none is told above."""
    if not rows:
        return
    title = "Pooled from randomised trials (odds ratio, 95 % interval)"
    made = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in ("population", "comparison", "direct", "network"):
        made.add_column(column, overflow="fold")
    for row in rows:
        pair = f"{names[row['treatment']]} v {names[row['reference']]}"
        made.add_row(*map(Text, (names[row["population"]], pair, _direct(row), _indirect(row["network"]))))
    console.print(made)


def _direct(row: dict[str, Any]) -> str:
    found, spread = row["direct"], row["random"]
    if not found:
        return "never in one trial"
    if not found["events"]:
        return f"no event on either side in {_many(found['studies'], 'study', 'studies')}"
    of = _many(found["studies"], "study", "studies")
    said = f"{interval(found)}, Mantel-Haenszel, {found['k']} of {of}, {_many(found['events'], 'event')}"
    if found["q_df"] and found["i2"] is not None:
        said += f", I2 {found['i2']:.0f} %"
    if spread and spread["q_df"] > 1:
        said += f"; random effects {interval(spread)}{_new_trial(spread)}"
    return said


def _indirect(found: dict[str, Any] | None) -> str:
    if not found:
        return "not connected"
    if not found["events"]:
        return "no event in any arm"
    model = {"firth": "penalised logistic, common effect", "iv": "inverse variance, random effects"}
    rests = "direct and indirect" if found["direct_studies"] else "indirect only"
    seen = f"{_many(found['k'], 'study', 'studies')}, {_many(found['events'], 'event')}"
    return f"{interval(found)}, {model[found['method']]}, {seen}, {rests}{_new_trial(found)}"


def _many(n: int, one: str, more: str = "") -> str:
    return f"{n} {one if n == 1 else more or one + 's'}"


def _new_trial(found: dict[str, Any]) -> str:
    if found["prediction_low"] is None:
        return ""
    return f", a new trial {significant(found['prediction_low'])} to {significant(found['prediction_high'])}"


def findings(found: Findings, console: Console) -> None:
    """What a check found: open findings in full, then the acknowledged ones under what explains them."""
    for finding in found.open:
        console.print(Text(str(finding)))
    known: dict[str, list[Finding]] = {}
    for finding in found:
        if finding.acknowledged:
            known.setdefault(finding.acknowledged, []).append(finding)
    for key, explained in sorted(known.items()):
        console.print(Text(f"acknowledged in discrepancies {key}:", "dim"))
        for finding in explained:
            console.print(
                Text(
                    f"  {finding.code} {finding.row} {finding.column}: {finding.found}; {finding.expected}",
                    "dim",
                )
            )
    style = "green" if found.ok else "bold red"
    count = len(found) - len(found.open)
    console.print(
        Text(f"{found.checked}: {len(found.open)} open, {count} acknowledged in discrepancies", style)
    )


_VERDICT_STYLES = {
    "supported": "green",
    "supported with qualification": "yellow",
    "not supported": "bold dark_orange",
    "contradicted": "bold red",
}


def verdicts(claims: Claims, console: Console) -> None:
    """Claims under their sections: statement, verdict, why, and the rows it rests on; then the counts."""
    section = None
    for v in claims:
        if v.claim.section != section:
            section = v.claim.section
            console.print(Text(f"\n{section or 'Claims of no statement of the page'}", "bold underline"))
        style = _VERDICT_STYLES.get(v.verdict, "dim")
        console.print(Text(v.claim.claim, "bold") + Text(f"  {v.verdict}", style))
        rows = [f"{table} {key}" for table, key in v.rows]
        more = f" and {len(rows) - 6} more" if len(rows) > 6 else ""
        for text, look in (
            (v.claim.statement, ""),
            (v.reason, "dim"),
            (f"rows: {'; '.join(rows[:6])}{more}" if rows else "", "cyan"),
        ):
            if text:
                console.print(Padding(Text(text, look), (0, 0, 0, 6)))
    counts = ", ".join(f"{n} {verdict}" for verdict, n in claims.counts.items() if n)
    console.print(Text(f"\n{len(claims)} claims against {claims.evidence}: {counts or 'none'}", "bold"))
