"""Rows of ``events`` from posted adverse events: group totals exactly, outcomes built from terms as a
range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jakinib.registry.ctgov.period import weeks
from jakinib.registry.ctgov.record import Count
from jakinib.registry.outcome_terms import COMPOSITE, bounds
from jakinib.registry.row import Row

if TYPE_CHECKING:
    from jakinib.registry.ctgov.rows import Context

#: outcomes that are read from the list of other events too, where the posted term is above the threshold
_ANY_SERIOUSNESS = ("herpes_zoster", "herpes_simplex", "eczema_herpeticum")

#: outcomes that are hardly ever anything but serious, so that the serious list holds (nearly) all of them
_SERIOUS_BY_NATURE = frozenset(
    {
        "mi",
        "stroke",
        "cv_death",
        "pe",
        "dvt",
        "lymphoma",
        "lung_cancer",
        "breast_cancer",
        "melanoma",
        "tuberculosis",
        "gi_perforation",
        "herpes_zoster_serious",
    }
)


def rows(ctx: Context) -> Iterator[Row]:
    """Serious adverse events and deaths of each group; then outcomes from terms."""
    yield from _totals(ctx)
    yield from _from_terms(ctx)


def base(ctx: Context, group: str) -> dict[str, Any]:
    """Cells that all event rows of a group share."""
    a = ctx.groups[group]
    length, kind = weeks(ctx.record.time_frame)
    return {
        "study": ctx.study,
        "subgroup": a.subgroup,
        "population": ctx.population,
        "treatment": a.treatment.key,
        "role": a.role,
        "counts": "persons",
        "period": ctx.record.time_frame or "not stated",
        "period_kind": a.period,
        "period_weeks": length,
        "period_weeks_kind": kind,
        "drug_printed": a.group.title or group,
        "source_id": ctx.source,
    }


def _totals(ctx: Context) -> Iterator[Row]:
    outcomes = {"serious": "sae", "death": "death"}
    for c in ctx.record.counts:
        if c.term or c.kind not in outcomes or c.group not in ctx.groups or c.affected is None:
            continue
        values = base(ctx, c.group) | {
            "event": f"{ctx.record.id}:{outcomes[c.kind]}:{c.group}",
            "outcome": outcomes[c.kind],
            "events": c.affected,
            "n": c.at_risk,
            "status": "reported",
            "definition": "group total as posted",
            "locator": c.path.removeprefix("resultsSection."),
        }
        reason = ctx.groups[c.group].overlaps or ("" if c.at_risk else "persons at risk not posted")
        ctx.use(values, reason)
        yield Row("events", values, {"events": f"{c.path}.{c.keys[0]}", "n": f"{c.path}.{c.keys[1]}"})


def _from_terms(ctx: Context) -> Iterator[Row]:
    """For each group and outcome with a posted term: persons lie between the largest term and the sum.

    Only posted zeros count as zeros: serious events of trial endpoints are often left out of the table.
    """
    totals = {(c.group, c.kind): c.affected for c in ctx.record.counts if not c.term}
    outcomes = _outcomes(ctx)
    found: dict[tuple[str, str], tuple[list[Count], list[Count]]] = {}
    for c in ctx.record.counts:
        asked = outcomes.get((c.term, c.organ_system, c.kind))
        if not asked or c.group not in ctx.groups or c.affected is None or not c.at_risk:
            continue
        for outcome, certain in asked:
            pair = found.get((outcome, c.group))
            if pair is None:
                pair = found[outcome, c.group] = [], []
            pair[0 if certain else 1].append(c)
    for (outcome, group), (sure, unsure) in found.items():
        yield from _outcome(ctx, outcome, group, sure, unsure, totals)


def _outcomes(ctx: Context) -> dict[tuple[str, str, str], list[tuple[str, bool]]]:
    """Outcomes each posted term counts towards, by term, organ system and kind; is it certain?"""
    posted = {(c.term, c.organ_system, c.kind) for c in ctx.record.counts if c.term}
    return {
        (term, organ, kind): [
            (m.outcome, m.certainty == "certain")
            for m in ctx.terms.of(term, organ) or ()
            if kind == "serious" or m.outcome in _ANY_SERIOUSNESS
        ]
        for term, organ, kind in posted
    }


def _outcome(
    ctx: Context,
    outcome: str,
    group: str,
    sure: list[Count],
    unsure: list[Count],
    totals: dict[tuple[str, str], int | None],
) -> Iterator[Row]:
    other = outcome in _ANY_SERIOUSNESS and any(c.kind == "other" for c in (*sure, *unsure))
    if outcome in _ANY_SERIOUSNESS and not other:
        if outcome != "herpes_zoster":
            return  # the serious ones alone say little about an outcome that is rarely serious
        outcome = "herpes_zoster_serious"
    if not sure:
        return  # only uncertain terms: they stay in registry_events
    risk = {c.at_risk for c in sure if c.at_risk}
    if len(risk) > 1:
        ctx.report(
            "two-denominators", sure[0].path, f"{outcome}: {sorted(risk)} at risk by term", "one denominator"
        )
    at_risk = max(risk)
    limit = totals.get((group, "serious")) if not other else None
    range_ = bounds([c.affected or 0 for c in sure], at_risk, limit)
    widest = bounds([c.affected or 0 for c in (*sure, *unsure)], at_risk, limit)
    hidden = other and _hides(ctx) and any(c.kind == "other" and not c.affected for c in sure)
    counted = [c for c in sure if c.affected]
    listed = "; ".join(
        f"{c.term} {c.affected}{'' if c.kind == 'serious' else ' (not serious)'}" for c in counted[:40]
    )
    more = f"; and {len(counted) - 40} more terms" if len(counted) > 40 else ""
    which = "serious" if not other else "serious and other"
    note = f"between {range_.low} and {range_.high} persons of {at_risk}" if not range_.exact else ""
    if widest.high > range_.high:
        maybe = "; ".join(f"{c.term} {c.affected}" for c in unsure[:20] if c.affected)
        note += f"{'; ' if note else ''}up to {widest.high} with less certain terms ({maybe})"
    if hidden:
        threshold = "" if ctx.record.threshold is None else f" of {ctx.record.threshold:g} %"
        note += f"{'; ' if note else ''}a 0 may be below the reporting threshold{threshold}"
    values = base(ctx, group) | {
        "event": f"{ctx.record.id}:{outcome}:{group}:terms",
        "outcome": outcome,
        "n": at_risk,
        "definition": f"built from {which} adverse-event terms, not adjudicated",
        "locator": "adverseEventsModule."
        + ("seriousEvents" if not other else "seriousEvents and otherEvents"),
        "status": "derived",
        "below_threshold": "true" if hidden and not range_.high else "",
        "derivation": f"largest term <= persons <= sum of terms: {listed or 'no person with any'}{more}",
        "note": note,
    }
    if range_.exact:
        values["events"] = range_.low
    reason = ctx.groups[group].overlaps
    if outcome in COMPOSITE:
        reason = reason or "composite built from terms: not an adjudicated endpoint"
    elif not range_.exact:
        reason = reason or "several terms may count the same person: a range, not a count"
    elif not other and outcome not in _SERIOUS_BY_NATURE:
        reason = reason or "only the serious ones are listed by term"
    elif hidden:
        reason = reason or "below the reporting threshold"
    elif widest.high > range_.high:
        reason = reason or "less certain terms could add persons"
    ctx.use(values, reason)
    yield Row("events", values, {"events": "; ".join(f"{c.path}.{c.keys[0]}" for c in sure[:200])})


def _hides(ctx: Context) -> bool:
    return ctx.record.threshold is None or ctx.record.threshold > 0
