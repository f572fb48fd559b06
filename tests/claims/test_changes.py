"""What staged rows would do to the verdicts; and the command that says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from evidence.folders import write
from jakinib import cli_claims, cli_registry
from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.evidence import load
from jakinib.verdicts.changes import changes
from jakinib.verdicts.evaluate import claims

app = typer.Typer()
cli_registry.register(app)
cli_claims.register(app)


def run(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.stdout


def staged(folder: Path, table: str, *rows: dict[str, Any]) -> Path:
    write(folder, table, list(rows))
    (folder / "provenance.json").write_text('{"format": "jakinib-staged-1", "records": []}', encoding="utf-8")
    return folder


def effect(**changed: Any) -> dict[str, Any]:
    """The hazard ratio of MACE in ORAL Surveillance as the corpus has it, changed."""
    row = load().row("effects", "F0114")
    row.pop("origin")
    return {k: "" if pd.isna(v) else v for k, v in row.items()} | changed


def test_a_changed_row_flips_a_verdict(tmp_path: Path) -> None:
    new = staged(tmp_path / "staged", "effects", effect(ci_low=1.05))
    found = {c.claim: c for c in changes(new).changes}
    general = next(v for v in claims(load()) if v.claim.positions == (35,))
    flipped = found[general.claim.claim]
    assert flipped.before is not None
    assert flipped.after is not None
    assert (flipped.before.verdict, flipped.after.verdict) == (
        "not supported",
        "supported with qualification",
    )
    assert "1.05 to 1.94" in flipped.after.reason


def test_a_new_row_that_contradicts_flips_a_verdict(tmp_path: Path) -> None:
    # the page: no opportunistic infection in BRAVE-AA; a staged row with one
    row = {
        "event": "S00001", "study": "brave-aa1", "population": "alopecia-areata", "role": "jak",
        "treatment": "baricitinib-4-mg-qd", "outcome": "opportunistic_infection", "counts": "persons",
        "events": 1, "n": 280, "period_kind": "controlled", "drug_printed": "baricitinib",
        "source_id": "NCT:NCT03570749", "locator": "adverse events", "status": "reported", "use": "default",
    }  # fmt: skip
    new = staged(tmp_path / "staged", "events", row)
    (change,) = changes(new).changes
    assert change.statement == "No opportunistic infection occurred."
    assert change.before is not None
    assert change.after is not None
    assert (change.before.verdict, change.after.verdict) == ("cannot be checked here", "contradicted")
    assert change.after.rows == (("events", "S00001"),)

    said = run("diff", new)
    assert "verdicts: 1 of" in said
    assert "cannot be checked here -> contradicted" in said
    told = json.loads(run("diff", new, "--json"))
    assert [c["after"] for c in told["verdicts"]["changes"]] == ["contradicted"]


def test_rows_that_are_held_change_no_verdict(tmp_path: Path) -> None:
    new = staged(tmp_path / "staged", "effects", effect())
    found = changes(new)
    assert found.changes == ()
    assert str(found).startswith("verdicts: 0 of ")


def test_a_folder_that_no_import_wrote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="not a staging folder"):
        changes(write(tmp_path / "mine", "effects", []))


def test_the_command_lists_filters_and_exports() -> None:
    everything = run("claims")
    assert "126 claims against corpus" in everything
    only = run("claims", "--verdict", "contradicted", "--section", "Safety")
    assert "deep vein thrombosis" in only
    assert "supported with qualification" not in only
    data = json.loads(run("claims", "--json"))
    assert sum(data["counts"].values()) == len(data["claims"]) == 126
    lines = run("claims", "--verdict", "not supported", "--csv").splitlines()
    assert lines[0] == "claim,verdict,reason,statement,section,positions,rows"
    assert len(lines) == 1 + data["counts"]["not supported"]


@pytest.mark.parametrize("wrong", [("--verdict", "true"), ("--section", "Nowhere")])
def test_a_filter_that_does_not_exist_says_what_does(wrong: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["claims", *wrong])
    assert result.exit_code == 1
    assert isinstance(result.exception, ValueError)
    assert "is one of" in str(result.exception)
