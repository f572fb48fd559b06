"""The evidence for one person as text, for a terminal: the same numbers as the page, each with its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jakinib.patient.difference import Difference
from jakinib.patient.profile import ITEMS
from jakinib.patient.risk import STATUS, Calculation, Risk
from jakinib.report.numbers import at_most, number, shown, span
from jakinib.report.studied import VERDICTS

if TYPE_CHECKING:
    from jakinib.patient.for_patient import ForPatient


def in_text(made: ForPatient) -> str:
    """Risk, statements of labels and agencies, and who was studied."""
    names = made.names
    unknown = ", ".join(ITEMS[k].label for k in made.patient.unknown())
    lines = [f"For {made.patient}", f"Unknown: {unknown or 'nothing'}.", ""]
    lines += [
        "ABSOLUTE RISK, per 1,000 people. Intervals are 95 % and carry baseline and ratio. Rates of "
        "different treatments come from different studies: side by side they are a naive comparison."
    ]
    for outcome in made.outcomes:
        lines += ["", names.get(outcome, outcome)]
        for risk in made.risks:
            if risk.outcome == outcome:
                lines += [f"  {names.get(risk.treatment, risk.treatment)}"]
                lines += [f"    {line}" for line in risk_lines(risk, made)]
        factors = dict.fromkeys(r["factor"] for r in made.missing_rows if r["outcome"] == outcome)
        if factors:
            lines += [f"  Not in any of these rates, and this person has it: {'; '.join(factors)}"]
    lines += ["", "WHAT LABELS AND AGENCIES SAY", *_statements(made)]
    lines += ["", "WHO WAS STUDIED", *_studied(made)]
    why = f" PREVENT is not used: {made.prevent}." if made.prevent else ""
    lines += ["", made.rule + why, "Published evidence; not medical advice, and no drug is recommended."]
    return "\n".join(lines)


def risk_lines(risk: Risk, made: ForPatient) -> list[str]:
    """What is known of one treatment and outcome, a line a fact."""
    lines = _calculated(risk.main, risk, made) if risk.main else [_without(risk, made.names)]
    lines += _seen(risk, made.names)
    for c in risk.also:
        lines.append(
            f"from elsewhere: {change(c.year)} a year; {_ratio(c, made.names)} [{_marks(c, made.names)}]"
        )
    return lines


def change(d: Difference) -> str:
    """A difference per 1,000 with its interval."""
    return f"{signed(d.difference)} ({signed(d.low)} to {signed(d.high)})"


def signed(share: float) -> str:
    sign = "+" if share > 0 else "-" if share < 0 else ""
    return sign + number(abs(1000 * share))


def _calculated(c: Calculation, risk: Risk, made: ForPatient) -> list[str]:
    names, base = made.names, c.baseline
    drug = c.stands_for.lstrip("?")
    beside = "without" if not drug else f"on {names[drug]}"
    beside = beside if drug == c.stands_for else f"at a rate that stands for {names[drug]}"
    lines = [f"{change(c.year)} a year: {number(1000 * c.year.without)} {beside}, "
             f"{number(1000 * c.year.with_)} with"]  # fmt: skip
    if c.horizon.years != 1:
        lines.append(f"{change(c.horizon)} over {c.horizon.years:g} years")
    if c.nnh is not None:
        lines.append(f"one {'more' if c.nnh > 0 else 'fewer'} for every {abs(c.nnh):,.0f} treated over "
                     f"{c.horizon.years:g} years")  # fmt: skip
    who = ", ".join(x for x in (base.subgroup, names.get(base.population, base.population)) if x)
    lines.append(f"baseline: {number(1000 * base.rate.value)} per 1,000 person-years, {base.label}"
                 f"{f' ({who})' if who else ''} {base.key if base.events else ''}".rstrip())  # fmt: skip
    lines.append(f"ratio: {_ratio(c, names)} [{_marks(c, names)}]")
    lines.append(f"takes for granted: {'; '.join(c.assumptions)}")
    if c.tipping is not None and c.tipping_factor is not None:
        lines.append(f"tipping point: {made.level:g} more over {made.horizon:g} years needs a ratio of "
                     f"{number(c.tipping)}, {number(c.tipping_factor)} times the one measured")  # fmt: skip
    if risk.combinations > 1 and risk.lowest is not None:
        lines.append(f"over all {risk.combinations} rates and ratios that could stand for this person: "
                     f"{signed(risk.lowest)} to {signed(risk.highest or 0)}, at most "
                     f"{signed(risk.upper_bound or 0)} a year")  # fmt: skip
    return lines


def _without(risk: Risk, names: Mapping[str, str]) -> str:
    """The first line where no difference can be given."""
    seen = risk.observed
    if risk.status == "zero events" and seen:
        if seen["yearly_high"] is not None:
            return f"none observed: at most {at_most(seen['yearly_high'])} a year; not “no risk”"
        return "none observed; not “no risk”, and no upper bound can be computed: no denominator over time"
    if risk.status == "observed" and seen:
        if seen["yearly"] is not None:
            return f"{number(seen['yearly'])} a year on the drug; nothing to compare with"
        return "seen on the drug, but no rate a year can be had; nothing to compare with"
    return "not studied: nothing is held here" if risk.status == "not studied" else STATUS[risk.status]


def line_words(line: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A line seen on the drug: figure, period, disease, treatment, stratum."""
    parts = [str(shown(line)), span(line), names.get(line["population"], line["population"])]
    parts += [names.get(line["treatment"], line["treatment"]), line["subgroup"] or ""]
    parts += ["unknown whether this person belongs to it"] if line["belongs"] == "unknown" else []
    parts += ["another disease"] if line["same_disease"] == "no" else []
    return "; ".join(p for p in parts if p)


