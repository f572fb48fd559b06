"""Results for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from jakinib.plain import records
from jakinib.report.numbers import cell, rate_unit, shown, span

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from jakinib.evidence.check import Findings
    from jakinib.patient.compare import Comparison


def table(frame: pd.DataFrame, title: str) -> Table:
    """A frame as a table; a blank cell stays blank."""
    made = Table(title=f"{title} ({len(frame):,} rows)", title_justify="left")
    for column in frame.columns:
        number = frame[column].dtype.kind in "iuf"
        made.add_column(str(column).replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        made.add_row(*(Text(cell(value)) for value in row))
    return made


def comparison(result: Comparison, console: Console) -> None:
    """Treatments side by side: the headline lines, what the pairs rest on, and the populations."""
    lines = result.table()
    made = Table(title=f"Rates {rate_unit(result.per)}", title_justify="left")
    for column in ("outcome", "treatment", "population", "value", "95 % interval", "observed", "over", "row"):
        made.add_column(column, overflow="fold")
    for line in records(lines[lines["headline"]]):
        s = shown(line)
        value = f"{s.value} {s.unit}" if s.unit else s.value
        made.add_row(*map(Text, (line["outcome"], line["treatment"], line["population"], value, s.interval,
                                 s.counts, span(line), line["event"])))  # fmt: skip
    console.print(made)
    held = set(zip(lines["outcome"], lines["treatment"], strict=True))
    for outcome in result.outcomes:
        for treatment in result.treatments:
            if (outcome, treatment) not in held:
                console.print(Text(f"{outcome}, {treatment}: {shown(None)}"))
    for pair in result.pairs().to_dict("records"):
        console.print(
            Text(f"{pair['outcome']}: {pair['treatment_a']} v {pair['treatment_b']}: ")
            + Text(str(pair["kind"]), style="bold red" if pair["kind"] == "naive" else "bold")
            + Text(f". {pair['reason']}")
        )
    who = ["study", "population", "mean_age", "enrichment", "background_therapy", "follow_up", "n"]
    console.print(table(result.populations()[who], "Who was studied"))


def findings(found: Findings, console: Console) -> None:
    """What a check found: open findings in full, then how many are acknowledged."""
    known = len(found) - len(found.open)
    for finding in found.open:
        console.print(Text(str(finding)))
    style = "green" if found.ok else "bold red"
    console.print(
        Text(f"{found.checked}: {len(found.open)} open, {known} acknowledged in discrepancies", style)
    )
    keys = sorted({f.acknowledged for f in found if f.acknowledged})
    if keys:
        console.print(Text(f"Acknowledged by {', '.join(keys)}; see `jakinib data discrepancies`."))
