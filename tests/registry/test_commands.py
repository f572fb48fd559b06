"""The commands, as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import typer
from typer.testing import CliRunner

from jakinib.cli_registry import register
from jakinib.evidence.evidence import load
from registry.staged import FILES, RECORDS

app = typer.Typer()
register(app)


def run(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, result.output
    return result.stdout


def test_from_files_to_evidence(tmp_path: Path) -> None:
    staged, mine = tmp_path / "staged", tmp_path / "mine"
    said = run("import", "ctgov", "--file", RECORDS / FILES["NCT02552212"], "--into", staged)
    assert "1 records staged in staged" in said
    assert "treatment certolizumab-pegol-200-mg-q2w: new" in said
    assert "groups-overlap" in said
    assert "Serious terms without an outcome" in said
    said = run("diff", staged)
    assert "conflicting" in said
    found = json.loads(run("diff", staged, "--json"))
    assert {d["status"] for d in found["differences"]} <= {"new", "changed", "held", "conflicting"}
    assert run("diff", staged, "--csv").startswith("status,table,row,")
    assert json.loads(run("accept", staged, "--into", mine, "--json"))["rows"]["studies"] == 1
    assert load(mine).name("study", "NCT02552212") == "c-axspand"


def test_labels_articles_and_references(tmp_path: Path) -> None:
    run("import", "label", "--file", RECORDS / "humira_spl.xml", "--into", tmp_path / "label")
    run("accept", tmp_path / "label", "--into", tmp_path / "mine")
    run("import", "pubmed", "--folder", RECORDS, "--into", tmp_path / "articles")
    run("accept", tmp_path / "articles", "--into", tmp_path / "mine")
    (tmp_path / "x.bib").write_text("@article{a, title={A study}, doi={10.1000/abc}, year={2019}}")
    run("import", "references", tmp_path / "x.bib", "--into", tmp_path / "list")
    run("accept", tmp_path / "list", "--into", tmp_path / "mine")
    ev = load(tmp_path / "mine")
    mine = set(ev.sources[ev.sources["origin"] == "mine"]["source_id"])
    assert {"PMID:29963580", "PMID:11850928", "DOI:10.1000/abc"} <= mine
    assert sum(ev.approvals["origin"] == "mine") == 7


def test_ids_and_files_are_not_mixed(tmp_path: Path) -> None:
    for words in (["import", "ctgov"], ["import", "ctgov", "NCT02552212", "--folder", str(tmp_path)]):
        result = CliRunner().invoke(app, words)
        assert isinstance(result.exception, ValueError)
        assert "give either NCT ids" in str(result.exception)


def test_the_commands_are_there_without_loading_what_they_use() -> None:
    code = (
        "import sys, typer; from jakinib.cli_registry import register; register(typer.Typer());"
        "heavy = {'pandas', 'httpx', 'lxml', 'hishel', 'altair', 'rispy', 'bibtexparser'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    src = str(Path(__file__).parents[2] / "src")
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": src})
