"""Other priors by re-weighting equal a fit of their own; what a network says about them, ranks and LOO."""

import numpy as np
import pytest

import jakinib as jk
from jakinib.synthesis.bayes.sensitivity import ALTERNATIVES, reweighted
from synthesis.network.tables import networks


@pytest.mark.parametrize("dataset", ["hasselblad1998", "dogliotti2014"])
def test_reweighted_posteriors_equal_new_fits(dataset):
    reference = {"hasselblad1998": "no_contact", "dogliotti2014": "VKAs"}[dataset]
    main = jk.network(networks()[dataset], "OR", "bayes", reference=reference).main.fit
    carried = 0
    for tau in ALTERNATIVES:
        moved = reweighted(main.posterior, main.priors, tau)
        if moved is None:
            continue
        carried += 1
        new = main.again(jk.Priors(tau=tau))
        sd = np.sqrt(np.diag(new.covariance))
        keep = sd > 0
        theta = moved.weight @ moved.d
        assert np.abs((theta - new.theta)[keep] / sd[keep]).max() < 0.01
        old = moved.tau_summary
        assert old[0] == pytest.approx(new.posterior.tau_summary[0], rel=0.01)
        assert moved.log_evidence == pytest.approx(new.posterior.log_evidence, abs=0.005)
    assert carried >= 4  # its own among them


def test_a_prior_out_of_reach_is_fitted_anew():
    main = jk.network(
        networks()["hasselblad1998"],
        "OR",
        "bayes",
        reference="no_contact",
        priors=jk.Priors("halfnormal(0.02)"),
    ).main.fit
    assert reweighted(main.posterior, main.priors, "uniform(0, 2)") is None
    assert main.under("uniform(0, 2)", refit=False) is None
    assert main.under("uniform(0, 2)").posterior.tau_summary[0] == pytest.approx(0.835, abs=0.01)  # JAGS


def test_sensitivity_ranks_and_loo_in_the_output():
    ours = jk.network(networks()["hasselblad1998"], "OR", "bayes", reference="no_contact")
    frame = ours.sensitivity()
    assert set(frame.prior) == set(ALTERNATIVES) and len(frame) == 3 * len(ALTERNATIVES)
    widths = frame[frame.treatment == "self_help"].set_index("prior").se
    assert widths["halfnormal(0.25)"] < widths["halfnormal(0.5)"] < widths["halfnormal(1)"]
    assert "effects move under another prior of tau: halfnormal(0.25): at most" in str(ours)
    ranks = ours.rank_probabilities()
    assert ranks.loc["no_contact", 1] > 0.8 and np.allclose(ranks.sum(axis=1), 1)
    loo = ours.loo()
    # the density of a study given the others, by leaving it out: the difference of two log evidences
    without = ours.without("3").main.fit.posterior.log_evidence
    left = loo.set_index("study").loc["3"]
    assert left.pareto_k < 0.7
    assert left.elpd == pytest.approx(ours.main.fit.posterior.log_evidence - without, abs=0.02)
    assert len(ours.to_dict()["loo"]) == ours.k and len(ours.to_dict()["rank_probabilities"]["data"]) == 4


def test_only_a_bayesian_network_has_them():
    ours = jk.network(networks()["hasselblad1998"], "OR", "iv", reference="no_contact")
    for name in ("loo", "sensitivity", "rank_probabilities"):
        with pytest.raises(ValueError, match="method='bayes'"):
            getattr(ours, name)()
    assert ours.to_dict()["loo"] is None
