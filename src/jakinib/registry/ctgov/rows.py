"""From a parsed record to rows of the corpus's tables: study, arms, characteristics, counts, outcomes,
effects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jakinib.evidence.finding import Finding
from jakinib.registry.ctgov import event_rows, outcome_rows
from jakinib.registry.ctgov.record import Count, Group, Outcome, Record, Value
from jakinib.registry.ctgov.treatments import Assigned, Reader, Treatment
from jakinib.registry.names import Names, population
from jakinib.registry.outcome_terms import Terms
from jakinib.registry.row import Columns, Row
from jakinib.registry.text import fold, slug

PLACE = "protocolSection."


@dataclass
class Context:
    """What the parts of one record's conversion share."""

    record: Record
    names: Names
    terms: Terms
    study: str
    population: str
    source: str
    groups: dict[str, Assigned]
    reader: Reader
    findings: list[Finding] = field(default_factory=list)
    defaults: set[tuple[Any, ...]] = field(default_factory=set)

    def report(self, code: str, column: str, found: str, expected: str) -> None:
        self.findings.append(Finding(code, "record", self.record.id, column, found, expected))

    def use(self, values: dict[str, Any], reason: str) -> None:
        """Set ``use``: default when there is no reason against it and no other default says the same."""
        columns = ("subgroup", "treatment", "outcome", "counts", "period_kind")
        fact = tuple(values.get(c) for c in columns)
        if not reason and fact in self.defaults:
            reason = "the record gives this count in another place too"
        if reason:
            values["use"], values["use_reason"] = "alternative", reason
        else:
            values["use"] = "default"
            self.defaults.add(fact)


@dataclass(frozen=True)
class Converted:
    """Rows of one record, findings, and what a person has to confirm or was not mapped."""

    single: list[Row]
    terms: Columns
    findings: tuple[Finding, ...]
    confirm: tuple[str, ...]
    unmapped: dict[str, list[str]]

    @property
    def rows(self) -> list[Row]:
        """All rows, each as a :class:`Row`."""
        return [*self.single, *self.terms.rows()]


def convert(record: Record, names: Names, terms: Terms) -> Converted:
    """Rows of ``record``.

    Names that the evidence does not have (drug, treatment, population) become new rows with derived keys,
    listed in ``confirm``. Nothing is inferred that was not posted: a term that is not listed is not a
    zero.
    """
    reader = Reader(record, names)
    key, known = _study_key(record, names)
    place, printed, known_place = population(names, record.conditions)
    ctx = Context(record, names, terms, key, place, f"NCT:{record.id}", reader.assign(record.groups), reader)
    if not known and slug(record.acronym or "-") in names.study_keys:
        ctx.report(
            "same-name",
            "acronym",
            f"{record.acronym} is a study of the evidence without this id",
            "confirm which",
        )
    _enrolled(ctx)
    rows = [_source(ctx)]
    confirm = []
    if not known_place:
        rows.append(_population(place, printed))
        confirm.append(f"population {place}: from the condition {printed!r}; its group is not known")
    treatments: dict[str, Treatment] = {}
    for a in ctx.groups.values():
        treatments.setdefault(a.treatment.key, a.treatment)
    flow = reader.assign(record.flow_groups)
    baseline = reader.assign(tuple(g for g in record.baseline_groups if not _total(g)))
    safety = [o for o in record.outcomes if outcome_rows.is_safety(record, o)]
    arms = list(_arms(ctx, flow, treatments))
    totals, terms_posted = _registry_events(ctx)
    body = [
        *arms,
        *_characteristics(ctx, baseline, treatments),
        *totals,
        *_discontinued(ctx, flow, treatments),
        *event_rows.rows(ctx),
        *outcome_rows.rows(ctx, treatments, safety),
    ]
    rows += [*_drugs(ctx, treatments, confirm), *_treatments(ctx, treatments, confirm), _study(ctx), *body]
    if not record.has_results:
        ctx.report(
            "no-results",
            "resultsSection",
            "no results posted",
            "a record with results; the study alone is staged",
        )
    findings = (*record.findings, *ctx.findings)
    return Converted(rows, terms_posted, findings, tuple(confirm), _unmapped(ctx, safety))


