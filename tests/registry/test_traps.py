"""The traps that public records set, one test each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jakinib.registry.ctgov.period import weeks
from jakinib.registry.ctgov.record import parse
from jakinib.registry.outcome_terms import shipped
from registry.staged import converted, one, raw, rows, study


def groups(*titles: str, drug: str = "Baricitinib", others: str = "other name") -> dict[str, Any]:
    """A record with event groups of these titles, 100 persons each, and as many enrolled as they hold."""
    document = study("NCT02210780")
    protocol = document["protocolSection"]
    plan = protocol["armsInterventionsModule"]
    plan["interventions"] = [
        {"type": "DRUG", "name": drug, "otherNames": [others]},
        {"type": "DRUG", "name": "Placebo"},
    ]
    plan["armGroups"] = [
        {"label": t, "type": "EXPERIMENTAL", "interventionNames": [f"Drug: {drug}"]} for t in ("A", "B")
    ]
    protocol["designModule"]["enrollmentInfo"]["count"] = 100 * len(titles)
    ae = document["resultsSection"]["adverseEventsModule"]
    ae["eventGroups"] = [
        {"id": f"EG{i:03}", "title": t, "seriousNumAffected": i + 1, "seriousNumAtRisk": 100}
        for i, t in enumerate(titles)
    ]
    ae["seriousEvents"], ae["otherEvents"] = [], []
    return document


def term(name: str, *affected: int | None, at_risk: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "term": name,
        "organSystem": "Infections and infestations",
        **more,
        "stats": [
            {"groupId": f"EG{i:03}", "numAtRisk": at_risk} | ({} if a is None else {"numAffected": a})
            for i, a in enumerate(affected)
        ],
    }


def test_zero_of_zero_is_no_data() -> None:
    document = groups("Placebo", "Baricitinib 4 mg once daily")
    ae = document["resultsSection"]["adverseEventsModule"]
    ae["eventGroups"][0] |= {"seriousNumAffected": 0, "seriousNumAtRisk": 0}
    found = converted(document)
    assert [r["treatment"] for r in rows(found, "events", outcome="sae")] == ["baricitinib-4-mg-qd"]
    assert [f.code for f in found.findings if f.code == "no-data"] == ["no-data"]


def test_flow_period_without_starters_is_no_data() -> None:
    """C-AXSPAND posts 0 who left the double-blind period for the group that starts at week 52."""
    found = converted("NCT02552212")
    left = rows(found, "registry_events", measure="discontinuation")
    assert all(r["at_risk"] > 0 for r in left)
    assert sum(f.code == "no-data" for f in found.findings) == 3


def test_zero_among_other_events_may_be_below_the_threshold() -> None:
    document = groups("Placebo", "Baricitinib 4 mg once daily")
    ae = document["resultsSection"]["adverseEventsModule"]
    ae["otherEvents"] = [term("Herpes zoster", 0, 7)]
    ae["seriousEvents"] = [term("Pneumonia", 0, 2)]
    found = converted(document)
    posted = {
        (r["measure"], r["treatment"]): r["zero_may_be_threshold"]
        for r in rows(found, "registry_events")
        if r.get("term")
    }
    assert posted == {
        ("other-term", "placebo"): "true",
        ("other-term", "baricitinib-4-mg-qd"): "false",
        ("serious", "placebo"): "false",
        ("serious", "baricitinib-4-mg-qd"): "false",
    }
    hidden = one(found, "events", outcome="herpes_zoster", treatment="placebo")
    assert (hidden["below_threshold"], hidden["use"]) == ("true", "alternative")
    ae["frequencyThreshold"] = "0"
    shown = one(converted(document), "events", outcome="herpes_zoster", treatment="placebo")
    assert (shown["events"], shown["below_threshold"], shown["use"]) == (0, "", "default")


def test_absent_number_is_unknown_not_zero() -> None:
    document = groups("Placebo", "Baricitinib 4 mg once daily")
    document["resultsSection"]["adverseEventsModule"]["seriousEvents"] = [term("Pulmonary embolism", None, 2)]
    found = converted(document)
    assert one(found, "registry_events", term="Pulmonary embolism", treatment="placebo")["affected"] is None
    assert [r["treatment"] for r in rows(found, "events", outcome="pe")] == ["baricitinib-4-mg-qd"]


def test_a_term_that_is_not_listed_is_not_a_zero() -> None:
    """FIDELIO lists no infarction among serious events although it counted hundreds as endpoints."""
    assert rows(converted("NCT02540993"), "events", outcome="mi") == []


def test_all_doses_together_are_never_added_to_single_doses() -> None:
    found = converted(groups("Placebo", "Baricitinib 2 mg QD", "Baricitinib 4 mg QD", "All Baricitinib"))
    use = {r["drug_printed"]: r["use"] for r in rows(found, "events", outcome="sae")}
    assert use == {
        "Placebo": "default",
        "Baricitinib 2 mg QD": "default",
        "Baricitinib 4 mg QD": "default",
        "All Baricitinib": "alternative",
    }
    assert any(f.code == "groups-overlap" and "All Baricitinib" in f.found for f in found.findings)


def test_longer_period_contains_the_shorter() -> None:
    found = converted(
        groups("Placebo Week 0-16", "Baricitinib 4 mg QD Week 0-16", "Baricitinib 4 mg QD Week 0-52")
    )
    use = {r["drug_printed"]: (r["use"], r["period_kind"]) for r in rows(found, "events", outcome="sae")}
    assert use["Baricitinib 4 mg QD Week 0-16"] == ("default", "controlled")
    assert use["Baricitinib 4 mg QD Week 0-52"] == ("alternative", "randomised")


def test_more_at_risk_than_enrolled_means_shared_persons() -> None:
    document = groups("Placebo", "Baricitinib 2 mg QD", "Baricitinib 4 mg QD")
    document["protocolSection"]["designModule"]["enrollmentInfo"]["count"] = 250
    found = converted(document)
    assert {r["use"] for r in rows(found, "events", outcome="sae")} == {"alternative"}
    assert any(
        f.code == "groups-overlap" and "300 persons at risk and 250" in f.found for f in found.findings
    )


def test_subset_switch_and_extension_groups_of_a_real_record() -> None:
    found = converted("NCT02552212")
    use = {
        r["drug_printed"]: (r["use"], r["period_kind"])
        for r in rows(found, "events", outcome="sae")
        if "percent" not in r
    }
    assert use == {
        "Placebo (SS)": ("default", "not-stated"),
        "CZP 200 mg Q2W (SS)": ("default", "not-stated"),
        "Placebo->OL CZP (SS)": ("alternative", "post-switch"),
        "CZP->OL CZP (SS)": ("alternative", "open-label"),
        "SFE OL CZP 200 mg Q2W (SS)": ("alternative", "extension"),
    }


def test_placebo_group_that_goes_on_into_active_drug_is_not_placebo() -> None:
    document = groups("Placebo", "Ritlecitinib 50 mg QD", drug="Ritlecitinib", others="PF-06651600")
    group = document["resultsSection"]["adverseEventsModule"]["eventGroups"][0]
    group["description"] = "Matching placebo for 24 weeks, followed by ritlecitinib 50 mg QD up to week 48."
    treatments = {
        r["drug_printed"]: r["treatment"] for r in rows(converted(document), "events", outcome="sae")
    }
    assert treatments["Placebo"] == "placebo-then-ritlecitinib"
    group["description"] = "Matching placebo to ritlecitinib once daily."
    treatments = {
        r["drug_printed"]: r["treatment"] for r in rows(converted(document), "events", outcome="sae")
    }
    assert treatments["Placebo"] == "placebo"


@pytest.mark.parametrize(
    "title", ["PBO/Baricitinib 4 mg", "Placebo to Baricitinib 4 mg", "Placebo -> Baricitinib 4 mg"]
)
def test_switched_groups_are_sequences(title: str) -> None:
    row = one(converted(groups("Placebo", title)), "events", drug_printed=title, outcome="sae")
    assert row["treatment"].startswith("placebo-then-baricitinib")
    assert (row["period_kind"], row["use"]) == ("post-switch", "alternative")


@pytest.mark.parametrize(
    ("title", "treatment", "use"),
    [
        # titles as the trials of the corpus post them
        ("PF-06651600 200 mg QD Then 50 mg QD", "ritlecitinib-200-then-50-mg-qd", "default"),
        ("Placebo, Ritlecitinib (PF-06651600) 50 mg QD", "placebo-then-ritlecitinib-50-mg-qd", "alternative"),
        ("PF-06651600 50 mg QD + Placebo Injection up to Week 16", "ritlecitinib-50-mg-qd", "default"),
        ("PF-06651600 50 mg QD OL to Placebo DB", "ritlecitinib-50-mg-qd-then-placebo", "alternative"),
        ("All Ritlecitinib (Combined: 30 mg QD and 50 mg QD)", "ritlecitinib-30-or-50-mg-qd", "alternative"),
    ],
)
def test_groups_by_the_words_of_their_titles(title: str, treatment: str, use: str) -> None:
    document = groups("Placebo", title, drug="Ritlecitinib", others="PF-06651600")
    row = one(converted(document), "events", drug_printed=title, outcome="sae")
    assert (row["treatment"], row["use"]) == (treatment, use)


def test_periods_that_start_at_week_0_contain_each_other() -> None:
    """POETYK PSO-1 posts "Week 0 up to Week 16" and "Week 0 up to Week 52" for the same persons."""
    titles = [f"BMS-986165 6 mg QD Week 0 up to Week {w}" for w in (16, 52)]
    found = converted(
        groups("Placebo Week 0 up to Week 16", *titles, drug="Deucravacitinib", others="BMS-986165")
    )
    use = {r["drug_printed"]: r["use"] for r in rows(found, "events", outcome="sae")}
    assert (use[titles[0]], use[titles[1]]) == ("default", "alternative")


def test_later_weeks_are_the_same_persons() -> None:
    later = "Abrocitinib 100 mg QD Week 16 to 20"
    found = converted(
        groups("Placebo Week 0 to 16", "Abrocitinib 100 mg QD Week 0 to 16", later, drug="Abrocitinib")
    )
    row = one(found, "events", drug_printed=later, outcome="sae")
    assert (row["use"], row["period_kind"]) == ("alternative", "extension")


def test_a_dose_without_regimen_is_new_and_the_likely_key_is_named() -> None:
    found = converted(groups("Placebo", "Upadacitinib 15 mg + Topical Corticosteroids", drug="Upadacitinib"))
    [asked] = [c for c in found.confirm if c.startswith("treatment upadacitinib-15-mg: new")]
    assert "regimen not read" in asked
    assert "upadacitinib-15-mg-qd" in asked


def test_one_arm_two_denominators() -> None:
    found = converted("NCT02540993")
    sae = one(found, "events", event="NCT02540993:sae:EG000")
    death = one(found, "events", event="NCT02540993:death:EG000")
    assert (sae["n"], death["n"]) == (2827, 2833)
    assert sum(f.code == "two-denominators" for f in found.findings) == 2


def test_events_are_not_persons() -> None:
    """Anaemia among other events of FIDELIO: 218 events in 201 persons; persons are staged."""
    posted = one(
        converted("NCT02540993"), "registry_events", term="Anaemia", measure="other-term", group="Finerenone"
    )
    assert posted["affected"] == 201
    [count] = [
        c
        for c in parse(raw("NCT02540993"), "x").counts
        if (c.term, c.kind, c.group) == ("Anaemia", "other", "EG000")
    ]
    assert (count.affected, count.events) == (201, 218)


def test_rates_of_events_are_marked_as_events() -> None:
    document = study("NCT02210780")
    measure = document["resultsSection"]["outcomeMeasuresModule"]["outcomeMeasures"][0]
    measure |= {
        "title": "Incidence of Herpes Zoster",
        "paramType": "NUMBER",
        "dispersionType": "CONFIDENCE_95",
        "unitOfMeasure": "events per 100 patient-years",
    }
    measure["classes"] = [
        {
            "categories": [
                {
                    "measurements": [
                        {"groupId": "OG000", "value": "1.5", "lowerLimit": "0.9", "upperLimit": "2.4"}
                    ]
                }
            ]
        }
    ]
    row = one(converted(document), "events", outcome="herpes_zoster")
    assert (row["counts"], row["rate"], row["ci_low"], row["ci_high"], row["ci_level"]) == (
        "events",
        1.5,
        0.9,
        2.4,
        95,
    )
    measure["unitOfMeasure"] = "participants per 1000 patient-years"
    row = one(converted(document), "events", outcome="herpes_zoster")
    assert (row["counts"], row["rate"], row["status"]) == ("persons", 0.15, "derived")


def test_id_inside_the_record_beats_the_file_name() -> None:
    found = parse(raw("NCT02552212"), "NCT02278341.json")
    assert found.id == "NCT02552212"
    assert [f.code for f in found.findings if f.code == "id-differs"] == ["id-differs"]


@pytest.mark.parametrize(
    "written", ["HERPES ZOSTER", "Herpes zoster", "herpes  zoster |", "Herpes Zoster (increased)"]
)
def test_capitals_and_stray_marks(written: str) -> None:
    assert {m.outcome for m in shipped().of(written) or ()} == {"herpes_zoster"}


@pytest.mark.parametrize("vocabulary", ["MedDRA (23.0)", "MedDRA19.0", "", "WHO-ART"])
def test_vocabulary_versions_do_not_matter(vocabulary: str) -> None:
    document = groups("Placebo", "Baricitinib 4 mg once daily")
    document["resultsSection"]["adverseEventsModule"]["seriousEvents"] = [
        term("PULMONARY EMBOLISM", 0, 2, sourceVocabulary=vocabulary, organSystem="Respiratory disorders")
    ]
    assert one(converted(document), "events", outcome="pe", treatment="baricitinib-4-mg-qd")["events"] == 2


def test_more_affected_than_at_risk_is_reported_and_left_out() -> None:
    document = groups("Placebo", "Baricitinib 4 mg once daily")
    document["resultsSection"]["adverseEventsModule"]["seriousEvents"] = [term("Stroke", 101, 2)]
    found = converted(document)
    assert [r["treatment"] for r in rows(found, "registry_events", term="Stroke")] == ["baricitinib-4-mg-qd"]
    assert any(f.code == "affected-over-at-risk" and "101 of 100" in f.found for f in found.findings)


def test_drug_by_its_code_and_dose_by_the_arm() -> None:
    """JADE MONO-1 posts its groups as "PF-04965842 100 mg": the other name and the description say the
    rest."""
    document = groups(
        "PF-04965842 100 mg", "PF-04965842 200 mg", "Placebo", drug="Abrocitinib", others="PF-04965842"
    )
    for g in document["resultsSection"]["adverseEventsModule"]["eventGroups"]:
        g["description"] = "Participants received the study drug orally once daily for 12 weeks."
    found = {r["drug_printed"]: r["treatment"] for r in rows(converted(document), "events", outcome="sae")}
    assert found == {
        "PF-04965842 100 mg": "abrocitinib-100-mg-qd",
        "PF-04965842 200 mg": "abrocitinib-200-mg-qd",
        "Placebo": "placebo",
    }


def test_unknown_jak_inhibitor_is_staged_for_confirmation() -> None:
    document = groups("Placebo", "Povorcitinib 45 mg once daily", drug="Povorcitinib", others="INCB054707")
    found = converted(document)
    drug = one(found, "drugs")
    assert (drug["drug"], drug["drug_class"]) == ("povorcitinib", "JAK inhibitor")
    assert one(found, "treatments", drug="povorcitinib")["treatment"] == "povorcitinib-45-mg-qd"
    assert any(c.startswith("drug povorcitinib: new") for c in found.confirm)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Up to Week 52", (52.0, "maximum")),
        ("Week 16", (16.0, "exact")),
        ("Up to approximately 93 days after the start of study drug", (13.3, "maximum")),
        ("From week 0 to week 12", (12.0, "exact")),
        ("Week 12 and Week 24", (None, "")),
        ("average study duration of 32 months", (139.1, "mean")),
        ("", (None, "")),
    ],
)
def test_length_of_the_period(text: str, expected: tuple[float | None, str]) -> None:
    assert weeks(text) == expected


def test_direction_of_a_comparison_is_checked_against_the_counts() -> None:
    document = study("NCT02540993")
    measure = document["resultsSection"]["outcomeMeasuresModule"]["outcomeMeasures"][2]
    measure["analyses"][0]["paramValue"] = "1.117"
    measure["analyses"][0] |= {"ciLowerLimit": "0.93", "ciUpperLimit": "1.34"}
    found = converted(document)
    row = one(found, "effects", outcome="death")
    assert row["use"] == "alternative"
    assert "different ways" in row["use_reason"]
    measure["analyses"][0]["paramValue"] = "0.895"
    measure["analyses"][0] |= {
        "ciLowerLimit": "0.746",
        "ciUpperLimit": "1.075",
        "groupIds": ["OG001", "OG000"],
    }
    row = one(converted(document), "effects", outcome="death")
    assert (row["reference"], row["use"]) == (
        "placebo",
        "default",
    )  # placebo is the reference in either order


def test_parts_without_results_stage_the_study_alone() -> None:
    document = study("NCT02210780")
    del document["resultsSection"]
    found = converted(document)
    assert {r.table for r in found.rows} == {"sources", "studies"}
    assert [f.code for f in found.findings] == ["no-results"]


def test_record_is_the_same_when_read_twice() -> None:
    document = json.loads(raw("NCT02552212"))
    assert converted(document).rows == converted(json.loads(raw("NCT02552212"))).rows


def test_a_group_listed_twice_and_a_term_called_total_keep_keys_of_their_own() -> None:
    document = study("NCT02210780")
    events = document["resultsSection"]["adverseEventsModule"]
    events["eventGroups"].append(dict(events["eventGroups"][0]))
    events["seriousEvents"][0]["term"] = "Total"
    keys = [row["row"] for row in rows(converted(document), "registry_events")]
    assert len(set(keys)) == len(keys)
    assert {"NCT02210780:serious:total:EG000", "NCT02210780:serious:total:EG000:2"} <= set(keys)
    assert "NCT02210780:serious:total:EG001:2" in keys  # the term, after the group's own total
