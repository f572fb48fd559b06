"""Pathway models held to the reference simulations and likelihoods of the deposits (PEtab benchmark
collection).

The numbers in ``tests/reference/mechanism`` are described there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import jakinib as jk
from jakinib.mechanism.errors import MechanismError, NotReadError
from jakinib.mechanism.sbml import read_sbml, shipped_model
from jakinib.mechanism.signalling import PATHWAYS, run

REFERENCE = Path(__file__).parent.parent / "reference" / "mechanism"


def test_engine_gives_the_log_likelihood_of_boehm() -> None:
    data = pd.read_csv(REFERENCE / "boehm_2014.csv")
    s = (
        read_sbml(REFERENCE / "stat5_dimers.xml")
        .simulate(np.unique(data["time"]), start=0.0)
        .set_index("time")
    )
    c = 0.107  # specC17
    a, b = c * (s.A + 2 * s.AA), (1 - c) * (s.B + 2 * s.BB)
    predicted = {
        "pSTAT5A_rel": 100 * (s.AB + 2 * c * s.AA) / (s.AB + a),
        "pSTAT5B_rel": 100 * (s.AB + 2 * (1 - c) * s.BB) / (s.AB + b),
        "rSTAT5A_rel": 100 * (s.AB + a) / (2 * s.AB + a + b),
    }
    fit = np.array([predicted[o][t] for o, t in zip(data["observable"], data["time"], strict=True)])
    residual = (data["measurement"] - fit) / data["sd"]
    log_likelihood = -0.5 * np.sum(np.log(2 * np.pi * data["sd"] ** 2) + residual**2)
    assert log_likelihood == pytest.approx(-138.22200, abs=0.0005)
    assert s["STAT5_total"].to_numpy() == pytest.approx(s["STAT5_total"].iloc[0], rel=1e-9)


def test_epo_model_gives_the_chi_square_of_bachmann() -> None:
    data = pd.read_csv(REFERENCE / "bachmann_2011.csv")
    model = shipped_model("epo_jak2_stat5")
    inputs = [
        "EPO",
        "transcribing",
        "CIS_overexpressed",
        "SOCS3_overexpressed",
        "EpoR_CIS_start",
        "SHP1_overexpressed",
    ]
    v = {p: model.value(p) for p in model.parameters if not p.endswith("_start")}
    start = {n: model.simulate([0.0, 1.0])[n].iloc[0] for n in ("EpoR", "SHP1", "STAT5")}
    chi2 = 0.0
    for values, part in data.groupby(inputs):
        x = dict(zip(inputs, values, strict=True))
        s = model.simulate(
            np.unique([0.0, *part["time"]]),
            {k: x[k] for k in inputs[:4]},
            initial={
                "EpoR_CIS": x["EpoR_CIS_start"],
                "SHP1": start["SHP1"] * (1 + x["SHP1_overexpressed"] * v["SHP1_excess"]),
                "CIS": x["CIS_overexpressed"] * v["CIS_level"] * v["CIS_excess"],
                "SOCS3": x["SOCS3_overexpressed"] * v["SOCS3_level"] * v["SOCS3_excess"],
            },
        ).set_index("time")
        np.testing.assert_allclose(s["STAT5_total"], s["STAT5_total"].iloc[0], rtol=1e-9)
        on = s.EpoR_p1 + s.EpoR_p2 + s.EpoR_p12
        # what a blot sees of the model: (relative amount, whether the number printed first is a scale)
        seen = {
            "CIS_abs": s.CIS, "SOCS3_abs": s.SOCS3, "STAT5_abs": s.STAT5, "SHP1_abs": s.SHP1 + s.SHP1_active,
            "CIS_au": s.CIS / v["CIS_level"], "SOCS3_au": s.SOCS3 / v["SOCS3_level"],
            "pEpoR_au": 16 * on / start["EpoR"], "pJAK2_au": 2 * (on + s.EpoR_pJAK2) / start["EpoR"],
            "pSTAT5_au": s.pSTAT5 / start["STAT5"], "tSTAT5_au": (s.STAT5 + s.pSTAT5) / start["STAT5"],
            "tSHP1_au": (s.SHP1 + s.SHP1_active) / start["SHP1"],
            "CISRNA_fold": s.CIS_rna, "SOCS3RNA_fold": s.SOCS3_rna,
        }  # fmt: skip
        for row in part.itertuples():
            name, at = str(row.observable), row.time
            if name.endswith("_abs"):
                fit = seen[name][at]
            elif "_fold" in name:
                fit = 1 + row.offset_or_scale * seen[name[:-1]][at]
            elif name == "pSTAT5B_rel":
                fit = row.offset_or_scale + 100 * s.pSTAT5_share[at]
            elif name in ("tSTAT5_au", "tSHP1_au") or name[-1].isdigit():
                fit = row.offset_or_scale * seen[name.rstrip("12")][at]
            else:
                fit = row.offset_or_scale + row.scale * seen[name][at]
            gap = (
                row.measurement - fit if name == "pSTAT5B_rel" else np.log10(row.measurement) - np.log10(fit)
            )
            chi2 += (gap / row.sd) ** 2
    assert len(data) == 541
    assert chi2 == pytest.approx(541.00, abs=0.05)


def test_il13_model_gives_the_rows_of_raia() -> None:
    data = pd.read_csv(REFERENCE / "raia_2011.csv")
    model = shipped_model("il13_jak2_stat5")
    for level, part in data.groupby("IL13_level"):
        s = model.simulate(np.unique([0.0, *part["time"]]), {"IL13_level": level}).set_index("time")
        seen = {
            "CD274mRNA": s.CD274_rna, "SOCS3mRNA": s.SOCS3_rna, "SOCS3": s.SOCS3,
            "pSTAT5": s.pSTAT5, "pJAK2": s.pJAK2,
            "RecSurf": s.receptor + s.receptor_bound + s.receptor_active,
            "pIL4Ra": s.receptor_active + s.receptor_active_inside,
            "IL13_cell": s.receptor_bound + s.decoy_bound + s.receptor_active + s.receptor_active_inside,
        }  # fmt: skip
        for row in part.itertuples():
            scale = row.scale if row.scale == row.scale else 1.0
            assert scale * seen[str(row.observable)][row.time] == pytest.approx(
                row.simulated, rel=1e-5, abs=1e-8
            )


def il6_observables(s: pd.DataFrame, row: Any) -> float:
    """What is measured, from the state: blots and luminescence relative to total STAT3, with offset and
    scale."""
    model = shipped_model("il6_jak1_stat3")
    x = s.loc[row.time]
    total = 779.940697990505  # total_STAT3 of the deposit, a scale of the blots
    inflow = 25.34 * model.value("stat3_import") * (1 + model.value("import_gain")) * x.pSTAT3
    plain = {
        "JAK1_gp130_abs": x.receptor + x.receptor_pJAK1 + x.receptor_active,
        "SOCS3_abs": x.SOCS3,
        "ctSTAT3_abs": x.STAT3 + x.pSTAT3,
        "ntSTAT3_ratio": x.STAT3_nuclear / (x.STAT3 + x.pSTAT3),
        "pSTAT3_ms": 100 * x.pSTAT3_share,
    }
    scaled = {
        "SOCS3_qpcr": x.SOCS3_rna,
        "SOCS3_wb": x.SOCS3,
        "npSTAT3_wb": inflow / total,
        "pJAK1_wb": x.receptor_pJAK1 + x.receptor_active,
        "pSTAT3_lumi": x.pSTAT3 / total,
        "pSTAT3_wb": x.pSTAT3 / total,
        "pgp130_wb": x.receptor_active,
    }
    name = row.observable
    value = plain[name] if name in plain else row.offset + row.scale * scaled[name]
    return float(value) if name == "pSTAT3_ms" else float(np.log10(value))


def il6_fit(data: pd.DataFrame) -> np.ndarray:
    model = shipped_model("il6_jak1_stat3")
    fit = pd.Series(np.nan, index=data.index)
    inputs = [c for c in ("IL6_ng_ml", "ruxolitinib_nM", "stattic_added", "actinomycin") if c in data]
    for values, part in data.groupby(inputs):
        s = model.simulate(
            np.unique(part["time"]), dict(zip(inputs, values, strict=True)), start=-60.0, stops=(-10.0, 0.0)
        ).set_index("time")
        np.testing.assert_allclose(
            s["STAT3_total"], model.simulate([-60.0])["STAT3_total"].iloc[0], rtol=1e-9
        )
        for row in part.itertuples():
            fit[row.Index] = il6_observables(s, row)
    return fit.to_numpy()


def test_all_ruxolitinib_rows_of_sobotta() -> None:
    data = pd.read_csv(REFERENCE / "sobotta_2017_ruxolitinib.csv")
    fit = il6_fit(data)
    assert len(data) == 121
    np.testing.assert_allclose(fit, data["simulated"], atol=1e-4)
    # how near the model is to what was measured, reported as it is
    rms = ((np.log10(data["measurement"]) - fit) ** 2).groupby(data["observable"]).mean() ** 0.5
    assert rms["SOCS3_qpcr"] == pytest.approx(0.12, abs=0.005)
    assert rms["pSTAT3_lumi"] == pytest.approx(0.11, abs=0.005)
    assert rms["pSTAT3_wb"] == pytest.approx(0.38, abs=0.005)


def test_the_other_experiments_of_sobotta_with_constant_il6() -> None:
    data = pd.read_csv(REFERENCE / "sobotta_2017_other.csv", keep_default_na=True)
    kept = data[data["disagrees"].isna()]
    assert len(data) - len(kept) == 5  # rows where the deposit disagrees with its own model
    gap = np.abs(il6_fit(kept) - kept["simulated"])
    percent = kept["observable"] == "pSTAT3_ms"  # on a scale of 0 to 100, not log10
    assert gap[~percent].max() < 1e-4
    assert gap[percent].max() < 1e-3
    assert len(kept) > 1100


def test_ruxolitinib_lowers_the_response_and_more_of_it_lowers_it_more() -> None:
    left = [
        jk.signalling("IL-6", "ruxolitinib", concentration_nM=c)
        .table()
        .set_index("readout")["left"]["SOCS3_rna"]
        for c in (0, 50, 200, 1000)
    ]
    assert left[0] == pytest.approx(1.0, abs=1e-6)
    assert left[1] > left[2] > left[3]


def test_constant_plasma_strength_equals_the_constant_parameter() -> None:
    """A regimen's curve that happens to be flat must give the run with a fixed strength."""
    path, model = PATHWAYS["IL-6"], shipped_model("il6_jak1_stat3")
    hours = np.linspace(0, 4, 25)
    flat = run(path, model, 40.0, hours, np.full(25, 0.8), ["SOCS3"])
    almost = np.full(25, 0.8)
    almost[10] += 1e-9  # makes the run go through the segments
    np.testing.assert_allclose(
        run(path, model, 40.0, hours, almost, ["SOCS3"])["SOCS3"], flat["SOCS3"], rtol=1e-5
    )