def _study_key(record: Record, names: Names) -> tuple[str, bool]:
    if record.id in names.studies:
        return names.studies[record.id], True
    key = slug(record.acronym) if record.acronym else ""
    return (key if key and key != "unnamed" and key not in names.study_keys else record.id.lower()), False


def _enrolled(ctx: Context) -> None:
    """Groups whose persons at risk are more than were enrolled count somebody twice."""
    record = ctx.record
    risk = {c.group: c.at_risk or 0 for c in record.counts if c.kind == "serious" and not c.term}
    for a in ctx.groups.values():
        if a.overlaps:
            ctx.report(
                "groups-overlap",
                a.group.path,
                f"{a.group.title!r}: {a.overlaps}",
                "never added to the others",
            )
    separate = sum(risk.get(key, 0) for key, a in ctx.groups.items() if not a.overlaps)
    if record.enrollment and separate > record.enrollment:
        why = (
            f"the groups have {separate} persons at risk and {record.enrollment} were enrolled: they overlap"
        )
        ctx.report(
            "groups-overlap", "adverseEventsModule.eventGroups", why, "groups that do not share persons"
        )
        for key, a in ctx.groups.items():
            ctx.groups[key] = Assigned(a.group, a.treatment, a.role, a.period, a.overlaps or why, a.subgroup)
    died = {c.group: c.at_risk for c in record.counts if c.kind == "death" and not c.term}
    for key, a in ctx.groups.items():
        if died.get(key) is not None and risk.get(key) and died[key] != risk[key]:
            ctx.report(
                "two-denominators",
                a.group.path,
                f"{risk[key]} at risk of events, {died[key]} of death",
                "each count keeps its own denominator",
            )


def _source(ctx: Context) -> Row:
    r = ctx.record
    year = r.version[:4]
    note = f"version {r.version or 'without date'}"
    note += f", results first posted {r.results_date}" if r.results_date else ", no results posted"
    values = {
        "source_id": ctx.source,
        "title": f"{r.title or r.id} (ClinicalTrials.gov record {r.id})",
        "publisher": "ClinicalTrials.gov",
        "year": int(year) if year else None,
        "kind": "registry",
        "url": f"https://clinicaltrials.gov/study/{r.id}",
        "secondary": "false",
        "licence": "US government public domain",
        "note": note,
    }
    return Row(
        "sources",
        values,
        {
            "title": PLACE + "identificationModule.briefTitle",
            "year": PLACE + "statusModule.lastUpdatePostDateStruct.date",
            "note": PLACE + "statusModule.lastUpdatePostDateStruct.date",
        },
    )


def _population(key: str, printed: str) -> Row:
    note = "from a registry record; group not known, confirm"
    values = {"population": key, "name": printed.lower(), "group": "mixed", "note": note}
    return Row("populations", values, {"name": PLACE + "conditionsModule.conditions[0]"})


def _origin(ctx: Context, locator: str) -> dict[str, Any]:
    return {"source_id": ctx.source, "locator": locator, "status": "reported"}


def _drugs(ctx: Context, treatments: dict[str, Treatment], confirm: list[str]) -> Iterator[Row]:
    seen = set()
    for t in treatments.values():
        if t.drug in ctx.names.drug_class or t.drug in seen:
            continue
        seen.add(t.drug)
        jak = t.drug.endswith("citinib")  # the stem of the international names of JAK inhibitors
        kind = "JAK inhibitor" if jak else "placebo" if t.drug in ("placebo", "vehicle") else "mixed"
        oral = jak and t.route == "oral"
        confirm.append(f"drug {t.drug}: new; class taken as {kind!r}{', oral' if oral else ''}")
        place = "armsInterventionsModule.interventions"
        yield Row(
            "drugs",
            {
                "drug": t.drug,
                "name": t.drug_name,
                "drug_class": kind,
                "oral_jak": "true" if oral else "false",
                **_origin(ctx, place),
            },
            {"name": PLACE + place},
        )


