"""The page on the corpus's own meta-analyses says what the corpus and the engine say today."""

import sys
from pathlib import Path

import pytest

import jakinib as jk

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(scope="module")
def made():
    sys.path.insert(0, str(BENCH))
    import jak_meta_analyses

    return jak_meta_analyses


def test_the_page_is_what_is_computed(made):
    held = made.PAGE.read_text(encoding="utf-8")
    assert made.page(jk.evidence()) == held, "run: python bench/jak_meta_analyses.py"


def test_published_estimates_are_those_of_the_paper(made):
    # Ingrassia et al. 2024, abstract: 0.83 (0.44-1.57) and 0.52 (0.26-1.04)
    held = made.PAGE.read_text(encoding="utf-8")
    assert "0.830 (0.440 to 1.57)" in held and "0.520 (0.260 to 1.04)" in held


def test_no_trial_of_randomised_withdrawal_is_pooled(made):
    ev = jk.evidence()
    for outcome in made.PUBLISHED:
        assert not set(made.skin_trials(ev, outcome)["study"]) & ev.withdrawal
