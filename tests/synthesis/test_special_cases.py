"""Data sets on which methods are known to break, through every method."""

import math
import re

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from jakinib.synthesis.methods import METHODS
from synthesis.tables import REFERENCE, arm_table, inputs, two_groups
from synthesis.test_never import check

ODDS = sorted(m for m in METHODS if "OR" in METHODS[m].measures)
NISSEN = pd.read_csv(REFERENCE / "nissen2007.csv")
LARGE = NISSEN["study"].isin(["DREAM", "ADOPT"])


def nissen(outcome, rows=slice(None)):
    """Nissen & Wolski 2007 (N Engl J Med 356:2457), table 3, as corrected (357:100)."""
    part = NISSEN.loc[rows]
    return arm_table(
        part.rename(columns={f"{outcome}1": "e1", f"{outcome}2": "e2"})[["study", "e1", "n1", "e2", "n2"]]
    )


@pytest.mark.parametrize(
    ("outcome", "studies", "k", "printed"),
    [
        # abstract and table 4: Peto odds ratio, 95 % interval, P
        ("mi", "all", 38, (1.43, 1.03, 1.98, 0.03)),
        ("mi", "small", 36, (1.45, 0.88, 2.39, 0.15)),
        ("mi", "DREAM", 1, (1.65, 0.74, 3.68, 0.22)),
        ("mi", "ADOPT", 1, (1.33, 0.80, 2.21, 0.27)),
        ("cv", "all", 23, (1.64, 0.98, 2.74, 0.06)),
        ("cv", "small", 21, (2.40, 1.17, 4.91, 0.02)),
        ("cv", "DREAM", 1, (1.20, 0.52, 2.78, 0.67)),
        ("cv", "ADOPT", 1, (0.80, 0.17, 3.86, 0.78)),
    ],
)
def test_rosiglitazone_as_published(outcome, studies, k, printed):
    rows = {"all": slice(None), "small": ~LARGE}.get(studies, NISSEN["study"] == studies)
    ours = jk.pairwise(nissen(outcome, rows), "OR", "peto", "reference")
    assert ours.k == k
    # to the last printed digit; there the paper rounds 2.3949 up to 2.40 and 2.7720 up to 2.78 (R as here)
    assert (ours.estimate, ours.ci_low, ours.ci_high) == pytest.approx(printed[:3], abs=0.0085)
    assert ours.p == pytest.approx(printed[3], abs=0.0051)


def test_rosiglitazone_totals_as_published():
    # results, first paragraph
    assert NISSEN[["mi1", "mi2", "cv1", "cv2"]].sum().tolist() == [86, 72, 39, 22]


@pytest.mark.parametrize("outcome", ["mi", "cv"])
@pytest.mark.parametrize("method", ODDS)
def test_rosiglitazone_by_every_method(method, outcome):
    ours = check(nissen(outcome), "OR", method)
    empty = NISSEN.loc[NISSEN[f"{outcome}1"] + NISSEN[f"{outcome}2"] == 0, "study"]
    if method in ("um.rs", "beta-binomial", "bayes"):
        assert ours.k == 42
    else:
        assert {name for name, _ in ours.left_out} == set(empty)
    # no method turns the sign of Peto's 1.43 and 1.64, and none gives an unbounded interval
    assert 1.0 < ours.estimate < 1.85 and math.isfinite(ours.ci_low) and math.isfinite(ours.ci_high)


@pytest.mark.parametrize("method", ODDS)
def test_data_on_which_an_exact_model_is_known_to_give_an_absurd_standard_error(method):
    # metafor issue 45: standard error 0.0001 and z = -2,199; other methods gave p above 0.3
    ours = check(arm_table(inputs()["metafor45"]), "OR", method)
    assert 0.1 < ours.se < 0.5 and ours.p > 0.3 and ours.k == 10
    assert 0.7 < ours.estimate < 1.1


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("measure", ["OR", "RR", "RD", "AS"])
def test_two_empty_arms_of_a_three_armed_trial(method, measure):
    if measure not in METHODS[method].measures:
        return
    rows = {
        "study": ["A"] * 3 + ["B"] * 3 + ["C"] * 2,
        "treatment": ["high", "low", "placebo"] * 2 + ["high", "placebo"],
        "events": [0, 2, 0, 3, 0, 1, 2, 1],
        "n": [60, 61, 62, 90, 91, 92, 70, 71],
    }
    ours = jk.pairwise(rows, measure, method, "placebo", treatment="high")
    named = {s.study for s in ours.studies if s.used} | {name for name, _ in ours.left_out}
    assert named == {"A", "B", "C"}
    if "A" in dict(ours.left_out):
        assert "no event in either group" in dict(ours.left_out)["A"]
        assert ours.k == 2
    # trial A has events, but only in the arm that is not compared: it does not become informative
    without = jk.pairwise(
        pd.DataFrame(rows).query("treatment != 'low'"), measure, method, "placebo", treatment="high"
    )
    assert (ours.theta, ours.se, ours.k) == (without.theta, without.se, without.k)
    assert math.isfinite(ours.estimate) and math.isfinite(ours.ci_low)


