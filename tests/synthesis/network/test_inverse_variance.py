"""The inverse-variance network against R netmeta 3.3-1, and its invariants."""

import math

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from jakinib.synthesis.arms import ArmTableError
from synthesis.network.tables import labelled, netmeta, networks

CASES = [(d, m) for d in networks() for m in ("OR", "RR", "RD")] + [("simn_safe_t9k48", "IRR")]
# R maximises the (restricted) likelihood to about 1e-6; its moments are closed forms
TOLERANCE = {"dl": 1e-9, "reml": 1e-5, "ml": 1e-5}


def fitted(dataset, measure, **options):
    return jk.network(networks()[dataset], measure, "iv", **options)


def pair(frame, a, b):
    """theta of a v b from a frame of comparisons, either way round."""
    row = frame[(frame.treatment == a) & (frame.reference == b)]
    if len(row):
        return row.iloc[0], 1.0
    return frame[(frame.treatment == b) & (frame.reference == a)].iloc[0], -1.0


@pytest.mark.parametrize(("dataset", "measure"), CASES)
@pytest.mark.parametrize("tau2", ["dl", "reml", "ml"])
def test_random_effects_equal_netmeta(dataset, measure, tau2):
    r = netmeta(dataset, measure, f"netmeta-{tau2.upper()}")
    ours = fitted(dataset, measure, tau2=tau2)
    assert ours.tau2 == pytest.approx(r["tau2"], rel=TOLERANCE[tau2], abs=2e-9)
    frame = ours.comparisons()
    for (a, b), theta in labelled(r, "random:TE").items():
        row, sign = pair(frame, a, b)
        assert sign * row.theta == pytest.approx(theta, abs=2e-7 if tau2 != "dl" else 1e-10)
        assert row.se == pytest.approx(labelled(r, "random:seTE")[a, b], rel=2e-6 if tau2 != "dl" else 1e-10)


@pytest.mark.parametrize(("dataset", "measure"), CASES)
def test_common_effect_and_q_equal_netmeta(dataset, measure):
    r = netmeta(dataset, measure, "netmeta-DL")
    ours = fitted(dataset, measure, effects="common")
    frame = ours.comparisons()
    for (a, b), theta in labelled(r, "common:TE").items():
        row, sign = pair(frame, a, b)
        assert sign * row.theta == pytest.approx(theta, abs=1e-10)
        assert row.se == pytest.approx(labelled(r, "common:seTE")[a, b], rel=1e-10)
    score = ours.ranking().set_index("treatment")["score"]
    for (name,), value in labelled(r, "common:Pscore").items():
        assert score[name] == pytest.approx(value, abs=1e-9)
    assert (ours.k, ours.q_df) == (r["k"], r["df.Q"])
    parts = ours.inconsistency().set_index("source")
    assert parts.q["total"] == pytest.approx(r["Q"], rel=1e-9)
    assert ours.i2 == pytest.approx(100 * r["I2"], abs=1e-8)
    for ours_name, name in (("heterogeneity", "heterogeneity"), ("inconsistency", "inconsistency")):
        assert parts.q[ours_name] == pytest.approx(r[f"Q.{name}"], rel=1e-9)
        assert parts.df[ours_name] == r[f"df.Q.{name}"]
        assert parts.p[ours_name] == pytest.approx(r[f"pval.Q.{name}"], abs=1e-9)
    designs = netmeta(dataset, measure, "decomp.design")
    assert parts.q["inconsistency_random"] == pytest.approx(designs["Q.inc.random"], rel=1e-9)
    assert parts.p["inconsistency_random"] == pytest.approx(designs["pval.Q.inc.random"], abs=1e-9)


@pytest.mark.parametrize(("dataset", "measure"), CASES)
def test_prediction_interval_equals_netmeta(dataset, measure):
    r = netmeta(dataset, measure, "netmeta-DL")
    ours = fitted(dataset, measure, tau2="dl")
    for (a, b), low in labelled(r, "predict:lower").items():
        row = ours.effects(b).set_index("treatment").loc[a]
        read = math.log if measure != "RD" else float
        assert read(row.prediction_low) == pytest.approx(low, abs=1e-9)
        assert read(row.prediction_high) == pytest.approx(labelled(r, "predict:upper")[a, b], abs=1e-9)


