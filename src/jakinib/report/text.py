"""Results at the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from jakinib.evidence.check import Findings


def table(frame: pd.DataFrame, title: str = "") -> Table:
    """A frame as a rich table: numbers to the right, blanks as a dash."""
    shown = Table(title=title or None, title_justify="left", header_style="bold")
    numeric = {str(c): pd.api.types.is_numeric_dtype(frame[c].dtype) for c in frame.columns}
    for column, right in numeric.items():
        shown.add_column(column.replace("_", " "), justify="right" if right else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        shown.add_row(*(_cell(value) for value in row))
    return shown


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "-"
    return f"{value:g}" if isinstance(value, float) else escape(str(value))


def findings(found: Findings, console: Console) -> None:
    """What a check found: open findings first, in full; acknowledged ones with the key that explains them."""
    known = [f for f in found if f.acknowledged]
    for finding in found.open:
        console.print(f"[bold red]{finding.code}[/] {escape(str(finding).split(': ', 1)[1])}")
    if known:
        console.print(f"[bold]Acknowledged in discrepancies ({len(known)})[/]")
        for finding in known:
            place = " ".join(p for p in (finding.table, finding.row, finding.column) if p)
            console.print(
                f"  {finding.acknowledged}  {finding.code} {escape(place)}: {escape(finding.found)}"
            )
    verdict = "[green]sound[/]" if found.ok else f"[bold red]{len(found.open)} open[/]"
    console.print(f"{found.checked}: {verdict}, {len(known)} acknowledged")
