"""The language of claims: a claim and its tests, read from two tables and refused when they could not fail.

A claim is a sentence; ``claim_tests`` says what the evidence would have to look like for it. This file
reads and validates; the verdicts are computed in :mod:`jakinib.verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jakinib.evidence.errors import EvidenceError, near_matches
from jakinib.evidence.finding import Finding, shown
from jakinib.evidence.package import fields, primary_key, schemas
from jakinib.evidence.select import PERIODS

if TYPE_CHECKING:
    import pandas as pd

    from jakinib.evidence.evidence import Evidence

Row = dict[str, Any]

#: what a filter may name in a re-analysis, and the table and column that know its values
SELECTED = {
    "outcome": ("outcomes", "outcome"),
    "population": ("populations", "population"),
    "group": ("populations", "group"),
    "study": ("studies", "study"),
    "drug": ("drugs", "drug"),
    "treatment": ("treatments", "treatment"),
    "reference": ("treatments", "treatment"),
    "subgroup": ("events", "subgroup"),
}
ROLES = {"treatment": "jak", "reference": "placebo"}  # all arms of that role, merged within a study
INTERVAL = ("above", "below", "includes", "excludes")
NUMBER = ("is", "at least", "at most", "above", "below", "lowest")
WORDS = ("is", "contains")
COUNT = ("at least", "at most")
RATIOS = ("OR", "RR", "HR", "IRR")


@dataclass(frozen=True)
class Condition:
    """One part of a filter: ``column = a | b``, ``column != a | b``, ``column ~ a | b`` (holds one of the
    words), or ``column =`` (blank)."""

    column: str
    operator: str
    values: tuple[str, ...]

    def holds(self, row: Mapping[str, Any]) -> bool:
        cell = row.get(self.column)
        told = text(cell)
        if self.operator == "~":
            return any(v.casefold() in told.casefold() for v in self.values)
        equal = told in self.values if self.values else told == ""
        return equal if self.operator == "=" else not equal

    def __str__(self) -> str:
        return f"{self.column} {self.operator} {' | '.join(self.values)}".rstrip()


@dataclass(frozen=True)
class Test:
    """What the evidence must look like for a claim to stand.

    ``weight``: core (the sentence falls with it) or detail (the sentence needs a qualification without it).
    ``source``: rows of a table, or a re-analysis (pairwise, rates) of selected arms. ``quantity``: a column,
    ``interval``, ``estimate``, or ``rows`` (how many there are).
    """

    claim: str
    number: int
    weight: str
    source: str
    table: str
    where: tuple[Condition, ...]
    measure: str
    method: str
    quantity: str
    relation: str
    value: float | None
    words: tuple[str, ...]
    tolerance: float
    every: bool
    says: str

    @property
    def key(self) -> str:
        """The row of ``claim_tests``."""
        return f"{self.claim}|{self.number}"


@dataclass(frozen=True)
class Claim:
    """A sentence, what it speaks of, and its tests. ``not_tested`` says why there are none."""

    claim: str
    positions: tuple[int, ...]
    section: str
    statement: str
    factual: bool
    not_tested: str
    drug: str
    dose: float | None
    outcome: str
    population: str
    comparator: str
    source_id: str
    tests: tuple[Test, ...]


def parse_where(written: str) -> tuple[Condition, ...]:
    """``column = a | b; other ~ word`` as conditions. Raises EvidenceError for text that is no filter."""
    found = []
    for part in filter(None, map(str.strip, written.split(";"))):
        for operator in ("!=", "=", "~"):
            column, sign, values = part.partition(operator)
            if sign and column.strip().isidentifier():
                listed = tuple(v.strip() for v in values.split("|") if v.strip())
                if operator == "~" and not listed:
                    raise EvidenceError(f"{part!r} holds for every row; write the word after '~'")
                found.append(Condition(column.strip(), operator, listed))
                break
        else:
            raise EvidenceError(f"{part!r} is not a condition; write column = value, column != value or "
                                "column ~ word, several joined by ';'")  # fmt: skip
    return tuple(found)


def read(ev: Evidence) -> tuple[Claim, ...]:
    """The claims of the evidence, in the order of their keys.

    Raises EvidenceError for the first claim or test that the language refuses.
    """
    claims, found = _read(ev)
    if found:
        raise EvidenceError(f"{found[0]}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""))
    return claims


def check(ev: Evidence) -> list[Finding]:
    """Findings about the claims: names that do not exist, and expectations that could never fail."""
    return _read(ev)[1]


def _read(ev: Evidence) -> tuple[tuple[Claim, ...], list[Finding]]:
    found: list[Finding] = []
    page = {int(r["position"]): r for r in rows_of(ev["page"])}
    tests: dict[str, list[Row]] = {}
    for row in rows_of(ev["claim_tests"]):
        tests.setdefault(row["claim"], []).append(row)
    claims = []
    for row in sorted(rows_of(ev["claims"]), key=lambda r: str(r["claim"])):
        positions = _positions(row, page, found)
        own = sorted(tests.get(row["claim"], []), key=lambda r: r["test"])
        _scope(ev, row, bool(own), found)
        printed = [page[p] for p in positions if page[p]["value"] is not None]
        made = [test for t in own if (test := _test(ev, t, printed, found)) is not None]
        if own and not any(t["weight"] == "core" for t in own):
            found.append(_finding("claims", row["claim"], "claim", "has no test of weight core",
                                  "at least one test that the sentence falls with"))  # fmt: skip
        claims.append(
            Claim(
                row["claim"], positions, page[positions[0]]["section"] if positions else "",
                row["statement"], bool(row["factual"]), row["not_tested"] or "", row["drug"] or "",
                row["dose"], row["outcome"] or "", row["population"] or "", row["comparator"] or "",
                row["source_id"], tuple(made),
            )
        )  # fmt: skip
    return tuple(claims), found


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Rows with None for a blank."""
    cells = [
        [
            None if blank else value
            for value, blank in zip(frame[c].tolist(), frame[c].isna().tolist(), strict=True)
        ]
        for c in frame.columns
    ]
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in zip(*cells, strict=True)]