@pytest.mark.parametrize(("dataset", "measure"), CASES)
@pytest.mark.parametrize("effects", ["common", "random"])
def test_node_splitting_equals_netsplit(dataset, measure, effects):
    r = netmeta(dataset, measure, "netsplit", effects)
    options = {"tau2": "dl"} if effects == "random" else {}
    frame = fitted(dataset, measure, effects=effects, **options).split()
    read = np.log if measure != "RD" else np.asarray
    for (a, b), direct in labelled(r, "direct").items():
        row, sign = pair(frame, a, b)
        assert sign * read(row.direct) == pytest.approx(direct, abs=1e-9)
        if (a, b) not in labelled(r, "diff"):
            assert math.isnan(row.difference) and row.note
            continue
        assert sign * read(row.indirect) == pytest.approx(labelled(r, "indirect")[a, b], abs=1e-9)
        assert sign * row.difference == pytest.approx(labelled(r, "diff")[a, b], abs=1e-9)
        assert row.se == pytest.approx(labelled(r, "se.diff")[a, b], rel=1e-9)
        assert row.p == pytest.approx(labelled(r, "p")[a, b], abs=1e-9)


@pytest.mark.parametrize(("dataset", "measure"), CASES)
def test_contributions_equal_netcontrib(dataset, measure):
    shares = fitted(dataset, measure, tau2="dl").contributions()
    assert np.allclose(shares.sum(axis=1), 1)
    # where two streams are equally short either may go first, and the shares depend on it
    tolerance = 1e-9 if dataset != "simn_safe_t9k48" else 1e-3
    r = netmeta(dataset, measure, "netcontrib", "shortestpath")
    assert (shares**2).to_numpy().sum() == pytest.approx(r["sum(random^2)"], rel=tolerance)


def test_studies_that_cannot_be_used_are_named():
    ours = fitted("dogliotti2014", "OR")
    assert [(x.study, "no event" in x.reason) for x in ours.left_out] == [("20", True)]
    assert "20: no event in any arm" in str(ours)


def test_two_treatments_equal_the_pairwise_result():
    table = networks()["dogliotti2014"]
    table = table[table.treatment.isin(["Aspirin", "VKAs"])]
    table = table[table.groupby("study").treatment.transform("size") == 2]
    ours = jk.network(table, "OR", reference="VKAs", tau2="reml")
    pooled = jk.pairwise(table, "OR", "iv-reml", "VKAs")
    row = ours.effects().iloc[0]
    assert row.theta == pytest.approx(pooled.theta, abs=1e-8)
    assert row.se == pytest.approx(pooled.se, rel=1e-7)
    assert ours.tau2 == pytest.approx(pooled.tau2, abs=1e-9)


def test_no_result_depends_on_the_order_of_rows_or_on_names():
    table = networks()["hasselblad1998"]
    one = jk.network(table, reference="no_contact")
    two = jk.network(table.sample(frac=1, random_state=1), reference="no_contact")
    assert np.allclose(one.comparisons().theta, two.comparisons().theta, atol=1e-12)
    names = dict(zip(sorted(set(table.treatment)), "dcba", strict=True))
    renamed = jk.network(
        table.assign(treatment=table.treatment.map(names)), reference=names["no_contact"]
    ).effects()
    for row in one.effects().itertuples():
        other = renamed.set_index("treatment").loc[names[row.treatment]]
        assert row.theta == pytest.approx(other.theta, abs=1e-10)
        assert row.se == pytest.approx(other.se, rel=1e-10)


def test_swapping_event_and_non_event_turns_the_odds_ratio_over():
    table = networks()["hasselblad1998"]
    one = jk.network(table, reference="no_contact").effects()
    two = jk.network(table.assign(events=table.n - table.events), reference="no_contact").effects()
    assert np.allclose(one.theta, -two.theta, atol=1e-9)


def chain():
    return pd.DataFrame(
        {
            "study": ["1", "1", "2", "2", "3", "3", "4"],
            "treatment": ["a", "b", "b", "c", "x", "y", "z"],
            "events": [5, 8, 6, 9, 3, 7, 2],
            "n": [100, 100, 120, 110, 90, 95, 80],
        }
    )


