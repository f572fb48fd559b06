"""``jk.pairwise(method="bayes")``: a network of two treatments, closed forms, and what is refused."""

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from synthesis.tables import arm_table, inputs, two_groups


@pytest.mark.parametrize(("dataset", "measure"), [("nielweise2007", "OR"), ("nielweise2008", "IRR")])
def test_equal_to_the_network_of_two(dataset, measure):
    table = arm_table(inputs()[dataset])
    pair = jk.pairwise(table, measure, "bayes", "reference")
    net = jk.network(table, measure, "bayes", reference="reference")
    row = net.effects().iloc[0]
    assert pair.theta == row.theta and pair.se == row.se
    assert pair.p == row.p
    # exp of one number and of an array may differ in the last bit
    exp = partial(pytest.approx, rel=1e-15)
    assert (pair.ci_low, pair.ci_high) == exp((row.ci_low, row.ci_high))
    assert pair.prediction == exp((row.prediction_low, row.prediction_high))
    assert pair.tau2 == net.tau2 and pair.tau2_high == net.main.fit.tau2_high
    assert pair.estimate == math.exp(pair.theta) and pair.ci == "credible"


def test_printed_estimates_have_the_normal_posterior():
    y, se, sd = np.array([0.4, 0.1, -0.2]), np.array([0.2, 0.3, 0.25]), 2.0
    table = pd.DataFrame(
        {
            "study": ["1", "2", "3"],
            "treatment": "b",
            "reference": "a",
            "measure": "HR",
            "estimate": np.exp(y),
            "se": se,
        }
    )
    ours = jk.pairwise(table, "HR", "bayes", "a", effects="common", priors=jk.Priors(effect_sd=sd))
    precision = (1 / se**2).sum() + 1 / sd**2
    mean = (y / se**2).sum() / precision
    assert ours.theta == pytest.approx(mean, abs=1e-4)
    assert ours.se == pytest.approx(precision**-0.5, rel=1e-3)
    assert math.log(ours.ci_low) == pytest.approx(mean - 1.959964 * precision**-0.5, abs=2e-3)
    assert math.isnan(ours.tau2) and math.isnan(ours.prediction[0])


def test_the_normal_hierarchical_model_by_quadrature():
    y, se = np.array([0.9, 0.1, -0.4, 0.5]), np.array([0.2, 0.3, 0.25, 0.15])
    table = pd.DataFrame(
        {
            "study": list("1234"),
            "treatment": "b",
            "reference": "a",
            "measure": "GEN",
            "estimate": y,
            "se": se,
        }
    )
    priors = jk.Priors("rhodes2015(general, general)", effect_sd=3)
    ours = jk.pairwise(table, "GEN", "bayes", "a", priors=priors)
    # tau on a fine grid of its logarithm, the mean given tau in closed form
    s = np.linspace(math.log(1e-6), math.log(40), 20_001)
    tau = np.exp(s)
    v = se**2 + tau[:, None] ** 2
    precision = (1 / v).sum(axis=1) + 1 / 9
    mean = (y / v).sum(axis=1) / precision
    log_p = -0.5 * np.log(v).sum(axis=1) - 0.5 * np.log(precision) - 0.5 * (y**2 / v).sum(axis=1)
    log_p = log_p + 0.5 * mean**2 * precision + priors.log_density(tau) + s
    w = np.exp(log_p - log_p.max())
    w = w / w.sum()
    centre = w @ mean
    sd = math.sqrt(w @ (1 / precision + (mean - centre) ** 2))
    assert ours.theta == pytest.approx(centre, abs=0.01 * sd)
    assert ours.se == pytest.approx(sd, rel=0.01)
    assert math.sqrt(ours.tau2) == pytest.approx(np.interp(0.5, np.cumsum(w), tau), rel=0.02)


def test_studies_without_events_count_and_say_little():
    table = two_groups([3, 0, 1], [100, 50, 80], [1, 0, 2], [100, 60, 80])
    ours = jk.pairwise(table, "OR", "bayes", "reference")
    assert ours.k == 3 and not ours.left_out
    without = jk.pairwise(table[table.study != "S2"], "OR", "bayes", "reference")
    assert abs(ours.theta - without.theta) < 0.2 * ours.se
    empty = jk.pairwise(two_groups([0, 0], [50, 40], [0, 0], [60, 40]), "OR", "bayes", "reference")
    assert math.isfinite(empty.theta) and empty.se > 5  # the prior, hardly moved


def test_the_output_states_priors_and_their_weight():
    text = str(jk.pairwise(arm_table(inputs()["nielweise2007"]), "OR", "bayes", "reference"))
    assert "posterior mean of the logarithm" in text and "tau ~ halfnormal(0.5)" in text
    assert "under another prior of tau" in text and "Pareto k" in text
    assert "leave-one-study-out log predictive density" in text


def test_refused():
    table = two_groups([3, 1], [100, 50], [1, 2], [100, 60])
    with pytest.raises(ValueError, match="takes no priors"):
        jk.pairwise(table, "OR", "mh", priors=jk.Priors())
    with pytest.raises(ValueError, match="not for OR"):
        jk.pairwise(table, "OR", "bayes", priors=jk.Priors("rhodes2015(general, general)"))
    with pytest.raises(ValueError, match="depends on its unit"):
        jk.pairwise(table, "MD", "bayes")


def test_the_multiverse_has_three_priors():
    found = jk.multiverse(arm_table(inputs()["nielweise2007"]), "OR", "reference").table()
    assert (found.method == "bayes").sum() == 3
    assert found[found.method == "bayes"].ci_low.notna().all()