def _seen(risk: Risk, names: Mapping[str, str]) -> list[str]:
    seen = risk.observed
    if seen is None:
        return []
    lines = [f"on the drug: {line_words(seen, names)} [{seen['event']}]"]
    lines += [f"but seen elsewhere: {line_words(x, names)} [{x['event']}]" for x in risk.elsewhere[:3]]
    if risk.span and risk.span[0] < risk.span[1]:
        low, high = (number(x) for x in risk.span)
        lines.append(f"lines on the drug that could stand for this person: {low} to {high} a year")
    return lines


def _ratio(c: Calculation, names: Mapping[str, str]) -> str:
    e = c.effect
    row = e.row or f"computed from {', '.join(e.events)}"
    return (
        f"{e.measure} {number(e.estimate)} ({number(e.ci_low)} to {number(e.ci_high)}) of "
        f"{names[e.treatment]} to {names[e.reference]} in {names[e.population]}, {row}"
    )


def _marks(c: Calculation, names: Mapping[str, str]) -> str:
    said = {"class": "JAK inhibitors pooled, not this drug", "other disease": "from another disease"}
    return ", ".join(
        f"against {names[m[8:]]}" if m.startswith("against ") else said.get(m, m) for m in c.marks
    )


def grouped_statements(made: ForPatient) -> list[dict[str, Any]]:
    """Statements on the class that say the same for every treatment, told once; then those of each treatment.

    In each: those that single out a person like this one, those that might apply, those for everyone, the
    rest.
    """
    told = made.statement_rows
    by_warning: dict[str, list[dict[str, Any]]] = {}
    for row in told:
        by_warning.setdefault(row["warning"], []).append(row)
    shared = {
        warning
        for warning, same in by_warning.items()
        if len(same) == len(made.treatments) > 1
        and len({(r["verdict"], r["because"], r["open"]) for r in same}) == 1
    }
    groups: list[tuple[tuple[str, ...], list[dict[str, Any]]]] = []
    if shared:
        groups.append((made.treatments, [_told_once(by_warning[w], made.names) for w in sorted(shared)]))
    for treatment in made.treatments:
        mine = [r for r in told if r["treatment"] == treatment and r["warning"] not in shared]
        own = [{**r, "not_of": "this drug" if r["extension"] else ""} for r in mine]
        groups.append(((treatment,), own))
    return [
        {
            "treatments": treatments,
            "shared": len(treatments) > 1,
            "named": [r for r in mine if r["verdict"] == "applies" and r["singles_out"]],
            "might": [r for r in mine if r["verdict"] == "might"],
            "everyone": [r for r in mine if r["verdict"] == "applies" and not r["singles_out"]],
            "not": [r for r in mine if r["verdict"] == "does not"],
        }
        for treatments, mine in groups
    ]


