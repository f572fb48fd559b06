"""The trials of a question: arms that were randomised against one another, one row an arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jakinib.evidence.select import ArmTable

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

DESIGNS = ("rct", "rct-open-label", "integrated")


def trials(
    ev: Evidence,
    outcome: str,
    *,
    population: str | None = None,
    treatment: str | None = None,
    period: str = "controlled",
) -> ArmTable:
    """Arms for a pairwise or network meta-analysis.

    As ``ev.select``, and then only studies that randomised and of which two arms are left: trials, and pooled
    analyses of trials none of which is held by itself. What else was selected goes to ``.left_out`` with its
    reason. ``period`` is "controlled" or "randomised". The table may be empty.

    Raises UnknownNameError for a name that is not in the evidence.
    """
    arms = ev.select(outcome, population=population, treatment=treatment, period=period)
    design = arms["study"].map(dict(zip(ev.studies["study"], ev.studies["design"], strict=True)))
    reason = pd.Series("", arms.index)
    reason[~design.isin(DESIGNS)] = (
        "its design is " + design.astype(str) + ", not a trial or a pool of trials"
    )
    reason[(reason == "") & (arms["role"] == "background")] = "not an arm of the randomised comparison"
    kept = reason == ""
    alone = arms[kept].groupby("study")["treatment"].transform("nunique").reindex(arms.index) < 2
    reason[kept & alone] = "the only arm of its study that can be counted"
    gone = arms.loc[reason != "", ["event", "study", "treatment"]].assign(reason=reason[reason != ""])
    taken = ArmTable(arms[reason == ""].reset_index(drop=True))
    taken.left_out = pd.concat([arms.left_out, gone], ignore_index=True)
    taken.question = arms.question
    return taken