def _finding(table: str, row: str, column: str, found: str, expected: str) -> Finding:
    return Finding("claim-language", table, row, column, found, expected)


def _positions(row: Row, page: Mapping[int, Row], found: list[Finding]) -> tuple[int, ...]:
    parts = [p.strip() for p in (row["positions"] or "").split(";") if p.strip()]
    good = []
    for part in parts:
        if part.isdecimal() and int(part) in page:
            good.append(int(part))
        else:
            found.append(_finding("claims", row["claim"], "positions", f"{shown(part)} is no statement of "
                                  "the page", f"a position from 1 to {max(page, default=0)}"))  # fmt: skip
    return tuple(good)


def _scope(ev: Evidence, row: Row, tested: bool, found: list[Finding]) -> None:
    for column in ("drug", "outcome", "population", "comparator"):
        table, key = SELECTED["treatment" if column == "comparator" else column]
        value = row[column]
        if value is not None and value not in set(ev[table][key]):
            found.append(_unknown("claims", row["claim"], column, value, ev[table][key]))
    why = row["not_tested"] is not None
    if tested and (why or not row["factual"]):
        found.append(_finding("claims", row["claim"], "not_tested" if why else "factual",
                              "it has tests", "no tests, or factual true and not_tested blank"))  # fmt: skip
    if not tested and not why:
        found.append(_finding("claims", row["claim"], "not_tested", "neither tests nor a reason",
                              "a row of claim_tests, or why the claim is not tested"))  # fmt: skip


def _unknown(table: str, row: str, column: str, value: str, known: Iterable[Any]) -> Finding:
    names = [str(k) for k in known]
    near = near_matches(value, names)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return _finding(table, row, column, f"{shown(value)} is not known{hint}", "a name that the evidence has")