def _told_once(same: list[dict[str, Any]], names: Mapping[str, str]) -> dict[str, Any]:
    """A statement that is the same for every treatment, naming those whose data it does not rest on."""
    extended = [r for r in same if r["extension"]]
    if not extended:
        return {**same[0], "not_of": ""}
    drugs = dict.fromkeys(names[r["treatment"]].split()[0].rstrip(",") for r in extended)
    return {**extended[0], "not_of": " or ".join(drugs)}


def _statements(made: ForPatient) -> list[str]:
    lines = []
    for treatment in made.approval_rows if made.indication else ():
        lines.append(f"{made.names[treatment]}: {approval_words(made, treatment)}")
    for group in grouped_statements(made):
        names = [made.names.get(t, t) for t in group["treatments"]]
        lines.append(f"The same for {' and '.join(names)}" if group["shared"] else names[0])
        lines += [f"  applies: {_statement(r)}" for r in group["named"]]
        lines += [f"  might apply: {_statement(r)}" for r in group["might"]]
        lines.append(f"  {len(group['everyone'])} addressed to everyone treated: "
                     f"{', '.join(r['warning'] for r in group['everyone']) or 'none'}; "
                     f"{len(group['not'])} do not apply")  # fmt: skip
    return lines


def approval_words(made: ForPatient, treatment: str) -> str:
    """Where the drug is approved for this disease, as far as held; blank when the disease is unknown and for
    drugs whose approvals are not collected."""
    if not made.indication or treatment not in made.approval_rows:
        return ""
    disease = made.names[made.indication]
    regions = dict.fromkeys(r["region"] for r in made.approval_rows.get(treatment, ()))
    if regions:
        return f"An approval for {disease} is held from: {', '.join(regions)}."
    return f"No approval of this drug for {disease} is held here."


def _statement(r: Mapping[str, Any]) -> str:
    unknown = ", ".join(ITEMS[k].label if k in ITEMS else k for k in r["unknown"].split("; ") if k)
    parts = [f"{r['jurisdiction']} {r['kind'].replace('-', ' ')}: {r['statement']}"]
    parts += [f"Because: {r['because']}."] if r["because"] and r["verdict"] == "applies" else []
    parts += [f"Unknown: {unknown}."] if unknown else []
    parts += [f"{r['open'][0].upper()}{r['open'][1:]}."] if r["open"] else []
    parts += [f"Rests on data of {r['extension']}, not of {r['not_of']}."] if r["not_of"] else []
    if r["basis_study"]:
        could = VERDICTS[r["in_basis_study"]][0]
        parts.append(
            f"Trial it rests on: {could}." if could == "entry not read" else f"This person {could} its trial."
        )
    return f"{' '.join(parts)} [{r['warning']}]"


def _studied(made: ForPatient) -> list[str]:
    lines = []
    for d in made.distance_rows:
        age = f", {d['age_kind']} age {d['age']:g}" if d["age"] is not None else ""
        beyond = f"; beyond it: {d['extrapolation']}" if d["extrapolation"] else ""
        lines.append(f"  {d['name']}{age}: {VERDICTS[d['would_have_entered']][0]}{beyond} ({d['used_for']})")
    return lines
