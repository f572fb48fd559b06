"""Exposure held to published exposures (each printed in the corpus with its source) and to its own
algebra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import jakinib as jk
from jakinib.mechanism.autoinhibition import Autoinhibited
from jakinib.mechanism.errors import MechanismError, NotReadError
from jakinib.mechanism.mass import FORMULA, molar_mass
from jakinib.mechanism.tables import Tables, shipped


@pytest.fixture(scope="module")
def tables() -> Tables:
    return shipped()


def test_abrocitinib_reproduces_the_published_area_and_nearly_the_peak() -> None:
    """Wojciechowski 2022, Results 3.4: AUC 5662 ng h/mL and Cmax 1123 ng/mL, White adult, AD, 80 kg, 200
    mg."""
    got = jk.exposure("abrocitinib", "200 mg qd", covariates={"weight_kg": 80}).metrics()
    assert got["AUC_tau"] == pytest.approx(5662, rel=5e-4)
    assert got["Cmax"] == pytest.approx(1123, rel=0.06)  # 1063: the order of the two absorptions was not read


@pytest.mark.parametrize(
    ("covariates", "auc"),
    [  # Figure 3 medians of the same paper, against a healthy White man of 70 kg
        ({"race": "asian"}, 1.51),
        ({"age_group": "adolescent"}, 0.666),
        ({"comedication": "rifampin"}, 0.128),
        ({"comedication": "fluconazole"}, 3.84),
        ({"comedication": "fluvoxamine"}, 2.32),
        ({"disease": "atopic dermatitis"}, 1.31),
        ({"hepatic_impairment": "mild or moderate"}, 1.78),
        ({"weight_kg": 111}, 0.80),
        ({"weight_kg": 52}, 1.15),
    ],
)
def test_abrocitinib_covariate_ratios_match_the_paper(covariates: dict[str, object], auc: float) -> None:
    base = {"disease": "healthy"}
    reference = jk.exposure("abrocitinib", "200 mg qd", covariates=base).metrics()["AUC_tau"]
    changed = jk.exposure("abrocitinib", "200 mg qd", covariates=base | covariates).metrics()["AUC_tau"]
    assert changed / reference == pytest.approx(auc, rel=0.02)


@pytest.mark.parametrize(
    ("regimen", "area", "peak"),
    [  # Tse 2020 Table 2, healthy volunteers; a whole-body model, so a one-compartment one only comes near
        ("10 mg single", 310, 70.5),
        ("30 mg single", 916, 211),
        ("100 mg single", 2865, 684),
        ("15 mg bid", 494, 110),
    ],
)
def test_tofacitinib_is_within_a_tenth_of_the_whole_body_model(
    regimen: str, area: float, peak: float
) -> None:
    got = jk.exposure("tofacitinib", regimen, model="tse-2020").metrics()
    assert got["AUC_tau"] == pytest.approx(area, rel=0.10)
    assert got["Cmax"] == pytest.approx(peak, rel=0.10)


def test_tofacitinib_in_colitis_matches_the_geometric_mean_area() -> None:
    """Vong 2021: 211.3 (5 mg) and 403.8 (10 mg) ng h/mL over men and women together; women clear 0.868 as
    much."""
    for regimen, published in (("5 mg bid", 211.3), ("10 mg bid", 403.8)):
        areas = [
            jk.exposure("tofacitinib", regimen, covariates={"sex": s}).metrics()["AUC_tau"]
            for s in ("male", "female")
        ]
        assert np.sqrt(np.prod(areas)) == pytest.approx(published, rel=0.05)


def test_upadacitinib_is_near_the_spondyloarthritis_exposures() -> None:
    """Bhatnagar 2024 Table 1 medians (348 and 355 ng h/mL; 38.8 and 37.3 ng/mL) against the RA model."""
    got = jk.exposure("upadacitinib", "15 mg ER qd").metrics()
    assert got["AUC_tau"] == pytest.approx(351, rel=0.10)
    assert got["Cmax"] == pytest.approx(38, rel=0.20)
    assert got["Ctrough"] == pytest.approx(4.1, rel=0.20)


def test_upadacitinib_kidney_function_matches_figure_4() -> None:
    """Klunder 2019 Figure 4: AUC ratio 1.13 for CrCl 60 to <90 and 1.26 for 30 to <60 (here at the
    middles)."""
    normal = jk.exposure("upadacitinib", "15 mg ER qd").metrics()["AUC_tau"]
    for crcl, ratio in ((75, 1.13), (45, 1.26)):
        got = jk.exposure("upadacitinib", "15 mg ER qd", covariates={"crcl_ml_min": crcl}).metrics()[
            "AUC_tau"
        ]
        assert got / normal == pytest.approx(ratio, rel=0.05)


def test_ketoconazole_area_is_put_in_and_the_peak_is_underpredicted() -> None:
    """ACCP 2012: AUC 203 %, Cmax 116 %. The area change is laid on clearance alone, so the part of the
    published rise of the peak that comes from first pass is missing: the prediction lies between no change
    and 1.16."""
    alone = jk.exposure("tofacitinib", "10 mg single", model="tse-2020").metrics()
    both = jk.exposure(
        "tofacitinib", "10 mg single", model="tse-2020", covariates={"comedication": "ketoconazole"}
    ).metrics()
    assert both["AUC_tau"] / alone["AUC_tau"] == pytest.approx(2.03, rel=0.01)
    assert 1.0 < both["Cmax"] / alone["Cmax"] < 1.16


def test_ruxolitinib_label_model_returns_the_area_it_was_made_from() -> None:
    exposed = jk.exposure("ruxolitinib", "15 mg bid")
    area = np.trapezoid(exposed.concentration("total").nM, exposed.times_h)
    assert area == pytest.approx(2716, rel=2e-3)  # h nM, Opzelura label
    assert exposed.metrics()["Tmax"] == pytest.approx(1.0, abs=0.1)
    assert exposed.model.from_label and "label" in " ".join(exposed.notes)


def test_between_person_spread_is_the_published_one() -> None:
    """CL CV 36.5 % in patients: ln(AUC) spreads by sqrt(ln(1 + 0.365^2)), since AUC = F dose / CL."""
    drawn = jk.exposure("upadacitinib", "15 mg ER qd", persons=6_000, seed=3).persons["AUC_tau"]
    healthy = jk.exposure(
        "upadacitinib", "15 mg ER qd", persons=6_000, seed=3, covariates={"disease": "healthy"}
    ).persons["AUC_tau"]
    assert np.log(drawn).std() == pytest.approx(np.sqrt(np.log1p(0.365**2)), rel=0.04)
    assert np.log(healthy).std() == pytest.approx(np.sqrt(np.log1p(0.205**2)), rel=0.04)


def test_the_seed_decides_the_persons() -> None:
    one, same, other = (jk.exposure("tofacitinib", "5 mg bid", persons=50, seed=s).persons for s in (7, 7, 8))
    assert one.equals(same) and not one.equals(other)


def test_ritlecitinib_agrees_with_the_differential_equation() -> None:
    """The stepwise solution against DOP853 of the same nonlinear system over five days."""
    p = {"CL": 79.18, "Vc": 151.0, "Q": 0.297, "Vp": 4.87, "ka": 7.91, "F": 1.0, "Imax": -0.452, "IC50": 16.5}
    model = Autoinhibited(**{k: np.array([v]) for k, v in p.items()})
    times, ours = model.repeated(50.0, 24.0, 5)
    state = np.zeros(3)
    for day in range(5):
        cp = state[2] / p["Vp"] * 1000
        state[0] += 50.0 * (1 - p["Imax"] * cp / (p["IC50"] + cp))

        def slope(_t: float, y: np.ndarray) -> list[float]:
            cp = y[2] / p["Vp"] * 1000
            cl = p["CL"] * (1 + p["Imax"] * cp / (p["IC50"] + cp))
            move = p["Q"] * (y[1] / p["Vc"] - y[2] / p["Vp"])
            return [-p["ka"] * y[0], p["ka"] * y[0] - cl * y[1] / p["Vc"] - move, move]

        run = solve_ivp(slope, (0, 24), state, "DOP853", times if day == 4 else None, rtol=1e-11, atol=1e-14)
        state = run.y[:, -1]
    exact = run.y[1] / p["Vc"] * 1000
    np.testing.assert_allclose(ours[0], exact, rtol=5e-4, atol=5e-4 * exact.max())


def test_ritlecitinib_in_severe_renal_impairment_matches_the_paper() -> None:
    """Wojciechowski 2023, Sect. 4: AUC +47 %, Cmax +41 % at 50 mg. Only a change of bioavailability goes
    in; that the area rises by more than 35 % is the autoinhibition at work."""
    base = jk.exposure("ritlecitinib", "50 mg qd", covariates={"disease": "healthy"}).metrics()
    severe = jk.exposure(
        "ritlecitinib", "50 mg qd", covariates={"disease": "healthy", "renal_impairment": "severe"}
    ).metrics()
    assert severe["AUC_tau"] / base["AUC_tau"] == pytest.approx(1.47, rel=0.01)
    assert severe["Cmax"] / base["Cmax"] == pytest.approx(1.41, rel=0.01)


def test_upadacitinib_weight_matches_figure_4() -> None:
    """Klunder 2019 Figure 4: AUC ratio 1.05 below 60 kg and 0.95 above 100 kg (here 55 and 110 kg)."""
    normal = jk.exposure("upadacitinib", "15 mg ER qd").metrics()["AUC_tau"]
    for weight, ratio in ((55, 1.05), (110, 0.95)):
        got = jk.exposure("upadacitinib", "15 mg ER qd", covariates={"weight_kg": weight}).metrics()[
            "AUC_tau"
        ]
        assert got / normal == pytest.approx(ratio, rel=0.02)


def test_masses_agree_with_the_masses_read(tables: Tables) -> None:
    read = tables.pk[(tables.pk["symbol"] == "molecular weight") & (tables.pk["use"] != "excluded")]
    assert len(read) >= 13
    for row in read.itertuples():
        assert molar_mass(FORMULA[str(row.drug)]) == pytest.approx(row.value, abs=0.04), row.pk


def test_total_and_unbound_do_not_mix() -> None:
    exposed = jk.exposure("tofacitinib", "5 mg bid")
    total, free = exposed.concentration("total"), exposed.concentration("unbound")
    np.testing.assert_allclose(free.nM, 0.61 * total.nM)
    with pytest.raises(ValueError, match="on total concentration but the concentration given is unbound"):
        free.require("total", "a blood potency")
    with pytest.raises(NotReadError, match="fraction unbound"):
        jk.exposure("upadacitinib", "15 mg ER qd").concentration("unbound")


def test_once_daily_upadacitinib_is_the_tablet_whose_exposures_were_read() -> None:
    plain, tablet = jk.exposure("upadacitinib", "15 mg qd"), jk.exposure("upadacitinib", "15 mg ER qd")
    assert plain.regimen == tablet.regimen
    np.testing.assert_array_equal(plain.typical, tablet.typical)
    assert "Taken as the ER form" in str(plain)


def test_persons_may_differ_in_covariates() -> None:
    weight = np.array([50.0, 70.0, 110.0])
    many = jk.exposure("baricitinib", "4 mg qd", persons=3, seed=1, covariates={"weight_kg": weight})
    again = jk.exposure("baricitinib", "4 mg qd", persons=3, seed=1, covariates={"weight_kg": 74.0})
    ratio = (many.persons["AUC_tau"] / again.persons["AUC_tau"]).to_numpy()
    np.testing.assert_allclose(ratio, (weight / 74.0) ** -0.75, rtol=1e-3)


def test_everything_shown_is_there() -> None:
    exposed = jk.exposure("baricitinib", "4 mg qd", persons=100, seed=1)
    table = exposed.table()
    assert list(table["measure"]) == ["AUC_tau", "Cmax", "Tmax", "Cavg", "Ctrough"]
    assert (table["low"] < table["high"]).all()
    out = exposed.to_dict()
    assert out["seed"] == 1 and out["persons"] == 100 and "NLM_DECKER2024" in out["sources"]
    assert "decker-2024" in str(exposed)
    assert exposed.figure().to_dict()["layer"]


@pytest.mark.parametrize(
    ("drug", "regimen", "kwargs", "error", "says"),
    [
        ("foo", "5 mg bid", {}, MechanismError, "unknown drug 'foo'"),
        ("upadacitnib", "15 mg ER qd", {}, MechanismError, "did you mean upadacitinib"),
        ("filgotinib", "200 mg qd", {}, NotReadError, "clearance, volume and absorption rate were not read"),
        ("upadacitinib", "15 mg bid", {}, MechanismError, "comes as ER and IR"),
        ("tofacitinib", "11 mg XR qd", {}, NotReadError, "ER form were not read"),
        ("tofacitinib", "5 mg bid", {"model": "x"}, MechanismError, "unknown model of tofacitinib"),
        ("tofacitinib", "5 mg bid", {"persons": -1}, MechanismError, "persons must be 0 or more"),
        ("tofacitinib", "5 mg bid", {"covariates": {"height": 2}}, MechanismError, "unknown covariate"),
        ("tofacitinib", "5 mg bid", {"covariates": {"sex": "x"}}, MechanismError, "unknown level of sex"),
        ("tofacitinib", "5 mg bid", {"covariates": {"weight_kg": -3}}, MechanismError, "must be positive"),
        (
            "tofacitinib",
            "5 mg bid",
            {"covariates": {"weight_kg": "heavy"}},
            MechanismError,
            "must be a number",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused(
    drug: str, regimen: str, kwargs: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        jk.exposure(drug, regimen, **kwargs)
