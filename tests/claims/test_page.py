"""The page's own sentences against the shipped corpus: every one is there, known differences come out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jakinib.evidence.evidence import Evidence, load
from jakinib.verdicts.evaluate import VERDICTS, Claims, Verdict, claims


@pytest.fixture(scope="module")
def ev() -> Evidence:
    return load()


@pytest.fixture(scope="module")
def page(ev: Evidence) -> Claims:
    return claims(ev)


def at(page: Claims, position: int) -> Verdict:
    (found,) = [v for v in page.at(position) if v.claim.positions == (position,)]
    return found


def test_every_statement_of_the_page_has_a_claim(ev: Evidence, page: Claims) -> None:
    assert {p for v in page for p in v.claim.positions} == set(map(int, ev["page"]["position"]))
    assert len(ev["page"]) == 122


def test_every_verdict_has_a_reason_and_rows_that_exist(ev: Evidence, page: Claims) -> None:
    sources = ev["sources"]
    own = set(sources.loc[sources["kind"] == "reference-page", "source_id"])
    for verdict in page:
        assert verdict.verdict in VERDICTS
        assert verdict.reason.strip("() ;.")
        if verdict.verdict != "cannot be checked here":
            assert verdict.rows, verdict.claim.claim
        for table, key in verdict.rows:
            assert ev.row(table, key).get("source_id") not in own, (verdict.claim.claim, table, key)


def test_the_corpus_gives_every_kind_of_verdict(page: Claims) -> None:
    assert all(page.counts.values()), page.counts
    assert sum(page.counts.values()) == len(page)


# what the notes on the evidence list as differences between the page and its sources
@pytest.mark.parametrize(
    ("position", "verdict", "said"),
    [
        (20, "supported with qualification", "50 years or older"),
        (23, "not supported", "1.33 (0.91 to 1.94)"),
        (24, "not supported", "1.33 (0.91 to 1.94)"),
        (25, "supported with qualification", "1.48 (1.04 to 2.09)"),
        (25, "supported with qualification", "1.47 (1.00 to 2.18)"),
        (26, "supported with qualification", "1.48 (1.00 to 2.19)"),
        (27, "supported with qualification", "at both doses"),
        (28, "contradicted", "venous and arterial thrombosis were more frequent"),
        (29, "supported with qualification", "at both doses"),
        (80, "contradicted", "0.46 (0.39 to 0.55)"),
        (82, "supported with qualification", "0.24"),
        (89, "supported with qualification", "chen-2022 counts meyers-2021"),
        (90, "supported with qualification", "placebo-or-dupilumab"),
        (92, "supported with qualification", "placebo-or-dupilumab"),
        (96, "supported with qualification", "placebo-or-active"),
        (97, "supported with qualification", "placebo-or-active"),
        (107, "contradicted", "a history or presence of cardiovascular disease"),
    ],
)
def test_known_differences(page: Claims, position: int, verdict: str, said: str) -> None:
    found = at(page, position)
    assert found.verdict == verdict
    assert said in found.reason


def test_the_drug_table_leaves_drugs_out(page: Claims) -> None:
    (found,) = [v for v in page if len(v.claim.positions) == 6]
    assert found.verdict == "supported with qualification"
    for drug in ("ritlecitinib", "deuruxolitinib", "delgocitinib", "fedratinib", "pacritinib", "momelotinib"):
        assert drug in found.reason


def test_the_odds_ratio_of_mace_is_reanalysed_on_the_trials_held(ev: Evidence, page: Claims) -> None:
    (answer,) = [a for a in at(page, 96).answers if a.test.source == "pairwise" and a.test.relation == "is"]
    arms = ev["events"].set_index("event").loc[[key for _, key in answer.rows]]
    groups = set(ev["populations"].query("group == 'dermatology'")["population"])
    assert set(arms["population"]) <= groups
    assert set(arms["role"]) == {"jak", "placebo"}
    assert set(arms["outcome"]) == {"mace"}
    counts = arms.groupby("role")[["events", "n"]].sum().astype(int)
    for role in ("jak", "placebo"):
        assert f"{counts.loc[role, 'events']} of {counts.loc[role, 'n']:,}" in answer.found
    assert answer.status == "against"
    assert "Measure Up 1" in answer.basis


def test_a_ratio_of_no_events_is_no_ratio(page: Claims) -> None:
    # in the placebo-controlled periods in skin disease that are held nobody had a VTE
    vte = at(page, 97)
    (answer,) = [a for a in vte.answers if a.test.source == "pairwise" and a.test.relation == "is"]
    assert answer.status == "silent"
    assert "no one had the event" in answer.found and answer.found in vte.reason


def test_the_risk_ratio_of_mace_is_the_textbook_one(page: Claims) -> None:
    # 47 of 1,455 against 37 of 1,451: log RR and its delta-method error (Katz et al. 1978)
    a, n, c, m = 47, 1455, 37, 1451
    ratio, se = (a / n) / (c / m), math.sqrt(1 / a - 1 / n + 1 / c - 1 / m)
    low, high = ratio * math.exp(-1.959964 * se), ratio * math.exp(1.959964 * se)
    assert f"RR {ratio:.2f} ({low:.2f} to {high:.2f})" in at(page, 23).reason


@settings(max_examples=4)
@given(seed=st.integers(0, 2**31 - 1))
def test_the_order_of_the_rows_changes_nothing(seed: int) -> None:
    ev = load()
    mixed = {name: frame.sample(frac=1, random_state=seed).reset_index(drop=True)
             for name, frame in ev.tables.items()}  # fmt: skip
    assert claims(replace(ev, tables=mixed)).to_dict() == claims(ev).to_dict()
