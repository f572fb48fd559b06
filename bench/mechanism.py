# ruff: noqa: E501 - tables are printed as wide as they are
"""Mechanism: simulated against published exposures, and how fast. ``python bench/mechanism.py [persons]``"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

import jakinib as jk
from jakinib.mechanism.sbml import shipped_model
from jakinib.mechanism.tables import shipped

PUBLISHED = [  # drug, regimen, options, measure, published, where
    ("tofacitinib", "1 mg single", {"model": "tse-2020"}, "AUC_tau", 30.2, "Tse 2020 Table 2"),
    ("tofacitinib", "1 mg single", {"model": "tse-2020"}, "Cmax", 7.03, "Tse 2020 Table 2"),
    ("tofacitinib", "3 mg single", {"model": "tse-2020"}, "AUC_tau", 91.0, "Tse 2020 Table 2"),
    ("tofacitinib", "3 mg single", {"model": "tse-2020"}, "Cmax", 20.8, "Tse 2020 Table 2"),
    ("tofacitinib", "10 mg single", {"model": "tse-2020"}, "AUC_tau", 310, "Tse 2020 Table 2"),
    ("tofacitinib", "10 mg single", {"model": "tse-2020"}, "Cmax", 70.5, "Tse 2020 Table 2"),
    ("tofacitinib", "30 mg single", {"model": "tse-2020"}, "AUC_tau", 916, "Tse 2020 Table 2"),
    ("tofacitinib", "30 mg single", {"model": "tse-2020"}, "Cmax", 211, "Tse 2020 Table 2"),
    ("tofacitinib", "60 mg single", {"model": "tse-2020"}, "AUC_tau", 1735, "Tse 2020 Table 2"),
    ("tofacitinib", "60 mg single", {"model": "tse-2020"}, "Cmax", 413, "Tse 2020 Table 2"),
    ("tofacitinib", "100 mg single", {"model": "tse-2020"}, "AUC_tau", 2865, "Tse 2020 Table 2"),
    ("tofacitinib", "100 mg single", {"model": "tse-2020"}, "Cmax", 684, "Tse 2020 Table 2"),
    ("tofacitinib", "15 mg bid", {"model": "tse-2020"}, "AUC_tau", 494, "Tse 2020 Table 2"),
    ("tofacitinib", "15 mg bid", {"model": "tse-2020"}, "Cmax", 110, "Tse 2020 Table 2"),
    ("tofacitinib", "5 mg bid", {}, "AUC_tau", 211.3, "Vong 2021, geometric mean, both sexes"),
    ("tofacitinib", "10 mg bid", {}, "AUC_tau", 403.8, "Vong 2021, geometric mean, both sexes"),
    ("upadacitinib", "15 mg ER qd", {}, "AUC_tau", 348, "Bhatnagar 2024, AS median"),
    ("upadacitinib", "15 mg ER qd", {}, "Cmax", 38.8, "Bhatnagar 2024, AS median"),
    ("upadacitinib", "15 mg ER qd", {}, "Ctrough", 3.71, "Bhatnagar 2024, AS median"),
    ("upadacitinib", "15 mg ER qd", {}, "AUC_tau", 355, "Bhatnagar 2024, nr-axSpA median"),
    ("upadacitinib", "15 mg ER qd", {}, "Cmax", 37.3, "Bhatnagar 2024, nr-axSpA median"),
    ("upadacitinib", "15 mg ER qd", {}, "Ctrough", 4.58, "Bhatnagar 2024, nr-axSpA median"),
    (
        "abrocitinib",
        "200 mg qd",
        {"covariates": {"weight_kg": 80}},
        "AUC_tau",
        5662,
        "Wojciechowski 2022, 3.4",
    ),
    ("abrocitinib", "200 mg qd", {"covariates": {"weight_kg": 80}}, "Cmax", 1123, "Wojciechowski 2022, 3.4"),
    ("baricitinib", "4 mg qd", {}, "AUC_tau", 483, "Decker 2024 Table 3, adult RA (normalised)"),
    ("baricitinib", "4 mg qd", {}, "Cmax", 53.3, "Decker 2024 Table 3, adult RA (normalised)"),
    ("baricitinib", "4 mg qd", {}, "AUC_tau", 386, "Decker 2024 Table 3, JIA 12 to <18 y"),
    ("baricitinib", "4 mg qd", {}, "Cmax", 57.7, "Decker 2024 Table 3, JIA 12 to <18 y"),
    ("ruxolitinib", "15 mg bid", {}, "AUC_tau", 2716 * 0.30637, "Opzelura label (the model is made from it)"),
]

COVARIATES = [  # abrocitinib, 200 mg qd, ratio to a healthy White man of 70 kg; Wojciechowski 2022 Figure 3
    ({"race": "asian"}, 1.43, 1.51),
    ({"age_group": "adolescent"}, 0.686, 0.666),
    ({"comedication": "rifampin"}, 0.186, 0.128),
    ({"comedication": "fluconazole"}, 2.01, 3.84),
    ({"comedication": "fluvoxamine"}, 1.73, 2.32),
    ({"disease": "atopic dermatitis"}, 1.27, 1.31),
    ({"hepatic_impairment": "mild or moderate"}, 1.65, 1.78),
    ({"weight_kg": 111}, 0.789, 0.80),
    ({"weight_kg": 52}, 1.17, 1.15),
]

RATIOS = [  # drug, regimen, reference, change, AUC ratio, Cmax ratio, where
    (
        "ritlecitinib",
        "50 mg qd",
        {"disease": "healthy"},
        {"renal_impairment": "severe"},
        1.47,
        1.41,
        "Wojciechowski 2023, 4",
    ),
    ("upadacitinib", "15 mg ER qd", {}, {"weight_kg": 55}, 1.05, None, "Klunder 2019 Figure 4, below 60 kg"),
    (
        "upadacitinib",
        "15 mg ER qd",
        {},
        {"weight_kg": 110},
        0.95,
        None,
        "Klunder 2019 Figure 4, above 100 kg",
    ),
    (
        "upadacitinib",
        "15 mg ER qd",
        {},
        {"crcl_ml_min": 75},
        1.13,
        None,
        "Klunder 2019 Figure 4, CrCl 60 to <90",
    ),
    (
        "upadacitinib",
        "15 mg ER qd",
        {},
        {"crcl_ml_min": 45},
        1.26,
        None,
        "Klunder 2019 Figure 4, CrCl 30 to <60",
    ),
]


def published() -> None:
    print("simulated / published exposure (typical person)\n")
    print(
        f"{'drug':13} {'regimen':14} {'measure':8} {'simulated':>9} {'published':>9} {'ratio':>6}  published in"
    )
    for drug, regimen, options, measure, value, where in PUBLISHED:
        got = jk.exposure(drug, regimen, **options).metrics()[measure]
        print(f"{drug:13} {regimen:14} {measure:8} {got:9.1f} {value:9.1f} {got / value:6.3f}  {where}")
    print(
        "\nabrocitinib 200 mg qd, ratio to a healthy White man of 70 kg: Cmax and AUC, simulated / published\n"
    )
    base = jk.exposure("abrocitinib", "200 mg qd", covariates={"disease": "healthy"}).metrics()
    for covariates, cmax, auc in COVARIATES:
        got = jk.exposure(
            "abrocitinib", "200 mg qd", covariates={"disease": "healthy"} | covariates
        ).metrics()
        a, b = got["Cmax"] / base["Cmax"], got["AUC_tau"] / base["AUC_tau"]
        name = ", ".join(f"{k} {v}" for k, v in covariates.items())
        print(
            f"{name:38} Cmax {a:5.3f} / {cmax:5.3f} = {a / cmax:5.3f}   AUC {b:5.3f} / {auc:5.3f} = {b / auc:5.3f}"
        )

    print("\nother ratios: AUC (and Cmax), simulated / published\n")
    for drug, regimen, base_, changed, auc, cmax, where in RATIOS:
        a = jk.exposure(drug, regimen, covariates=base_).metrics()
        b = jk.exposure(drug, regimen, covariates=base_ | changed).metrics()
        name = ", ".join(f"{k} {v}" for k, v in changed.items())
        peak = f"   Cmax {b['Cmax'] / a['Cmax']:5.3f} / {cmax:5.3f}" if cmax else ""
        print(f"{drug:13} {name:32} AUC {b['AUC_tau'] / a['AUC_tau']:5.3f} / {auc:5.3f}{peak}   {where}")


def equivalence() -> None:
    print(
        "\nupadacitinib IR twice daily that equals tofacitinib 5 mg twice daily (healthy): model, Mohamed 2020\n"
    )
    for pathway, value in (("IL-6/pSTAT3", 3), ("IL-7/pSTAT5", 12)):
        got = jk.equivalent_dose(
            "tofacitinib", "5 mg bid", "upadacitinib", "IR bid",
            pathway=pathway, reference_model="tse-2020", covariates={"disease": "healthy"},
        )  # fmt: skip
        print(
            f"{pathway}: {got.dose_mg:.2f} mg, published about {value} mg (at {got.average:.1%} average inhibition)"
        )


def best(work: Callable[[], object], times: int = 3) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took)


def speed(persons: int) -> None:
    print(f"\nspeed: {persons:,} persons x a dosing interval at 5 min x every pathway of the drug\n")
    for drug, regimen in (
        ("upadacitinib", "15 mg ER qd"),
        ("baricitinib", "4 mg qd"),
        ("tofacitinib", "5 mg bid"),
    ):
        got = jk.inhibition(drug, regimen, persons=10)
        pathways, points = len(got.pathways), len(got.exposure.times_h)  # type: ignore[union-attr]
        ours = best(lambda d=drug, r=regimen: jk.inhibition(d, r, persons=persons, seed=1), 2)
        block = np.random.default_rng(1).random((1000, points))
        out = np.empty_like(block)
        one = best(lambda b=block, o=out: [np.exp(b, out=o) for _ in range(max(1, persons // 1000))])
        print(
            f"{drug:13} {regimen:12} {points} points, {pathways:2} pathways: {ours:6.2f} s; numpy exp on persons x points x "
            f"pathways {one * pathways:6.2f} s, ratio {ours / one / pathways:5.2f}; on persons x points, ratio {ours / one:5.2f}"
        )

    model = got.exposure.model  # type: ignore[union-attr]
    p = {k: float(v[0]) for k, v in model.draw(got.regimen).parameters.items()}
    ke, ka, vc = p["CL"] / p["Vc"], p["ka"], p["Vc"]
    times = got.exposure.times_h  # type: ignore[union-attr]

    def by_ode() -> None:
        state = [0.0, 0.0]
        for dose in range(10):
            state[0] += 5.0
            grid = times if dose == 9 else None
            run = solve_ivp(
                lambda _, y: [-ka * y[0], ka * y[0] - ke * y[1]], (0, 12), state, "LSODA", grid, rtol=1e-8
            )
            state = list(run.y[:, -1])
        for row in got.pathways.itertuples():
            c = run.y[1] / vc * 1e6 / 312.37
            np.trapezoid(c / (c + row.ic50_nM), times)

    person = best(by_ode)
    print(
        f"scipy solve_ivp, a person, ten doses               {person:8.4f} s   ratio {person * persons / ours:,.0f} to ours, a person"
    )

    sbml = shipped_model("il6_jak1_stat3")
    grid = np.linspace(-60, 180, 61)
    conditions = [
        {"IL6_ng_ml": il6, "ruxolitinib_nM": rux}
        for il6 in np.geomspace(0.1, 120, 25)
        for rux in np.linspace(0, 1400, 15)
    ]
    took = best(lambda: [sbml.simulate(grid, c, stops=(-10.0, 0.0)) for c in conditions], 2)
    print(f"\nIL-6 model, {len(conditions)} conditions of 4 h at 4 min             {took:8.2f} s")
    day = best(lambda: jk.signalling("IL-6", "ruxolitinib", "20 mg bid"))
    print(f"jk.signalling, a day under a regimen and without   {day:8.2f} s")
    four = [
        ("tofacitinib", "5 mg bid"),
        ("upadacitinib", "15 mg ER qd"),
        ("baricitinib", "4 mg qd"),
        ("deucravacitinib", "6 mg qd"),
    ]
    warm = best(lambda: [jk.inhibition(d, r, persons=200, seed=1) for d, r in four])
    print(f"jk.inhibition, four regimens, 200 persons each     {warm:8.2f} s")


if __name__ == "__main__":
    shipped()
    published()
    equivalence()
    speed(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
