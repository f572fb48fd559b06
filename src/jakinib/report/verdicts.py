"""Verdicts on claims as Markdown, a section of the page a table."""

from __future__ import annotations

from itertools import groupby

from jakinib.verdicts.evaluate import VERDICTS, Claims

SHOWN = 4  # rows of evidence named in a cell before the rest is counted


def markdown(claims: Claims) -> str:
    """The counts, then every claim: statement, verdict, why, and the rows it rests on."""
    lines = ["| verdict | claims |", "|---|---:|"]
    lines += [f"| {verdict} | {claims.counts[verdict]} |" for verdict in VERDICTS]
    for section, held in groupby(claims, lambda v: v.claim.section):
        lines += ["", f"### {section or 'Claims of no statement of the page'}", ""]
        lines += ["| claim | position | statement | verdict | why | rows |", "|---|---|---|---|---|---|"]
        for v in held:
            rows = [f"{table} {key}" for table, key in v.rows]
            more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
            cells = [
                v.claim.claim,
                ", ".join(map(str, v.claim.positions)),
                v.claim.statement,
                f"**{v.verdict}**",
                v.reason,
                "; ".join(rows[:SHOWN]) + more,
            ]
            lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
