"""A bad corpus gives one clear finding and never a traceback."""

from pathlib import Path

import pytest

import jakinib as jk
from evidence.folders import EVENT, STUDY, event, new_trial, write
from jakinib.evidence.errors import EvidenceError


def only(folder: Path):
    """The one open finding of a folder."""
    found = jk.check(folder).open
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_sound_folder_has_no_open_finding(tmp_path):
    assert jk.check(new_trial(tmp_path / "mine")).ok


def test_missing_column(tmp_path):
    folder = new_trial(tmp_path / "mine")
    edit(folder / "events.csv", "person_years,", "")
    finding = only(folder)
    assert (finding.code, finding.table, finding.column) == ("missing-column", "events", "person_years")


def test_orphan_source(tmp_path):
    folder = new_trial(tmp_path / "mine", EVENT | {"source_id": "PMID:404"})
    finding = only(folder)
    assert (finding.code, finding.table, finding.row) == ("missing-source", "events", "X00001")
    assert "PMID:404" in finding.found


def test_text_in_a_number(tmp_path):
    folder = new_trial(tmp_path / "mine", EVENT | {"n": "about 100"})
    finding = only(folder)
    assert (finding.code, finding.row, finding.column) == ("wrong-type", "line 2", "n")
    assert "whole number" in finding.expected
    assert "about 100" in finding.found


def test_negative_count(tmp_path):
    finding = only(new_trial(tmp_path / "mine", EVENT | {"events": -1}))
    assert (finding.code, finding.column) == ("constraint", "events")
    assert "at least 0" in finding.expected


def test_more_events_than_persons(tmp_path):
    finding = only(new_trial(tmp_path / "mine", EVENT | {"events": 101}))
    assert (finding.code, finding.row) == ("events-over-n", "X00001")


def test_events_may_exceed_persons_when_events_are_counted(tmp_path):
    assert jk.check(new_trial(tmp_path / "mine", EVENT | {"events": 101, "counts": "events"})).ok


def test_duplicate_key(tmp_path):
    finding = only(new_trial(tmp_path / "mine", EVENT, EVENT | {"outcome": "vte"}))
    assert (finding.code, finding.row) == ("duplicate-key", "X00001")


def test_huge_cell(tmp_path):
    finding = only(new_trial(tmp_path / "mine", EVENT | {"note": "x" * 10_000_000}))
    assert (finding.code, finding.row, finding.column) == ("long-cell", "line 2", "note")
    assert len(str(finding)) < 400


@pytest.mark.parametrize("text", ["=cmd|'/C calc'!A0", "@SUM(A1)", "+HYPERLINK(1)", "-a1+b1"])
def test_text_that_a_spreadsheet_would_run(tmp_path, text):
    finding = only(new_trial(tmp_path / "mine", EVENT | {"note": text}))
    assert (finding.code, finding.column) == ("formula", "note")


def test_wrong_encoding(tmp_path):
    folder = new_trial(tmp_path / "mine", EVENT | {"note": "Behçet"})
    path = folder / "events.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    finding = only(folder)
    assert (finding.code, finding.row) == ("encoding", "line 2")
    assert "UTF-8" in finding.expected


def test_unclosed_quote(tmp_path):
    folder = new_trial(tmp_path / "mine")
    with (folder / "events.csv").open("a", encoding="utf-8") as file:
        file.write('X9,"never closed\n')
    assert only(folder).code == "not-csv"


def test_nul_byte(tmp_path):
    folder = new_trial(tmp_path / "mine")
    with (folder / "events.csv").open("ab") as file:
        file.write(b"\0")
    assert only(folder).code == "encoding"


def test_unknown_value_of_a_list(tmp_path):
    finding = only(new_trial(tmp_path / "mine", EVENT | {"period_kind": "a while"}))
    assert finding.column == "period_kind"
    assert "controlled" in finding.expected


