"""A page of one sentence and the evidence for or against it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from evidence.folders import write
from jakinib.evidence.evidence import Evidence, load
from jakinib.verdicts.evaluate import Verdict, claims

SEED = "SEED:jak-inhibitors-page"
OUTSIDE = "PMID:35081280"  # a source of the corpus that is not the page
CLAIM = {
    "claim": "C900", "positions": "23", "statement": "A sentence.", "factual": True,
    "source_id": SEED, "locator": "here", "status": "reported",
}  # fmt: skip
TEST = {
    "claim": "C900", "test": 1, "weight": "core", "source": "rows", "table": "effects",
    "where": "effect = X1", "quantity": "interval", "relation": "above", "value": 1, "says": "The ratio",
}  # fmt: skip
EFFECT = {
    "effect": "X1", "study": "oral-surveillance", "population": "rheumatoid-arthritis", "kind": "treatment",
    "treatment": "tofacitinib-5-mg-bid", "reference": "tnf-inhibitor", "comparison": "5 mg v TNF inhibitor",
    "outcome": "tuberculosis", "measure": "HR", "estimate": 1.5, "ci_low": 1.2, "ci_high": 1.9,
    "source_id": OUTSIDE, "locator": "table", "status": "reported", "use": "default",
}  # fmt: skip


@cache
def corpus() -> Evidence:
    return load()


def evidence(
    *tests: dict[str, Any], claim: dict[str, Any] | None = None, effects: list[dict[str, Any]] | None = None
) -> Evidence:
    """The corpus with one claim in the place of its own, and one effect more."""
    rows: dict[str, list[dict[str, Any]]] = {
        "claims": [CLAIM | (claim or {})],
        "claim_tests": [TEST | {"test": i} | test for i, test in enumerate(tests, 1)],
        "effects": [EFFECT] if effects is None else effects,
    }
    tables = dict(corpus().tables)
    for name, new in rows.items():
        held = tables[name]
        frame = pd.DataFrame([{c: row.get(c) for c in held.columns} for row in new], columns=held.columns)
        frame = frame.replace("", None).astype(held.dtypes.to_dict())
        tables[name] = pd.concat([held, frame], ignore_index=True) if name == "effects" else frame
    return replace(corpus(), tables=tables)


def judged(
    *tests: dict[str, Any], claim: dict[str, Any] | None = None, effects: list[dict[str, Any]] | None = None
) -> Verdict:
    """The verdict of that one claim."""
    return claims(evidence(*tests, claim=claim, effects=effects))["C900"]


def folder(where: Path, *tests: dict[str, Any]) -> Path:
    """The same as a folder of the user's own."""
    write(where, "claims", [CLAIM | {"factual": "true"}])
    write(where, "claim_tests", [TEST | {"test": i} | test for i, test in enumerate(tests, 1)])
    return write(where, "effects", [EFFECT])