def _treatments(ctx: Context, treatments: dict[str, Treatment], confirm: list[str]) -> Iterator[Row]:
    for t in treatments.values():
        if t.key in ctx.names.treatment_keys:
            continue
        like = [
            key
            for k, key in ctx.names.treatments.items()
            if k[:4] == (t.drug, t.dose, t.dose_high, t.dose_unit)
        ]
        near = f"; the evidence has {', '.join(like)}" if like and t.kind != "sequence" else ""
        note = f" ({t.note})" if t.note else ""
        confirm.append(f"treatment {t.key}: new, read as {t.label!r}{note}{near}")
        yield Row(
            "treatments",
            {
                "treatment": t.key,
                "drug": t.drug,
                "label": t.label,
                "dose": t.dose,
                "dose_high": t.dose_high,
                "dose_unit": t.dose_unit,
                "regimen": t.regimen,
                "route": t.route,
                "kind": t.kind,
                "note": "; ".join(part for part in (t.note, f"from record {ctx.record.id}, confirm") if part),
            },
            {"label": PLACE + "armsInterventionsModule.armGroups"},
        )


def _study(ctx: Context) -> Row:
    r = ctx.record
    design = "cohort"
    if r.study_type == "INTERVENTIONAL":
        blind = r.masking not in ("", "NONE")
        design = "rct" if blind else "rct-open-label"
        if r.allocation != "RANDOMIZED":
            design = "extension" if re.search(r"\bextension\b|\blong[- ]term\b", r.title, re.I) else "cohort"
    total = [v for v in r.baseline if _characteristic(v) == ("mean_age", "years") and _is_total(ctx, v)]
    age = _plain_number(total[0].value) if total else None
    values = {
        "study": ctx.study,
        "name": r.acronym or r.title or r.id,
        "registry_id": r.id,
        "design": design,
        "phase": "/".join(p.removeprefix("PHASE").replace("EARLY_", "early ") for p in r.phases if p != "NA"),
        "population": ctx.population,
        "population_text": "; ".join(r.conditions),
        "n": r.enrollment,
        "mean_age": age,
        "funding": r.sponsor,
        "data_cutoff": f"record version {r.version}" if r.version else "",
        **_origin(ctx, "protocolSection"),
    }
    if r.ae_description:
        values["limits"] = f"Adverse events as posted: {r.ae_description}"
    paths = {
        "name": PLACE + "identificationModule",
        "registry_id": PLACE + "identificationModule.nctId",
        "design": PLACE + "designModule.designInfo",
        "phase": PLACE + "designModule.phases",
        "population": PLACE + "conditionsModule.conditions",
        "population_text": PLACE + "conditionsModule.conditions",
        "n": PLACE + "designModule.enrollmentInfo.count",
        "funding": PLACE + "sponsorCollaboratorsModule.leadSponsor.name",
        "data_cutoff": PLACE + "statusModule.lastUpdatePostDateStruct.date",
    }
    if age is not None:
        paths["mean_age"] = total[0].path
    if r.ae_description:
        paths["limits"] = "resultsSection.adverseEventsModule.description"
    return Row("studies", values, paths)


def _arms(ctx: Context, flow: dict[str, Assigned], treatments: dict[str, Treatment]) -> Iterator[Row]:
    """One arm a flow group, with the persons who started its first period."""
    for key, a in flow.items():
        started = [f for f in ctx.record.flow if f.group == key and f.what.upper() == "STARTED" and f.persons]
        if not started:
            continue
        first = started[0]
        treatments.setdefault(a.treatment.key, a.treatment)
        extra = a.overlaps or ("starts in a later period" if first.period > 0 else "")
        yield Row(
            "arms",
            {
                "arm": f"{ctx.record.id}:{key}",
                "study": ctx.study,
                "subgroup": a.subgroup,
                "population": ctx.population,
                "treatment": a.treatment.key,
                "role": a.role,
                "n": first.persons,
                "treatment_printed": a.group.title or key,
                "note": "; ".join(p for p in ("persons who started", extra) if p),
                "use": "alternative" if extra else "default",
                **_origin(ctx, _short(first.path)),
            },
            {"n": first.path, "treatment_printed": f"{a.group.path}.title"},
        )