@pytest.mark.parametrize("method", ODDS)
@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (([0, 0, 0], [0, 0, 0]), "not estimable|no finite|no .* interval"),
        (([0, 1, 0], [0, 0, 0]), "one informative study|one side|no event under|no finite"),
    ],
    ids=["no event", "one event"],
)
def test_no_event_and_one_event_have_a_reason(method, events, reason):
    ours = check(two_groups(events[0], [50, 60, 70], events[1], [50, 60, 70]), "OR", method)
    finite = all(math.isfinite(x) for x in (ours.estimate, ours.ci_low, ours.ci_high))
    # a penalty or a correction gives finite numbers; whatever is not finite must say so
    assert finite or re.search(reason, " ".join(ours.notes)), ours.notes


@pytest.mark.parametrize("method", ODDS)
def test_one_study(method):
    ours = check(two_groups([4], [60], [9], [62]), "OR", method)
    # sample odds ratio 4 x 53 / (56 x 9); one step and the conditional estimate lie near by
    assert ours.estimate == pytest.approx(4 * 53 / (56 * 9), rel=0.12)
    if method in ("mh", "iv-ee", "iv-reml", "um.fs"):
        assert ours.estimate == pytest.approx(4 * 53 / (56 * 9), rel=1e-7)


@pytest.mark.parametrize("method", ODDS)
def test_single_persons(method):
    rng = np.random.default_rng(11)
    e1, e2 = rng.integers(0, 2, 30), rng.integers(0, 2, 30)
    ours = check(two_groups(e1, np.ones(30), e2, np.ones(30)), "OR", method)
    # matched pairs: the conditional estimate is the ratio of the discordant counts (McNemar 1947), and so
    # is that of Mantel and Haenszel; free study intercepts square it (Andersen 1970)
    discordant = ((e1 == 1) & (e2 == 0)).sum() / ((e1 == 0) & (e2 == 1)).sum()
    power = {"mh": 1, "cm.el": 1, "um.fs": 2}.get(method)
    if power:
        effects = None if method == "mh" else "common"
        common = jk.pairwise(
            two_groups(e1, np.ones(30), e2, np.ones(30)), "OR", method, "reference", effects=effects
        )
        assert common.estimate == pytest.approx(discordant**power, rel=1e-7)
        assert ours.k == ((e1 + e2) == 1).sum()


@pytest.mark.parametrize("method", sorted(m for m in METHODS if "IRR" in METHODS[m].measures))
def test_minute_and_huge_person_time_side_by_side(method):
    table = two_groups([2, 5, 1], [1e-3, 1e6, 10.0], [1, 4, 2], [1e-3, 1e6, 10.0], time=True)
    same = two_groups([2, 5, 1], [10.0] * 3, [1, 4, 2], [10.0] * 3, time=True)
    ours, other = check(table, "IRR", method), check(same, "IRR", method)
    assert math.isfinite(ours.estimate) and math.isfinite(ours.ci_low) and math.isfinite(ours.ci_high)
    if method.startswith("iv") or method in ("cm.el", "um.fs"):
        # a ratio within studies does not see a unit of time that differs between them
        assert ours.theta == pytest.approx(other.theta, abs=1e-6)


@pytest.mark.parametrize("method", sorted(m for m in METHODS if m not in ("um.rs",)))
def test_a_thousand_studies_by_every_method(method):
    if "OR" not in METHODS[method].measures:
        return
    rng = np.random.default_rng(8)
    n = rng.integers(100, 300, 1000)
    ours = check(two_groups(rng.binomial(n, 0.04), n, rng.binomial(n, 0.02), n), "OR", method)
    assert 1.5 < ours.estimate < 2.6 and ours.se < 0.1
