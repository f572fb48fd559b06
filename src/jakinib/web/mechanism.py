"""What the mechanism pages show: regimens read from the address, results kept while there is room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd

from jakinib.mechanism.cytokine_map import CytokineMap, cytokine_map
from jakinib.mechanism.drug_regimen import drug_and_regimen
from jakinib.mechanism.errors import MechanismError, NotReadError
from jakinib.mechanism.inhibition import KINASES, Inhibition, inhibition
from jakinib.mechanism.regimen import Regimen, parse_regimen
from jakinib.mechanism.selectivity import Selectivity, selectivity
from jakinib.mechanism.side_by_side import InhibitionSideBySide
from jakinib.mechanism.signalling import Signalling, signalling
from jakinib.mechanism.tables import Tables
from jakinib.report.tables import jak_inhibitors
from jakinib.web.errors import BadQueryError
from jakinib.web.site import Row, Site, rows

MOST_REGIMENS = 4
MOST_PANELS = 6
PERSONS = 500  # simulated for the range between persons
SHARE = 0.8  # of the first pathway's inhibition, at which another is said to have caught up
DEFAULT = ("tofacitinib:5 mg bid", "upadacitinib:15 mg ER qd", "baricitinib:4 mg qd", "abrocitinib:200 mg qd")
CYTOKINES = ("IL-6", "EPO")
HOURS = (0, 1, 2, 3, 4, 6, 8, 12, 18, 24)  # of the table beside the courses
INTERVALS_H = (4.0, 168.0)
MOST_MG = 5000.0
WRITTEN = "a drug, a dose and its schedule, like tofacitinib:5 mg bid"


@dataclass(frozen=True)
class Asked:
    """One drug and regimen: ``text`` is its address form, ``label`` what is shown."""

    drug: str
    regimen: Regimen
    result: Inhibition

    @property
    def text(self) -> str:
        return f"{self.drug}:{self.regimen}"

    @property
    def label(self) -> str:
        return f"{self.drug} {self.regimen}"

    @property
    def level(self) -> str:
        """``pathway``, ``kinase``, ``pk`` or ``none``."""
        if self.result.level != "exposure":
            return self.result.level
        return "none" if self.result.exposure is None else "pk"


class Mechanism:
    """The mechanism of one evidence base, computed on demand; results are kept by drug and regimen."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.inhibition = lru_cache(maxsize=256)(self._inhibition)
        self.selectivity = lru_cache(maxsize=128)(self._selectivity)
        self.crossings = lru_cache(maxsize=128)(self._crossings)
        self.signalling = lru_cache(maxsize=128)(self._signalling)
        self.block = lru_cache(maxsize=64)(self._block)

    @cached_property
    def tables(self) -> Tables:
        return Tables.of(self.site.ev)

    @cached_property
    def map(self) -> CytokineMap:
        return cytokine_map(self.tables)

    @cached_property
    def drugs(self) -> list[str]:
        """Drugs of which a potency or a pharmacokinetic value is held."""
        known = {*self.tables.potency["drug"], *self.tables.pk["drug"]}
        return [d for d in self.site.drugs if d in known]

    @cached_property
    def suggested(self) -> dict[str, list[str]]:
        """Drug -> regimens by mouth that the evidence has, those with most rows first, in address form."""
        held = self.site.ev["events"]["treatment"].value_counts()
        found: dict[str, list[tuple[int, str]]] = {}
        for row in self.site.of_all("treatments"):
            wanted = row["kind"] == "dose" and row["route"] == "oral" and row["dose_unit"] == "mg"
            if not wanted or row["drug"] not in self.drugs or not row["dose"] or not row["regimen"]:
                continue
            slow = str(row["formulation"] or "").lower() in ("modified-release", "extended-release")
            form = " ER" if slow else ""
            try:
                asked = self.one(f"{row['drug']}:{row['dose']:g} mg{form} {row['regimen']}")
            except (BadQueryError, MechanismError):
                continue  # a schedule that is not one dose at one interval
            found.setdefault(row["drug"], []).append((int(held.get(row["treatment"], 0)), asked.text))
        return {
            drug: list(dict.fromkeys(t for _, t in sorted(of, key=lambda e: -e[0])))
            for drug, of in found.items()
        }

    # -- reading the address ---------------------------------------------------------------------------

    def asked(self, texts: Iterable[str]) -> list[Asked]:
        """The regimens of an address, each once; the default ones if it names none.

        Raises UnknownNameError for a drug, BadQueryError for a regimen, naming what could be meant.
        """
        given = list(dict.fromkeys(t.strip() for t in texts if t.strip()))
        if len(given) > MOST_REGIMENS:
            raise BadQueryError("regimen", f"{len(given)} of them", f"at most {MOST_REGIMENS} at once")
        return list({a.text: a for a in map(self.one, given or DEFAULT)}.values())

    def one(self, text: str) -> Asked:
        """One regimen of an address."""
        try:
            name, said = drug_and_regimen(text[:200])
        except MechanismError as error:
            near = self._regimens_of(text)
            raise BadQueryError("regimen", text, f"{WRITTEN}; {error}", instead=near) from None
        drug = self.site.ev.name("drug", name)
        if drug not in self.drugs:
            held = f"a drug with a potency or pharmacokinetics that was read: {', '.join(self.drugs)}"
            raise BadQueryError("regimen", text, held)
        try:
            regimen = parse_regimen(said)
        except MechanismError as error:
            near = _completed(drug, said, ("qd", "bid", "single"))
            raise BadQueryError("regimen", text, f"{WRITTEN}; {error}", instead=near) from None
        low, high = INTERVALS_H
        if regimen.dose_mg > MOST_MG or not (regimen.interval_h is None or low <= regimen.interval_h <= high):
            allowed = f"at most {MOST_MG:,.0f} mg, every {low:g} to {high:g} hours or single"
            raise BadQueryError("regimen", text, allowed)
        try:
            result = self.inhibition(drug, regimen)
        except MechanismError as error:
            near = _completed(drug, said, ("ER", "IR"))
            raise BadQueryError("regimen", text, f"{WRITTEN}; {error}", instead=near) from None
        return Asked(drug, result.regimen, result)

    def _regimens_of(self, text: str) -> list[str]:
        """A drug without a regimen is answered with the regimens that the evidence has."""
        try:
            return self.suggested.get(self.site.ev.name("drug", text.strip(" :")), [])[:5]
        except LookupError:
            return []

    # -- results ---------------------------------------------------------------------------------------

    def _inhibition(self, drug: str, regimen: Regimen) -> Inhibition:
        return inhibition(drug, regimen, persons=PERSONS, seed=1, tables=self.tables)

    def _selectivity(self, drug: str, regimen: Regimen) -> Selectivity | str:
        """The result, or why there is none."""
        try:
            return selectivity(drug, regimen, tables=self.tables)
        except NotReadError as error:
            return str(error)

    def _signalling(self, cytokine: str, drug: str, regimen: Regimen) -> Signalling | str:
        """The result, or why there is none."""
        try:
            return signalling(cytokine, drug, regimen, tables=self.tables)
        except NotReadError as error:
            return str(error)

    def _crossings(self, drug: str, regimen: Regimen, pathways: tuple[str, ...]) -> list[Row]:
        """Doses at which pathways catch up with the one of the lowest IC50 in the same assay system."""
        made = self.selectivity(drug, regimen)
        if isinstance(made, str):
            return []
        mine = rows(self.inhibition(drug, regimen).pathways)
        out = []
        for system in dict.fromkeys(r["system"] for r in mine):
            here = [r for r in mine if r["system"] == system and r["pathway"] in pathways]
            here.sort(key=lambda r: float(r["ic50_nM"]))
            for other in here[1:]:
                if other["ic50_nM"] > here[0]["ic50_nM"]:
                    dose = made.crossing(here[0]["pathway"], other["pathway"], SHARE)
                    out.append({"first": here[0]["pathway"], "second": other["pathway"], "dose_mg": dose})
        return out

    def side_by_side(self, asked: Sequence[Asked]) -> InhibitionSideBySide:
        """The table, kinases and courses of several regimens in one."""
        parts = [
            a.result.pathways.assign(drug=a.drug, regimen=str(a.regimen), treatment=a.label) for a in asked
        ]
        joined = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
        joined = joined[["drug", "regimen", "treatment", *asked[0].result.pathways.columns]]
        return InhibitionSideBySide(tuple(a.result for a in asked), joined)

    # -- what the page shows ---------------------------------------------------------------------------

    def heat(self, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """Systems; in each the pathways; in each a cell a regimen: its row or None. Shared pathways first."""
        held: dict[str, dict[str, Row]] = {}
        for a in asked:
            for row in rows(a.result.pathways):
                held.setdefault(row["pathway"], {})[a.text] = row
        groups: dict[str, list[dict[str, Any]]] = {}
        for name in sorted(held, key=lambda p: -len(held[p])):
            some = next(iter(held[name].values()))
            cells = [{"asked": a, "row": held[name].get(a.text)} for a in asked]
            groups.setdefault(some["system"], []).append({"pathway": name, "any": some, "cells": cells})
        rank = {"ex vivo whole blood": 0, "whole blood": 1, "PBMC": 2}
        return [{"system": s, "rows": groups[s]} for s in sorted(groups, key=lambda s: rank.get(s, 3))]

    def unread(self, asked: Sequence[Asked]) -> list[str]:
        """Cytokines of the map for which none of the regimens has a potency."""
        return sorted(set.intersection(*(set(a.result.missing) for a in asked)))

    def kinases(self, asked: Sequence[Asked]) -> pd.DataFrame:
        """The enzyme order, a row a drug and kinase; never in one table with pathways."""
        made = self.side_by_side(asked).kinases()
        if made.empty:
            columns = [*asked[0].result.kinases.columns, "drug", "treatment"]
            return pd.DataFrame(columns=columns)
        return made

    def kinase_table(self, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """A row a kinase, a cell a regimen: its row or None."""
        held = {(r["treatment"], r["kinase"]): r for r in rows(self.kinases(asked))}
        return [
            {"kinase": k, "cells": [{"asked": a, "row": held.get((a.label, k))} for a in asked]}
            for k in KINASES
        ]

    def stimuli(self, asked: Sequence[Asked]) -> list[str]:
        """The stimuli with a potency for any of the regimens."""
        return sorted({s for a in asked for s in a.result.pathways["stimulus"] if s})

    def chosen(self, asked: Sequence[Asked], stimulus: str) -> list[str]:
        """The pathways the curves show: those of a stimulus, or a few that let the regimens be compared.

        Without a stimulus: what several regimens share, then the first two of each regimen not yet shown;
        of a single regimen the first ones.
        """
        every = [row for group in self.heat(asked) for row in group["rows"]]
        if stimulus:
            if stimulus not in self.stimuli(asked):
                raise BadQueryError("stimulus", stimulus, ", ".join(self.stimuli(asked)) or "none is held")
            return [r["pathway"] for r in every if r["any"]["stimulus"] == stimulus][: MOST_PANELS + 2]
        shared = [r for r in every if sum(c["row"] is not None for c in r["cells"]) > 1]
        chosen = [r["pathway"] for r in shared][:MOST_PANELS]
        for i in range(len(asked)):
            mine = [r["pathway"] for r in every if r["cells"][i]["row"] is not None]
            if mine and not set(mine) & set(chosen):
                chosen += mine[: MOST_PANELS if len(asked) == 1 else 2]
        return chosen

    def exposures(self, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """A row a regimen: its measures with ranges, its model, population and sources."""
        made = []
        for a in asked:
            found = a.result.exposure
            entry: dict[str, Any] = {"asked": a, "measures": {}}
            if found is not None:
                entry["measures"] = {m["measure"]: {"low": None, **m} for m in rows(found.table())}
                entry |= {"model": found.model.name, "population": found.model.population}
                entry |= {"sources": list(found.model.source_ids), "unbound": found.unbound_fraction}
            made.append(entry)
        return made

    def exposure_table(self, asked: Sequence[Asked]) -> pd.DataFrame:
        """``treatment, measure, unit, typical, median, low, high, model, population, sources``."""
        parts = [
            a.result.exposure.table().assign(
                treatment=a.label, model=a.result.exposure.model.name,
                population=a.result.exposure.model.population,
                sources=";".join(a.result.exposure.model.source_ids),
            )
            for a in asked if a.result.exposure is not None
        ]  # fmt: skip
        columns = ["treatment", "measure", "unit", "typical", "median", "low", "high", "model", "population"]
        return _stacked(parts, [*columns, "sources"])

    def concentrations(self, asked: Sequence[Asked]) -> pd.DataFrame:
        """``treatment, time_h, typical, low, high`` over 24 h at least (short intervals repeated)."""
        parts = []
        for a in asked:
            if a.result.exposure is None:
                continue
            curve, end = a.result.exposure.curve(), float(a.result.exposure.times_h[-1])
            for repeat in range(max(1, int(24 // end))):
                parts.append(curve.assign(treatment=a.label, time_h=curve["time_h"] + repeat * end))
        return _stacked(parts, ["treatment", "time_h", "typical", "low", "high"])

    def course(self, asked: Sequence[Asked], pathways: Sequence[str]) -> pd.DataFrame:
        """``treatment, pathway, time_h, inhibition`` of some pathways over a day, in their order."""
        made = self.side_by_side(asked).course_table()
        return _stacked([made[made["pathway"] == p] for p in pathways], list(made.columns))

    def course_rows(self, asked: Sequence[Asked], pathways: Sequence[str]) -> list[Row]:
        """The curves at some hours, as the twin of their figure."""
        out = []
        for (pathway, treatment), part in self.course(asked, pathways).groupby(
            ["pathway", "treatment"], sort=False
        ):
            at = dict(zip(part["time_h"].round(3), part["inhibition"], strict=True))
            out.append(
                {"pathway": pathway, "treatment": treatment, "shares": [at.get(float(h)) for h in HOURS]}
            )
        return out

    def doses(self, asked: Sequence[Asked], pathways: Sequence[str]) -> pd.DataFrame:
        """``treatment, schedule, dose_mg, pathway, average, bound, ic50_nM, basis, source_id, locator``."""
        parts = []
        for a in asked:
            made = self.selectivity(a.drug, a.regimen)
            if not isinstance(made, str):
                mine = made.rows[made.rows["pathway"].isin(pathways)]
                form = " ".join(x for x in (a.regimen.formulation, a.regimen.schedule) if x)
                parts.append(mine.assign(treatment=a.label, schedule=form))
        columns = ["treatment", "schedule", "dose_mg", "pathway", "average", "bound", "ic50_nM", "basis"]
        return _stacked(parts, [*columns, "source_id", "locator"])

    def dose_rows(self, asked: Sequence[Asked], pathways: Sequence[str]) -> list[dict[str, Any]]:
        """A regimen: the doses shown, a row a pathway with its averages, and where others catch up."""
        every = self.doses(asked, pathways)
        out = []
        for a in asked:
            mine = every[every["treatment"] == a.label]
            made = self.selectivity(a.drug, a.regimen)
            entry: dict[str, Any] = {"asked": a, "doses": [], "rows": [], "crossings": [], "refused": ""}
            if isinstance(made, str):
                entry["refused"] = made
            elif len(mine):
                doses = sorted(set(mine["dose_mg"]))[::2]
                for pathway, part in mine.groupby("pathway", sort=False):
                    at = dict(zip(part["dose_mg"], part["average"], strict=True))
                    sign = {"at least": "≥ ", "at most": "≤ "}.get(part["bound"].iloc[0], "")
                    entry["rows"].append({"pathway": pathway, "sign": sign, "shares": [at[d] for d in doses]})
                exact = set(mine.loc[mine["bound"] == "estimate", "pathway"])
                names = tuple(p for p in pathways if p in exact)
                entry |= {"doses": doses, "crossings": self.crossings(a.drug, a.regimen, names)}
            out.append(entry)
        return out

    def signals(self, asked: Sequence[Asked], cytokine: str) -> dict[str, Any]:
        """A pathway model under each regimen: results, refusals, and a row a readout."""
        every = [(a, self.signalling(cytokine, a.drug, a.regimen)) for a in asked]
        made = [(a, s) for a, s in every if not isinstance(s, str)]
        tables = [(a, rows(s.table())) for a, s in made]
        readouts = [
            {"name": first["name"], "cells": [{"asked": a, **of[i]} for a, of in tables]}
            for i, first in enumerate(tables[0][1] if tables else [])
        ]
        return {
            "cytokine": cytokine,
            "made": made,
            "refused": [(a, s) for a, s in every if isinstance(s, str)],
            "readouts": readouts,
            "assumptions": list(dict.fromkeys(" ".join(s.assumptions) for _, s in made)),
            "source": made[0][1].source if made else "",
        }

    def signal_curves(self, asked: Sequence[Asked], cytokine: str) -> pd.DataFrame:
        """``run, name, readout, time_h, value``: every regimen with a result, and no drug."""
        made = self.signals(asked, cytokine)["made"]
        parts = [s.curves.assign(run=a.label, value=s.curves["with_drug"]) for a, s in made]
        if made:
            none = made[0][1].curves
            parts.append(none.assign(run="no drug", value=none["without_drug"]))
        return _stacked(parts, ["run", "name", "readout", "time_h", "value"])

    def cell(self, asked: Asked, potency: str) -> dict[str, Any]:
        """One cell of the heatmap: its row, and the pharmacokinetic rows it rests on."""
        found = [r for r in rows(asked.result.pathways) if r["potency"] == potency]
        exposed = asked.result.exposure
        if not found or exposed is None:
            known = ", ".join(asked.result.pathways["potency"]) or "none"
            raise BadQueryError("potency", potency, f"a potency of {asked.drug} on a pathway: {known}")
        used = set(exposed.model.rows["pk"])
        unbound = found[0]["basis"] == "unbound"
        pk = [
            r for r in self.site.of("pk", drug=asked.drug)
            if r["pk"] in used or (unbound and r["symbol"] == "unbound fraction" and r["use"] == "default")
        ]  # fmt: skip
        pk.sort(key=lambda r: r["form"] != "base")  # what acts in everyone first, then the covariates
        return {"row": found[0], "exposed": exposed, "pk": pk}

    def potency_table(self, key: str) -> str:
        """Which table holds a potency row."""
        return "potency" if key in self.site.traces.places("potency") else "potency_chembl"

    def overview(self) -> list[dict[str, Any]]:
        """Every JAK inhibitor with what its sources allow and a regimen to look at."""
        return [self.block(drug) for drug in jak_inhibitors(self.site.ev)["drug"]]

    def _block(self, drug: str) -> dict[str, Any]:
        """What the sources of a drug allow, with the numbers; empty for a drug that is no JAK inhibitor."""
        if drug not in set(jak_inhibitors(self.site.ev)["drug"]):
            return {}
        regimen = next(iter(self.suggested.get(drug, [])), None)
        asked = self.one(regimen) if regimen else None
        facts = [r for r in self.site.of("pk", drug=drug) if r["use"] != "excluded"]
        kinases: list[Row] = []
        if asked:
            kinases = rows(asked.result.kinases)
        elif (
            drug in self.drugs
        ):  # the order of enzymes needs no regimen; nothing that depends on one is shown
            any_dose = inhibition(drug, Regimen(1.0, 24.0), tables=self.tables).kinases
            kinases = rows(any_dose.drop(columns="unbound_average_over_ic50"))
        level = asked.level if asked else "kinase" if kinases else "none"
        if level == "none" and facts:
            level = "pk"
        return {
            "drug": drug,
            "name": self.site.drugs[drug],
            "asked": asked,
            "level": level,
            "heat": self.heat([asked]) if asked else [],
            "kinases": kinases,
            "exposure": self.exposures([asked])[0] if asked else None,
            "facts": facts,
        }


def _stacked(parts: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return joined.reindex(columns=columns)


def _completed(drug: str, said: str, words: Sequence[str]) -> list[str]:
    """The regimens that a text without one word could mean."""
    found = []
    for word in words:
        try:
            found.append(f"{drug}:{parse_regimen(f'{said} {word}')}")
        except MechanismError:
            continue
    return found