_CHARACTERISTICS = (
    (
        "age_65_or_over",
        r"^(?:>=|≥|=>)? ?65( years)?( and (?:over|older))?$|^65 years and over$|^over 65|^>=65 years$",
    ),
    ("female", r"^female$"),
    ("male", r"^male$"),
    ("white", r"^white$"),
    ("asian", r"^asian$"),
    ("current_smoker", r"^current( smoker)?$|^current every day smoker$"),
    ("past_smoker", r"^(?:former|past|ex)[ -]?smoker$"),
)
_CHARACTERISTIC_PATTERNS = tuple((name, re.compile(words, re.I)) for name, words in _CHARACTERISTICS)
_WHO = re.compile(r"(age|sex|gender|race|smok|tobacco)")


def _characteristic(v: Value) -> tuple[str, str] | None:
    """The characteristic a baseline value is, and its unit; None when the corpus has no name for it."""
    title, unit = fold(v.title), fold(v.unit)
    row = v.category or v.class_title
    if v.param in ("MEAN", "MEDIAN") and not v.class_title and not v.category:
        kind = "mean" if v.param == "MEAN" else "median"
        if title in ("age continuous", "age") and unit.startswith("year"):
            return f"{kind}_age", "years"
        if (
            kind == "mean"
            and title in ("body mass index", "bmi", "body mass index bmi")
            and unit.startswith("kg")
        ):
            return "mean_bmi", "kg/m2"
    if v.param == "COUNT_OF_PARTICIPANTS" and _WHO.match(title):
        for name, words in _CHARACTERISTIC_PATTERNS:
            if words.search(row.strip()):
                return name, "persons"
    return None


def _total(group: Group) -> bool:
    return fold(group.title) in ("total", "total title", "overall", "total participants", "all participants")


def _is_total(ctx: Context, v: Value) -> bool:
    return any(_total(g) for g in ctx.record.baseline_groups if g.id == v.group)


def _plain_number(text: str) -> float | None:
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return None
    return found if abs(found) < 1e9 else None


def _characteristics(
    ctx: Context, baseline: dict[str, Assigned], treatments: dict[str, Treatment]
) -> Iterator[Row]:
    totals = {g.id for g in ctx.record.baseline_groups if _total(g)}
    for v in ctx.record.baseline:
        found = _characteristic(v)
        number = _plain_number(v.value)
        if found is None or (v.group not in totals and v.group not in baseline):
            continue
        if number is None:
            ctx.report("not-a-number", v.path, f"{v.title}: {v.value[:30]!r}", "a number")
            continue
        a = baseline.get(v.group)
        if a:
            treatments.setdefault(a.treatment.key, a.treatment)
        yield Row(
            "arm_characteristics",
            {
                "study": ctx.study,
                "subgroup": a.subgroup if a else "",
                "treatment": a.treatment.key if a else "",
                "characteristic": found[0],
                "value": f"{number:g}",
                "unit": found[1],
                **_origin(ctx, _short(v.path)),
            },
            {"value": v.path},
        )


_MEASURE = {"serious": "serious", "other": "other-term", "death": "death"}


def _registry_events(ctx: Context) -> tuple[list[Row], Columns]:
    """Every posted count, as posted: group totals, then those of terms.

    A 0 among other events may mean: below the reporting threshold.
    """
    r = ctx.record
    counts = [c for c in r.counts if c.group in ctx.groups]
    stems = {term: slug(term, 60) if term else "total" for term in {c.term for c in counts}}
    keys = _numbered([f"{r.id}:{c.kind}:{stems[c.term]}:{c.group}" for c in counts])
    first = sum(not c.term for c in counts)  # a record lists its totals before its terms
    totals = [_total_row(ctx, key, c) for key, c in zip(keys[:first], counts[:first], strict=True)]
    return totals, _term_rows(ctx, keys[first:], counts[first:])


def _total_row(ctx: Context, key: str, c: Count) -> Row:
    a = ctx.groups[c.group]
    return Row(
        "registry_events",
        {
            "row": key,
            "group": a.group.title or c.group,
            "treatment": a.treatment.key,
            "measure": _MEASURE[c.kind],
            "affected": c.affected,
            "at_risk": c.at_risk,
            "zero_may_be_threshold": "false",
            "locator": _short(c.path),
            **_posted(ctx),
        },
        {"affected": f"{c.path}.{c.keys[0]}", "at_risk": f"{c.path}.{c.keys[1]}"},
    )


