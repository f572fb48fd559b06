"""Which of the quick network methods an arm table asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def default_method(arms: Mapping[str, Any] | pd.DataFrame, measure: str) -> tuple[str, str]:
    """The quick method for an arm table where none is asked for, and why."""
    zero = len({s for s, x in zip(arms["study"], arms["events"], strict=True) if x == 0})
    k = len(set(arms["study"]))
    if measure == "OR" and zero:
        return "firth", (
            f"{zero} of {k} studies have an arm without an event. Penalised logistic regression keeps them "
            "all and adds nothing to their counts; it assumes one effect common to all studies"
        )
    if zero:
        return "iv", (
            f"quick, and gives this measure; but {zero} of {k} studies have an arm without an event, to "
            "which it adds a half or which it leaves out"
        )
    return "iv", "every arm had an event, so that inverse variance with random effects needs no correction"