def test_unknown_table(tmp_path):
    folder = new_trial(tmp_path / "mine")
    (folder / "evnets.csv").write_text("a\n1\n")
    assert only(folder).code == "unknown-table"


def test_printed_rate_against_events_and_person_years(tmp_path):
    row = EVENT | {"events": 5, "person_years": 500, "rate": 10}
    assert only(new_trial(tmp_path / "mine", row)).code == "rate-mismatch"
    assert jk.check(new_trial(tmp_path / "mine", row | {"rate": 1.0})).ok


def test_printed_interval_against_the_exact_one(tmp_path):
    # Garwood 1936: 5 events have exact limits 1.6235 and 11.6683
    row = EVENT | {"events": 5, "person_years": 500, "rate": 1, "ci_low": 0.32, "ci_high": 2.33}
    assert jk.check(new_trial(tmp_path / "mine", row)).ok
    assert only(new_trial(tmp_path / "mine", row | {"ci_high": 9.3})).code == "interval-mismatch"


def test_stratum_larger_than_the_whole(tmp_path):
    folder = new_trial(tmp_path / "mine", event(1, events=3), event(2, events=4, subgroup="adults"))
    finding = only(folder)
    assert (finding.code, finding.row) == ("stratum-over-total", "X00002")
    assert "X00001" in finding.expected


def test_two_defaults_for_one_arm(tmp_path):
    folder = new_trial(tmp_path / "mine", event(1), event(2, events=1, locator="table 9"))
    assert only(folder).code == "two-defaults"


def test_the_same_fact_twice(tmp_path):
    folder = new_trial(tmp_path / "mine", event(1), event(2, use="alternative", use_reason="again"))
    assert only(folder).code == "duplicate-fact"


def test_derived_needs_its_formula(tmp_path):
    assert only(new_trial(tmp_path / "mine", EVENT | {"status": "derived"})).code == "no-formula"


def test_row_without_a_number(tmp_path):
    assert only(new_trial(tmp_path / "mine", EVENT | {"events": "", "n": ""})).code == "no-value"


def test_a_study_that_contains_itself(tmp_path):
    folder = new_trial(tmp_path / "mine")
    other = STUDY | {"study": "trial-b"}
    write(folder, "studies", [STUDY, other])
    link = {
        "relation": "pools",
        "certainty": "stated",
        "source_id": "PMID:1",
        "locator": "x",
        "status": "reported",
    }
    write(folder, "overlaps", [
        link | {"whole": "trial-a", "part": "trial-b"}, link | {"whole": "trial-b", "part": "trial-a"},
    ])  # fmt: skip
    assert {f.code for f in jk.check(folder).open} == {"overlap-cycle"}


def test_acknowledged_finding_is_not_open(tmp_path):
    folder = new_trial(tmp_path / "mine", EVENT | {"events": 101})
    write(folder, "discrepancies", [{
        "discrepancy": "X1", "topic": "MACE", "what": "more events than persons", "table": "events",
        "rows": "X00001", "finding": "events-over-n", "used": "as printed", "why": "the source prints it",
        "source_id": "PMID:1", "locator": "table 2", "status": "reported",
    }])  # fmt: skip
    findings = jk.check(folder)
    assert findings.ok
    assert "X1" in [f.acknowledged for f in findings]


def test_no_folder_and_empty_folder(tmp_path):
    with pytest.raises(EvidenceError, match="no folder"):
        jk.check(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert [f.code for f in jk.check(tmp_path / "empty").open] == ["no-table"]


def test_loading_a_bad_folder_names_line_and_column(tmp_path):
    folder = new_trial(tmp_path / "mine", EVENT | {"n": "many"})
    with pytest.raises(EvidenceError, match=r"events\.csv, line 2, column 'n': 'many' is not a whole number"):
        jk.evidence(folder)


def test_loading_wrong_encoding_is_one_clear_error(tmp_path):
    folder = new_trial(tmp_path / "mine")
    (folder / "sources.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvidenceError, match="UTF-8"):
        jk.evidence(folder)