def test_following_the_plasma_curve_converges_with_the_square_of_the_step() -> None:
    """Straight lines between five-minute points (as used) against half and a twentieth of that step, for a
    curve that rises with 0.3 h. Second order; at five minutes the worst point is 1.5 % of the peak off."""
    path, model = PATHWAYS["EPO"], shipped_model("epo_jak2_stat5")

    def course(points: int) -> np.ndarray:
        hours = np.linspace(0, 8, points)
        strength = 2.0 * (np.exp(-hours / 3) - np.exp(-hours / 0.3))
        s = run(path, model, path.level, hours, strength, ["pSTAT5_share"])["pSTAT5_share"]
        return s.to_numpy()[:: (points - 1) // 96]

    exact = course(1921)
    five, half = (np.abs(course(n) - exact).max() / exact.max() for n in (97, 193))
    assert five < 0.02
    assert 3 < five / half < 6


def test_a_day_under_a_regimen_says_what_it_assumes() -> None:
    got = jk.signalling("IL-6", "baricitinib", "4 mg qd")
    text = str(got)
    assert "Assumed: strength in the cell goes with the enzyme IC50" in text
    assert "unbound plasma concentration" in text and "10.3389/fphys.2017.00775" in text
    spec = got.figure().to_dict()
    assert any("Assumed" in line for line in spec["title"]["subtitle"])
    anchor = shipped_model("il6_jak1_stat3").value("jak1_inhibition_per_nM")
    assert got.per_nM == pytest.approx(anchor * 3.31 / 5.9)
    higher = jk.signalling("IL-6", "baricitinib", "4 mg qd", basis="total")
    assert higher.table()["left"].max() < got.table()["left"].min()
    assert "upper bound" in str(higher)
    assert got.to_dict()["readouts"][0]["readout"] == "pSTAT3_share"


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "says"),
    [
        (("IL-2",), {}, MechanismError, "unknown cytokine with a signalling model"),
        (("IL-6", "ruxolitinib"), {}, MechanismError, "a regimen or a concentration"),
        (("IL-6", None, "5 mg bid"), {}, MechanismError, "needs a drug"),
        (("IL-6", "upadacitinib", "15 mg ER qd"), {}, NotReadError, "fraction unbound"),
        (("IL-6", "deucravacitinib", "6 mg qd"), {}, NotReadError, "no IC50 on JAK1"),
        (("IL-6", "filgotinib", "200 mg qd"), {}, NotReadError, "no pharmacokinetic model"),
        (("IL-6", "ruxolitinib"), {"concentration_nM": -1}, MechanismError, "0 or more"),
        (("IL-6",), {"hours": 0}, MechanismError, "hours must lie"),
        (("IL-6",), {"stimulus": -1}, MechanismError, "stimulus must be"),
        (("IL-6",), {"readouts": ["nothing"]}, MechanismError, "unknown variable"),
        (("IL-6", "aspirin", "5 mg bid"), {}, MechanismError, "unknown drug"),
    ],
)
def test_what_is_not_known_is_refused(
    args: tuple[str, ...], kwargs: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        jk.signalling(*args, **kwargs)