def test_parts_without_a_common_comparator_are_analysed_and_never_bridged():
    ours = jk.network(chain(), reference="a")
    assert [c.treatments for c in ours.components] == [("a", "b", "c"), ("x", "y")]
    frame = ours.effects().set_index("treatment")
    assert math.isnan(frame.theta["x"]) and "no chain of studies" in frame.note["x"]
    assert math.isfinite(ours.effects("x").set_index("treatment").theta["y"])
    assert ours.league().loc["a", "x"] == "not connected"
    assert [t for t, _ in ours.isolated] == ["z"]
    assert any(x.study == "4" and "single arm" in x.reason for x in ours.left_out)


def test_indirect_evidence_of_a_chain_is_the_sum_of_its_links():
    frame = jk.network(chain(), reference="a", effects="common").effects().set_index("treatment")
    log_or = math.log(8 / 92) - math.log(5 / 95) + math.log(9 / 101) - math.log(6 / 114)
    variance = sum(1 / e + 1 / (n - e) for e, n in ((5, 100), (8, 100), (6, 120), (9, 110)))
    assert frame.theta["c"] == pytest.approx(log_or, abs=1e-12)
    assert frame.se["c"] == pytest.approx(math.sqrt(variance), abs=1e-12)


def test_a_printed_estimate_joins_the_network():
    table = pd.concat(
        [
            chain()[:4],
            pd.DataFrame(
                {
                    "study": ["9"],
                    "treatment": ["d"],
                    "reference": ["c"],
                    "measure": ["OR"],
                    "estimate": [2.0],
                    "ci_low": [1.0],
                    "ci_high": [4.0],
                }
            ),
        ]
    )
    frame = jk.network(table, reference="c", effects="common").effects().set_index("treatment")
    assert frame.estimate["d"] == pytest.approx(2.0)
    assert frame.ci_low["d"] == pytest.approx(1.0, abs=1e-9)


def test_printed_estimates_of_three_arms_need_every_pair():
    rows = [("b", "a", 0.2, 0.3), ("c", "a", 0.5, 0.35), ("c", "b", 0.3, 0.33)]
    table = pd.DataFrame(
        [
            {"study": "1", "treatment": t, "reference": r, "measure": "MD", "estimate": y, "se": s}
            for t, r, y, s in rows
        ]
    )
    whole = jk.network(table, "MD", reference="a", effects="common").effects().set_index("treatment")
    assert whole.theta["c"] == pytest.approx(0.5, abs=1e-12)
    assert whole.se["c"] == pytest.approx(0.35, abs=1e-12)
    part = jk.network(table[:2], "MD", reference="a", effects="common")
    assert "not every pair" in part.left_out[0].reason
    assert math.isnan(part.effects().theta[0]) and part.effects().note[0]


def test_leaving_a_study_out():
    table = networks()["hasselblad1998"]
    ours = jk.network(table, reference="no_contact")
    frame = ours.leave_one_out()
    by_hand = jk.network(table[table.study != "5"], reference="no_contact").effects()
    assert np.allclose(frame[frame["without"] == "5"].theta, by_hand.theta, atol=1e-10)
    with pytest.raises(ValueError, match="no study 'nobody'"):
        ours.without("nobody")


def test_what_is_refused():
    table = chain()
    with pytest.raises(ValueError, match="method 'magic' is not one of"):
        jk.network(table, method="magic")
    with pytest.raises(ValueError, match="reference 'q' is not in the arm table"):
        jk.network(table, reference="q")
    with pytest.raises(ValueError, match="tau2 'pm' is not one of dl, reml, ml"):
        jk.network(table, tau2="pm")
    with pytest.raises(ArmTableError, match="row 7"):
        jk.network(
            table.assign(treatment=["a", "b", "b", "c", "x", "y", "z"], study=[*"112233", "3"]).assign(
                treatment=["a", "b", "b", "c", "x", "y", "y"]
            )
        )
    with pytest.raises(ValueError, match="one treatment"):
        jk.network(table[table.treatment == "a"])


def test_figures_and_export():
    ours = fitted("dogliotti2014", "OR", reference="VKAs")
    assert ours.figure().to_dict()["layer"]
    assert ours.network_figure().to_dict()["layer"]
    ready = ours.to_dict()
    assert ready["k"] == 19 and len(ready["effects"]) == 7 and len(ready["comparisons"]) == 28
    assert ours.ranking().attrs["caution"] in str(ours)
