"""The one-page sheet for the consultation: the page's numbers in plain sentences, and what labels say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jakinib.report import plain_words
from jakinib.report.plain_words import (
    FACTORS,
    ITEMS,
    OUTCOMES,
    few,
    how_sure,
    listed,
    out_of_1000,
    span_words,
)

if TYPE_CHECKING:
    from jakinib.patient.for_patient import ForPatient
    from jakinib.patient.risk import Calculation, Risk

#: topics of boxed warnings that have no outcome of that name
_TOPICS = {"boxed warning": "", "malignancy": "cancer", "serious_infection": "bad infections",
           "mace": "heart attack and stroke", "vte": "blood clots", "death": "death",
           "tuberculosis": "tuberculosis"}  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """``you``: the profile in everyday words; ``rows``: (what happens, a cell a treatment); ``warnings`` and
    ``missing``: sentences about the person; ``grade``: US school grade of all sentences (Flesch-Kincaid)."""

    you: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    warnings: tuple[str, ...]
    missing: tuple[str, ...]
    closing: tuple[str, ...]
    grade: int


CLOSING = (
    "Where one number stands, no study lets us say how many would have this without the drug.",
    "These are counts from groups of people. They cannot tell what will happen to you.",
    "Each drug was tested in its own studies, in other people. So these numbers do not rank the drugs.",
    "This is not medical advice. It picks no drug.",
)


def sheet(made: ForPatient) -> Sheet:
    """The sheet of an answer."""
    rows = []
    for outcome in made.outcomes:
        mine = [r for r in made.risks if r.outcome == outcome]
        rows.append((_what(outcome, made), tuple(" ".join(sentences(r, made)) for r in mine)))
    warnings, missing = tuple(_warnings(made)), tuple(_missing(made))
    parts = [f"{what}. {' '.join(cells)}" for what, cells in rows]
    grade = plain_words.reading_grade(" ".join([*parts, *warnings, *missing, *CLOSING]))
    return Sheet(_you(made), tuple(rows), warnings, missing, CLOSING, max(0, round(grade)))


def _you(made: ForPatient) -> tuple[str, ...]:
    said = [made.names[made.indication]] if made.indication else []
    for item, value in made.patient.known().items():
        if item == "age":
            said.append(f"{value:g} years old")
        elif item == "smoking":
            said.append({"never": "never smoked", "past": "smoked in the past", "current": "smoke"}[value])
        elif isinstance(value, bool):
            said.append(ITEMS.get(item, item.replace("_", " ")) if value else f"no {_bare(item)}")
        elif item == "cv_risk_factors":
            said.append(
                f"{value:g} more risks for heart disease" if value else "no other risks for heart disease"
            )
        elif item == "sex":
            said.append({"female": "woman", "male": "man"}[value])
        elif item != "indication":
            said.append(f"{item.replace('_', ' ')} {value}")
    return tuple(said)


def _bare(item: str) -> str:
    return ITEMS.get(item, item.replace("_", " ")).removeprefix("a ").removeprefix("the ")


def _what(outcome: str, made: ForPatient) -> str:
    what = OUTCOMES.get(outcome, made.names[outcome].lower())
    return what[0].upper() + what[1:]


def sentences(risk: Risk, made: ForPatient) -> list[str]:
    """One outcome on one treatment."""
    if risk.main:
        return _compared(risk.main, made)
    seen = risk.observed
    if seen is None:
        return ["No study we hold has told us about this."]
    who = _people(seen, made)
    if risk.status == "zero events":
        size = f" of {seen['n']:,.0f}" if seen["n"] else ""
        told = [f"No one{size} on the drug had this in the study{who}."]
        if seen["yearly_high"] is None:
            told.append("That does not mean it cannot happen.")
        else:
            told.append(
                f"It could still be up to {plain_words.at_most(seen['yearly_high'])} of 1,000 a year."
            )
        return told + (["Other studies of the drug did see it."] if risk.elsewhere else [])
    if seen["yearly"] is None:
        return [f"Some people on the drug had this{who}. We cannot say how many a year."]
    return [f"On the drug, about {few(seen['yearly'])} of 1,000 had this in a year{who}."]


def _compared(c: Calculation, made: ForPatient) -> list[str]:
    years = _followed(c, made)
    # a trial of some weeks says nothing of five years: one year is then the longest span told
    base, over = c.baseline, c.year if years is not None and years < 1 else c.horizon
    drug = c.stands_for
    beside = f"on {made.names[drug.lstrip('?')]}" if drug else "without the drug"
    if drug.startswith("?"):
        beside = f"not on a JAK drug (standing in for {made.names[drug[1:]]})"
    disease = made.names.get(base.population, base.population)
    people = {
        "general population": "people in general",
        "own number": "people, by the rate you gave,",
        "equation": "people in the US with your test results",
    }.get(base.kind, f"people with {disease}" if base.population else "people")
    told = [out_of_1000(over, people, beside), how_sure(over)]
    if years is not None and years < over.years:
        told.append(f"The study ran for {span_words(years)}. The rest is a guess.")
    elif years is None and over.years > 1:
        told.append("How long the studies ran is not known to us.")
    if c.effect.network:
        told.append("The two were not all tested side by side.")
    return told


def _followed(c: Calculation, made: ForPatient) -> float | None:
    """The longest follow-up of the studies behind a ratio, None when it was not read."""
    mine = [d["follow_up_years"] for d in made.distance_rows if d["study"] in c.effect.studies]
    known = [float(y) for y in mine if y is not None]
    return max(known) if known and len(known) == len(mine) else None


def _people(line: Mapping[str, Any], made: ForPatient) -> str:
    """What tells the people of a line from this person, and for how long they were seen when under a year."""
    parts = []
    if line["same_disease"] != "yes":
        parts.append(f"people with {made.names.get(line['population'], line['population'])}")
    if line["subgroup"]:
        parts.append(line["subgroup"].replace(">=", "at least ").replace("<", "under "))
    if line["period_weeks"] and line["period_weeks"] < 52:
        parts.append(f"{line['period_weeks']:g} weeks")
    return f" ({', '.join(parts)})" if parts else ""


def _warnings(made: ForPatient) -> list[str]:
    """What labels and agencies say of this person and of everyone, and whose data that rests on."""
    told = []
    none = [t for t in made.treatments if made.indication and made.approval_rows.get(t) == ()]
    if none and made.indication:
        drugs_said = listed(dict.fromkeys(_drug(t, made) for t in none))
        told.append(f"We hold no approval of {drugs_said} for {made.names[made.indication]}.")
    boxed: dict[tuple[str, ...], list[str]] = {}
    for treatment in made.treatments:
        rows = [r for r in made.statement_rows if r["treatment"] == treatment and r["kind"] == "boxed"]
        topics = [_TOPICS.get(r["topic"], "") for r in rows if r["verdict"] == "applies"]
        key = tuple(t for t in _TOPICS.values() if t and t in topics)
        if key:
            boxed.setdefault(key, []).append(_drug(treatment, made))
    for topics_said, drugs in boxed.items():
        told.append(f"US labels of {listed(dict.fromkeys(drugs))} warn all users of {listed(topics_said)}.")
    for who in dict.fromkeys(r["jurisdiction"] for r in made.statement_rows):
        rows = [r for r in made.statement_rows if r["jurisdiction"] == who]
        sure = [i for r in rows if r["verdict"] == "applies" for i in r["named_items"].split("; ") if i]
        if sure:
            named = dict.fromkeys(ITEMS.get(i, i) for i in sure)
            told.append(f"{who} warnings name some things that are true of you: {listed(named)}.")
    open_items = [
        i for r in made.statement_rows if r["verdict"] == "might" for i in r["unknown"].split("; ") if i
    ]
    if open_items:
        named = dict.fromkeys(ITEMS.get(i, i) for i in open_items)
        told.append(f"More warnings may be meant for you. It depends on: {listed(named)}.")
    for study in dict.fromkeys(r["basis_study"] for r in made.statement_rows if r["basis_study"]):
        rows = [r for r in made.statement_rows if r["basis_study"] == study]
        other = sorted((r["extension"] for r in rows if r["extension"]), key=len)
        told.append(
            f"Some of these come from one study, {made.names[study]}{f', of {other[0]}' if other else ''}."
        )
        could = {"yes": "You could have joined it.", "no": "You could not have joined it."}
        told.append(could.get(rows[0]["in_basis_study"], "We cannot tell if you could have joined it."))
    return told


def _drug(treatment: str, made: ForPatient) -> str:
    return made.names[treatment].split()[0].rstrip(",")


def _missing(made: ForPatient) -> list[str]:
    """Risk factors of the person that no number on the sheet carries."""
    named = dict.fromkeys(
        words
        for row in made.missing_rows
        for start, words in FACTORS.items()
        if row["factor"].startswith(start)
    )
    if not named:
        return []
    return [
        f"Not in these numbers: {listed(named)}.",
        "Each may raise your risk. The full view lists what is known of each.",
    ]
