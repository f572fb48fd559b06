"""The command, run as a user runs it: same words and numbers as the page, one-line errors, CSV and JSON."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import pytest

import jakinib as jk
from jakinib.evidence.package import corpus_folder
from jakinib.evidence.trials import trials


def jakinib(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "jakinib", *words],
        capture_output=True,
        text=True,
        env={"COLUMNS": "140", "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_help_names_every_command():
    shown = jakinib("--help").stdout
    for command in ("serve", "compare", "drugs", "study", "rates", "pairwise", "check", "data", "row"):
        assert command in shown


def test_compare_says_what_the_comparison_rests_on():
    shown = jakinib("compare", "upadacitinib 15 mg once daily", "abrocitinib-200-mg-qd", "-o", "vte").stdout
    assert "indirect comparison" in shown
    assert "E00194" in shown  # JADE MONO-2, 0 of 155 (PMC7271424 corrects the arm sizes)
    assert "0 of 155" in shown
    assert "Who was studied" in shown


def test_json_and_csv_hold_the_same_numbers():
    words = ("compare", "upadacitinib 15 mg qd", "-o", "mace", "-p", "atopic dermatitis")
    lines = json.loads(jakinib(*words, "--json").stdout)["lines"]
    table = rows(jakinib(*words, "--csv").stdout)
    assert [line["event"] for line in lines] == [line["event"] for line in table]
    for line, cells in zip(lines, table, strict=True):
        assert (line["estimate"] is None) == (cells["estimate"] == "")
        if line["estimate"] is not None:
            assert float(cells["estimate"]) == pytest.approx(line["estimate"], rel=1e-12)


def test_rates_and_pairwise_answer_from_the_corpus():
    table = rows(jakinib("rates", "malignancy_ex_nmsc", "-p", "rheumatoid arthritis", "--csv").stdout)
    assert table
    fit = json.loads(jakinib("pairwise", "sae", "-t", "upadacitinib 30 mg qd", "-p", "atopic dermatitis",
                             "--json").stdout)  # fmt: skip
    assert fit["ci_low"] < fit["estimate"] < fit["ci_high"]


def test_every_method_says_whether_the_conclusion_depends_on_it():
    shown = jakinib("multiverse", "sae", "-t", "upadacitinib 30 mg qd", "-p", "atopic dermatitis").stdout
    assert "Mantel-Haenszel" in shown and "The conclusion" in shown


def test_a_network_from_the_corpus():
    made = json.loads(jakinib("network", "sae", "-p", "atopic dermatitis", "--method", "iv", "--json").stdout)
    assert made
    shown = jakinib("network", "sae", "-p", "atopic dermatitis", "--method", "iv").stdout
    assert "upadacitinib-30-mg-qd" in shown


def test_inhibition_names_its_level():
    shown = jakinib("inhibition", "tofacitinib", "5 mg bid").stdout
    assert "pathway level" in shown and "IL-6" in shown


def test_compare_pools_the_randomised_trials_with_the_numbers_of_the_library():
    """One trial with zoster under abrocitinib only; the network joins it to the others through placebo."""
    words = ("compare", "abrocitinib-200-mg-qd", "placebo", "-o", "herpes_zoster", "-p", "atopic dermatitis")
    shown = " ".join(jakinib(*words).stdout.split())
    assert "Pooled from randomised trials" in shown
    [row] = json.loads(jakinib(*words, "--json").stdout)["pooled"]
    arms = trials(jk.evidence(), "herpes_zoster", population="atopic-dermatitis")
    network = jk.network(arms, "OR", row["network"]["method"], reference="placebo").effects()
    expected = network.set_index("treatment").loc["abrocitinib-200-mg-qd"]
    assert row["network"]["estimate"] == pytest.approx(expected["estimate"], rel=1e-12)
    low, high = (f"{expected[c]:.3g}" for c in ("ci_low", "ci_high"))
    assert low in shown and high in shown


def test_compare_for_one_person():
    person = "age=67,sex=f,smoking=past,prior_vte=yes,indication=atopic dermatitis"
    shown = jakinib("compare", "upadacitinib 15 mg qd", "-o", "vte", "--patient", person).stdout
    # the programme over 6 years prints 0.1 per 100 person-years, no interval; a small zero is not put first
    assert "1.00 per 1,000 people a year (interval not reported)" in shown and "[E00554]" in shown
    assert "could not have entered" in shown
    assert "age" in jakinib("compare", "placebo", "--patient", "age=670", code=2).stderr


def test_a_row_shows_its_source():
    shown = jakinib("row", "events", "E00039").stdout
    assert "PMID:36600185" in shown and "Table 2" in shown


def test_study_by_registry_id():
    assert "ORAL Surveillance" in jakinib("study", "NCT02092467").stdout


def test_data_lists_tables_and_writes_one_whole():
    assert "events" in jakinib("data").stdout
    with (corpus_folder() / "events.csv").open(encoding="utf-8", newline="") as file:
        held = sum(1 for _ in csv.DictReader(file))
    assert len(rows(jakinib("data", "events", "--csv").stdout)) == held


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "upadacitinb 15 mg qd"), "upadacitinib-15-mg-qd"),
        (("rates", "heart"), "no outcome 'heart'"),
        (("rates", "mace", "--period", "ages"), "controlled"),
        (("study", "oral-surveilance"), "ORAL Surveillance"),
        (("data", "evnts"), "events"),
        (("row", "events", "E99999"), "no row of events"),
        (("check", "/nowhere"), "no folder"),
    ],
)
def test_a_wrong_question_is_one_line_that_helps(words, said):
    done = jakinib(*words, code=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_check_passes_the_corpus_and_lists_what_is_acknowledged():
    shown = jakinib("check").stdout
    assert "0 open" in shown and "acknowledged in discrepancies D" in shown


def test_check_of_a_corrupted_copy_fails(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(corpus_folder(), copy)
    events = (copy / "events.csv").read_text(encoding="utf-8")
    assert ",42,1451," in events
    (copy / "events.csv").write_text(events.replace(",42,1451,", ",42,14,", 1), encoding="utf-8")
    shown = jakinib("check", str(copy), code=1).stdout
    assert "events-over-n" in shown


def test_serve_says_when_the_port_is_taken():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = jakinib("serve", "--port", str(taken.getsockname()[1]), code=2)
    assert "--port 0" in done.stderr
