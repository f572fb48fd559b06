"""Four real records: every number here was read in the record by eye and typed a second time."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from registry.staged import FILES, RECORDS, converted, one, record, rows

SERIOUS = {  # group -> persons with any serious event, persons at risk
    "NCT02210780": {"EG000": (0, 97), "EG001": (3, 97)},
    "NCT02552212": {
        "EG000": (4, 158),
        "EG001": (8, 159),
        "EG002": (3, 96),
        "EG003": (1, 20),
        "EG004": (15, 243),
    },
    "NCT01874431": {
        "EG000": (5, 96),
        "EG001": (3, 92),
        "EG002": (7, 100),
        "EG003": (8, 97),
        "EG004": (2, 98),
        "EG005": (6, 125),
        "EG006": (4, 119),
        "EG007": (3, 94),
    },
    "NCT02540993": {"EG000": (902, 2827), "EG001": (971, 2831)},
}
DEATHS = {
    "NCT02210780": {"EG000": (0, 97), "EG001": (0, 97)},
    "NCT02552212": {
        "EG000": (0, 158),
        "EG001": (0, 159),
        "EG002": (0, 96),
        "EG003": (0, 20),
        "EG004": (0, 243),
    },
    "NCT01874431": {
        "EG000": (0, 96),
        "EG001": (0, 92),
        "EG002": (0, 100),
        "EG003": (0, 97),
        "EG004": (0, 98),
        "EG005": (1, 125),
        "EG006": (0, 119),
        "EG007": (1, 94),
    },
    "NCT02540993": {"EG000": (222, 2833), "EG001": (250, 2841)},
}
STARTED = {
    "NCT02210780": {"dupilumab-300-mg-qw": 97, "placebo": 97},
    "NCT01874431": {
        "finerenone-1.25-mg-qd": 96,
        "finerenone-2.5-mg-qd": 92,
        "finerenone-5-mg-qd": 100,
        "finerenone-7.5-mg-qd": 98,
        "finerenone-10-mg-qd": 98,
        "finerenone-15-mg-qd": 125,
        "finerenone-20-mg-qd": 120,
        "placebo": 94,
    },
    "NCT02540993": {"finerenone-10-or-20-mg-qd": 2866, "placebo": 2868},
}


@pytest.mark.parametrize("nct", FILES)
def test_group_totals(nct: str) -> None:
    found = converted(nct)
    for outcome, expected in (("sae", SERIOUS[nct]), ("death", DEATHS[nct])):
        for group, (events, n) in expected.items():
            row = one(found, "events", event=f"{nct}:{outcome}:{group}")
            assert (row["events"], row["n"]) == (events, n)


@pytest.mark.parametrize("nct", STARTED)
def test_randomised_persons_by_treatment(nct: str) -> None:
    assert {r["treatment"]: r["n"] for r in rows(converted(nct), "arms")} == STARTED[nct]


@pytest.mark.parametrize("nct", FILES)
def test_every_posted_count_is_a_row(nct: str) -> None:
    """Counted in the document itself: two totals and deaths a group, one pair a term and group."""
    text = json.loads((RECORDS / FILES[nct]).read_text())
    ae = text.get("study", text)["resultsSection"]["adverseEventsModule"]
    posted = 3 * len(ae["eventGroups"]) + sum(
        len(e["stats"]) for key in ("seriousEvents", "otherEvents") for e in ae[key]
    )
    staged = [r for r in rows(converted(nct), "registry_events") if r["measure"] != "discontinuation"]
    assert len(staged) == posted
    assert len({r["row"] for r in staged}) == posted


@pytest.mark.parametrize("nct", FILES)
def test_largest_term_group_total_sum_of_terms(nct: str) -> None:
    terms = defaultdict(list)
    totals = {}
    for c in record(nct).counts:
        if c.kind in ("serious", "other"):
            if c.term:
                terms[c.group, c.kind].append(c.affected)
            else:
                totals[c.group, c.kind] = c.affected
    assert totals
    for key, total in totals.items():
        assert max(terms[key]) <= total <= sum(terms[key])


def test_discontinuation_for_adverse_events_by_period() -> None:
    left = {
        (r["group"], r["period"]): (r["affected"], r["at_risk"])
        for r in rows(converted("NCT02552212"), "registry_events", measure="discontinuation")
    }
    assert left == {
        ("Placebo", "Double-Blind Period (Week 0 - 52)"): (6, 158),
        ("CZP 200 mg Q2W", "Double-Blind Period (Week 0 - 52)"): (3, 159),
        ("SFE OL CZP 200 mg Q2W", "SFE Period (Week 52 - 156)"): (5, 243),
    }
    left = {
        r["group"]: r["affected"]
        for r in rows(converted("NCT02210780"), "registry_events", measure="discontinuation")
    }
    assert left == {"Placebo qw": 0, "Dupilumab 300 mg qw": 5}


def test_baseline_age_and_sex() -> None:
    found = rows(converted("NCT02210780"), "arm_characteristics")
    values = {(r["treatment"], r["characteristic"]): (r["value"], r["unit"]) for r in found}
    assert values["placebo", "mean_age"] == ("39.9", "years")
    assert values["dupilumab-300-mg-qw", "mean_age"] == ("39.2", "years")
    assert values["", "mean_age"] == ("39.6", "years")
    assert values["placebo", "female"] == ("51", "persons")
    assert values["dupilumab-300-mg-qw", "female"] == ("48", "persons")
    assert values["", "white"] == ("127", "persons")
    older = {
        r["treatment"]: r["value"]
        for r in rows(converted("NCT02552212"), "arm_characteristics", characteristic="age_65_or_over")
    }
    assert older == {"placebo": "1", "certolizumab-pegol-200-mg-q2w": "2", "": "3"}


def test_study_row() -> None:
    study = one(converted("NCT02552212"), "studies")
    assert study["study"] == "c-axspand"
    assert study["registry_id"] == "NCT02552212"
    assert (study["design"], study["phase"], study["n"], study["mean_age"]) == ("rct", "3", 317, 37.3)
    assert study["population"] == "axial-spondyloarthritis"
    assert study["data_cutoff"] == "record version 2022-08-18"


def test_versions_and_history() -> None:
    fidelio = record("NCT02540993")
    assert (fidelio.version, fidelio.results_date, fidelio.dataset_date) == (
        "2023-07-24",
        "2021-07-19",
        "2026-03-10",
    )
    assert fidelio.history_version == 60
    assert record("NCT02210780").history_version is None


def test_hazard_ratios_of_safety_endpoints() -> None:
    effects = {r["outcome"]: r for r in rows(converted("NCT02540993"), "effects")}
    death, mace = effects["death"], effects["mace"]
    assert (death["estimate"], death["ci_low"], death["ci_high"], death["ci_level"]) == (
        0.895,
        0.746,
        1.075,
        95,
    )
    assert (death["treatment"], death["reference"]) == ("finerenone-10-or-20-mg-qd", "placebo")
    assert death["use"] == "default"
    assert (mace["estimate"], mace["ci_low"], mace["ci_high"]) == (0.86, 0.747, 0.989)
    # the composite counts admission for heart failure too: kept, said, and not used by default
    assert mace["use"] == "alternative"
    assert "heart failure" in mace["use_reason"]
    assert set(effects) == {
        "death",
        "mace",
    }  # the renal endpoint and hospitalisation are no safety outcome here


def test_safety_outcome_measures_are_rows_beside_the_event_table() -> None:
    found = converted("NCT02540993")
    posted = rows(found, "events", outcome="death", treatment="placebo")
    assert {(r["events"], r["n"], r["use"]) for r in posted} == {
        (250, 2841, "default"),
        (244, 2841, "alternative"),
    }
    percent = rows(converted("NCT02552212"), "events", outcome="sae", treatment="placebo")
    assert {r.get("percent") for r in percent} == {None, 2.5}  # 4 of 158, posted as a percentage too


def test_every_row_names_source_locator_and_paths_that_exist() -> None:
    for nct, file in FILES.items():
        document = json.loads((RECORDS / file).read_text())
        prefix = record(nct).prefix
        for row in converted(nct).rows:
            if row.table not in ("treatments", "populations", "sources"):
                assert row.values["source_id"] == f"NCT:{nct}"
                assert row.values["locator"]
            if row.table in ("registry_events", "arms", "arm_characteristics", "effects"):
                for column, path in row.paths.items():
                    value = _at(document, prefix + path)
                    assert str(value).strip() == str(row.values[column]) or float(value) == float(
                        row.values[column]
                    )


def _at(document: object, path: str) -> object:
    for part in path.replace("]", "").replace("[", ".").split("."):
        document = document[int(part)] if part.isdigit() else document[part]  # type: ignore[index]
    return document
