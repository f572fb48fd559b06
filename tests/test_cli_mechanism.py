"""The mechanism's commands, run as a user runs them: the engine's numbers, three forms, one-line errors."""

import csv
import io
import json

import pytest

import jakinib as jk
from test_cli import jakinib


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_exposure_matches_the_library_and_takes_covariates():
    words = ("exposure", "upadacitinib", "15 mg ER qd", "--persons", "0")
    plain = {r["measure"]: float(r["typical"]) for r in rows(jakinib(*words, "--csv").stdout)}
    assert plain == pytest.approx(jk.exposure("upadacitinib", "15 mg ER qd").metrics(), rel=1e-9)
    weak = json.loads(jakinib(*words, "--person", "crcl_ml_min=45", "--json").stdout)
    assert weak["covariates"] == {"crcl_ml_min": 45.0}
    area = next(m["typical"] for m in weak["measures"] if m["measure"] == "AUC_tau")
    assert area > plain["AUC_tau"]  # Klunder 2019: exposure rises as renal function falls


def test_inhibition_of_one_and_of_several():
    one = rows(jakinib("inhibition", "upadacitinib", "15 mg qd", "--persons", "0", "--csv").stdout)
    made = jk.inhibition("upadacitinib", "15 mg qd").table()
    assert [float(r["average"]) for r in one] == pytest.approx(list(made["average"]), rel=1e-9)
    words = ("inhibition", "upadacitinib", "15 mg qd", "-b", "baricitinib:4 mg qd", "--persons", "0")
    assert {r["drug"] for r in rows(jakinib(*words, "--csv").stdout)} == {"upadacitinib", "baricitinib"}
    assert set(json.loads(jakinib(*words, "--json").stdout)["levels"].values()) == {"pathway"}
    assert jakinib(*words, "--svg").stdout.startswith("<svg")


def test_kinase_level_is_said_to_be_an_order_of_strength():
    shown = jakinib("inhibition", "abrocitinib", "200 mg qd", "--persons", "0").stdout
    assert "kinase level" in shown and "order of strength, not an effect" in shown


def test_selectivity_gives_doses_and_the_crossing():
    words = ("selectivity", "upadacitinib", "15 mg qd", "-d", "15", "-d", "30")
    assert {float(r["dose_mg"]) for r in rows(jakinib(*words, "--csv").stdout)} == {15.0, 30.0}
    json.loads(jakinib(*words, "--json").stdout)
    shown = jakinib(*words, "--pair", "IL-6/pSTAT3", "IL-7/pSTAT5").stdout
    dose = jk.selectivity("upadacitinib", "15 mg qd").crossing("IL-6/pSTAT3", "IL-7/pSTAT5", 0.8)
    assert f"from {dose:.3g} mg a time on" in shown


def test_signalling_prints_its_assumptions():
    shown = jakinib("signalling", "IL-6", "tofacitinib", "5 mg bid").stdout
    assert "Assumed: strength in the cell goes with the enzyme IC50" in shown
    both = rows(
        jakinib(
            "signalling", "IL-6", "tofacitinib", "5 mg bid", "-b", "ruxolitinib 20 mg bid", "--csv"
        ).stdout
    )
    assert {r["drug"] for r in both} == {"tofacitinib", "ruxolitinib"}
    json.loads(jakinib("signalling", "EPO", "--json").stdout)
    assert "Assumed" in jakinib("signalling", "IL-6", "tofacitinib", "5 mg bid", "--svg").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("inhibition", "tofacitnib", "5 mg bid"), "tofacitinib"),
        (("exposure", "tofacitinib", "5 mg"), "'5 mg bid'"),
        (("exposure", "filgotinib", "200 mg qd"), "no pharmacokinetic model can be built"),
        (("selectivity", "abrocitinib", "200 mg qd"), "no potency on a cytokine pathway"),
        (("signalling", "IL-6", "upadacitinib", "15 mg qd"), "fraction unbound in plasma was not read"),
        (("signalling", "IL-6", "ruxolitinib"), "write a drug and its regimen"),
        (("signalling", "IL-66"), "IL-6"),
        (("inhibition", "abrocitinib", "200 mg qd", "--svg"), "no figure"),
        (("exposure", "tofacitinib", "5 mg bid", "--person", "weight"), "name=value"),
    ],
)
def test_what_cannot_be_answered_is_one_line(words, said):
    failed = jakinib(*words, code=2)
    assert said in failed.stderr and failed.stderr.count("\n") == 1 and failed.stdout == ""
