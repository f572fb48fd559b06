"""From the words of a posted group to a treatment: drug, dose, regimen, and what kind of group it is.

Groups are joined to planned arms by title and description, so every new key is listed for a person to
confirm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from jakinib.registry.ctgov.record import Arm, Group, Record
from jakinib.registry.names import Names, pattern
from jakinib.registry.text import fold, slug


class Treatment(NamedTuple):
    """A row of ``treatments`` with the drug it needs."""

    key: str
    drug: str
    drug_name: str
    label: str
    dose: float | None
    dose_high: float | None
    dose_unit: str
    regimen: str
    route: str
    kind: str
    note: str


@dataclass(frozen=True)
class Assigned:
    """What a group is taken to be. ``overlaps`` says why its persons are counted elsewhere, or is ""."""

    group: Group
    treatment: Treatment
    role: str
    period: str
    overlaps: str = ""
    subgroup: str = ""


_DOSE = re.compile(r"(\d{1,5}(?:[.,]\d{1,3})?)\s*(mg/g|milligrams?(?:\s*\(mg\))?|mg|%)(?![\w/])", re.I)
_REGIMENS = {
    "bid": r"\b(?:twice[ -](?:a[ -])?dai?l?y|twice (?:a|per) day|two times (?:a|per) day|bid|b\.i\.d)\b",
    "tid": r"\b(?:three times (?:a|per) day|three times daily|tid|t\.i\.d)\b",
    "qd": r"\b(?:once[ -](?:a[ -])?dai?l?y|once (?:a|per) day|qd|q\.d|od|every day)\b",
    "q2w": r"\b(?:every (?:2|two) weeks?|every other week|q2w|eow|biweekly)\b",
    "biw": r"\b(?:twice (?:a |per )?week(?:ly)?|biw)\b",
    "qw": r"\b(?:once (?:a |per )?week(?:ly)?|every week|weekly|qw)\b",
}
_REGIMEN_PATTERNS = {name: re.compile(words, re.I) for name, words in _REGIMENS.items()}
_OTHER_INTERVAL = re.compile(r"\b(?:every (\d+|\w+) weeks|q[34568]w|monthly|every month)\b", re.I)
# what stands between two treatments that follow each other
_SEQUENCE = re.compile(
    r"-+\s*>|→|\bthen\b|\bfollowed by\b|\bswitch\w*|(?<!up )\bto\b|/|,|\bcross(?:ed)? ?over\b", re.I
)
# a placebo given beside the drug so that both groups take as many tablets and injections
_DUMMY = re.compile(
    r"\+\s*(?:\w+ ){0,2}placebo(?: (?:injections?|tablets?|capsules?|cream))?|"
    r"placebo(?: (?:injections?|tablets?|capsules?|cream))?\s*\+",
    re.I,
)
_DOSES_IN_ORDER = re.compile(
    r"(\d+(?:\.\d+)?) ?mg\b[^\d]*?\b(?:then|followed by|to)\b.{0,40}?(\d+(?:\.\d+)?) ?mg\b", re.I
)
_LATER = re.compile(r"\b(?:then|followed by|switch\w*|cross\w* ?over|re-?randomi[sz]ed)\b", re.I)
_POOL = re.compile(
    r"^\W*(?:all|any|total|overall|pooled|combined)\b|\b(?:total|pooled|combined|overall)\b", re.I
)
_SUBSET = re.compile(r"\bsubset of\b", re.I)
_OPEN = re.compile(r"\bopen[- ]?label\b|\bOL\b")
_EXTENSION = re.compile(r"\bextension\b|\blong[- ]term\b|\bLTE\b|\bSFE\b|\bwithdrawal period\b", re.I)
_CONTROLLED = re.compile(r"\bdouble[- ]blind\b|\bplacebo[- ]controlled\b|\binduction\b", re.I)
_WEEKS = re.compile(r"\bweeks?\s*(\d+)\s*(?:-|–|up to|to|through)\s*(?:week\s*)?(\d+)", re.I)
_INERT = {"placebo", "vehicle"}


class Reader:
    """Reads the groups of one record."""

    def __init__(self, record: Record, names: Names) -> None:
        self.record = record
        self.names = names
        self.new_drugs: dict[str, str] = {}
        aliases = dict(names.drugs)
        self.given: dict[str, list[str]] = {}
        for intervention in record.interventions:
            drug = self._drug(intervention.name, intervention.other_names, aliases)
            if drug:
                self.given.setdefault(drug, []).append(f"{intervention.name} {intervention.description}")
        self._abbreviations(aliases)
        self.aliases = aliases
        self.pattern = pattern(aliases)
        self.background = self._background()
        self._read: dict[tuple[str, str], Assigned] = {}

    def _drug(self, name: str, others: tuple[str, ...], aliases: dict[str, str]) -> str:
        """The drug an intervention is, learning its other names."""
        found = [d for text in (name, *others) for d in self.names.drugs_in(text)]
        active = [d for d in found if d not in _INERT]
        plain = re.sub(r"\s*[\(\[][^)\]]*[\)\]]|\b\d+([.,]\d+)?\s*(mg/g|mg|%|mcg|µg|ml)\b", " ", name)
        if found and (not active or re.search(r"\bplacebo|\bvehicle|\bsham", name, re.I)):
            return found[0] if found[0] in _INERT else "placebo"
        if re.search(r"\bplacebo|\bvehicle\b|\bsham\b|\bmatching\b", name, re.I):
            return "placebo"
        drug = active[0] if active else slug(plain, 40)
        if drug in ("unnamed", ""):
            return ""
        if not active:
            self.new_drugs.setdefault(drug, plain.strip() or name)
        inner = re.findall(r"[\(\[]([^)\]]{3,40})[\)\]]", name)
        for alias in (plain, *inner, *others):
            folded = fold(alias)
            if (
                len(folded) > 3
                and not folded.isdigit()
                and len(folded.split()) < 5
                and "placebo" not in folded
            ):
                aliases.setdefault(folded, drug)
        return drug

    def _abbreviations(self, aliases: dict[str, str]) -> None:
        """``Certolizumab pegol (CZP)`` anywhere in the record teaches the abbreviation."""
        places: list[Arm | Group] = [*self.record.arms, *self.record.groups]
        places += [*self.record.flow_groups, *self.record.baseline_groups]
        for place in places:
            text = place.description
            for match in re.finditer(r"\(([A-Z][A-Z0-9]{1,7})\)", text):
                before = fold(text[max(0, match.start() - 60) : match.start()])
                for alias in sorted(aliases, key=len, reverse=True):
                    if before.endswith(alias) and len(alias) > 3:
                        aliases.setdefault(fold(match[1]), aliases[alias])
                        break

    def _background(self) -> set[str]:
        """Drugs that every planned arm is given beside something else."""
        per_arm = [{d for n in arm.interventions for d in self._found(n)} for arm in self.record.arms]
        if len(per_arm) < 2:
            return set()
        shared = set.intersection(*per_arm) - _INERT
        return shared if all(given - shared for given in per_arm) else set()

    def _found(self, text: str) -> list[str]:
        return list(dict.fromkeys(self.aliases[m[0]] for m in self.pattern.finditer(fold(text))))

    def assign(self, groups: tuple[Group, ...]) -> dict[str, Assigned]:
        """What each group is, by group id; overlaps among them are marked."""
        found = {g.id: self._same_words(g) for g in groups}
        several = any(a.overlaps for a in found.values()) or self._periods() > 1
        for key, a in found.items():
            named = f"{a.group.title} "
            if (
                a.period == "controlled"
                and several
                and not _CONTROLLED.search(named)
                and not _WEEKS.search(named)
            ):
                # what the group covers is not said: a placebo group may go on into active drug
                found[key] = replace(a, period="not-stated")
        return self._repeated(self._contained(found))

    def _same_words(self, group: Group) -> Assigned:
        """The modules of a record repeat their groups in the same words: each is read once."""
        words = group.title, group.description
        if words not in self._read:
            self._read[words] = self._assign(group)
        return replace(self._read[words], group=group)

    def _periods(self) -> int:
        started = {f.period for f in self.record.flow if f.kind == "milestone" and f.persons}
        return len(started)

    def _assign(self, group: Group) -> Assigned:
        text = f"{group.title}. {group.description}"
        planned = self._planned(group)
        title = _DUMMY.sub(" ", group.title)
        active = [d for d in self._found(title) if d not in _INERT and d not in self.background]
        inert = next((d for d in self._found(title) if d in _INERT), "")
        if inert and len(active) == 1 and (first := self._first(title)):
            drug = self._treatment(active, group, planned)
            return Assigned(
                group,
                self._sequence(inert, drug) if first in _INERT else self._withdrawn(drug, inert),
                "active",
                "post-switch",
                f"its persons changed between {inert} and active drug and are counted in another group too",
            )
        if not active and not inert and planned:
            given = list(dict.fromkeys(d for n in planned.interventions for d in self._found(n)))
            active = [d for d in given if d not in _INERT and d not in self.background]
            inert = next((d for d in given if d in _INERT), "") if not active else ""
        if not active and not inert:
            given = self._found(group.description)
            active = [d for d in given if d not in _INERT and d not in self.background][:1]
            inert = next((d for d in given if d in _INERT), "") if not active else ""
        if inert and not active:
            return self._placebo(group, inert)
        treatment = self._treatment(active, group, planned)
        return Assigned(group, treatment, self._role(treatment.drug), *self._period(text, group, treatment))

    def _placebo(self, group: Group, inert: str) -> Assigned:
        text = f"{group.title}. {group.description}"
        switch = _LATER.search(text)
        later = [d for d in self._found(text[switch.end() :]) if d not in _INERT] if switch else []
        if later:
            note = f"{inert} first, {later[0]} later in the same group, as posted"
            key = f"{inert}-then-{later[0]}"
            treatment = Treatment(
                key,
                later[0],
                self._name(later[0]),
                f"{inert}, then {self._name(later[0])}",
                None,
                None,
                "",
                "",
                "",
                "sequence",
                note,
            )
            return Assigned(group, treatment, "active", "not-stated")
        treatment = Treatment(inert, inert, inert, inert, None, None, "", "", "", "comparator", "")
        return Assigned(group, treatment, "placebo", *self._period(text, group, treatment))

    def _period(self, text: str, group: Group, treatment: Treatment) -> tuple[str, str]:
        """Kind of period, and why the persons of the group are counted in another group too."""
        if _SUBSET.search(text):
            return "open-label" if _OPEN.search(text) else "not-stated", "posted as a subset of another group"
        if _POOL.search(group.title) or len(_titles_in(group, self.record.groups)) > 1:
            return "not-stated", "puts other groups of the record together"
        if _EXTENSION.search(group.title):
            return "extension", "its persons come from the randomised groups of the same record"
        if _OPEN.search(group.title):
            return "open-label", "its persons may come from the randomised groups of the same record"
        if self.record.allocation == "RANDOMIZED":
            return "controlled" if self._has_control() else "randomised", ""
        return ("open-label" if self.record.masking == "NONE" else "not-stated"), ""

    def _has_control(self) -> bool:
        return len(self.record.arms) > 1 or len(self.record.groups) > 1

    def _planned(self, group: Group) -> Arm | None:
        """The planned arm of the same name, or with the same description."""
        title = fold(re.sub(r"\([^)]*\b(?:SS|SAF|FAS|ITT|set)\b[^)]*\)", "", group.title))
        by_title = [a for a in self.record.arms if fold(a.label) == title]
        by_text = [
            a
            for a in self.record.arms
            if group.description and fold(a.description) == fold(group.description)
        ]
        both = by_title or by_text
        return both[0] if len(both) == 1 else None

    def _name(self, drug: str) -> str:
        return self.new_drugs.get(drug, drug.replace("-", " "))

    def _role(self, drug: str) -> str:
        if drug in _INERT:
            return "placebo"
        known = self.names.drug_class.get(drug)
        jak = known == "JAK inhibitor" or (known is None and drug.endswith("citinib"))
        return "jak" if jak else "active"

    def _sequence(self, inert: str, after: Treatment) -> Treatment:
        key = f"{inert}-then-{after.key}"
        return after._replace(
            key=key,
            label=f"{inert}, then {after.label}",
            kind="sequence",
            note=f"{inert} first, then {after.label}",
        )

    def _withdrawn(self, before: Treatment, inert: str) -> Treatment:
        label = f"{before.label}, then {inert}"
        return before._replace(key=f"{before.key}-then-{inert}", label=label, kind="sequence", note=label)

    def _first(self, title: str) -> str:
        """The drug or placebo that comes first when a title names one after the other; else ""."""
        parts = [found for part in _SEQUENCE.split(title) if (found := self._found(part))]
        kinds = [{d in _INERT for d in found} for found in parts]
        return parts[0][0] if len(parts) > 1 and any(kind != kinds[0] for kind in kinds) else ""

    def _treatment(self, active: list[str], group: Group, planned: Arm | None) -> Treatment:
        if not active:
            key = slug(group.title, 60)
            label = group.title or group.id
            return Treatment(key, key, label, label, None, None, "", "", "", "pool", "drug not recognised")
        if len(active) > 1:
            drugs = " + ".join(self._name(d) for d in active)
            note = f"several drugs in one group: {drugs}"
            key = slug(group.title, 60)
            return Treatment(
                key, active[0], self._name(active[0]), group.title, None, None, "", "", "", "pool", note
            )
        drug = active[0]
        texts = [group.title, *([planned.label, planned.description] if planned else []), group.description]
        if len(self._actives()) == 1:
            texts += self.given.get(drug, [])
        doses, unit = next((found for found in map(_doses, texts) if found[0]), ([], ""))
        everything = _POOL.search(group.title) is not None
        if everything and len(doses) < 2:
            doses, unit = [], ""
        regimens = next((r for t in texts if (r := _regimens(t))), [])
        regimen = regimens[0] if len(regimens) == 1 else ""
        other = next((m[0] for t in texts if (m := _OTHER_INTERVAL.search(t))), "") if not regimens else ""
        row = self._row(drug, doses, unit, regimen, _route(" ".join(texts)), other)
        order = _DOSES_IN_ORDER.search(_DUMMY.sub(" ", group.title))
        if order and float(order[1]) != float(order[2]):
            return self._dose_sequence(row, order[1], order[2])
        return row

    def _dose_sequence(self, row: Treatment, first: str, second: str) -> Treatment:
        words = f"{first} then {second} mg"
        return row._replace(
            key=slug(" ".join(p for p in (row.drug, words, row.regimen) if p)),
            label=f"{self._name(row.drug)} {words}",
            dose=float(first),
            dose_high=None,
            kind="sequence",
            note="dose changes by design",
        )

    def _actives(self) -> set[str]:
        return {d for d in self.given if d not in _INERT}

    def _row(
        self, drug: str, doses: list[float], unit: str, regimen: str, route: str, other: str
    ) -> Treatment:
        dose = min(doses) if doses else None
        high = max(doses) if len(doses) > 1 else None
        unit = unit if dose is not None else ""
        known = self.names.treatments.get((drug, dose, high, unit, regimen))
        name = self._name(drug)
        amount = "" if dose is None else f"{dose:g}{f' or {high:g}' if high else ''} {unit}"
        every = {
            "qd": "once daily",
            "bid": "twice daily",
            "tid": "three times daily",
            "qw": "once weekly",
            "q2w": "every 2 weeks",
            "biw": "twice weekly",
            "": "",
        }[regimen]
        label = " ".join(part for part in (name, amount, every) if part)
        key = known or slug(
            " ".join(p for p in (drug, amount.replace("%", "percent").replace("/", " "), regimen) if p)
        )
        kind = "pool" if high else "dose" if dose is not None else "comparator"
        note = "; ".join(
            part
            for part in (
                "dose not stated" if dose is None else "",
                f"given {other}" if other else "regimen not read" if dose is not None and not regimen else "",
            )
            if part
        )
        return Treatment(key, drug, name, label, dose, high, unit, regimen, route, kind, note)

    def _contained(self, found: dict[str, Assigned]) -> dict[str, Assigned]:
        """``Week 0-52`` contains ``Week 0-16`` of the same treatment; the longer one is marked."""
        spans = {k: (int(m[1]), int(m[2])) for k, a in found.items() if (m := _WEEKS.search(a.group.title))}
        first = min((start for start, _ in spans.values()), default=0)
        for key, (start, end) in spans.items():
            if start > max(first, 1):
                why = f"week {start}-{end}: its persons were in the groups before"
                found[key] = replace(found[key], overlaps=found[key].overlaps or why, period="extension")
            for other, (low, high) in spans.items():
                same = found[key].treatment.key == found[other].treatment.key
                if key != other and same and start <= low and high <= end and (start, end) != (low, high):
                    inner = found[other].group.title
                    why = f"week {start}-{end} contains week {low}-{high}, posted as {inner!r}"
                    found[key] = replace(found[key], overlaps=found[key].overlaps or why, period="randomised")
        return found

    def _repeated(self, found: dict[str, Assigned]) -> dict[str, Assigned]:
        """Groups of one treatment in one kind of period are told apart by their titles."""
        seen: dict[tuple[str, str], list[str]] = {}
        for key, a in found.items():
            seen.setdefault((a.treatment.key, a.period), []).append(key)
        for keys in seen.values():
            if len(keys) > 1:
                for key in keys:
                    a = found[key]
                    why = (
                        a.overlaps
                        or "several groups of the record are this treatment; confirm which are separate"
                    )
                    found[key] = replace(a, subgroup=a.group.title or a.group.id, overlaps=why)
        return found


def _titles_in(group: Group, groups: tuple[Group, ...]) -> list[str]:
    """Other groups whose whole title stands in this one's description: it is made of them."""
    text = f" {fold(group.description)} "
    others = (g.title for g in groups if g.title != group.title and len(g.title) > 8)
    return [title for title in others if f" {fold(title)} " in text]


