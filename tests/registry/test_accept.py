"""Staging, the difference against the evidence, and acceptance that is whole or does not happen."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jakinib.evidence.check import check
from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.evidence import load
from jakinib.evidence.package import corpus_folder
from jakinib.registry.accept import NotAcceptedError, accept
from jakinib.registry.diff import diff
from jakinib.registry.import_ctgov import import_files
from registry.staged import FILES, RECORDS, read, study


def stage(folder: Path, *documents: dict[str, Any], name: str = "staged", evidence: Any = None) -> Path:
    source = folder / f"{name}-files"
    source.mkdir()
    for i, document in enumerate(documents):
        (source / f"{i}.json").write_text(json.dumps(document))
    import_files([source], folder / name, evidence or load())
    return folder / name


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    import_files([RECORDS / f for f in FILES.values()], folder / "staged", load())
    return folder / "staged"


def test_provenance_names_record_version_bytes_and_paths(real: Path) -> None:
    provenance = json.loads((real / "provenance.json").read_text())
    assert provenance["service"] == "ClinicalTrials.gov API v2"
    by_id = {r["record"]: r for r in provenance["records"]}
    assert set(by_id) == set(FILES)
    for nct, file in FILES.items():
        raw = (RECORDS / file).read_bytes()
        assert by_id[nct]["sha256"] == hashlib.sha256(raw).hexdigest()
        assert by_id[nct]["bytes"] == len(raw)
    fidelio = by_id["NCT02540993"]
    assert fidelio["version"] == "2023-07-24"
    paths = fidelio["values"]["events"]["NCT02540993:sae:EG000"]
    assert paths["events"] == "resultsSection.adverseEventsModule.eventGroups[0].seriousNumAffected"
    alike = fidelio["alike"]["registry_events"]
    one = next(r for r in read(real, "registry_events") if r["registry_id"] == "NCT02540993" and r["term"])
    place = alike["object"].format(locator=one["locator"])
    assert place == "resultsSection.adverseEventsModule.seriousEvents[0].stats[0]"
    assert alike["fields"] == {"affected": "numAffected", "at_risk": "numAtRisk"}
    assert fidelio["root"] == "study"
    assert "Anaemia" in fidelio["unmapped"]["serious_terms"]


def test_second_import_of_equal_bytes_changes_nothing(real: Path, tmp_path: Path) -> None:
    import_files([RECORDS / f for f in FILES.values()], tmp_path / "again", load())
    for path in real.glob("*.csv"):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_accepted_records_load_and_select(real: Path, tmp_path: Path) -> None:
    found = accept(real, tmp_path / "mine")
    assert found.rows["registry_events"] == 2497
    assert not found.conflicts
    ev = load(tmp_path / "mine")
    arms = ev.select("pe", study="fidelio-dkd")
    assert dict(zip(arms["treatment"], zip(arms["events"], arms["n"], strict=True), strict=True)) == {
        "finerenone-10-or-20-mg-qd": (8, 2827),
        "placebo": (4, 2831),
    }
    assert ev.select("vte", study="fidelio-dkd").empty  # a range is no count
    before = {(f.code, f.table, f.row) for f in check().open}
    assert {(f.code, f.table, f.row) for f in check(tmp_path / "mine").open} <= before


def test_accepting_twice_changes_nothing(real: Path, tmp_path: Path) -> None:
    accept(real, tmp_path / "mine")
    first = {p.name: p.read_bytes() for p in (tmp_path / "mine").glob("*.csv")}
    again = accept(real, tmp_path / "mine")
    assert again.rows == {}
    assert {p.name: p.read_bytes() for p in (tmp_path / "mine").glob("*.csv")} == first
    provenance = json.loads((tmp_path / "mine" / "provenance.json").read_text())
    assert [r["record"] for r in provenance["records"]] == [
        r["record"] for r in json.loads((real / "provenance.json").read_text())["records"]
    ]


def test_new_version_of_a_record_shows_field_by_field_and_replaces(tmp_path: Path) -> None:
    old = study("NCT02210780")
    accept(stage(tmp_path, old, name="v1"), tmp_path / "mine")
    new = study("NCT02210780")
    new["resultsSection"]["adverseEventsModule"]["eventGroups"][0]["seriousNumAffected"] = 2
    staged = stage(tmp_path, new, name="v2", evidence=load(tmp_path / "mine"))
    found = diff(staged, load(tmp_path / "mine"))
    changed = {(d.table, d.row): d.fields for d in found.of("changed") if d.origin == "mine"}
    assert changed == {
        ("events", "NCT02210780:sae:EG000"): {"events": ("0", "2")},
        ("registry_events", "NCT02210780:serious:total:EG000"): {"affected": ("0", "2")},
    }
    assert "0 -> 2" in str(found)
    assert accept(staged, tmp_path / "mine").changed == 2
    [row] = [r for r in read(tmp_path / "mine", "events") if r["event"] == "NCT02210780:sae:EG000"]
    assert row["events"] == "2"
    records = json.loads((tmp_path / "mine" / "provenance.json").read_text())["records"]
    assert len(records) == 2  # the older version stays on record


def small(nct: str, **placebo: int) -> dict[str, Any]:
    """A record of a trial that the corpus holds, with two event groups and nothing else."""
    document = study("NCT02210780")
    document["protocolSection"]["identificationModule"]["nctId"] = nct
    plan = document["protocolSection"]["armsInterventionsModule"]
    plan["interventions"] = [{"type": "DRUG", "name": "Abrocitinib"}, {"type": "DRUG", "name": "Placebo"}]
    plan["armGroups"] = []
    results = document["resultsSection"]
    del results["participantFlowModule"], results["baselineCharacteristicsModule"]
    del results["outcomeMeasuresModule"]
    ae = results["adverseEventsModule"]
    ae["eventGroups"] = [
        {"id": "EG000", "title": "Placebo", **placebo},
        {"id": "EG001", "title": "Abrocitinib"},
    ]
    ae["seriousEvents"], ae["otherEvents"] = [], []
    return document


def test_conflict_with_the_corpus_is_shown_and_not_used_by_default(tmp_path: Path) -> None:
    held = load().row("events", "E01365")
    assert (held["study"], held["outcome"], held["events"], held["n"]) == ("jade-compare", "death", 0, 131)
    staged = stage(tmp_path, small("NCT03720470", deathsNumAffected=1, deathsNumAtRisk=131))
    [conflict] = [d for d in diff(staged).of("conflicting") if d.table == "events"]
    assert (conflict.against, conflict.fields) == ("E01365", {"events": ("0", "1")})
    taken = accept(staged, tmp_path / "mine")
    assert any("E01365" in c for c in taken.conflicts)
    events = load(tmp_path / "mine").events
    [mine] = events[(events["origin"] == "mine") & (events["outcome"] == "death")].to_dict("records")
    assert mine["study"] == "jade-compare"  # joined to the study of the corpus by its registry id
    assert (mine["use"], mine["use_reason"]) == ("alternative", "differs from E01365 (corpus)")


def test_registry_and_review_disagree_on_arm_sizes(tmp_path: Path) -> None:
    """JADE MONO-2: whoever posts other persons at risk than the registry rows of the corpus is in
    conflict."""
    held = load().registry_events
    held = held[(held["registry_id"] == "NCT03575871") & (held["measure"] == "serious")]
    [row] = held[held["group"] == "Placebo"].to_dict("records")
    numbers = {"seriousNumAffected": row["affected"], "seriousNumAtRisk": row["at_risk"]}
    same = stage(tmp_path, small("NCT03575871", **numbers), name="same")
    assert [d.against for d in diff(same).of("held") if d.table == "registry_events"] == [row["row"]]
    assert "registry_events" not in accept(same, tmp_path / "mine").rows
    numbers["seriousNumAtRisk"] += 3
    other = stage(tmp_path, small("NCT03575871", **numbers), name="other")
    [conflict] = [d for d in diff(other).of("conflicting") if d.table == "registry_events"]
    assert conflict.fields == {"at_risk": (str(row["at_risk"]), str(row["at_risk"] + 3))}


def test_rows_that_fail_the_check_are_refused_and_nothing_is_written(real: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for path in real.iterdir():
        (bad / path.name).write_bytes(path.read_bytes())
    text = (bad / "events.csv").read_text()
    assert "NCT02540993:sae:EG000" in text
    (bad / "events.csv").write_text(text.replace(",902,2827,", ",9020,2827,"))
    with pytest.raises(NotAcceptedError, match="9020 persons of 2827"):
        accept(bad, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["bad"]


def test_targets_that_are_refused(real: Path, tmp_path: Path) -> None:
    before = sorted((p.name, p.stat().st_mtime_ns) for p in corpus_folder().iterdir())
    with pytest.raises(EvidenceError, match="no command writes"):
        accept(real, corpus_folder())
    with pytest.raises(EvidenceError, match="no command writes"):
        accept(real, corpus_folder() / "mine")
    assert sorted((p.name, p.stat().st_mtime_ns) for p in corpus_folder().iterdir()) == before
    other = tmp_path / "letters"
    other.mkdir()
    (other / "to-mother.txt").write_text("dear")
    with pytest.raises(EvidenceError, match="other things than evidence"):
        accept(real, other)
    with pytest.raises(EvidenceError, match="not a staging folder"):
        accept(other, tmp_path / "mine")
    with pytest.raises(EvidenceError, match="exists and is not a staging folder"):
        import_files([RECORDS / FILES["NCT02210780"]], other, load())
    assert (other / "to-mother.txt").read_text() == "dear"


_ACCEPT = """
import sys
from jakinib.registry.accept import accept
print("ready", flush=True)
accept(*sys.argv[1:])
"""
_LOOP = """
import sys
from pathlib import Path
from jakinib.registry.swap import beside, put, sync
target = Path(sys.argv[1])
for i in range(10_000):
    new = beside(target)
    for name in "abcdef":
        (new / name).write_text(f"{i}\\n" * 500)
    sync(new)
    put(new, target)
    if not i:
        print("ready", flush=True)