def _test(ev: Evidence, row: Row, printed: list[Row], found: list[Finding]) -> Test | None:
    """The test, or None when it is refused; every refusal names claim, column and remedy."""
    before = len(found)
    key = f"{row['claim']}|{row['test']}"

    def refuse(column: str, what: str, remedy: str) -> None:
        found.append(_finding("claim_tests", key, column, what, remedy))

    try:
        where = parse_where(row["where"] or "")
    except EvidenceError as error:
        refuse("where", str(error), "a filter such as study = oral-surveillance; outcome = mace")
        return None
    if not where:
        refuse("where", "empty filter: every row would answer", "at least one condition")
    columns = _table_columns(row, refuse) if row["source"] == "rows" else None
    if row["source"] == "rows" and columns is None:
        return None
    for condition in where:
        for problem in _condition(ev, row, condition, columns):
            found.append(problem if isinstance(problem, Finding)
                         else _finding("claim_tests", key, "where", *problem))  # fmt: skip
    value = _value(row, printed, refuse)
    test = Test(
        row["claim"], int(row["test"]), row["weight"], row["source"], row["table"] or "", where,
        row["measure"] or "", row["method"] or "", row["quantity"], row["relation"], value,
        tuple(w.strip() for w in (row["words"] or "").split("|") if w.strip()),
        float(row["tolerance"] or 0.0), row["rows"] == "all", row["says"],
    )  # fmt: skip
    _expectation(test, row, columns, refuse)
    return test if len(found) == before else None


def _table_columns(row: Row, refuse: Any) -> dict[str, Row] | None:
    if row["table"] not in schemas():
        refuse("table", f"{shown(row['table'])} is no table", f"one of {', '.join(schemas())}")
        return None
    if row["table"] in ("claims", "claim_tests", "page"):
        refuse("table", f"{row['table']} is what is tested, not evidence", "a table that holds evidence")
        return None
    return {f["name"]: f for f in fields(row["table"])}


def _condition(
    ev: Evidence, row: Row, condition: Condition, columns: dict[str, Row] | None
) -> Iterator[tuple[str, str] | Finding]:
    """What is wrong with one condition: the column, or a value that no row could have."""
    key = f"{row['claim']}|{row['test']}"
    if columns is None:  # a re-analysis
        if condition.operator != "=" or len(condition.values) != 1:
            yield f"{str(condition)!r}", "one value after '=': a re-analysis answers one question"
            return
        name, (value,) = condition.column, condition.values
        if name == "period":
            known: Iterable[Any] = PERIODS
        elif name in SELECTED and not (name == "reference" and row["source"] == "rates"):
            known = [*_values(ev, *SELECTED[name]), *([ROLES[name]] if name in ROLES else [])]
        else:
            yield f"{shown(name)} is no part of a selection", f"one of {', '.join([*SELECTED, 'period'])}"
            return
        if value not in known:
            yield _unknown("claim_tests", key, "where", value, known)
        return
    if condition.column not in columns:
        yield (f"{row['table']} has no column {shown(condition.column)}",
               f"one of {', '.join(columns)}")  # fmt: skip
        return
    if condition.column == row["quantity"] and condition.operator == "=":
        yield f"{condition.column} is fixed by the filter and asked for", "ask for another column"
    field = columns[condition.column]
    for value in () if condition.operator == "~" else condition.values:
        allowed = field.get("constraints", {}).get("enum")
        reference = _reference(row["table"], condition.column)
        if allowed is not None and value not in allowed:
            yield _unknown("claim_tests", key, "where", value, allowed)
        elif field["type"] == "boolean" and value not in ("true", "false"):
            yield f"{condition.column} {shown(value)}", "true or false"
        elif reference and value not in _values(ev, *reference):
            yield _unknown("claim_tests", key, "where", value, _values(ev, *reference))


