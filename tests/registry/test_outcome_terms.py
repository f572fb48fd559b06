"""Terms to outcomes by our own list; what the terms of one outcome say about persons."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jakinib.evidence.evidence import load
from jakinib.evidence.package import corpus_folder
from jakinib.registry.outcome_terms import COMPOSITE, bounds, fold_term, shipped
from registry.staged import converted, one, rows

INFECTION = "Infections and infestations"
NEOPLASM = "Neoplasms benign, malignant and unspecified (incl cysts and polyps)"


@pytest.mark.parametrize(
    ("term", "organ", "certain"),
    [
        ("Pulmonary embolism", "", {"pe", "vte"}),
        ("Deep vein thrombosis", "", {"dvt", "vte"}),
        ("Embolism venous", "", {"vte"}),
        ("Acute myocardial infarction", "", {"mi", "mace"}),
        ("Ischaemic stroke", "", {"stroke", "mace"}),
        ("Ischemic stroke", "", {"stroke", "mace"}),
        ("Transient ischaemic attack", "", set()),
        ("Heat stroke", "", set()),
        ("Cardiac arrest", "", set()),
        ("Basal cell carcinoma", NEOPLASM, {"nmsc", "malignancy"}),
        ("Squamous cell carcinoma of skin", NEOPLASM, {"nmsc", "malignancy"}),
        ("Squamous cell carcinoma of lung", NEOPLASM, {"lung_cancer", "malignancy_ex_nmsc", "malignancy"}),
        ("Squamous cell carcinoma", NEOPLASM, set()),
        ("Malignant melanoma stage I", NEOPLASM, {"melanoma", "malignancy_ex_nmsc", "malignancy"}),
        ("Mycosis fungoides stage iv", NEOPLASM, {"lymphoma", "malignancy_ex_nmsc", "malignancy"}),
        ("Prostate cancer", NEOPLASM, {"malignancy_ex_nmsc", "malignancy"}),
        ("Uterine leiomyoma", NEOPLASM, set()),
        ("Cancer pain", NEOPLASM, set()),
        ("Angiomyofibroblastoma", NEOPLASM, set()),
        ("Malignant hypertension", "Vascular disorders", set()),
        ("Herpes zoster", INFECTION, {"herpes_zoster", "serious_infection"}),
        ("Post herpetic neuralgia", "Nervous system disorders", set()),
        ("Latent tuberculosis", "Investigations", set()),
        ("Pulmonary tuberculosis", INFECTION, {"tuberculosis", "serious_infection"}),
        ("Oral herpes", INFECTION, {"herpes_simplex", "serious_infection"}),
        (
            "Kaposi's varicelliform eruption",
            INFECTION,
            {"eczema_herpeticum", "herpes_simplex", "serious_infection"},
        ),
        ("Intestinal perforation", "", {"gi_perforation"}),
        ("Tympanic membrane perforation", "", set()),
    ],
)
def test_what_a_term_counts_towards(term: str, organ: str, certain: set[str]) -> None:
    found = shipped().of(term, organ) or ()
    assert {m.outcome for m in found if m.certainty == "certain"} == certain


def test_the_list_is_sound() -> None:
    """Each outcome exists; each term is written as it is compared; nothing stands twice."""
    with (corpus_folder() / "outcome_terms.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    outcomes = set(load().outcomes["outcome"])
    assert len(listed) > 300
    assert len({(r["term"], r["outcome"]) for r in listed}) == len(listed)
    for r in listed:
        assert r["outcome"] in outcomes | {""}
        assert r["certainty"] in ("certain", "probable", "possible")
        assert r["reason"]
        assert r["term"] == r["term"].lower().strip()
    exact = [(fold_term(r["term"]), r["outcome"]) for r in listed if "*" not in r["term"]]
    assert len(set(exact)) == len(exact)


def test_a_term_is_either_an_outcome_or_none() -> None:
    with (corpus_folder() / "outcome_terms.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    blank = {r["term"] for r in listed if not r["outcome"]}
    assert not blank & {r["term"] for r in listed if r["outcome"]}


@given(st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=6), st.integers(12, 40))
def test_persons_lie_within_the_bounds(persons_by_term: list[set[int]], at_risk: int) -> None:
    """Brute force: people with each term are sets, persons with any term their union."""
    truth = len(set().union(*persons_by_term))
    found = bounds([len(p) for p in persons_by_term], at_risk)
    assert found.low <= truth <= found.high
    total = truth + 2  # persons with any serious event
    narrower = bounds([len(p) for p in persons_by_term], at_risk, total)
    assert found.low <= narrower.low <= truth <= narrower.high <= found.high


def test_range_of_a_real_composite() -> None:
    """FIDELIO, finerenone: embolism of the lung 8, deep vein 4, venous embolism 0: 8 to 12 persons."""
    found = converted("NCT02540993")
    vte = one(found, "events", outcome="vte", treatment="finerenone-10-or-20-mg-qd")
    assert "events" not in vte
    assert vte["note"].startswith("between 8 and 12 persons of 2827")
    assert (vte["status"], vte["use"]) == ("derived", "alternative")
    placebo = one(found, "events", outcome="vte", treatment="placebo")
    assert placebo["note"].startswith("between 4 and 5 persons of 2831")
    pe = one(found, "events", outcome="pe", treatment="placebo")
    assert (pe["events"], pe["use"]) == (4, "default")
    # cerebral haemorrhage 2, infarctions 1 + 1 + 1: 2 to 5 persons
    stroke = one(found, "events", outcome="stroke", treatment="finerenone-10-or-20-mg-qd")
    assert stroke["note"].startswith("between 2 and 5 persons of 2827")


@pytest.mark.parametrize("nct", ["NCT02540993", "NCT01874431", "NCT02552212", "NCT02210780"])
def test_composites_from_terms_are_never_presented_as_adjudicated(nct: str) -> None:
    built = [r for r in rows(converted(nct), "events") if r["event"].endswith(":terms")]
    assert built
    for r in built:
        assert "not adjudicated" in r["definition"]
        assert r["status"] == "derived"
        assert r["derivation"]
        if r["outcome"] in COMPOSITE:
            assert r["use"] == "alternative"
        if r["use"] == "default":
            assert r["events"] is not None


def test_unmapped_serious_terms_are_listed() -> None:
    """Dupilumab record: of three serious terms, one is on no list."""
    assert converted("NCT02210780").unmapped["serious_terms"] == ["Serum sickness-like reaction"]


def test_uncertain_terms_alone_make_no_row() -> None:
    """The same record posts a squamous cell carcinoma without a site: neither NMSC nor another cancer for
    sure."""
    found = converted("NCT02210780")
    assert rows(found, "events", outcome="nmsc") == []
    other = one(found, "events", outcome="malignancy_ex_nmsc", treatment="dupilumab-300-mg-qw")
    assert (other["events"], other["use"]) == (1, "alternative")
    assert "Squamous cell carcinoma 1" in other["note"]
