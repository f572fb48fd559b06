"""Each verdict is reached by construction: the rows decide, and the page never speaks for itself."""

from __future__ import annotations

from typing import Any

import pytest

from claims.made import EFFECT, SEED, judged

CORE: dict[str, Any] = {}
DETAIL = {"weight": "detail", "quantity": "reference", "relation": "is", "value": "", "words": "placebo"}
SILENT = {"where": "outcome = tuberculosis; measure = SIR", "quantity": "rows", "relation": "at least"}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(1.2, 1.9, "supported"), (0.8, 1.9, "not supported"), (0.5, 0.9, "contradicted"),
     (1.0, 1.9, "not supported")],
)  # fmt: skip
def test_an_interval_supports_leaves_open_or_contradicts_a_raised_risk(
    low: float, high: float, verdict: str
) -> None:
    found = judged(CORE, effects=[EFFECT | {"ci_low": low, "ci_high": high, "estimate": low}])
    assert found.verdict == verdict
    assert found.rows == (("effects", "X1"),)
    assert f"{low:.2f} to {high:.2f}" in found.reason


def test_a_detail_that_does_not_hold_qualifies() -> None:
    found = judged(CORE, DETAIL)
    assert found.verdict == "supported with qualification"
    assert "tnf-inhibitor" in found.reason


def test_a_core_test_without_rows_beside_one_that_holds_qualifies() -> None:
    assert judged(CORE, SILENT).verdict == "supported with qualification"


def test_no_rows_cannot_be_checked() -> None:
    found = judged(SILENT)
    assert (found.verdict, found.rows) == ("cannot be checked here", ())


def test_the_page_is_no_evidence_for_itself() -> None:
    where = {"where": "outcome = tuberculosis; study = oral-surveillance"}
    found = judged(where, effects=[EFFECT | {"source_id": SEED}])
    assert found.verdict == "cannot be checked here"
    assert "only the page itself says so" in found.reason
    assert judged(where).verdict == "supported"


def test_a_row_marked_unusable_does_not_count() -> None:
    where = {"where": "outcome = tuberculosis; study = oral-surveillance"}
    assert judged(where, effects=[EFFECT | {"use": "excluded"}]).verdict == "cannot be checked here"


def test_an_effect_without_an_interval_shows_nothing_about_an_interval() -> None:
    found = judged(CORE, effects=[EFFECT | {"ci_low": "", "ci_high": ""}])
    assert found.verdict == "cannot be checked here"
    assert "none prints an interval" in found.reason


def test_all_rows_or_any_row() -> None:
    two = [EFFECT, EFFECT | {"effect": "X2", "ci_low": 0.9}]
    every = {"where": "outcome = tuberculosis; study = oral-surveillance"}
    assert judged(every, effects=two).verdict == "supported"
    assert judged(every | {"rows": "all"}, effects=two).verdict == "not supported"


def test_that_nothing_is_held_against_a_sentence_does_not_carry_it() -> None:
    none = {"where": "outcome = tuberculosis; study ~ oral-surv", "quantity": "rows", "relation": "at most",
            "value": 0}  # fmt: skip
    assert judged(none, effects=[]).verdict == "cannot be checked here"
    assert judged(none).verdict == "contradicted"


def test_not_factual_and_not_tested_say_why() -> None:
    link: dict[str, Any] = {"factual": False, "not_tested": "a link"}
    found = judged(claim=link)
    assert found.verdict == "cannot be checked here"
    assert found.reason == "not a factual claim: a link"
    unread = judged(claim={"not_tested": "The paper was not read."})
    assert unread.reason == "The paper was not read."


def test_the_value_of_the_page_is_what_is_compared() -> None:
    # position 91 of the page prints 0.15
    printed = {"quantity": "estimate", "relation": "is", "value": "", "value_from": "page", "tolerance": 0.01}
    same = judged(printed, claim={"positions": "91"}, effects=[EFFECT | {"estimate": 0.151}])
    other = judged(printed, claim={"positions": "91"}, effects=[EFFECT | {"estimate": 0.17}])
    assert (same.verdict, other.verdict) == ("supported", "contradicted")


@pytest.mark.parametrize(
    ("lowest", "verdict"),
    [
        ("JAK1 | JAK2", "supported"),
        ("JAK3", "contradicted"),
        ("JAK1 | JAK2 | JAK3 | TYK2", "cannot be checked here"),
    ],
)
def test_whose_value_is_lowest(lowest: str, verdict: str) -> None:
    # potency table: baricitinib JAK2 5.7, JAK1 5.9, TYK2 53, JAK3 400 nM
    test = {"table": "potency", "where": "drug = baricitinib; level = kinase; use = default", "value": "",
            "quantity": "value_nM", "relation": "lowest", "words": f"kinase = {lowest}"}  # fmt: skip
    assert judged(test).verdict == verdict
