"""Node-splitting, designs and meta-regression on the exact likelihood, where it is normal: closed forms."""

import math

import numpy as np
import pandas as pd
import pytest

import jakinib as jk

ROWS = [
    ("1", "b", "a", 0.40, 0.20),
    ("2", "b", "a", 0.10, 0.30),
    ("3", "c", "b", -0.20, 0.25),
    ("4", "c", "a", 0.65, 0.22),
    ("5", "c", "a", 0.30, 0.35),
]


def printed():
    return pd.DataFrame(
        [
            {"study": s, "treatment": t, "reference": r, "measure": "HR", "estimate": math.exp(y), "se": e}
            for s, t, r, y, e in ROWS
        ]
    )


def pooled(pairs):
    w = np.array([1 / e**2 for _, e in pairs])
    return float(np.array([y for y, _ in pairs]) @ w / w.sum()), float(1 / w.sum())


def test_node_split_of_a_triangle():
    ours = jk.network(printed(), "HR", "exact", "common", "a")
    row = ours.split().set_index(["treatment", "reference"]).loc[("a", "b")]
    ab, v_ab = pooled([(0.40, 0.20), (0.10, 0.30)])
    ac, v_ac = pooled([(0.65, 0.22), (0.30, 0.35)])
    assert math.log(row.direct) == pytest.approx(-ab, abs=1e-6)
    assert math.log(row.indirect) == pytest.approx(-(ac + 0.20), abs=1e-6)
    se = math.sqrt(v_ab + v_ac + 0.25**2)
    z = (ab - ac - 0.20) / se
    assert row.difference == pytest.approx(-(ab - ac - 0.20), abs=1e-6)
    assert row.se == pytest.approx(se, abs=1e-6)
    assert row.p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=1e-6)
    # one loop: the interaction of designs with treatments is the same single degree of freedom
    test = ours.inconsistency().set_index("source").loc["inconsistency"]
    assert test.df == 1
    assert test.q == pytest.approx(z**2, abs=1e-6)


def test_a_comparison_without_indirect_evidence_says_so():
    frame = jk.network(printed()[:3], "HR", "exact", "common", "a").split()
    assert frame.indirect.isna().all() and (frame.note == "no indirect evidence").all()


def test_meta_regression_is_weighted_least_squares_where_events_are_many():
    table = pd.DataFrame(
        {
            "study": np.repeat(range(6), 2),
            "treatment": [*"ab"] * 6,
            "events": [400, 520, 300, 290, 510, 700, 410, 430, 380, 520, 450, 500],
            "n": 4000,
            "dose": np.repeat([10.0, 20.0, 5.0, 15.0, 8.0, 12.0], 2),
        }
    )
    ours = jk.network(table, "OR", "exact", "common", "a")
    row = ours.meta_regression("dose").iloc[0]
    e = table.events.to_numpy(float).reshape(6, 2)
    y = np.log(e[:, 1] / (4000 - e[:, 1])) - np.log(e[:, 0] / (4000 - e[:, 0]))
    w = 1 / (1 / e + 1 / (4000 - e)).sum(axis=1)
    x = table.dose.to_numpy()[::2]
    x = x - (w * x).sum() / w.sum()
    assert row.slope == pytest.approx((w * x * y).sum() / (w * x**2).sum(), rel=0.02)
    assert row.se == pytest.approx(1 / math.sqrt((w * x**2).sum()), rel=0.02)
    with pytest.raises(ValueError, match="no column 'age'"):
        ours.meta_regression("age")
    flat = jk.network(table.assign(dose=1.0), "OR", "exact", "common", "a").meta_regression("dose").iloc[0]
    assert math.isnan(flat.slope) and flat.note
