"""``jk.coverage``: what is held for each approved oral JAK inhibitor, indication and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.plain import records

if TYPE_CHECKING:
    import altair as alt

    from jakinib.evidence.evidence import Evidence

#: kinds of evidence, in the order in which they are told
KINDS = ("randomised", "long-term", "observational", "background")
#: period of a row -> kind of evidence; a row whose source does not say its period is none of them
OF_PERIOD = {
    "controlled": "randomised",
    "randomised": "randomised",
    "long-term": "long-term",
    "extension": "long-term",
    "open-label": "long-term",
    "post-switch": "long-term",
    "cohort": "observational",
}
#: outcomes of the table: those of the reference page, and what labels warn of
OUTCOMES = (
    "malignancy_ex_nmsc", "nmsc", "mace", "vte", "ate", "death", "serious_infection",
    "opportunistic_infection", "tuberculosis", "herpes_zoster", "gi_perforation", "sae",
)  # fmt: skip
#: what is wanted of each randomised trial
FACTS = {
    "registry_id": "registry id",
    "population": "indication",
    "phase": "phase",
    "arms": "arms",
    "arms_with_n": "arms with persons",
    "arms_with_dose": "active arms with a dose",
    "controlled_weeks": "controlled weeks",
    "mean_age": "mean age",
    "entry": "entry criteria",
    "exclusions": "exclusions",
}


@dataclass(frozen=True)
class Coverage:
    """What is held. ``cells``: a row an approved oral JAK inhibitor, indication and outcome, with rows and
    studies of each kind of evidence and which kinds are ``missing``; ``trials``: a row a randomised trial,
    with the facts wanted of it and which are ``missing``."""

    cells: pd.DataFrame
    trials: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """A row a drug, indication and outcome."""
        return self.cells

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"cells": records(self.cells), "trials": records(self.trials)}

    def figure(self) -> alt.Chart:
        """The studies held for each drug and indication (down) and outcome (across), all kinds together."""
        import altair as alt

        counts = [f"{kind.replace('-', '_')}_studies" for kind in KINDS]
        shown = self.cells.assign(
            what=self.cells["drug"] + ", " + self.cells["indication"], studies=self.cells[counts].sum(axis=1)
        )
        place = {"x": alt.X("outcome:N", title=None, sort=list(OUTCOMES)), "y": alt.Y("what:N", title=None)}
        text = alt.Chart(shown).mark_text(fontSize=11).encode(**place, text="studies:Q")
        made: alt.Chart = text.properties(width=620, height={"step": 18})
        return made

    def __str__(self) -> str:
        counts = {kind: int((self.cells[f"{kind.replace('-', '_')}_rows"] > 0).sum()) for kind in KINDS}
        lines = [
            f"{len(self.cells)} combinations of approved oral JAK inhibitor, indication and outcome; held:"
        ]
        lines += [f"  {kind}: {held}" for kind, held in counts.items()]
        for (drug, indication), rows in self.cells.groupby(["drug", "indication"], sort=False):
            lines += ["", f"{drug}, {indication}"]
            for row in rows.to_dict("records"):
                said = [
                    f"{kind} {row[f'{key}_rows']} rows of {row[f'{key}_studies']} studies"
                    for kind in KINDS
                    if row[f"{(key := kind.replace('-', '_'))}_rows"]
                ]
                lines.append(f"  {row['outcome']}: {'; '.join(said) or 'nothing held'}")
        full = int((self.trials["missing"] == "").sum())
        lines += ["", f"{len(self.trials)} randomised trials, {full} of them with every fact wanted"]
        return "\n".join(lines)


def coverage(evidence: Evidence | None = None) -> Coverage:
    """What is held for each approved oral JAK inhibitor, indication and outcome, and what is missing.

    Parameters
    ----------
    evidence
        The evidence; by default the shipped corpus.

    Returns
    -------
    Coverage
        Rows counted are those that selection may take (``use`` is ``default``), strata included. Background
        is the risk of people with the disease who do not take the drug. Where an indication has no
        population in the evidence, nothing is held.
    """
    if evidence is None:
        from jakinib.evidence.evidence import load

        evidence = load()
    held = sorted_rows(evidence)
    rows = []
    for drug, population, indication in _approved(evidence):
        for outcome in OUTCOMES:
            if outcome not in set(evidence["outcomes"]["outcome"]):
                continue
            row: dict[str, Any] = {
                "drug": drug, "population": population, "indication": indication, "outcome": outcome,
            }  # fmt: skip
            for kind in KINDS:
                of = held.get((None if kind == "background" else drug, population, outcome, kind), [])
                key = kind.replace("-", "_")
                row |= {f"{key}_rows": len(of), f"{key}_studies": len({study for _, study in of})}
            none = [kind for kind in KINDS if not row[f"{kind.replace('-', '_')}_rows"]]
            rows.append(row | {"missing": "; ".join(none)})
    counts = [f"{kind.replace('-', '_')}_{what}" for kind in KINDS for what in ("rows", "studies")]
    columns = ["drug", "population", "indication", "outcome", *counts, "missing"]
    return Coverage(pd.DataFrame(rows, columns=columns), _trials(evidence))


Cell = tuple[str | None, str | None, str, str]  # drug (None: background), population, outcome, kind


def sorted_rows(ev: Evidence) -> dict[Cell, list[tuple[str, str]]]:
    """Rows of ``events`` (key, study) by drug, population, outcome and kind of evidence."""
    drug = dict(zip(ev["treatments"]["treatment"], ev["treatments"]["drug"], strict=True))
    events = ev["events"]
    columns = ["event", "study", "treatment", "population", "outcome", "role", "period_kind"]
    found: dict[Cell, list[tuple[str, str]]] = {}
    for event, study, treatment, population, outcome, role, period in (
        events.loc[events["use"] == "default", columns].itertuples(index=False)
    ):  # fmt: skip
        background = role == "background"
        kind = "background" if background else OF_PERIOD.get(period)
        if kind:
            key = (None if background else drug.get(treatment), population, outcome, kind)
            found.setdefault(key, []).append((event, study))
    return found


def _approved(ev: Evidence) -> list[tuple[str, str | None, str]]:
    """Approved oral JAK inhibitors with population and indication, once each."""
    drugs = ev["drugs"]
    oral = set(drugs.loc[drugs["oral_jak"].fillna(False).astype(bool), "drug"])
    found: dict[tuple[str, str], tuple[str, str | None, str]] = {}
    approvals = ev["approvals"].sort_values(["drug", "population", "indication"])
    for row in records(approvals[(approvals["route"] == "oral") & approvals["drug"].isin(oral)]):
        population = row["population"]
        name = ev.names[population] if population else row["indication"]
        found.setdefault((row["drug"], name), (row["drug"], population, name))
    return list(found.values())


def _trials(ev: Evidence) -> pd.DataFrame:
    """Each randomised trial with the facts wanted of it."""
    arms, criteria = ev["arms"], ev["study_criteria"]
    treatments = ev["treatments"].set_index("treatment")
    dosed = treatments["dose"].notna() | treatments["dose_high"].notna()
    whole = arms[arms["subgroup"].isna()].drop_duplicates(["study", "treatment"])
    active = whole[whole["role"] == "jak"]
    counts = {
        "arms": whole["study"].value_counts(),
        "arms_with_n": whole.loc[whole["n"].notna(), "study"].value_counts(),
        "active": active["study"].value_counts(),
        "arms_with_dose": active.loc[active["treatment"].map(dosed).fillna(False).astype(bool), "study"]
        .value_counts(),
        "entry": criteria.loc[criteria["part"] == "entry", "study"].value_counts(),
        "exclusions": criteria.loc[criteria["part"] == "exclusion", "study"].value_counts(),
    }  # fmt: skip
    studies = ev["studies"]
    trials = studies.loc[studies["design"].str.startswith("rct")].sort_values("study")
    made = trials[
        ["study", "name", "registry_id", "population", "phase", "controlled_weeks", "mean_age"]
    ].assign(**{name: trials["study"].map(held).fillna(0).astype(int) for name, held in counts.items()})
    missing = []
    for row in records(made):
        lacks = [word for fact, word in FACTS.items() if not row[fact]]
        if row["arms"] and row["arms_with_n"] < row["arms"] and FACTS["arms_with_n"] not in lacks:
            lacks.append("persons of some arms")
        if row["arms_with_dose"] < row["active"] and FACTS["arms_with_dose"] not in lacks:
            lacks.append("dose of some arms")
        missing.append("; ".join(lacks))
    order = ["study", "name", *FACTS, "missing"]
    return made.assign(missing=missing)[order].reset_index(drop=True)
