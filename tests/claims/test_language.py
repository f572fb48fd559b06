"""What the language of claims refuses: unknown names, and expectations that could never fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from claims.made import evidence, folder, judged
from jakinib.evidence.check import check
from jakinib.evidence.claims import check as language
from jakinib.evidence.claims import parse_where
from jakinib.evidence.errors import EvidenceError

EVENTS = {"table": "events", "where": "outcome = mace; study = oral-surveillance"}
RATIO = "outcome = mace; measure = HR"
SIDES = "treatment = jak; reference = placebo"
PAIRS = {"source": "pairwise", "table": "", "measure": "OR", "method": "mh",
         "where": f"outcome = mace; {SIDES}"}  # fmt: skip


@pytest.mark.parametrize(
    ("test", "column", "remedy"),
    [
        # names
        ({"table": "effect"}, "table", "one of sources"),
        ({"table": "page", "where": "position = 1"}, "table", "evidence"),
        ({"where": "colour = red"}, "where", "one of effect"),
        ({"where": "effect = X2"}, "where", "X2"),
        ({"where": "outcome = mase"}, "where", "'mace'"),
        ({"where": "study = oral-surveilance"}, "where", "'oral-surveillance'"),
        ({"where": "kind = therapy"}, "where", "therapy"),
        ({"where": "outcome"}, "where", "column = value"),
        ({"where": "outcome ~ "}, "where", "word"),
        ({"where": ""}, "where", "condition"),
        ({"quantity": "size"}, "quantity", "interval"),
        (PAIRS | {"where": "outcome = mace; treatment = jak"}, "where", "reference"),
        (PAIRS | {"where": f"outcome = mace; {SIDES}; dose = 5"}, "where", "one of"),
        (PAIRS | {"where": f"outcome = mace | vte; {SIDES}"}, "where", "one value"),
        (PAIRS | {"measure": ""}, "measure", "OR and mh"),
        # expectations that could never fail, or never hold
        ({"value": ""}, "value", "never fail"),
        ({"where": RATIO, "value": -1}, "value", "never fail"),
        ({"where": RATIO, "value": -1, "relation": "excludes"}, "value", "never fail"),
        ({"relation": "includes", "value": ""}, "value", "never fail"),
        ({"where": RATIO, "relation": "includes", "value": -2}, "value", "never hold"),
        (EVENTS | {"quantity": "events", "relation": "at least", "value": 0}, "value", "never fail"),
        (EVENTS | {"quantity": "percent", "relation": "at most", "value": 100}, "value", "never fail"),
        (EVENTS | {"quantity": "events", "relation": "below", "value": -1}, "value", "never hold"),
        ({"quantity": "estimate", "relation": "is", "value": 2, "tolerance": 2}, "tolerance", "anything"),
        ({"quantity": "estimate", "relation": "is", "value": 0, "tolerance": 0.5}, "tolerance", "anything"),
        ({"quantity": "rows", "relation": "at least", "value": 0}, "value", "never fail"),
        ({"quantity": "rows", "relation": "at least", "value": 1}, "quantity", "never fail"),
        ({"quantity": "reference", "relation": "is", "value": "", "words": ""}, "words", "never fail"),
        ({"quantity": "outcome", "relation": "is", "value": "", "words": "vte", "where": "outcome = vte"},
         "where", "another column"),
        ({"quantity": "status", "relation": "is", "value": "", "words": "reported | derived"}, "words",
         "never fail"),
        ({"quantity": "status", "relation": "is", "value": "", "words": "guessed"}, "words", "never be"),
        # the wrong question of the right thing
        ({"relation": "at least"}, "relation", "above"),
        ({"quantity": "comparison", "relation": "above"}, "relation", "contains"),
        ({"tolerance": 0.1}, "tolerance", "blank"),
        ({"measure": "OR"}, "measure", "blank"),
        ({"value_from": "page"}, "value_from", "one of the two"),
        ({"value": "", "value_from": "page_low"}, "value_from", "page_low"),
    ],
)  # fmt: skip
def test_refused_with_claim_column_and_remedy(test: dict[str, Any], column: str, remedy: str) -> None:
    found = language(evidence(test))
    assert found, "accepted"
    assert [f for f in found if f.row == "C900|1" and f.column == column and remedy in str(f)], found
    with pytest.raises(EvidenceError, match=r"C900\|1"):
        judged(test)


@pytest.mark.parametrize(
    ("claim", "tests", "column"),
    [
        ({"positions": "123"}, [{}], "positions"),
        ({"positions": "two"}, [{}], "positions"),
        ({"drug": "newmab"}, [{}], "drug"),
        ({"outcome": "mase"}, [{}], "outcome"),
        ({}, [], "not_tested"),
        ({"not_tested": "not read"}, [{}], "not_tested"),
        ({"factual": False}, [{}], "factual"),
        ({}, [{"weight": "detail"}], "claim"),
    ],
)
def test_a_claim_that_cannot_stand(claim: dict[str, Any], tests: list[dict[str, Any]], column: str) -> None:
    found = language(evidence(*tests, claim=claim))
    assert [f for f in found if (f.code, f.row, f.column) == ("claim-language", "C900", column)], found


def test_a_sound_claim_of_a_users_own_passes(tmp_path: Path) -> None:
    mine = folder(tmp_path / "mine", {}, PAIRS | {"quantity": "interval"})
    assert not [f for f in check(mine).open if f.code == "claim-language"]


def test_a_folder_with_a_claim_that_cannot_fail_does_not_pass_the_check(tmp_path: Path) -> None:
    mine = folder(tmp_path / "mine", {"where": "outcome = mase"}, {"value": ""})
    assert [(f.row, f.column) for f in check(mine).open if f.code == "claim-language"] == [
        ("C900|1", "where"),
        ("C900|2", "value"),
    ]


def test_a_claim_about_no_statement_of_the_page_is_allowed() -> None:
    assert judged({}, claim={"positions": ""}).verdict == "supported"


def test_conditions_read_cells_as_written() -> None:
    (blank,) = parse_where("subgroup =")
    assert blank.holds({"subgroup": None})
    assert not blank.holds({"subgroup": "women"})
    (either,) = parse_where("dose = 5 | 10")
    assert either.holds({"dose": 5.0})
    assert not either.holds({"dose": 50.0})
    (told,) = parse_where("note ~ ASCVD")
    assert told.holds({"note": "history of ascvd"})
