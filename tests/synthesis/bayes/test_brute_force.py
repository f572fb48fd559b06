"""Two treatments against brute-force sums: the Turner prior, and tables that contradict themselves."""

import math

import pandas as pd
import pytest

import jakinib as jk
from synthesis.tables import REFERENCE, arm_table, inputs, two_groups

# tests/reference/bayes_brute.py
BRUTE = pd.read_csv(REFERENCE / "bayes_brute.csv")
TABLES = {
    "contradiction": ("OR", [50, 0], [50, 50], [0, 50], [50, 50]),
    "contradiction, large": ("OR", [5000, 10], [10000, 10000], [10, 5000], [10000, 10000]),
    "contradiction, person-years": ("IRR", [3, 0, 8], [1e-3, 2, 1e4], [1, 9, 0], [1e4, 1, 1e-2]),
    "three sparse studies": ("OR", [4, 5, 6], [300, 300, 400], [1, 1, 1], [300, 300, 400]),
}


@pytest.mark.parametrize(
    "row", list(BRUTE.itertuples()), ids=[f"{r.table}: {r.prior}" for r in BRUTE.itertuples()]
)
def test_equal_to_brute_force(row):
    if row.table in TABLES:
        measure, *counts = TABLES[row.table]
        table = two_groups(*counts, time=measure == "IRR")
    else:
        measure, table = "IRR", arm_table(inputs()[row.table])
    ours = jk.pairwise(table, measure, "bayes", "reference", priors=jk.Priors(row.prior))
    assert ours.theta == pytest.approx(row.mean, abs=0.02 * row.sd)
    assert ours.se == pytest.approx(row.sd, rel=0.01)
    fit = jk.network(table, measure, "bayes", reference="reference", priors=jk.Priors(row.prior)).main.fit
    tau, tau_sd, _ = fit.posterior.tau_summary
    assert tau == pytest.approx(row.tau, abs=0.02 * row.tau_sd)
    assert tau_sd == pytest.approx(row.tau_sd, rel=0.01)
    assert fit.posterior.log_evidence == pytest.approx(row.log_evidence, abs=0.02)
    assert math.isfinite(ours.ci_low) and math.isfinite(ours.ci_high)
