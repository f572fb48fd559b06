"""Tests that are answered by a re-analysis: arms are selected, merged by role, and pooled on the spot."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from jakinib.evidence.claims import ROLES, Row, Test
from jakinib.evidence.select import sift
from jakinib.synthesis.pairwise import pairwise as _pairwise
from jakinib.synthesis.rates import rates as _rates
from jakinib.verdicts.facts import Facts

MERGED = {"jak": "JAK inhibitors", "placebo": "placebo"}
Estimate = tuple[float, float, float, str, tuple[tuple[str, str], ...]]


def pairwise(test: Test, facts: Facts) -> tuple[Estimate | None, str]:
    """Estimate with limits, words and rows; and what the reader must know, or why there is none.

    Randomised trials only: a pooled analysis is never taken beside its trials. Arms of one side are added up
    within a trial.
    """
    asked = {c.column: c.values[0] for c in test.where}
    size = "person_years" if test.measure == "IRR" else "n"
    arms = [
        row
        for row in _arms(facts, asked, "controlled")
        if row["study"] in facts.trials and row[size] is not None
    ]
    sides = [[row for row in arms if _is(row, asked[side])] for side in ("treatment", "reference")]
    both = {row["study"] for row in sides[0]} & {row["study"] for row in sides[1]}
    if not both:
        return None, f"no randomised trial held counts {asked['outcome']} in both groups"
    names = [_name(facts, asked[side]) for side in ("treatment", "reference")]
    parts = [[row for row in side if row["study"] in both] for side in sides]
    table = pd.DataFrame(
        [_arm(row, name, test.measure) for part, name in zip(parts, names, strict=True) for row in part]
    )
    result = _pairwise(table, test.measure, test.method, names[1], treatment=names[0], merge_arms=True)
    trials = sorted(both)
    listed = ", ".join(map(facts.name, trials))
    held = f"from {len(trials)} {'trial' if len(trials) == 1 else 'trials'} held ({listed})"
    if not result.k:
        return None, f"{held} no one had the event, so there is no ratio"
    if math.isnan(result.ci_low) or math.isnan(result.ci_high):
        return None, f"{held} the counts give no interval by this method"
    counts = [f"{sum(r['events'] for r in p)} of {sum(r[size] for r in p):,.0f}" for p in parts]
    limits = f"{result.estimate:.2f} ({result.ci_low:.2f} to {result.ci_high:.2f})"
    if math.isinf(result.ci_high):
        limits = f"of at least {result.ci_low:.2f}, no upper limit"
    text = f"computed {test.measure} {limits}, {names[0]} {counts[0]} against {names[1]} {counts[1]}"
    informative = f"{held}; {result.k} of them had events" if result.k < len(trials) else held
    rows = tuple(("events", key) for key in sorted(r["event"] for p in parts for r in p))
    return (result.estimate, result.ci_low, result.ci_high, text, rows), informative


def rates(test: Test, facts: Facts) -> tuple[Estimate | None, str]:
    """Rate per 100 person-years with exact limits from the counts held; or why there is none."""
    asked = {c.column: c.values[0] for c in test.where}
    arms = [
        row
        for row in _arms(facts, asked, "long-term")
        if _is(row, asked["treatment"]) and row["person_years"] is not None
    ]
    name = _name(facts, asked["treatment"])
    if not arms:
        return None, f"no count of {asked['outcome']} with person-years is held for {name}"
    table = pd.DataFrame([_arm(row, name, "IRR") for row in arms]).groupby(["study", "treatment"]).sum()
    (rate,) = _rates(table.reset_index(), pool=True).rows
    limits = f"{rate.estimate:.2g} ({rate.ci_low:.2g} to {rate.ci_high:.2g})"
    if rate.one_sided:
        limits = f"0, at most {rate.ci_high:.2g}"
    text = f"computed rate {limits} per 100 person-years, {rate.events} in {rate.person_years:,.0f}"
    rows = tuple(("events", key) for key in sorted(row["event"] for row in arms))
    return (
        rate.estimate,
        rate.ci_low,
        rate.ci_high,
        text,
        rows,
    ), f"from {', '.join(map(facts.name, sorted(rate.studies)))}"


def _arms(facts: Facts, asked: dict[str, str], period: str) -> list[Row]:
    """The selected rows of events, without those that rest on the page itself."""
    where: dict[str, Any] = {c: asked[c] for c in ("population", "study", "drug") if c in asked}
    taken = sift(
        facts.ev,
        [asked["outcome"]],
        where,
        period=asked.get("period", period),
        subgroup=asked.get("subgroup"),
    )
    rows = [facts.row("events", row.event) for row in taken.rows]
    if "group" in asked:
        rows = [row for row in rows if facts.groups[row["population"]] == asked["group"]]
    return [row for row in rows if row["source_id"] not in facts.pages]


def _name(facts: Facts, asked: str) -> str:
    return MERGED.get(asked) or facts.name(asked)


def _is(row: Row, name: str) -> bool:
    return bool(row["role"] == name if name in ROLES.values() else row["treatment"] == name)


def _arm(row: Row, treatment: str, measure: str) -> Row:
    size = "person_years" if measure == "IRR" else "n"
    return {"study": row["study"], "treatment": treatment, "events": row["events"], size: row[size]}
