"""A study record as posted: what the API v2 JSON says, typed, with the path of every value, nothing inferred.

Field names and rules follow the ClinicalTrials.gov API v2 (OpenAPI 2.0.0). Absent means not posted.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from jakinib.evidence.finding import Finding
from jakinib.registry.strict_json import MAX_COUNT, Reader, RecordError, loads
from jakinib.registry.text import clean, fold

AE = "resultsSection.adverseEventsModule"
FLOW = "resultsSection.participantFlowModule"
BASELINE = "resultsSection.baselineCharacteristicsModule"
OUTCOMES = "resultsSection.outcomeMeasuresModule"


class Group(NamedTuple):
    """A column of a posted table. Ids are local to their module: ``EG000`` and ``BG000`` may differ."""

    id: str
    title: str
    description: str
    path: str


class Arm(NamedTuple):
    """A planned arm and the names of its interventions (``"Drug: Dupilumab"``)."""

    label: str
    type: str
    description: str
    interventions: tuple[str, ...]
    path: str


class Intervention(NamedTuple):
    """What is given, with its other names."""

    type: str
    name: str
    description: str
    other_names: tuple[str, ...]


class Count(NamedTuple):
    """Persons affected and at risk for one term (or for the whole group where ``term`` is "")."""

    kind: str  # serious, other, death
    term: str
    organ_system: str
    vocabulary: str
    assessment: str
    group: str
    affected: int | None
    at_risk: int | None
    events: int | None
    path: str
    keys: tuple[str, str]  # names of the fields with affected and at risk


class Flow(NamedTuple):
    """Persons at a milestone, or who left for a reason, in one period."""

    period: int
    title: str
    kind: str  # milestone, drop
    what: str
    group: str
    persons: int | None
    path: str


class Value(NamedTuple):
    """One posted value of a baseline or outcome measure."""

    measure: int
    title: str
    class_title: str
    category: str
    group: str
    param: str
    dispersion: str
    unit: str
    value: str
    lower: str
    upper: str
    denominator: int | None
    path: str


class Outcome(NamedTuple):
    """An outcome measure: its heading, and where its values and analyses are."""

    number: int
    type: str
    title: str
    description: str
    population: str
    time_frame: str
    param: str
    dispersion: str
    unit: str
    groups: tuple[Group, ...]
    path: str


class Analysis(NamedTuple):
    """A posted comparison of groups."""

    outcome: int
    groups: tuple[str, ...]
    description: str
    method: str
    param: str
    value: float | None
    level: float | None
    sides: str
    lower: float | None
    upper: float | None
    p_value: str
    path: str


@dataclass(frozen=True)
class Record:
    """One study record, as posted.

    Attributes: ``id`` (the id inside the record, never the file name), ``version`` (date of the last posted
    update), ``results_date``, ``dataset_date`` (of the registry's data set), ``history_version`` (number of
    versions where a history came along), ``sha256`` and ``size`` of the raw bytes, ``counts`` (adverse
    events), ``flow``, ``baseline``, ``outcomes``, ``values``, ``analyses``, ``findings``.
    """

    id: str
    title: str
    official_title: str
    acronym: str
    sponsor: str
    conditions: tuple[str, ...]
    study_type: str
    phases: tuple[str, ...]
    allocation: str
    masking: str
    enrollment: int | None
    version: str
    results_date: str
    dataset_date: str
    history_version: int | None
    arms: tuple[Arm, ...]
    interventions: tuple[Intervention, ...]
    threshold: float | None
    time_frame: str
    ae_description: str
    groups: tuple[Group, ...]
    counts: tuple[Count, ...]
    flow_groups: tuple[Group, ...]
    flow: tuple[Flow, ...]
    baseline_groups: tuple[Group, ...]
    baseline: tuple[Value, ...]
    outcomes: tuple[Outcome, ...]
    values: tuple[Value, ...]
    analyses: tuple[Analysis, ...]
    prefix: str
    name: str
    sha256: str
    size: int
    findings: tuple[Finding, ...] = field(repr=False)

    @property
    def has_results(self) -> bool:
        """Were adverse events, a baseline table or outcome values posted?"""
        return bool(self.groups or self.baseline or self.values)

    def path(self, path: str) -> str:
        """A path from the root of the document that was read (a record may stand under ``study``)."""
        return self.prefix + path


def parse(raw: bytes, name: str = "record") -> Record:
    """Parse one study record.

    Parameters
    ----------
    raw
        The bytes of the JSON document: a study, or an object with the study under ``study`` and perhaps its
        ``history``.
    name
        File name or address, for messages only: the id is read from inside the record.

    Raises
    ------
    RecordError
        The bytes are not JSON, are cut off, have a duplicate key, or hold no study record. Faults of single
        fields are ``findings`` of the record.
    """
    document = loads(raw, name)
    if not isinstance(document, dict):
        raise RecordError(
            f"{name}: a {type(document).__name__}, not a study record; expected one JSON object"
        )
    reader = Reader(name)
    study, prefix = document, ""
    if "protocolSection" not in document and isinstance(document.get("study"), dict):
        study, prefix = document["study"], "study."
    protocol = reader.mapping(study, "protocolSection", "")
    head = reader.mapping(protocol, "identificationModule", "protocolSection")
    nct = reader.text(head, "nctId", "protocolSection.identificationModule").strip()
    if not re.fullmatch(r"NCT\d{8}", nct, re.ASCII):
        raise RecordError(
            f"{name}: no id such as NCT03349060 at protocolSection.identificationModule.nctId; "
            "expected a study record of the ClinicalTrials.gov API v2"
        )
    reader.record = nct
    if (found := re.search(r"NCT\d{8}", name)) and found[0] != nct:
        reader.report("id-differs", "nctId", f"file is named {found[0]}", f"{nct}, the id inside the record")
    return _record(reader, document, study, protocol, head, prefix, nct, name, raw)


def _record(
    reader: Reader,
    document: dict[str, Any],
    study: dict[str, Any],
    protocol: dict[str, Any],
    head: dict[str, Any],
    prefix: str,
    nct: str,
    name: str,
    raw: bytes,
) -> Record:
    p = "protocolSection"
    status = reader.mapping(protocol, "statusModule", p)
    design = reader.mapping(protocol, "designModule", p)
    info = reader.mapping(design, "designInfo", f"{p}.designModule")
    results = reader.mapping(study, "resultsSection", "")
    ae = reader.mapping(results, "adverseEventsModule", "resultsSection")
    flow = reader.mapping(results, "participantFlowModule", "resultsSection")
    base = reader.mapping(results, "baselineCharacteristicsModule", "resultsSection")
    measures = reader.mapping(results, "outcomeMeasuresModule", "resultsSection")
    holder = reader.mapping(reader.mapping(study, "derivedSection", ""), "miscInfoModule", "derivedSection")
    history = reader.mapping(document, "history", "") if prefix else {}
    sponsor = reader.mapping(reader.mapping(protocol, "sponsorCollaboratorsModule", p), "leadSponsor", p)
    conditions = reader.mapping(protocol, "conditionsModule", p)
    plan = reader.mapping(protocol, "armsInterventionsModule", p)
    outcomes, values, analyses = _outcomes(reader, measures)
    groups = _groups(reader, ae, "eventGroups", AE)
    return Record(
        id=nct,
        title=clean(reader.text(head, "briefTitle", p)),
        official_title=clean(reader.text(head, "officialTitle", p)),
        acronym=clean(reader.text(head, "acronym", p), 60),
        sponsor=clean(reader.text(sponsor, "name", p)),
        conditions=tuple(t for c in reader.texts(conditions, "conditions", p) if (t := clean(c, 300))),
        study_type=reader.text(design, "studyType", p),
        phases=tuple(clean(c) for c in reader.texts(design, "phases", p)),
        allocation=reader.text(info, "allocation", p),
        masking=reader.text(reader.mapping(info, "maskingInfo", p), "masking", p),
        enrollment=reader.count(reader.mapping(design, "enrollmentInfo", p), "count", p),
        version=_date(reader, status, "lastUpdatePostDateStruct"),
        results_date=_date(reader, status, "resultsFirstPostDateStruct"),
        dataset_date=clean(reader.text(holder, "versionHolder", "derivedSection"), 30),
        history_version=len(reader.objects(history, "changes", "history")) or None,
        arms=_arms(reader, plan),
        interventions=_interventions(reader, plan),
        threshold=reader.number(ae.get("frequencyThreshold"), f"{AE}.frequencyThreshold"),
        time_frame=clean(reader.text(ae, "timeFrame", AE)),
        ae_description=clean(reader.text(ae, "description", AE)),
        groups=groups,
        counts=_counts(reader, ae, {g.id for g in groups}),
        flow_groups=_groups(reader, flow, "groups", FLOW),
        flow=_flow(reader, flow),
        baseline_groups=_groups(reader, base, "groups", BASELINE),
        baseline=_baseline(reader, base),
        outcomes=outcomes,
        values=values,
        analyses=analyses,
        prefix=prefix,
        name=name,
        sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        findings=tuple(reader.findings),
    )


def _date(reader: Reader, status: dict[str, Any], key: str) -> str:
    path = "protocolSection.statusModule"
    text = reader.text(reader.mapping(status, key, path), "date", f"{path}.{key}").strip()
    if text and not re.fullmatch(r"\d{4}(-\d{2}){0,2}", text, re.ASCII):
        reader.report("not-a-date", f"{path}.{key}.date", clean(text, 60), "YYYY-MM-DD")
        return ""
    return text


def _groups(reader: Reader, module: dict[str, Any], key: str, path: str) -> tuple[Group, ...]:
    found: dict[str, Group] = {}
    for i, g in enumerate(reader.objects(module, key, path)):
        at = f"{path}.{key}[{i}]"
        group = Group(
            reader.text(g, "id", at),
            clean(reader.text(g, "title", at), 300),
            clean(reader.text(g, "description", at)),
            at,
        )
        if group.id in found:
            reader.report("group-twice", f"{at}.id", clean(group.id, 60), "one group an id")
        elif group.id:
            found[group.id] = group
    return tuple(found.values())


def _arms(reader: Reader, plan: dict[str, Any]) -> tuple[Arm, ...]:
    path = "protocolSection.armsInterventionsModule"
    return tuple(
        Arm(
            clean(reader.text(a, "label", path), 300),
            reader.text(a, "type", path),
            clean(reader.text(a, "description", path)),
            tuple(clean(n, 300) for n in reader.texts(a, "interventionNames", path)),
            f"{path}.armGroups[{i}]",
        )
        for i, a in enumerate(reader.objects(plan, "armGroups", path))
    )


def _interventions(reader: Reader, plan: dict[str, Any]) -> tuple[Intervention, ...]:
    path = "protocolSection.armsInterventionsModule"
    return tuple(
        Intervention(
            reader.text(a, "type", path),
            clean(reader.text(a, "name", path), 300),
            clean(reader.text(a, "description", path)),
            tuple(clean(n, 300) for n in reader.texts(a, "otherNames", path)),
        )
        for a in reader.objects(plan, "interventions", path)
    )


_TOTALS = {
    "serious": ("seriousNumAffected", "seriousNumAtRisk"),
    "other": ("otherNumAffected", "otherNumAtRisk"),
    "death": ("deathsNumAffected", "deathsNumAtRisk"),
}


def _counts(reader: Reader, ae: dict[str, Any], known: set[str]) -> tuple[Count, ...]:
    """Group totals, then terms. Faults that make a pair of numbers unusable are findings, and it is left
    out."""
    found: list[Count] = []
    for i, g in enumerate(reader.objects(ae, "eventGroups", AE)):
        path = f"{AE}.eventGroups[{i}]"
        group = g.get("id")
        if not isinstance(group, str):
            continue
        for kind, keys in _TOTALS.items():
            if keys[0] in g or keys[1] in g:
                affected, at_risk = reader.count(g, keys[0], path), reader.count(g, keys[1], path)
                total = Count(kind, "", "", "", "", group, affected, at_risk, None, path, keys)
                if _possible(reader, total):
                    found.append(total)
    keys = ("numAffected", "numAtRisk")
    for kind, key in (("serious", "seriousEvents"), ("other", "otherEvents")):
        for i, event in enumerate(reader.objects(ae, key, AE)):
            path = f"{AE}.{key}[{i}]"
            term = clean(reader.text(event, "term", path), 200)
            if not term:
                reader.report("no-term", f"{path}.term", "blank", "the adverse-event term")
                continue
            system = _known(reader.text(event, "organSystem", path))
            vocabulary = _known(reader.text(event, "sourceVocabulary", path))
            assessment = reader.text(event, "assessmentType", path)
            for j, stat in enumerate(reader.objects(event, "stats", path)):
                group, at = stat.get("groupId"), f"{path}.stats[{j}]"
                if not isinstance(group, str) or group not in known:
                    reader.report("no-such-group", f"{at}.groupId", clean(str(group), 60), "a group id")
                    continue
                affected, at_risk = stat.get("numAffected"), stat.get("numAtRisk")
                events = stat.get("numEvents")
                plain = _plain(affected, at_risk, events)
                if not plain:
                    affected, at_risk, events = (reader.count(stat, k, path) for k in (*keys, "numEvents"))
                count = Count(
                    kind, term, system, vocabulary, assessment, group, affected, at_risk, events, at, keys
                )
                if plain or _possible(reader, count):
                    found.append(count)
    return tuple(found)


@lru_cache(maxsize=1_000)
def _known(text: str) -> str:
    """Clean text that comes again and again: headings and vocabularies."""
    return clean(text, 200)


def _plain(affected: Any, at_risk: Any, events: Any) -> bool:
    """Whole numbers in the usual order, as nearly all are: there is nothing to convert or to report."""
    if type(affected) is not int or type(at_risk) is not int or not 0 <= affected <= at_risk:
        return False
    return 0 < at_risk < MAX_COUNT and (
        events is None or (type(events) is int and affected <= events < MAX_COUNT)
    )


def _possible(reader: Reader, count: Count) -> bool:
    what = count.term or f"{count.kind} total"
    if count.at_risk == 0:
        if not count.affected:  # a table without data shows 0 of 0
            reader.report(
                "no-data", count.path, f"{what}: {count.affected} of 0", "not zero events: no data posted"
            )
            return False
        reader.report(
            "affected-over-at-risk",
            count.path,
            f"{what}: {count.affected} of 0",
            "at most the persons at risk",
        )
        return False
    if count.affected is not None and count.at_risk is not None and count.affected > count.at_risk:
        found = f"{what}: {count.affected} of {count.at_risk}"
        reader.report("affected-over-at-risk", count.path, found, "at most the persons at risk")
        return False
    if count.affected is not None and count.events is not None and count.events < count.affected:
        found = f"{what}: {count.events} events in {count.affected} persons"
        reader.report("events-under-persons", count.path, found, "at least one event a person")
    return True


def _flow(reader: Reader, module: dict[str, Any]) -> tuple[Flow, ...]:
    found = []
    for i, period in enumerate(reader.objects(module, "periods", FLOW)):
        path = f"{FLOW}.periods[{i}]"
        title = clean(reader.text(period, "title", path), 300)
        for kind, key, inner in (
            ("milestone", "milestones", "achievements"),
            ("drop", "dropWithdraws", "reasons"),
        ):
            for j, item in enumerate(reader.objects(period, key, path)):
                at = f"{path}.{key}[{j}]"
                what = clean(reader.text(item, "type", at), 300)
                for k, entry in enumerate(reader.objects(item, inner, at)):
                    here = f"{at}.{inner}[{k}]"
                    group = reader.text(entry, "groupId", here)
                    persons = reader.count(entry, "numSubjects", here)
                    found.append(Flow(i, title, kind, what, group, persons, f"{here}.numSubjects"))
    return tuple(found)


def _values(
    reader: Reader, measure: dict[str, Any], index: int, path: str, fallback: dict[str, int | None]
) -> list[Value]:
    title = clean(reader.text(measure, "title", path), 600)
    param = reader.text(measure, "paramType", path)
    dispersion = reader.text(measure, "dispersionType", path)
    unit = clean(reader.text(measure, "unitOfMeasure", path), 200)
    own = _denominators(reader, measure, path) or fallback
    found = []
    for i, class_ in enumerate(reader.objects(measure, "classes", path)):
        at = f"{path}.classes[{i}]"
        class_title = clean(reader.text(class_, "title", at), 300)
        denominators = _denominators(reader, class_, at) or own
        for j, category in enumerate(reader.objects(class_, "categories", at)):
            inner = f"{at}.categories[{j}]"
            category_title = clean(reader.text(category, "title", inner), 300)
            for k, m in enumerate(reader.objects(category, "measurements", inner)):
                here = f"{inner}.measurements[{k}]"
                group = reader.text(m, "groupId", here)
                found.append(
                    Value(
                        index,
                        title,
                        class_title,
                        category_title,
                        group,
                        param,
                        dispersion,
                        unit,
                        reader.text(m, "value", here).strip()[:60],
                        reader.text(m, "lowerLimit", here).strip()[:60],
                        reader.text(m, "upperLimit", here).strip()[:60],
                        denominators.get(group),
                        f"{here}.value",
                    )
                )
    return found


def _denominators(reader: Reader, holder: dict[str, Any], path: str) -> dict[str, int | None]:
    """Persons by group; a denominator in eyes, lesions or the like is not one of persons."""
    for i, denom in enumerate(reader.objects(holder, "denoms", path)):
        if fold(reader.text(denom, "units", path)) in ("participants", "subjects", "patients", "persons"):
            counts = reader.objects(denom, "counts", f"{path}.denoms[{i}]")
            return {
                reader.text(c, "groupId", path): reader.count(c, "value", f"{path}.denoms[{i}]")
                for c in counts
            }
    return {}


def _baseline(reader: Reader, module: dict[str, Any]) -> tuple[Value, ...]:
    denominators = _denominators(reader, module, BASELINE)
    return tuple(
        value
        for i, measure in enumerate(reader.objects(module, "measures", BASELINE))
        for value in _values(reader, measure, i, f"{BASELINE}.measures[{i}]", denominators)
    )


def _outcomes(
    reader: Reader, module: dict[str, Any]
) -> tuple[tuple[Outcome, ...], tuple[Value, ...], tuple[Analysis, ...]]:
    outcomes, values, analyses = [], [], []
    for i, m in enumerate(reader.objects(module, "outcomeMeasures", OUTCOMES)):
        path = f"{OUTCOMES}.outcomeMeasures[{i}]"
        outcomes.append(
            Outcome(
                i,
                reader.text(m, "type", path),
                clean(reader.text(m, "title", path), 600),
                clean(reader.text(m, "description", path)),
                clean(reader.text(m, "populationDescription", path)),
                clean(reader.text(m, "timeFrame", path)),
                reader.text(m, "paramType", path),
                reader.text(m, "dispersionType", path),
                clean(reader.text(m, "unitOfMeasure", path), 200),
                _groups(reader, m, "groups", path),
                path,
            )
        )
        values += _values(reader, m, i, path, {})
        for j, a in enumerate(reader.objects(m, "analyses", path)):
            at = f"{path}.analyses[{j}]"
            analyses.append(
                Analysis(
                    i,
                    tuple(reader.texts(a, "groupIds", at)),
                    clean(reader.text(a, "groupDescription", at)),
                    clean(reader.text(a, "statisticalMethod", at), 300),
                    clean(reader.text(a, "paramType", at), 200),
                    reader.number(a.get("paramValue"), f"{at}.paramValue"),
                    reader.number(a.get("ciPctValue"), f"{at}.ciPctValue"),
                    reader.text(a, "ciNumSides", at),
                    reader.number(a.get("ciLowerLimit"), f"{at}.ciLowerLimit"),
                    reader.number(a.get("ciUpperLimit"), f"{at}.ciUpperLimit"),
                    clean(reader.text(a, "pValue", at), 60),
                    at,
                )
            )
    return tuple(outcomes), tuple(values), tuple(analyses)
