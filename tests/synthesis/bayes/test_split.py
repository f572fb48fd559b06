"""Bayesian node-split: against long chains, a closed form, and where there is no indirect evidence."""

import math

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from jakinib.synthesis.network import bayes_split
from synthesis.network.tables import networks
from synthesis.tables import REFERENCE

# tests/reference/bayes.R
JAGS = pd.read_csv(REFERENCE / "bayes_jags.csv")


@pytest.mark.parametrize(
    ("dataset", "tau", "reference", "pair"),
    [
        ("hasselblad1998", "uniform(0, 2)", "no_contact", ("ind_counseling", "no_contact")),
        ("simn_safe_t9k48", "halfnormal(0.5)", "T01", ("T04", "T01")),
    ],
)
def test_equal_to_long_chains(dataset, tau, reference, pair, monkeypatch):
    chain = JAGS[JAGS.dataset == f"split {dataset} {tau}".replace(",", "")].set_index("parameter")
    ours = jk.network(networks()[dataset], "OR", "bayes", "random", reference, priors=jk.Priors(tau))
    names = ours.main.treatments
    both = {names.index(t) for t in pair}
    every = bayes_split.loops
    # this comparison alone, to save time
    monkeypatch.setattr(bayes_split, "loops", lambda data, a, b: {a, b} == both and every(data, a, b))
    table = ours.split().dropna(subset="difference")
    assert len(table) == 1
    row = table.iloc[0]
    assert {row.treatment, row.reference} == set(pair)
    sign = 1 if row.treatment == pair[0] else -1
    for mean, sd, of in ((sign * row.difference, row.se, chain.loc["w"]),):
        assert mean == pytest.approx(of["mean"], abs=0.02 * of["sd"])
        assert sd == pytest.approx(of["sd"], rel=0.01)
    indirect = chain.loc[pair[0]]
    low, high = sorted(sign * math.log(x) for x in (row.indirect_low, row.indirect_high))
    assert sign * math.log(row.indirect) == pytest.approx(indirect["mean"], abs=0.02 * indirect["sd"])
    assert low == pytest.approx(indirect["q025"], abs=0.1 * indirect["sd"])
    assert high == pytest.approx(indirect["q975"], abs=0.1 * indirect["sd"])


def test_printed_estimates_have_the_normal_posterior():
    rows = [("1", "b", "a", 0.4, 0.2), ("2", "c", "a", 0.1, 0.3), ("3", "c", "b", -0.6, 0.25)]
    table = pd.DataFrame(
        [
            {"study": s, "treatment": t, "reference": r, "measure": "HR", "estimate": math.exp(y), "se": e}
            for s, t, r, y, e in rows
        ]
    )
    ours = jk.network(table, "HR", "bayes", "common", "a", priors=jk.Priors(effect_sd=2)).split()
    X = np.array([[1, 0, 1], [0, 1, 0], [-1, 1, 0]], dtype=float)  # effects of b and c, difference of b v a
    W = np.diag([1 / 0.04, 1 / 0.09, 1 / 0.0625])
    covariance = np.linalg.inv(X.T @ W @ X + np.eye(3) / 4)
    mean = covariance @ X.T @ W @ np.array([0.4, 0.1, -0.6])
    row = ours[(ours.treatment == "a") & (ours.reference == "b")].iloc[0]
    assert -row.difference == pytest.approx(mean[2], abs=0.005 * math.sqrt(covariance[2, 2]))
    assert row.se == pytest.approx(math.sqrt(covariance[2, 2]), rel=0.005)
    assert -math.log(row.indirect) == pytest.approx(mean[0], abs=0.005)
    assert -math.log(row.direct) == pytest.approx(mean[0] + mean[2], abs=0.005)
    half = 1.959964 * math.sqrt(covariance[0, 0])
    assert -math.log(row.indirect_low) == pytest.approx(mean[0] + half, abs=0.01)


def test_without_a_loop_all_evidence_is_direct():
    star = networks()["hasselblad1998"]
    star = star[star.treatment.isin(["no_contact", "ind_counseling", "self_help"])]
    keep = star.groupby("study").treatment.transform(lambda t: "no_contact" in set(t) and len(t) == 2)
    ours = jk.network(star[keep], "OR", "bayes", reference="no_contact")
    table, effects = ours.split(), ours.effects().set_index("treatment")
    assert len(table) == 2 and set(table.note) == {"no indirect evidence"}
    assert (table.share_direct == 1).all() and table.indirect.isna().all() and table.p.isna().all()
    for row in table.itertuples():
        own, turned = (row.treatment, 1) if row.treatment != "no_contact" else (row.reference, -1)
        assert turned * math.log(row.direct) == pytest.approx(effects.theta[own], abs=1e-9)
    assert ours.to_dict()["split"] is None