def _values(ev: Evidence, table: str, column: str) -> set[Any]:
    return set(ev[table][column].dropna())


@cache
def _reference(table: str, column: str) -> tuple[str, str] | None:
    """The table and column that must know a value of ``column``: its target, or itself for a key."""
    for key in schemas()[table]["foreignKeys"]:
        if key["fields"] == column:
            return key["reference"]["resource"], key["reference"]["fields"]
    named = {"outcome": ("outcomes", "outcome"), "treatment": ("treatments", "treatment"),
             "drug": ("drugs", "drug"), "study": ("studies", "study")}  # fmt: skip
    if column in named and named[column] != (table, column):
        return named[column]
    return (table, column) if primary_key(table) == [column] else None


def _value(row: Row, printed: list[Row], refuse: Any) -> float | None:
    """The number of the expectation: written in the test, or the one the page prints."""
    source = row["value_from"]
    if source is None:
        return None if row["value"] is None else float(row["value"])
    if row["value"] is not None:
        refuse("value_from", "a value and value_from", "one of the two")
    if len(printed) != 1:
        refuse("value_from", f"{len(printed)} statements of the claim print a number", "exactly one")
        return None
    value = printed[0][{"page": "value", "page_low": "value_low", "page_high": "value_high"}[source]]
    if value is None:
        refuse("value_from", f"the page prints no {source}", "a statement with that number")
    return None if value is None else float(value)


def _expectation(test: Test, row: Row, columns: dict[str, Row] | None, refuse: Any) -> None:
    """Refuse what cannot be asked of the quantity, and what could never fail or never hold."""
    kind = _kind(test, columns)
    if kind is None:
        known = "interval, estimate" if columns is None else f"rows, interval or one of {', '.join(columns)}"
        refuse("quantity", f"{shown(test.quantity)} is not there to be asked", known)
        return
    allowed = {"interval": INTERVAL, "number": NUMBER, "words": WORDS, "count": COUNT}[kind]
    if test.relation not in allowed:
        refuse("relation", f"{test.relation!r} cannot be asked of {test.quantity}", ", ".join(allowed))
        return
    if test.source != "pairwise" and (test.measure or test.method):
        refuse("measure", "only a pairwise re-analysis has a measure and a method", "leave both blank")
    if test.source == "pairwise":
        if not (test.measure and test.method):
            refuse("measure", "a pairwise re-analysis without a measure or method", "e.g. OR and mh")
        columns_asked = {c.column for c in test.where}
        for needed in ("outcome", "treatment", "reference"):
            if needed not in columns_asked:
                refuse("where", f"no {needed} for a pairwise re-analysis", f"{needed} = ...")
    if test.source == "rates" and not {"outcome", "treatment"} <= {c.column for c in test.where}:
        refuse("where", "no outcome or no treatment for a rate", "outcome = ...; treatment = ...")
    if kind == "words" or test.relation == "lowest":
        _words(test, row, columns or {}, refuse)
        return
    if test.words:
        refuse("words", f"words beside a number ({' | '.join(test.words)})", "leave words blank")
    if test.value is None:
        refuse("value", "empty expectation: it could never fail", "a number, or value_from = page")
        return
    _limits(test, kind, columns, refuse)


def _kind(test: Test, columns: dict[str, Row] | None) -> str | None:
    if columns is None:
        return {"interval": "interval", "estimate": "number"}.get(test.quantity)
    if test.quantity == "rows":
        return "count"
    if test.quantity == "interval":
        return "interval" if {"ci_low", "ci_high"} <= set(columns) else None
    if test.quantity not in columns:
        return None
    return "number" if columns[test.quantity]["type"] in ("number", "integer") else "words"


