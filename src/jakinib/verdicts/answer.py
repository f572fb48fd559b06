"""One test put to the evidence: what was found, and whether that is what the claim needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jakinib.evidence.claims import Test, parse_where
from jakinib.verdicts.facts import Facts

HOLDS = "holds"
OPEN = "open"
AGAINST = "against"
SILENT = "silent"
SHOWN = 8  # answers of one test that its sentence lists


@dataclass(frozen=True)
class Answer:
    """What one test found.

    ``status``: holds, open (neither shown nor refuted), against, or silent (no independent evidence).
    ``found``: in words; ``basis``: what a re-analysis rests on. ``rows``: (table, key) of its rows.
    """

    test: Test
    status: str
    found: str
    rows: tuple[tuple[str, str], ...] = ()
    basis: str = ""


@dataclass(frozen=True)
class Found:
    """One number, interval or text that answers a test."""

    status: str
    text: str
    rows: tuple[tuple[str, str], ...]


def answer(test: Test, facts: Facts) -> Answer:
    """Run a test."""
    if test.source == "rows":
        return _rows(test, facts)
    from jakinib.verdicts import reanalysis

    analyse = reanalysis.pairwise if test.source == "pairwise" else reanalysis.rates
    asked = (test.source, tuple(map(str, test.where)), test.measure, test.method)
    if asked not in facts.analysed:  # several tests ask the same analysis
        facts.analysed[asked] = analyse(test, facts)
    found, why = facts.analysed[asked]
    if found is None:
        return Answer(test, SILENT, why)
    estimate, low, high, text, rows = found
    status = _interval(test, low, high) if test.quantity == "interval" else _number(test, estimate)
    return Answer(test, status, f"{text}{_against(test, status)}", rows, why)


def _rows(test: Test, facts: Facts) -> Answer:
    held, others = facts.matching(test.table, test.where)
    keys = tuple((test.table, row["_key"]) for row in held)
    if test.quantity == "rows":
        return _count(test, held, keys)
    if not held:
        own = "; only the page itself says so" if others else ""
        return Answer(test, SILENT, f"no independent row of {_table(test)}{own}")
    if test.relation == "lowest":
        return _lowest(test, held)
    answers = [one for row in held if (one := _one(test, row, facts)) is not None]
    if not answers:
        return Answer(test, SILENT, f"{_plural(len(held))} found, none prints {_quantity(test)}", keys)
    statuses = {a.status for a in answers}
    if test.every:
        status = AGAINST if AGAINST in statuses else OPEN if OPEN in statuses else HOLDS
        telling = answers if status == HOLDS else [a for a in answers if a.status == status]
    else:
        status = HOLDS if HOLDS in statuses else AGAINST if statuses == {AGAINST} else OPEN
        telling = [a for a in answers if a.status == status]
    texts = list(dict.fromkeys(a.text for a in telling))
    said = ", ".join(texts[:SHOWN]) + (f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else "")
    rows = tuple(dict.fromkeys(key for a in telling for key in a.rows))
    return Answer(test, status, said, rows)


def _count(test: Test, held: Sequence[dict[str, Any]], keys: tuple[tuple[str, str], ...]) -> Answer:
    assert test.value is not None
    n = len(held)
    said = f"{_plural(n) if n else 'no row'} of {_table(test)}"
    if test.relation == "at least":
        return Answer(test, HOLDS if n >= test.value else SILENT if not n else OPEN, said, keys)
    if n > test.value:
        told = list(dict.fromkeys(map(_told, held)))
        more = f" and {len(told) - 3} more" if len(told) > 3 else ""
        return Answer(test, AGAINST, f"{said}: {', '.join(told[:3])}{more}", keys)
    # that nothing is held against a sentence does not carry it
    return Answer(test, SILENT if test.weight == "core" else HOLDS, said, keys)


def _lowest(test: Test, held: Sequence[dict[str, Any]]) -> Answer:
    """Do the rows named in words have the lowest values of all that were found?"""
    (wanted,) = parse_where(" | ".join(test.words))
    ranked = sorted((row for row in held if row[test.quantity] is not None),
                    key=lambda row: (row[test.quantity], row["_key"]))  # fmt: skip
    order = list(dict.fromkeys(str(row[wanted.column]) for row in ranked))
    rows = tuple((test.table, row["_key"]) for row in ranked)
    if len(order) <= len(wanted.values) or not set(wanted.values) <= set(order):
        return Answer(test, SILENT, f"only {', '.join(order) or 'nothing'} to compare", rows)
    said = ", ".join(f"{row[wanted.column]} {row[test.quantity]:g}" for row in ranked)
    first = set(order[: len(wanted.values)])
    return Answer(test, HOLDS if first == set(wanted.values) else AGAINST, f"in rising order {said}", rows)


def _one(test: Test, row: dict[str, Any], facts: Facts) -> Found | None:
    key = ((test.table, row["_key"]),)
    if test.quantity == "interval":
        low, high = row["ci_low"], row["ci_high"]
        if low is None or high is None:
            return None
        status = _interval(test, low, high)
        return Found(status, f"{_printed(row)}{_against(test, status)}{_whose(row, facts)}", key)
    cell = row[test.quantity]
    if cell is None:
        return None
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        status = _number(test, float(cell))
        text = _printed(row) if test.quantity == "estimate" else f"{test.quantity.replace('_', ' ')} {cell:g}"
        return Found(status, f"{text}{_whose(row, facts)}", key)
    text = ("true" if cell else "false") if isinstance(cell, bool) else str(cell)
    if test.relation == "is":
        return Found(HOLDS if text in test.words else AGAINST, f"\u201c{_cut(text)}\u201d", key)
    told = any(word.casefold() in text.casefold() for word in test.words)
    return Found(HOLDS if told else OPEN, f"\u201c{_cut(text)}\u201d", key)


def _interval(test: Test, low: float, high: float) -> str:
    value = test.value
    assert value is not None
    if test.relation in ("above", "below"):
        beyond, short = (
            (low > value, high < value) if test.relation == "above" else (high < value, low > value)
        )
        return HOLDS if beyond else AGAINST if short else OPEN
    inside = low <= value <= high
    if test.relation == "includes":
        return HOLDS if inside else AGAINST
    return OPEN if inside else HOLDS


def _number(test: Test, found: float) -> str:
    value = test.value
    assert value is not None
    # a hair's breadth, so that 0.3 - 0.2 is within 0.1
    near = abs(found - value) <= test.tolerance + 1e-9
    holds = {"is": near, "at least": found >= value, "at most": found <= value,
             "above": found > value, "below": found < value}[test.relation]  # fmt: skip
    return HOLDS if holds else AGAINST


def _against(test: Test, status: str) -> str:
    """Where an interval lies, when the test asked for an interval."""
    if test.quantity != "interval":
        return ""
    where = {
        ("above", HOLDS): "above", ("above", OPEN): "which includes", ("above", AGAINST): "below",
        ("below", HOLDS): "below", ("below", OPEN): "which includes", ("below", AGAINST): "above",
        ("includes", HOLDS): "which includes", ("includes", AGAINST): "which excludes",
        ("excludes", HOLDS): "which excludes", ("excludes", OPEN): "which includes",
    }[test.relation, status]  # fmt: skip
    return f", {where} {test.value:g}"


_MEASURES = {"HR": "hazard ratio", "OR": "odds ratio", "RR": "risk ratio", "IRR": "rate ratio",
             "RD": "risk difference", "IRD": "rate difference"}  # fmt: skip


def _printed(row: dict[str, Any]) -> str:
    """An estimate or a rate with its interval, as printed."""
    value = row["estimate"] if "estimate" in row else row["rate"]
    what = _MEASURES.get(str(row.get("measure")), str(row.get("measure") or "rate"))
    span = (
        "" if row["ci_low"] is None else f" ({_number_text(row['ci_low'])} to {_number_text(row['ci_high'])})"
    )
    return f"{what} {_number_text(value)}{span}"


def _number_text(value: float | None) -> str:
    if value is None:
        return "not printed"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def _whose(row: dict[str, Any], facts: Facts) -> str:
    """Which study a bare number is of."""
    told = [facts.name(row[c]) for c in ("study", "subgroup", "treatment") if row.get(c)]
    return f" ({', '.join(told)})" if told else ""


def _told(row: dict[str, Any]) -> str:
    """A row in a few words: what it says, else what names it."""
    if "whole" in row:
        return f"{row['whole']} counts {row['part']}"
    said = next((row[c] for c in ("statement", "printed") if row.get(c)), None)
    return f"\u201c{_cut(str(said), 160)}\u201d" if said else str(row.get("drug") or row["_key"])


def _table(test: Test) -> str:
    return test.table.replace("_", " ")


def _quantity(test: Test) -> str:
    return "an interval" if test.quantity == "interval" else test.quantity.replace("_", " ")


def _plural(n: int) -> str:
    return f"{n} row" if n == 1 else f"{n} rows"


def _cut(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else text[: limit - 3].rsplit(" ", 1)[0] + " ..."