_NOT_THE_DOSE = re.compile(r"\((?:for )?a total of[^)]*\)|\bloading dose[s]? of [^,.;]*", re.I)
# "2 and 4 mg", "10 or 20 mg": the first number has the unit of the second
_UNIT_ONCE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:and|or|/|-|to)\s*(?=\d+(?:\.\d+)?\s*mg\b)")


def _doses(text: str) -> tuple[list[float], str]:
    """Doses named in ``text`` in one unit; a loading dose in brackets is not the dose."""
    text = _UNIT_ONCE.sub(r"\1 mg ", _NOT_THE_DOSE.sub(" ", text))
    found = [(float(m[1].replace(",", ".")), m[2].lower()) for m in _DOSE.finditer(text)]
    units = ["mg" if u.startswith("mil") else u for _, u in found]
    if not found or len(set(units)) > 1:
        return [], ""
    return sorted({d for d, _ in found if d > 0}), units[0]


def _regimens(text: str) -> list[str]:
    return [name for name, words in _REGIMEN_PATTERNS.items() if words.search(text)]


_ROUTES = {
    "oral": re.compile(r"\b(?:oral(?:ly)?|tablets?|capsules?|by mouth)\b"),
    "subcutaneous": re.compile(r"\b(?:subcutaneous(?:ly)?|sc)\b"),
    "topical": re.compile(r"\b(?:topical(?:ly)?|cream|ointment)\b"),
}


def _route(text: str) -> str:
    plain = fold(text)
    found = [route for route, words in _ROUTES.items() if words.search(plain)]
    return found[0] if len(found) == 1 else ""
