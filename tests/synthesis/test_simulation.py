"""The simulation study makes the rows of docs/simulation.csv again (bench/simulation.py)."""

import csv
import importlib
import io
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def bench(name):
    """A script of bench/, whose folder must not stay on the path: names of tests are there too."""
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


simulation, simulation_report = bench("simulation"), bench("simulation_report")

SHOWN = pd.read_csv(ROOT / "docs" / "simulation.csv")
CELLS = ["measure", "risk", "k", "tau", "arms"]


@pytest.mark.parametrize("cell", simulation.GRID, ids=str)
def test_rows_in_the_docs_are_made_again(cell):
    # the closed forms of every cell, in full
    made = list(simulation.rows(cell, 2000, only=("mh", "peto")))
    shown = SHOWN[(SHOWN[CELLS] == list(vars(cell).values())).all(axis=1)].set_index("analysis")
    ran = [a[0] for a in simulation.ANALYSES if cell.measure in simulation.METHODS[a[1]].measures]
    assert list(shown.index) == ran
    for row in made:
        for name in simulation.COLUMNS[6:]:
            assert row[name] == pytest.approx(shown.loc[row["analysis"], name], rel=1e-5, nan_ok=True), name


@pytest.mark.parametrize("analysis", ["firth", "cm.el common"])
def test_an_exact_row_in_the_docs_is_made_again(analysis):
    cell = simulation.Cell("OR", 0.005, 10, 0.4, 1)
    (row,) = simulation.rows(cell, 2000, only=(analysis,))
    shown = SHOWN[(SHOWN[CELLS] == list(vars(cell).values())).all(axis=1)].set_index("analysis").loc[analysis]
    for name in simulation.COLUMNS[6:]:
        assert row[name] == pytest.approx(shown[name], rel=1e-4), name


def test_quick_run_is_reproducible_and_complete():
    command = [sys.executable, str(ROOT / "bench" / "simulation.py"), "--quick"]
    once = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = list(csv.DictReader(io.StringIO(once)))
    names = [name for name, *_ in simulation.ANALYSES]
    assert [r["analysis"] for r in rows if r["measure"] == "OR"] == names
    again = io.StringIO()
    simulation.write(simulation.QUICK, 80, again)
    assert again.getvalue() == once


def test_the_page_shows_the_csv():
    page = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    assert page.split(simulation_report.MARK)[1] == simulation_report.tables(SHOWN)


def test_truth_and_coverage_are_what_they_are_called():
    # one effect, many events: every method is right, and misses are counted on the side they lie on
    cell = simulation.Cell("OR", 0.2, 10, 0, 1)
    for row in simulation.rows(cell, 400, only=("mh", "iv-reml hk-adhoc", "cm.el common", "firth")):
        assert row["median"] == pytest.approx(1.5, rel=0.01)
        assert row["coverage"] + row["truth_above"] + row["truth_below"] == pytest.approx(1)
        assert abs(row["coverage"] - 0.95) < 4 * math.sqrt(0.95 * 0.05 / row["data_sets"]) + 0.04