"""


def _killed(code: str, *args: str, after: float) -> None:
    """Run python, wait until it is at work, then kill it without a chance to clean up."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    process = subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, env=env)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX systems")
@pytest.mark.parametrize("seed", range(8))
def test_folders_swap_whole_under_kill_9(tmp_path: Path, seed: int) -> None:
    target = tmp_path / "mine"
    _killed(_LOOP, str(target), after=random.Random(seed).uniform(0.005, 0.25))
    assert target.is_dir()
    contents = {p.name: p.read_text() for p in target.iterdir()}
    assert set(contents) == set("abcdef")
    assert len(set(contents.values())) == 1  # one generation, not two
    assert len(contents["a"].splitlines()) == 500


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX systems")
def test_accept_under_kill_9_leaves_the_old_or_the_new_folder(real: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    accept(stage(tmp_path, study("NCT02210780")), target)
    old = _content(target)
    start = time.monotonic()
    whole = accept(real, _copy(target, tmp_path / "expected" / "mine")).folder
    length = time.monotonic() - start
    new = _content(whole)
    assert new != old
    seen = set()
    for i in range(4):
        folder = _copy(target, tmp_path / f"run{i}" / "mine")
        _killed(_ACCEPT, str(real), str(folder), after=length * (i + 0.5) / 4)
        content = _content(folder)
        assert content in (old, new)
        seen.add("old" if content == old else "new")
        load(folder)
    assert "old" in seen


def _copy(folder: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def _content(folder: Path) -> dict[str, str]:
    """Tables of a folder; the provenance by the records it names (it carries times)."""
    tables = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.csv"))}
    records = json.loads((folder / "provenance.json").read_text())["records"]
    return tables | {"provenance": str(sorted(r["record"] for r in records))}
