"""Tests that are answered by a re-analysis: arms are selected, merged by role, and pooled on the spot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from jakinib.evidence.claims import ROLES, Test
from jakinib.synthesis.pairwise import pairwise as _pairwise
from jakinib.synthesis.rates import rates as _rates
from jakinib.verdicts.facts import Facts

if TYPE_CHECKING:
    import pandas as pd

MERGED = {"jak": "JAK inhibitors", "placebo": "placebo"}
Estimate = tuple[float, float, float, str, tuple[tuple[str, str], ...]]


def pairwise(test: Test, facts: Facts) -> tuple[Estimate | None, str]:
    """Estimate with limits, words and rows; and what the reader must know, or why there is none.

    Randomised trials only: a pooled analysis is never taken beside its trials. Arms of one side are added up
    within a trial.
    """
    asked = {c.column: c.values[0] for c in test.where}
    arms = _arms(facts, asked, randomised=True)
    sides = {side: _side(arms, asked[side]) for side in ("treatment", "reference")}
    both = set(arms.loc[sides["treatment"], "study"]) & set(arms.loc[sides["reference"], "study"])
    kept = arms["study"].isin(both)
    parts = [
        arms[kept & sides[side]].assign(treatment=MERGED.get(asked[side], asked[side]))
        for side in ("treatment", "reference")
    ]
    import pandas as pd

    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        return None, f"no randomised trial held counts {asked['outcome']} in both groups"
    names = [MERGED.get(asked[side], asked[side]) for side in ("treatment", "reference")]
    columns = ["study", "treatment", "events", "n"] + (["person_years"] if test.measure == "IRR" else [])
    result = _pairwise(
        table[columns], test.measure, test.method, names[1], treatment=names[0], merge_arms=True
    )  # fmt: skip
    rows = tuple(("events", str(key)) for key in sorted(table["event"]))
    trials = sorted(both)
    held = f"from {len(trials)} {'trial' if len(trials) == 1 else 'trials'} held ({', '.join(trials)})"
    if not result.k:
        return None, f"{held} no one had the event, so there is no ratio"
    if math.isnan(result.ci_low) or math.isnan(result.ci_high):
        return None, f"{held} the counts give no interval by this method"
    counts = [f"{int(p['events'].sum())} of {int(p['n'].sum()):,}" for p in parts]
    limits = f"{result.estimate:.2f} ({result.ci_low:.2f} to {result.ci_high:.2f})"
    if math.isinf(result.ci_high):
        limits = f"of at least {result.ci_low:.2f}, no upper limit"
    text = f"computed {test.measure} {limits}, {names[0]} {counts[0]} against {names[1]} {counts[1]}"
    informative = f"{held}; {result.k} of them had events" if result.k < len(trials) else held
    return (result.estimate, result.ci_low, result.ci_high, text, rows), informative


def rates(test: Test, facts: Facts) -> tuple[Estimate | None, str]:
    """Rate per 100 person-years with exact limits from the counts held; or why there is none."""
    asked = {c.column: c.values[0] for c in test.where}
    arms = _arms(facts, asked, randomised=False)
    arms = arms[_side(arms, asked["treatment"]) & arms["person_years"].notna()]
    if arms.empty:
        return None, f"no count of {asked['outcome']} with person-years is held for {asked['treatment']}"
    name = MERGED.get(asked["treatment"], asked["treatment"])
    one = arms[["study", "events", "person_years"]].assign(treatment=name)
    merged = one.groupby(["study", "treatment"], as_index=False)[["events", "person_years"]].sum()
    (rate,) = _rates(merged, pool=True).rows
    limits = f"0, at most {rate.ci_high:.2g}" if rate.one_sided else (
        f"{rate.estimate:.2g} ({rate.ci_low:.2g} to {rate.ci_high:.2g})"
    )  # fmt: skip
    text = f"computed rate {limits} per 100 person-years, {rate.events} in {rate.person_years:,.0f}"
    rows = tuple(("events", str(key)) for key in sorted(arms["event"]))
    return (rate.estimate, rate.ci_low, rate.ci_high, text, rows), f"from {', '.join(sorted(rate.studies))}"


def _arms(facts: Facts, asked: dict[str, str], *, randomised: bool) -> pd.DataFrame:
    """The selected arms without those that rest on the page itself."""
    options: dict[str, Any] = {c: asked[c] for c in ("population", "study", "drug", "subgroup") if c in asked}
    arms: pd.DataFrame = facts.ev.select(
        asked["outcome"], period=asked.get("period", "controlled" if randomised else "long-term"), **options
    )
    keep = ~arms["source_id"].isin(facts.pages)
    if "group" in asked:
        populations = facts.ev["populations"]
        keep &= arms["population"].isin(
            populations.loc[populations["group"] == asked["group"], "population"]
        )  # fmt: skip
    if randomised:
        studies = facts.ev["studies"]
        trials = studies.loc[studies["design"].isin(["rct", "rct-open-label"]), "study"]
        keep &= arms["study"].isin(trials)
    return arms[keep]


def _side(arms: pd.DataFrame, name: str) -> pd.Series[bool]:
    return arms["role"] == name if name in ROLES.values() else arms["treatment"] == name