def _words(test: Test, row: Row, columns: dict[str, Row], refuse: Any) -> None:
    if row["value"] is not None or row["value_from"] is not None:
        refuse("value", "a number where words are compared", "leave value and value_from blank")
    if not test.words:
        refuse("words", "empty expectation: it could never fail", "the words that must be there")
        return
    if test.relation == "lowest":
        try:
            (condition,) = parse_where(row["words"])
        except (EvidenceError, ValueError):
            refuse("words", f"{shown(row['words'])} does not say whose value is lowest", "kinase = JAK1")
            return
        if condition.column not in columns or condition.operator != "=":
            refuse("words", f"no column {shown(condition.column)}", f"one of {', '.join(columns)}")
        return
    allowed = columns[test.quantity].get("constraints", {}).get("enum")
    if columns[test.quantity]["type"] == "boolean":
        allowed = ["true", "false"]
    if allowed and test.relation == "is":
        for word in test.words:
            if word not in allowed:
                refuse("words", f"{shown(word)} can never be {test.quantity}", f"one of {', '.join(allowed)}")
        if set(allowed) <= set(test.words):
            refuse("words", "every value is allowed: it could never fail", "fewer words")


def _limits(test: Test, kind: str, columns: dict[str, Row] | None, refuse: Any) -> None:
    """Numbers that every answer, or none, would satisfy."""
    value, relation = test.value, test.relation
    assert value is not None
    if kind == "count":
        if relation == "at least" and value < 1:
            refuse("value", f"at least {value:g} rows: it could never fail", "1 or more")
        named = primary_key(test.table)
        fixed = {c.column for c in test.where if c.operator == "=" and len(c.values) == 1}
        if set(named) <= fixed and relation == "at least":
            refuse("quantity", "counts a row that the filter names by its key: it could never fail",
                   "a column of that row")  # fmt: skip
        return
    bound = _bounds(test, columns)
    low, high = bound
    if relation in ("at least", "above") and low is not None and (
        value < low or (value == low and relation == "at least")
    ):  # fmt: skip
        refuse(
            "value", f"{relation} {value:g}: it could never fail, nothing is below {low:g}", "a higher value"
        )
    if relation in ("at most", "below") and high is not None and (
        value > high or (value == high and relation == "at most")
    ):  # fmt: skip
        refuse(
            "value", f"{relation} {value:g}: it could never fail, nothing is above {high:g}", "a lower value"
        )
    if relation in ("excludes",) and low is not None and value < low:
        refuse(
            "value", f"excludes {value:g}: it could never fail, nothing is below {low:g}", "a higher value"
        )
    if relation in ("below", "at most", "includes", "is") and low is not None and value < low:
        refuse(
            "value", f"{relation} {value:g}: it could never hold, nothing is below {low:g}", "a higher value"
        )
    if relation == "is":
        widest = abs(value) if value else 0.5
        if test.tolerance < 0 or test.tolerance >= widest:
            refuse(
                "tolerance", f"{test.tolerance:g} around {value:g} lets anything pass", f"below {widest:g}"
            )
    elif test.tolerance:
        refuse("tolerance", f"a tolerance beside {relation!r} means nothing", "leave it blank")


def _bounds(test: Test, columns: dict[str, Row] | None) -> tuple[float | None, float | None]:
    """What no value of the quantity can be below or above."""
    if test.source == "pairwise":
        return (
            (0.0, None) if test.measure in RATIOS else (-1.0, 1.0) if test.measure == "RD" else (None, None)
        )
    if test.source == "rates":
        return 0.0, None
    if test.quantity in ("interval", "estimate") and test.table == "effects":
        return (0.0, None) if _ratio_asked(test) else (None, None)
    limits = (columns or {}).get(test.quantity, {}).get("constraints", {})
    return limits.get("minimum"), limits.get("maximum")


def _ratio_asked(test: Test) -> bool:
    return any(c.column == "measure" and c.operator == "=" and set(c.values) <= {*RATIOS, "SIR", "SMR"}
               for c in test.where)  # fmt: skip


def text(value: Any) -> str:
    """A cell as a filter reads it: blank is ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
