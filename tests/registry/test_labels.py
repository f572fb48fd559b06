"""A real label (Humira 2013), and an answer of openFDA; numbers and titles read in the documents by eye."""

from __future__ import annotations

import json

from jakinib.registry import openfda, spl
from jakinib.registry.files import Document
from jakinib.registry.import_label import convert, labels_in
from registry.staged import RECORDS, names

HUMIRA = spl.parse((RECORDS / "humira_spl.xml").read_bytes(), "humira_spl.xml")


def test_label_names_set_id_version_and_date() -> None:
    assert HUMIRA.set_id == "608d4f0d-b19f-46d3-749a-7159aa5f933d"
    assert (HUMIRA.version, HUMIRA.date, HUMIRA.first_approved) == ("1560", "2013-09-30", 2002)
    assert (HUMIRA.brand, HUMIRA.generic, HUMIRA.maker) == ("Humira", "Adalimumab", "AbbVie Inc.")
    assert HUMIRA.route == "subcutaneous"


def test_boxed_warning_and_its_heads() -> None:
    [boxed] = HUMIRA.of("boxed warning")
    assert boxed.title == "WARNING: SERIOUS INFECTIONS AND MALIGNANCY"
    assert boxed.heads == ("SERIOUS INFECTIONS", "MALIGNANCY")
    assert boxed.text.startswith("SERIOUS INFECTIONS Patients treated with HUMIRA are at increased risk")


def test_indications_with_their_numbers_and_dates() -> None:
    rows, confirm = convert(HUMIRA, names())
    approvals = [r.values for r in rows if r.table == "approvals"]
    assert [(a["locator"], a["indication"], a["population"]) for a in approvals] == [
        ("section 1.1", "Rheumatoid Arthritis", "rheumatoid-arthritis"),
        ("section 1.2", "Juvenile Idiopathic Arthritis", ""),
        ("section 1.3", "Psoriatic Arthritis", "psoriatic-arthritis"),
        ("section 1.4", "Ankylosing Spondylitis", "ankylosing-spondylitis"),
        ("section 1.5", "Crohn’s Disease", "crohns-disease"),
        ("section 1.6", "Ulcerative Colitis", "ulcerative-colitis"),
        ("section 1.7", "Plaque Psoriasis", "psoriasis"),
    ]
    changed = [a["note"] for a in approvals if "changed" in a["note"]]
    assert changed == ["label of 2013-09-30; indication changed 2012-09"]  # ulcerative colitis, 9/2012
    assert {a["drug"] for a in approvals} == {"adalimumab"}
    assert {a["boxed_warning"] for a in approvals} == {"true"}
    assert confirm == []  # a drug the corpus knows


def test_boxed_warning_rows() -> None:
    rows, _ = convert(HUMIRA, names())
    found = {r.values["topic"]: r.values["date"] for r in rows if r.table == "warnings"}
    assert found == {"serious_infection": "2013-09-30", "malignancy": "2013-09-30"}


def test_adverse_reaction_table_is_text_with_its_section() -> None:
    [section] = [s for s in HUMIRA.of("adverse reactions") if s.number == "6.1"]
    assert section.title == "Clinical Trials Experience"
    [table] = section.tables
    assert table.caption.startswith(
        "Table 1. Adverse Reactions Reported by ≥5% of Patients Treated with HUMIRA"
    )
    assert ("", "(N=705)", "(N=690)") in table.rows
    assert ("", "HUMIRA 40 mg subcutaneous Every Other Week", "Placebo") in table.rows


OPENFDA = {
    "meta": {"last_updated": "2026-11-01"},
    "results": [
        {
            "set_id": "68E3D6B2-7838-4D2D-A417-09D919B43E13",
            "version": "31",
            "effective_time": "20260115",
            "boxed_warning": [
                "WARNING: SERIOUS INFECTIONS, MORTALITY, MALIGNANCY, MAJOR ADVERSE CARDIOVASCULAR EVENTS, "
                "and THROMBOSIS SERIOUS INFECTIONS Patients treated are at increased risk. "
                "MORTALITY In a study. THROMBOSIS Thrombosis has occurred."
            ],
            "indications_and_usage": [
                "1 INDICATIONS AND USAGE 1.1 Rheumatoid Arthritis The drug is indicated in adults. "
                "1.2 Psoriatic Arthritis The drug."
            ],
            "adverse_reactions_table": [
                "<table><tr><td>Term</td><td>n</td></tr><tr><td>Nausea</td><td>3</td></tr></table>"
            ],
            "openfda": {
                "brand_name": ["XELJANZ"],
                "generic_name": ["TOFACITINIB CITRATE"],
                "route": ["ORAL"],
            },
        }
    ],
}


def test_openfda_answer() -> None:
    """The shape is openFDA's; the text is ours and carries no number."""
    [label] = labels_in(Document("x.json", json.dumps(OPENFDA).encode()))
    assert (label.set_id, label.version, label.date) == (
        "68e3d6b2-7838-4d2d-a417-09d919b43e13",
        "31",
        "2026-01-15",
    )
    rows, _ = convert(label, names())
    assert {r.values["topic"] for r in rows if r.table == "warnings"} == {
        "serious_infection",
        "death",
        "malignancy",
        "mace",
        "vte",
    }
    approvals = {r.values["indication"]: r.values["drug"] for r in rows if r.table == "approvals"}
    assert approvals == {"Rheumatoid Arthritis": "tofacitinib", "Psoriatic Arthritis": "tofacitinib"}
    [section] = label.of("adverse reactions")
    assert section.tables[0].rows == (("Term", "n"), ("Nausea", "3"))


def test_openfda_without_a_match_is_an_empty_answer() -> None:
    assert openfda.parse(b'{"error": {"code": "NOT_FOUND", "message": "No matches found!"}}') == ()
