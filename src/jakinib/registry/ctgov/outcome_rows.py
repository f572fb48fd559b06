"""Rows of ``events`` and ``effects`` from posted outcome measures that are safety endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jakinib.registry.ctgov.period import weeks
from jakinib.registry.ctgov.record import OUTCOMES, Analysis, Outcome, Record, Value
from jakinib.registry.ctgov.treatments import Assigned, Treatment
from jakinib.registry.outcome_titles import Named, outcome_of
from jakinib.registry.row import Row
from jakinib.registry.text import fold

if TYPE_CHECKING:
    from jakinib.registry.ctgov.rows import Context

_MEASURES = (
    ("HR", r"\bhazard ratio\b|\bhr\b"),
    ("OR", r"\bodds ratio\b"),
    ("RR", r"\brisk ratio\b|\brelative risk\b"),
    ("IRR", r"\b(?:incidence )?rate ratio\b"),
    ("RD", r"\brisk difference\b"),
    ("IRD", r"\b(?:incidence )?rate difference\b"),
)
_RATIOS = {"HR", "OR", "RR", "IRR"}


def is_safety(record: Record, outcome: Outcome) -> bool:
    """Does the heading, or the heading of a class, name a safety outcome?"""
    if outcome_of(outcome.title):
        return True
    return any(
        outcome_of(v.class_title) for v in record.values if v.measure == outcome.number and v.class_title
    )


def rows(ctx: Context, treatments: dict[str, Treatment], safety: list[Outcome]) -> Iterator[Row]:
    """Counts, percentages and rates of safety endpoints; then posted comparisons of them."""
    for outcome in safety:
        groups = ctx.reader.assign(outcome.groups)
        values = [v for v in ctx.record.values if v.measure == outcome.number]
        for v in values:
            if v.group in groups:
                yield from _value(ctx, outcome, v, groups[v.group], treatments)
        named = outcome_of(outcome.title)
        for a in ctx.record.analyses:
            if a.outcome == outcome.number and named:
                yield from _analysis(ctx, outcome, named, a, groups, values, treatments)


def _value(
    ctx: Context, outcome: Outcome, v: Value, a: Assigned, treatments: dict[str, Treatment]
) -> Iterator[Row]:
    named = (outcome_of(v.class_title) if v.class_title else None) or (
        outcome_of(outcome.title) if not v.class_title and not v.category else None
    )
    if named is None or fold(v.category) in ("no", "censored", "without event"):
        return
    cells = _cells(outcome, v)
    if cells is None:
        ctx.report(
            "unit-not-read", v.path, f"{outcome.title[:80]!r} in {v.unit!r}", "persons, percent or a rate"
        )
        return
    if cells.get("events") is not None and v.denominator is not None and cells["events"] > v.denominator:
        found = f"{cells['events']} of {v.denominator}"
        ctx.report("affected-over-at-risk", v.path, found, "at most the persons analysed")
        return
    length, kind = weeks(outcome.time_frame)
    # the group's own analysis set may differ from the adverse-event groups: what it is called decides
    values: dict[str, Any] = {
        "event": f"{ctx.record.id}:{named.outcome}:OM{outcome.number}:{v.group}{_class(v)}",
        "study": ctx.study,
        "subgroup": a.subgroup,
        "population": ctx.population,
        "treatment": a.treatment.key,
        "role": a.role,
        "outcome": named.outcome,
        "n": v.denominator,
        "period": outcome.time_frame or "not stated",
        "period_kind": a.period,
        "period_weeks": length,
        "period_weeks_kind": kind,
        "drug_printed": a.group.title or v.group,
        "source_id": ctx.source,
        "locator": v.path.removeprefix("resultsSection."),
        "status": "reported",
        "definition": " / ".join(t for t in (outcome.title, v.class_title, v.category) if t),
        "note": "; ".join(
            p
            for p in (
                f"{outcome.type.lower().replace('_', ' ')} outcome measure" if outcome.type else "",
                f"analysed: {outcome.population}" if outcome.population else "",
            )
            if p
        ),
    } | cells
    treatments.setdefault(a.treatment.key, a.treatment)
    reason = a.overlaps
    if named.wider:
        reason = reason or f"composite that also counts {named.wider}"
    elif cells.get("events") is None:
        reason = reason or "the count itself was not posted"
    ctx.use(values, reason)
    column = next(c for c in ("events", "percent", "rate", "rate_printed") if cells.get(c) is not None)
    yield Row("events", values, {column: v.path})


def _class(v: Value) -> str:
    words = fold(f"{v.class_title} {v.category}").replace(" ", "-")[:40]
    return f":{words}" if words else ""


def _cells(outcome: Outcome, v: Value) -> dict[str, Any] | None:
    """Which column the value belongs to, by its unit; None when the unit is not one of persons or rates."""
    unit, param = fold(v.unit), v.param
    try:
        number = float(v.value.replace(",", ""))
    except ValueError:
        return None
    if not 0 <= number < 1e9:
        return None
    if match := re.search(
        r"per (100|1 ?000) (?:patient|participant|person|subject|pt) ?years?|per (100) py", unit
    ):
        scale = 10.0 if match[1] and "000" in match[1] else 1.0
        low, high = _number(v.lower), _number(v.upper)
        cells: dict[str, Any] = {
            "counts": "events" if unit.startswith(("event", "number of events")) else "persons"
        }
        cells |= {
            "rate": round(number / scale, 6),
            "ci_low": low and low / scale,
            "ci_high": high and high / scale,
        }
        if level := re.search(r"CONFIDENCE_(\d+)", v.dispersion):
            cells["ci_level"] = int(level[1])
        if scale > 1:
            cells |= {"status": "derived", "derivation": "printed per 1000 person-years, divided by 10"}
        return cells
    if param == "COUNT_OF_PARTICIPANTS" or re.fullmatch(
        r"(?:number of )?(?:participants|subjects|patients|persons)", unit
    ):
        return {"counts": "persons", "events": int(number)} if number == int(number) else None
    if re.search(r"\bpercent(?:age)?\b", unit) and re.search(
        r"\b(?:participants|subjects|patients|persons)\b", unit
    ):
        return {"counts": "persons", "percent": number} if number <= 100 else None
    if re.fullmatch(r"(?:number of )?(?:\w+ )?events", unit) and number == int(number):
        return {"counts": "events", "events": int(number)}
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _analysis(
    ctx: Context,
    outcome: Outcome,
    named: Named,
    a: Analysis,
    groups: dict[str, Assigned],
    values: list[Value],
    treatments: dict[str, Treatment],
) -> Iterator[Row]:
    measure = next((m for m, words in _MEASURES if re.search(words, fold(a.param))), "")
    if not measure or a.value is None:
        return
    if measure in _RATIOS and a.value <= 0:
        ctx.report("not-a-ratio", f"{a.path}.paramValue", f"{measure} {a.value:g}", "above 0")
        return
    pair = [groups[g] for g in a.groups if g in groups]
    if len(pair) != 2 or len(a.groups) != 2:
        ctx.report("comparison-not-read", a.path, f"{len(a.groups)} groups compared", "two groups")
        return
    treated, reference, why = _direction(measure, a, pair, values)
    for x in pair:
        treatments.setdefault(x.treatment.key, x.treatment)
    if why:
        ctx.report("direction", a.path, why, "confirm which group is the reference")
    reason = why or next((x.overlaps for x in pair if x.overlaps), "")
    reason = reason or (f"composite that also counts {named.wider}" if named.wider else "")
    adjusted = "; ".join(p for p in (a.method, a.description) if p)
    yield Row(
        "effects",
        {
            "effect": f"{ctx.record.id}:{named.outcome}:{a.path.removeprefix(f'{OUTCOMES}.')}",
            "study": ctx.study,
            "population": ctx.population,
            "kind": "treatment",
            "treatment": treated.treatment.key,
            "reference": reference.treatment.key,
            "comparison": f"{treated.group.title} v {reference.group.title}",
            "outcome": named.outcome,
            "measure": measure,
            "estimate": a.value,
            "ci_low": a.lower,
            "ci_high": a.upper,
            "ci_level": a.level,
            "adjustment": adjusted[:500],
            "source_id": ctx.source,
            "locator": a.path.removeprefix("resultsSection."),
            "status": "reported",
            "use": "alternative" if reason else "default",
            "use_reason": reason,
            "note": f"{outcome.title}; {outcome.time_frame}; "
            f"{'one-sided interval; ' if 'ONE' in a.sides else ''}"
            f"p {a.p_value or 'not posted'}",
        },
        {
            "estimate": f"{a.path}.paramValue",
            "ci_low": f"{a.path}.ciLowerLimit",
            "ci_high": f"{a.path}.ciUpperLimit",
            "ci_level": f"{a.path}.ciPctValue",
        },
    )


def _direction(
    measure: str, a: Analysis, pair: list[Assigned], values: list[Value]
) -> tuple[Assigned, Assigned, str]:
    """Which group is the numerator: placebo is the reference; the crude counts must point the same way."""
    first, second = pair
    treated, reference = (
        (second, first) if first.role == "placebo" and second.role != "placebo" else (first, second)
    )
    why = (
        ""
        if "placebo" in (first.role, second.role) and first.role != second.role
        else ("the record does not say which group is the reference; taken in the order listed")
    )
    rate: dict[str, float] = {}
    for v in values:
        number = _number(v.value)
        if number is not None and v.denominator and v.param == "COUNT_OF_PARTICIPANTS":
            rate.setdefault(v.group, number / v.denominator)
    one, other = rate.get(treated.group.id), rate.get(reference.group.id)
    if one is not None and other is not None and one != other and a.value is not None:
        null = 1.0 if measure in _RATIOS else 0.0
        if (one > other) != (a.value > null) and a.value != null:
            why = f"counts ({one:.4g} v {other:.4g}) and {measure} {a.value:g} point different ways"
    return treated, reference, why
