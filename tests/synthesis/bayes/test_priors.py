"""Priors of tau: normalised on tau whatever they are spelled on, and the published ones in their settings."""

import math

import numpy as np
import pytest

from jakinib.synthesis.bayes.priors import Priors


@pytest.mark.parametrize(
    ("tau", "median", "mode"),
    [
        # Turner et al. 2012 and 2015: log(tau2) ~ N(m, s^2), so the median of tau is exp(m / 2)
        ("turner2012(pharmacological-placebo, mortality)", math.exp(-4.06 / 2), (-4.06, 1.45)),
        ("turner2012(pharmacological-pharmacological, subjective)", math.exp(-2.34 / 2), (-2.34, 1.62)),
        # mean -1.975, sd 0.67 of log(tau): half of -3.95 and 1.34 of log(tau2)
        ("turner2015(pharmacological-placebo, all-cause mortality)", math.exp(-1.975), (-3.95, 1.34)),
        ("turner2015(pharmacological-placebo, adverse events)", math.exp(-1.87 / 2), (-1.87, 1.52)),
        ("rhodes2015(general, general)", math.exp(-3.44 / 2), None),
        ("logt2(-3, 1, 5)", math.exp(-1.5), None),
    ],
)
def test_empirical_priors_integrate_to_one_on_tau(tau, median, mode):
    prior = Priors(tau=tau)
    # integral of p(tau) d tau over a grid of log(tau)
    x = np.linspace(math.log(median) - 40, math.log(median) + 40, 400_001)
    mass = np.exp(prior.log_density(np.exp(x)) + x) * (x[1] - x[0])
    assert mass.sum() == pytest.approx(1, abs=1e-5)
    assert mass[x < math.log(median)].sum() == pytest.approx(0.5, abs=1e-4)
    if mode is not None:
        # moments of log(tau2) itself
        m, s = mode
        assert (mass * 2 * x).sum() == pytest.approx(m, abs=1e-4)
        assert math.sqrt((mass * (2 * x - m) ** 2).sum()) == pytest.approx(s, abs=1e-4)


def test_a_setting_without_published_values_is_refused():
    with pytest.raises(ValueError, match=r"write turner2015.*adverse events"):
        Priors(tau="turner2015(pharmacological-placebo, rashes)")
    with pytest.raises(ValueError, match="no published values"):
        Priors(tau="rhodes2015(nonpharmacological, mental health)")
    with pytest.raises(ValueError, match="derived for GEN, not for OR"):
        Priors(tau="rhodes2015(general, general)").check("OR")


def test_the_parameters_are_printed_beside_the_name():
    text = str(Priors(tau="turner2012(pharmacological-placebo, subjective)"))
    assert "lognormal2(-2.13, 1.58)" in text