def _term_rows(ctx: Context, keys: list[str], counts: list[Count]) -> Columns:
    hides = ctx.record.threshold is None or ctx.record.threshold > 0
    titles = {key: a.group.title or key for key, a in ctx.groups.items()}
    treatments = {key: a.treatment.key for key, a in ctx.groups.items()}
    return Columns(
        "registry_events",
        {
            "row": keys,
            "group": [titles[c.group] for c in counts],
            "treatment": [treatments[c.group] for c in counts],
            "measure": [_MEASURE[c.kind] for c in counts],
            "term": [c.term for c in counts],
            "organ_system": [c.organ_system for c in counts],
            "affected": [c.affected for c in counts],
            "at_risk": [c.at_risk for c in counts],
            "zero_may_be_threshold": [
                "true" if c.affected == 0 and hides and c.kind == "other" else "false" for c in counts
            ],
            "locator": [_short(c.path) for c in counts],
        },
        _posted(ctx),
        "resultsSection",
        {"affected": "numAffected", "at_risk": "numAtRisk"},
    )


def _posted(ctx: Context) -> dict[str, Any]:
    """Cells that all posted counts of a record share."""
    return {
        "study": ctx.study,
        "registry_id": ctx.record.id,
        "period": ctx.record.time_frame or "not stated",
        "source_id": ctx.source,
        "status": "reported",
    }


def _numbered(keys: list[str]) -> list[str]:
    """Keys made different: the second of a name gets ``:2``."""
    if len(set(keys)) == len(keys):
        return keys
    seen: Counter[str] = Counter()
    found = []
    for key in keys:
        seen[key] += 1
        found.append(f"{key}:{seen[key]}" if seen[key] > 1 else key)
    return found


def _discontinued(ctx: Context, flow: dict[str, Assigned], treatments: dict[str, Treatment]) -> Iterator[Row]:
    """Persons who left a period for an adverse event, of those who started it; other periods have no data."""
    started = {
        (f.period, f.group): f.persons
        for f in ctx.record.flow
        if f.kind == "milestone" and f.what.upper() == "STARTED"
    }
    for f in ctx.record.flow:
        a = flow.get(f.group)
        if f.kind != "drop" or fold(f.what) not in ("adverse event", "adverse events") or a is None:
            continue
        n = started.get((f.period, f.group))
        if not n or f.persons is None:
            if f.persons is not None:
                found = f"{f.title}: {f.persons} of {n or 'unknown'}"
                ctx.report("no-data", f.path, found, "not zero: nobody started, or it was not posted")
            continue
        if f.persons > n:
            ctx.report(
                "affected-over-at-risk", f.path, f"{f.persons} of {n} left", "at most those who started"
            )
            continue
        treatments.setdefault(a.treatment.key, a.treatment)
        yield Row(
            "registry_events",
            {
                "row": f"{ctx.record.id}:discontinued:{f.period}:{f.group}",
                "study": ctx.study,
                "registry_id": ctx.record.id,
                "group": a.group.title or f.group,
                "treatment": a.treatment.key,
                "period": f.title or f"period {f.period + 1}",
                "measure": "discontinuation",
                "affected": f.persons,
                "at_risk": n,
                "zero_may_be_threshold": "false",
                **_origin(ctx, _short(f.path)),
            },
            {"affected": f.path},
        )


def _short(path: str) -> str:
    return path.removeprefix("resultsSection.")


def _unmapped(ctx: Context, safety: list[Outcome]) -> dict[str, list[str]]:
    """Posted things that no row holds: serious terms without an outcome, baseline and outcome measures."""
    serious = {(c.term, c.organ_system) for c in ctx.record.counts if c.kind == "serious" and c.term}
    terms = sorted(term for term, organ in serious if ctx.terms.of(term, organ) is None)
    titles = {v.title for v in ctx.record.baseline}
    mapped = {v.title for v in ctx.record.baseline if _characteristic(v)}
    return {
        "serious_terms": terms,
        "baseline_measures": sorted(titles - mapped),
        "outcome_measures": [o.title for o in ctx.record.outcomes if o not in safety],
    }
