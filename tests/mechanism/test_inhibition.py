"""Inhibition, selectivity and equivalence held to quadrature, to published equivalents and to ceilings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import jakinib as jk
from jakinib.mechanism.compartments import Disposition, FirstOrder, steady_state
from jakinib.mechanism.concentration import Concentration
from jakinib.mechanism.errors import MechanismError, NotReadError
from jakinib.mechanism.hill import cheng_prusoff, inhibition_of
from jakinib.mechanism.tables import shipped

HEALTHY = {"disease": "healthy"}


def average_by_quadrature(ic50: float) -> float:
    """Tofacitinib 5 mg twice daily, Tse 2020 parameters, straight from the printed numbers (scipy quad)."""
    body, uptake = Disposition(24.7, 1.24 * 70), [FirstOrder(5.7, fraction=0.74)]

    def inhibited(t: float) -> float:
        nM = steady_state(body, uptake, 5.0, 12.0, [t])[0, 0] / 312.37 * 1000
        return float(nM / (nM + ic50))

    return quad(inhibited, 0, 12, epsabs=1e-10, limit=200)[0] / 12


def test_average_inhibition_equals_quadrature() -> None:
    table = jk.inhibition("tofacitinib", "5 mg bid", model="tse-2020").table()
    for row in table[table["basis"] == "total"].itertuples():
        assert row.average == pytest.approx(average_by_quadrature(row.ic50_nM), rel=2e-3)


def test_the_four_averages_of_the_equivalence_check() -> None:
    """Calculated independently when the tables were read (plain Emax, Tse 2020 and Klunder 2019 IR healthy):
    22.0 and 28.7 % for tofacitinib 5 mg bid, 19.1 % (IL-6, 3 mg) and 30.0 % (IL-7, 12 mg) for
    upadacitinib."""
    tofa = jk.inhibition("tofacitinib", "5 mg bid", model="tse-2020").table()
    tofa = tofa[tofa["system"] == "ex vivo whole blood"].set_index("stimulus")["average"]
    assert tofa["IL-6"] == pytest.approx(0.220, abs=0.001)
    assert tofa["IL-7"] == pytest.approx(0.287, abs=0.001)
    for dose, stimulus, expected in ((3, "IL-6", 0.191), (12, "IL-7", 0.300)):
        upa = (
            jk.inhibition("upadacitinib", f"{dose} mg IR bid", covariates=HEALTHY)
            .table()
            .set_index("stimulus")
        )
        assert upa.loc[stimulus, "average"] == pytest.approx(expected, abs=0.001)


def test_equivalent_doses_are_near_the_published_ones() -> None:
    """Mohamed 2020: tofacitinib 5 mg bid is like upadacitinib about 3 mg (IL-6) and about 12 mg (IL-7) twice
    daily. The model gives 3.6 and 11.1; both numbers are printed side by side in the documentation."""
    for pathway, published in (("IL-6/pSTAT3", 3.0), ("IL-7/pSTAT5", 12.0)):
        got = jk.equivalent_dose(
            "tofacitinib", "5 mg bid", "upadacitinib", "IR bid",
            pathway=pathway, reference_model="tse-2020", covariates=HEALTHY,
        )  # fmt: skip
        assert got.dose_mg is not None
        assert 0.75 < got.dose_mg / published < 1.33
        back = jk.inhibition("upadacitinib", f"{got.dose_mg:.12f} mg IR bid", covariates=HEALTHY).table()
        assert back.set_index("pathway").loc[got.pathway, "average"] == pytest.approx(got.average, rel=1e-6)


def test_no_drug_stays_above_a_pathway_ic50_all_day_among_the_compared_ones() -> None:
    """McInnes 2019, Conclusions: baricitinib, upadacitinib and tofacitinib inhibit no pathway
    continuously."""
    for drug, regimen in (
        ("tofacitinib", "5 mg bid"),
        ("upadacitinib", "15 mg ER qd"),
        ("baricitinib", "4 mg qd"),
    ):
        assert jk.inhibition(drug, regimen).table()["hours_above_ic50"].max() < 24


def test_upadacitinib_spares_il7_relative_to_tofacitinib() -> None:
    """Mohamed 2020 (title): preferential inhibition of JAK1 (IL-6) relative to JAK3 (IL-7) by
    upadacitinib."""
    ratio = {}
    for drug, regimen in (("tofacitinib", "5 mg bid"), ("upadacitinib", "15 mg ER qd")):
        rows = jk.inhibition(drug, regimen).table()
        rows = rows[rows["system"] == "ex vivo whole blood"].set_index("stimulus")["average"]
        ratio[drug] = rows["IL-7"] / rows["IL-6"]
    assert ratio["upadacitinib"] < 1 < ratio["tofacitinib"]


def test_the_two_levels_are_apart_and_say_what_they_are() -> None:
    got = jk.inhibition("tofacitinib", "5 mg bid")
    assert got.level == "pathway"
    assert set(got.pathways.columns) & {"kinase", "fold_weaker"} == set()
    assert list(got.kinases["kinase"]) == ["JAK1", "JAK2", "JAK3", "TYK2"]
    assert "order of strength, not an effect" in str(got)
    assert jk.inhibition("abrocitinib", "200 mg qd").level == "kinase"
    assert jk.inhibition("peficitinib", "100 mg qd").exposure is None


def test_enzyme_ratio_of_abrocitinib_agrees_with_the_label() -> None:
    """CIBINQO label 12.1 prints 28-fold (JAK2) and 43-fold (TYK2) over JAK1; the rows come from elsewhere."""
    fold = jk.inhibition("abrocitinib", "200 mg qd").kinases.set_index("kinase")["fold_weaker"]
    assert fold["JAK2"] == pytest.approx(28, rel=0.02)
    assert fold["TYK2"] == pytest.approx(43, rel=0.02)


def test_what_must_not_be_used_is_not_used() -> None:
    everything = jk.inhibition("tofacitinib", "5 mg bid", use="all")
    rows = shipped().potency.set_index("potency")
    used = rows.loc[everything.pathways["potency"]]
    assert (used["species"] == "human").all() and (used["use"] != "excluded").all()
    assert not used["quantity"].isin(["Kd", "Ki", "ratio"]).any()
    assert not (used["source_id"] == "XELJANZ_MIMS").any()
    assert "cells of another species" in set(everything.left_out["reason"])


def test_a_printed_bound_stays_a_bound() -> None:
    rows = jk.inhibition("baricitinib", "4 mg qd").table()
    assert set(rows["bound"]) == {"at least"}  # the abstract says below 50 nM


def test_range_between_persons_contains_the_typical_person_and_narrows_with_nothing_to_vary() -> None:
    rows = jk.inhibition("tofacitinib", "5 mg bid", persons=400, seed=1).table()
    assert ((rows["low"] < rows["average"]) & (rows["average"] < rows["high"])).all()
    assert jk.inhibition("deucravacitinib", "6 mg qd", persons=50).table()["low"].isna().all()


def test_population_average_equals_person_by_person() -> None:
    """The chunked weighted sum against a plain loop over persons."""
    got = jk.inhibition("upadacitinib", "15 mg ER qd", persons=700, seed=5)
    kinetics = got.exposure.kinetics  # type: ignore[union-attr]
    times = got.exposure.times_h  # type: ignore[union-attr]
    row = got.pathways.iloc[0]
    averages = []
    for i in range(700):
        nM = kinetics.curve(times, slice(i, i + 1))[0] * 1000 / 380.371
        averages.append(np.trapezoid(nM / (nM + row["ic50_nM"]), times) / 24)
    low, high = np.percentile(averages, [2.5, 97.5])
    assert row["low"] == pytest.approx(low, rel=1e-4)
    assert row["high"] == pytest.approx(high, rel=1e-4)


def test_selectivity_rises_to_one_and_the_crossing_is_where_it_says() -> None:
    curve = jk.selectivity("upadacitinib", "15 mg ER qd", doses=[1, 15, 200])
    wide = curve.table().pivot(index="dose_mg", columns="stimulus" if "stimulus" in curve.rows else "pathway",
                               values="average")  # fmt: skip
    il6, il7 = (next(c for c in wide if c.startswith(x)) for x in ("IL-6", "IL-7"))
    share = (wide[il7] / wide[il6]).to_numpy()
    assert share[0] < share[1] < share[2] < 1
    dose = curve.crossing("IL-6/pSTAT3", "IL-7/pSTAT5", 0.8)
    assert dose is not None
    there = jk.inhibition("upadacitinib", f"{dose:.9f} mg ER qd").table().set_index("pathway")["average"]
    assert there[il7] / there[il6] == pytest.approx(0.8, rel=1e-5)
    assert curve.crossing("IL-6/pSTAT3", "IL-7/pSTAT5", 0.3) == 0.0  # spared less than that at any dose
    assert curve.crossing("IL-7/pSTAT5", "IL-6/pSTAT3", 1.0) == 0.0


@settings(deadline=None, max_examples=25)
@given(nM=st.floats(0.01, 1e5), ic50=st.floats(0.01, 1e5), hill=st.floats(0.3, 4), scale=st.floats(0.01, 100))
def test_only_the_ratio_matters_and_more_is_more(nM: float, ic50: float, hill: float, scale: float) -> None:
    """A change of unit (both times a factor) changes nothing; more drug inhibits more; always 0 to 1."""
    at = Concentration(np.array([nM, 2 * nM]), "total")
    one = inhibition_of(at, ic50, "total", hill)
    other = inhibition_of(Concentration(at.nM * scale, "total"), ic50 * scale, "total", hill)
    np.testing.assert_allclose(one, other, rtol=1e-9)
    assert 0 <= one[0] <= one[1] <= 1


@settings(deadline=None, max_examples=10)
@given(dose=st.floats(0.5, 40))
def test_average_inhibition_rises_with_the_dose(dose: float) -> None:
    low, high = (
        jk.inhibition("tofacitinib", f"{d:.6f} mg bid").table()["average"] for d in (dose, 1.5 * dose)
    )
    assert (low < high).all()
    assert (high < 1.5 * low).all()  # Emax: less than proportional


def test_hill_and_cheng_prusoff_closed_forms() -> None:
    c = Concentration(np.array([0.0, 10.0, 30.0]), "total")
    np.testing.assert_allclose(inhibition_of(c, 10.0, "total"), [0, 0.5, 0.75])
    np.testing.assert_allclose(inhibition_of(c, 10.0, "total", hill=2.0), [0, 0.5, 0.9])
    with pytest.raises(ValueError, match="unbound"):
        inhibition_of(c, 10.0, "unbound")
    assert cheng_prusoff(10.0, atp_uM=50.0, km_uM=50.0, to_atp_uM=1000.0) == pytest.approx(10 * 21 / 2)
    assert cheng_prusoff(10.0, 100.0, 20.0, 100.0) == 10.0


def test_results_serialise() -> None:
    got = jk.inhibition("ritlecitinib", "50 mg qd", use="all").to_dict()
    assert got["level"] == "pathway"
    assert any("Covalent" in n for n in got["notes"])
    assert jk.inhibition("tofacitinib", "5 mg bid").figure().to_dict()["mark"]
    assert jk.selectivity("tofacitinib", "5 mg bid", doses=[5, 10]).figure().to_dict()["layer"]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(NotReadError, match="no potency on a cytokine pathway"):
        jk.selectivity("abrocitinib", "200 mg qd")
    with pytest.raises(MechanismError, match="no assay of IL-6"):
        jk.equivalent_dose("tofacitinib", "5 mg bid", "baricitinib", "qd", pathway="IL-6")
    with pytest.raises(MechanismError, match="doses must be positive"):
        jk.selectivity("tofacitinib", "5 mg bid", doses=[-1])
    with pytest.raises(MechanismError, match="could be"):
        jk.selectivity("tofacitinib", "5 mg bid", doses=[5]).crossing("IL-6/pSTAT3", "IL-7/pSTAT5")
