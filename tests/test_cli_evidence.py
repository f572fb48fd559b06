"""The commands about the evidence itself, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "jakinib", *words], capture_output=True, text=True)


def test_overlaps_as_text_json_csv_and_figure():
    text = run("overlaps", "Cibinqo")
    assert text.returncode == 0 and "is a later data cut-off of abrocitinib-ad-integrated-2021" in text.stdout
    made = json.loads(run("overlaps", "abrocitinib", "--json").stdout)
    lines = run("overlaps", "abrocitinib", "--csv").stdout.splitlines()
    assert lines[0].startswith("whole,whole_name,part") and len(lines) > len(made["relations"])
    assert run("overlaps", "abrocitinib", "--svg").stdout.startswith("<svg")


def test_an_unknown_name_ends_with_one_line():
    wrong = run("overlaps", "abrocitinb")
    assert wrong.returncode == 2 and "Did you mean" in wrong.stderr and "Traceback" not in wrong.stderr


def test_coverage_names_what_is_missing():
    made = json.loads(run("coverage", "--json").stdout)
    crohn = [c for c in made["cells"] if c["population"] == "crohns-disease"]
    assert crohn and all("randomised" in c["missing"] for c in crohn)
    assert "nothing held" in run("coverage").stdout
