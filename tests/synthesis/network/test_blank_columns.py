"""Extra columns of an arm table may hold blanks of every kind: carried along, never computed with."""

import numpy as np
import pandas as pd
import pytest

import jakinib as jk

ARMS = pd.DataFrame(
    {
        "study": ["a", "a", "b", "b", "c", "c", "c"],
        "treatment": ["P", "X", "P", "Y", "P", "X", "Y"],
        "events": [2, 4, 3, 5, 1, 3, 2],
        "n": [50, 52, 60, 61, 40, 41, 39],
    }
)
BLANKS = {
    "boolean": pd.array([pd.NA] * 7, dtype="boolean"),
    "integer": pd.array([1, pd.NA, 3, 3, pd.NA, pd.NA, 2], dtype="Int64"),
    "float": [np.nan] * 7,
    "text": pd.array(["u", None, "v", "v", None, None, "w"], dtype="str"),
    "object": [None, 1, "x", pd.NA, None, pd.NaT, 2.0],
}


@pytest.mark.parametrize("method", ["iv", "mh", "nch", "firth", "exact", "bayes"])
@pytest.mark.parametrize("kind", BLANKS)
def test_blanks_change_nothing(kind, method):
    plain = jk.network(ARMS, "OR", method)
    blank = jk.network(ARMS.assign(other=BLANKS[kind]), "OR", method)
    pd.testing.assert_frame_equal(blank.effects(), plain.effects())


@pytest.mark.parametrize("kind", BLANKS)
def test_blanks_change_nothing_when_arms_are_merged(kind):
    twice = pd.concat([ARMS, ARMS], ignore_index=True).assign(other=list(BLANKS[kind]) + list(BLANKS[kind]))
    plain = jk.pairwise(twice.drop(columns="other"), treatment="X", reference="P", merge_arms=True)
    blank = jk.pairwise(twice, treatment="X", reference="P", merge_arms=True)
    assert (blank.theta, blank.se) == (plain.theta, plain.se)


@pytest.mark.parametrize("outcome", ["sae", "herpes_zoster", "vte"])
@pytest.mark.parametrize("method", ["iv", "exact"])
def test_every_selection_of_the_corpus_can_be_a_network(outcome, method):
    """Selected arms carry blank columns (thresholds, printed rates): the shape users really hand over."""
    arms = jk.evidence().select(outcome, population="atopic dermatitis")
    made = jk.network(arms, "OR", method, reference="placebo")
    assert set(made.effects()["treatment"]) <= set(arms["treatment"])
    assert made.to_dict()["left_out"] is not None
