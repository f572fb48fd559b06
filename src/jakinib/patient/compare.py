"""Treatments side by side: absolute rates with their populations, and what the comparison rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jakinib.evidence.evidence import Evidence, load
from jakinib.evidence.select import COLUMNS, sift
from jakinib.plain import records
from jakinib.synthesis.rates import binomial_interval, poisson_interval

if TYPE_CHECKING:
    import altair as alt

    from jakinib.patient.for_patient import ForPatient
    from jakinib.patient.profile import Patient

#: what is compared when no outcome is asked for, in the order of the page
MAIN_OUTCOMES = (
    "malignancy_ex_nmsc", "nmsc", "mace", "vte", "death", "serious_infection", "herpes_zoster", "sae",
)  # fmt: skip

LINES = [
    "outcome", "treatment", "population", "study", "subgroup", "role", "counts", "events", "n",
    "person_years", "kind", "estimate", "ci_low", "ci_high", "per", "one_sided", "rate_printed", "period",
    "period_kind", "period_weeks", "source_id", "locator", "status", "event", "origin", "headline",
]  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What is known about each treatment and outcome, and how far the treatments can be compared.

    ``treatments`` and ``outcomes`` are keys; ``per`` is the number of person-years of the rates (a proportion
    is per ``per`` persons); ``population`` is the key asked for, or "" for all.
    """

    treatments: tuple[str, ...]
    outcomes: tuple[str, ...]
    population: str
    per: float
    lines: pd.DataFrame = field(repr=False)
    basis: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    studies: pd.DataFrame = field(repr=False)
    for_patient: ForPatient | None = None

    def table(self) -> pd.DataFrame:
        """One row a line of evidence: an arm of a study, or a pooled analysis, over one period.

        ``kind``: ``rate`` (events and person-years, exact Poisson interval), ``proportion`` (events and
        persons, exact binomial interval), ``printed rate``, ``printed percent`` or ``printed range`` (the
        count was not reported), ``count`` (the denominator was not reported), ``below threshold``.
        ``one_sided``: no event was seen, ``ci_high`` is an upper bound.
        ``headline``: the line shown first of its treatment, outcome and population: persons before events,
        a pooled programme before single studies, then the most person-years, persons and weeks.
        """
        return self.lines

    def pairs(self) -> pd.DataFrame:
        """One row a pair of treatments and an outcome: ``kind`` is direct (randomised against each other in
        the ``studies``), indirect (``via`` a common comparator in the same population) or naive; ``reason``
        says why in words."""
        return self.basis

    def populations(self) -> pd.DataFrame:
        """The studies behind the lines, with what tells their populations apart."""
        return self.studies

    def to_dict(self) -> dict[str, Any]:
        return {
            "treatments": list(self.treatments),
            "outcomes": list(self.outcomes),
            "population": self.population or None,
            "per": self.per,
            "lines": records(self.lines),
            "pairs": records(self.basis),
            "populations": records(self.studies),
            "left_out": records(self.left_out),
        } | ({"for_patient": self.for_patient.to_dict()} if self.for_patient else {})

    def figure(self) -> alt.VConcatChart:
        """Forest figure of the headline lines: a row an outcome, treatment and population."""
        from jakinib.report.forest import rates_forest

        return rates_forest(self)

    def __str__(self) -> str:
        shown = self.lines[self.lines["headline"]]
        columns = ["outcome", "treatment", "population", "study", "events", "n", "person_years", "kind"]
        body = shown[[*columns, "estimate", "ci_low", "ci_high"]].to_string(index=False, na_rep="-")
        basis = "\n".join(f"  {r.outcome}: {r.treatment_a} v {r.treatment_b}: {r.kind}. {r.reason}"
                          for r in self.basis.itertuples())  # fmt: skip
        person = f"\n{self.for_patient}" if self.for_patient else ""
        head = f"Rates per {self.per:g} person-years (proportions per {self.per:g} persons)"
        return f"{head}\n{body}\n{basis}{person}"


@cache
def shipped() -> Evidence:
    """The shipped corpus, loaded once."""
    return load()


def compare(
    treatments: Sequence[str],
    outcome: str | Sequence[str] | None = None,
    *,
    population: str | None = None,
    evidence: Evidence | None = None,
    per: float = 100.0,
    patient: Patient | None = None,
) -> Comparison:
    """Put treatments side by side.

    Parameters
    ----------
    treatments
        Keys or labels (``"upadacitinib 15 mg qd"``), one or more.
    outcome
        One or several outcomes; by default the main safety outcomes.
    population
        Only evidence from this indication; by default every population, each kept apart.
    evidence
        By default the shipped corpus.
    per
        Person-years (and persons) of a rate (and proportion).
    patient
        Reads the evidence for this person too: ``Comparison.for_patient``, as
        :func:`jakinib.patient.for_patient.for_patient` makes it with its defaults.

    Raises
    ------
    UnknownNameError
        A treatment, outcome or population that the evidence does not have, with near matches.
    ValueError
        No treatment given.
    """
    ev = evidence or shipped()
    keys = list(dict.fromkeys(ev.name("treatment", t) for t in treatments))
    if not keys:
        raise ValueError("give at least one treatment, such as 'upadacitinib 15 mg qd'")
    asked = [outcome] if isinstance(outcome, str) else list(outcome or MAIN_OUTCOMES)
    outcomes = list(dict.fromkeys(ev.name("outcome", o) for o in asked))
    where = ev.name("population", population) if population else None

    arms, left = _arms(ev, outcomes, keys, where)
    lines = _headlines(estimates(arms, per), outcomes, keys, ev.studies.set_index("study")["design"])
    studies = _populations(ev, lines)
    basis = _pairs(ev, outcomes, keys, where, lines, studies)
    person = None
    if patient is not None:
        from jakinib.patient.for_patient import for_patient

        person = for_patient(patient, keys, outcomes, evidence=ev)
    return Comparison(tuple(keys), tuple(outcomes), where or "", per, lines, basis, left, studies, person)


def _arms(
    ev: Evidence, outcomes: list[str], treatments: list[str], population: str | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every line about the treatments - the controlled period of each trial, the longest exposure, cohorts -
    and the rows that are not among them, with the reason."""
    taken: dict[str, int] = {}
    left: dict[str, tuple[str, str, str, str]] = {}
    for treatment in treatments:
        where = {"treatment": treatment} | ({"population": population} if population else {})
        for counts in ("persons", "events"):
            for period, pools in [("long-term", True), ("controlled", False), ("cohort", True)]:
                found = sift(ev, outcomes, where, period=period, counts=counts, pools=pools, counted=False)
                taken |= {row.event: row.at for row in found.rows if row.treatment == treatment}
                left = {row[0]: row for row in found.left_out if row[2] == treatment} | left
    arms = ev.tables["events"].loc[list(taken.values()), COLUMNS].reset_index(drop=True)
    out = [row for event, row in left.items() if event not in taken]
    return arms, pd.DataFrame(out, columns=["event", "study", "treatment", "reason"])


def estimates(arms: pd.DataFrame, per: float) -> pd.DataFrame:
    """Add kind, estimate and interval: computed where counts are held, as printed where they are not."""
    events, n, years = (arms[c].astype("float64") for c in ("events", "n", "person_years"))
    persons = arms["counts"] == "persons"
    hidden = arms["below_threshold"].fillna(False).astype(bool)
    as_rate = events.notna() & (years > 0) & ~hidden
    as_printed = ~as_rate & arms["rate"].notna() & ~hidden
    as_share = ~as_rate & ~as_printed & persons & events.notna() & (n > 0) & ~hidden
    as_percent = ~as_rate & ~as_printed & ~as_share & arms["percent"].notna() & ~hidden
    as_range = ~(hidden | as_rate | as_printed | as_share | as_percent) & arms["rate_printed"].notna()
    kind = np.select(
        [hidden, as_rate, as_printed, as_share, as_percent, as_range],
        ["below threshold", "rate", "printed rate", "proportion", "printed percent", "printed range"],
        "count",
    )
    x, t = events[as_rate].to_numpy(), years[as_rate].to_numpy()
    rate, (rate_low, rate_high) = x / t, (limit / t for limit in poisson_interval(x))
    x, t = events[as_share].to_numpy(), n[as_share].to_numpy()
    share, (share_low, share_high) = x / t, binomial_interval(x, t)
    lines = arms.assign(
        kind=kind, per=per, printed=arms["rate"], one_sided=(events == 0) & (as_rate | as_share)
    )
    printed = {"estimate": arms["rate"], "ci_low": arms["ci_low"], "ci_high": arms["ci_high"]}
    for column, from_rate, from_share in [
        ("estimate", rate, share), ("ci_low", rate_low, share_low), ("ci_high", rate_high, share_high),
    ]:  # fmt: skip
        values = pd.Series(np.nan, arms.index)
        values[as_rate] = per * from_rate
        values[as_share] = per * from_share
        values[as_printed] = printed[column][as_printed] * per / 100
        if column == "estimate":
            values[as_percent] = arms["percent"][as_percent] * per / 100
        lines[column] = values
    return _printed_zeros(lines, per)


def _printed_zeros(lines: pd.DataFrame, per: float) -> pd.DataFrame:
    """An upper bound for a rate printed as 0 without a count, where that can only mean no event.

    A rate per 100 person-years printed to one decimal as 0 is under 0.05; in fewer than 2,000 person-years
    that is less than one event. Without person-years, persons over weeks stand for them; without either
    nothing can be bounded.
    """
    years = lines["person_years"].astype("float64")
    weeks = lines["n"].astype("float64") * lines["period_weeks"].astype("float64") * 7 / 365.25
    years = years.where(years > 0, weeks.where(lines["counts"] == "persons"))
    zero = (lines["kind"] == "printed rate") & (lines["estimate"] == 0) & lines["ci_high"].isna()
    zero &= (years > 0) & (years < 2000)
    if zero.any():
        none = poisson_interval(np.zeros(1))[1][0]
        lines.loc[zero, "ci_low"] = 0.0
        lines.loc[zero, "ci_high"] = per * none / years[zero]
        lines.loc[zero, "one_sided"] = True
    return lines


def _headlines(
    lines: pd.DataFrame, outcomes: list[str], treatments: list[str], design: pd.Series[str]
) -> pd.DataFrame:
    """Order the lines as asked and mark the first of each treatment, outcome and population."""
    usable = lines["kind"].isin(["rate", "printed rate", "proportion", "printed percent"])
    ordered = lines.assign(
        o=lines["outcome"].map({o: i for i, o in enumerate(outcomes)}),
        t=lines["treatment"].map({t: i for i, t in enumerate(treatments)}),
        events_counted=lines["counts"] == "events",
        usable=~usable,
        single=lines["study"].map(design) != "integrated",
        years=-lines["person_years"].fillna(0.0),
        persons=-lines["n"].astype("float64").fillna(0.0),
        weeks=-lines["period_weeks"].fillna(0.0),
    )
    size = ["years", "persons", "weeks", "event"]
    ordered = ordered.sort_values(["o", "t", "population", "usable", "events_counted", "single", *size])
    first = ~ordered.duplicated(["outcome", "treatment", "population"])
    return ordered.assign(headline=first)[LINES].reset_index(drop=True)


def _populations(ev: Evidence, lines: pd.DataFrame) -> pd.DataFrame:
    """The studies behind the lines: indication, age, cardiovascular enrichment, follow-up, background."""
    columns = [
        "study", "name", "design", "population", "population_text", "enrichment", "background_therapy",
        "follow_up", "controlled_weeks", "n", "mean_age", "registry_id", "limits", "source_id", "locator",
    ]  # fmt: skip
    studies = ev.tables["studies"]
    return studies.loc[studies["study"].isin(lines["study"]), columns].reset_index(drop=True)


def _pairs(
    ev: Evidence,
    outcomes: list[str],
    treatments: list[str],
    population: str | None,
    lines: pd.DataFrame,
    studies: pd.DataFrame,
) -> pd.DataFrame:
    """What each pair of treatments and outcome rests on."""
    where = {"population": population} if population else {}
    held: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in sift(ev, outcomes, where, period="controlled").rows:
        if row.role != "background":
            held[row.outcome, row.treatment][row.study] = row.population
    randomised = _randomised(ev)
    rows = []
    for outcome in outcomes:
        arms = {treatment: studies for (o, treatment), studies in held.items() if o == outcome}
        for a, b in combinations(treatments, 2):
            pair = {"outcome": outcome, "treatment_a": a, "treatment_b": b} | _basis(arms, a, b, ev.names)
            if pair["kind"] == "naive":
                trials = sorted(randomised[a] & randomised[b])
                if trials:
                    pair["reason"] = (
                        f"Randomised against each other in {', '.join(ev.names[t] for t in trials)}, "
                        f"but counts of {ev.names[outcome]} by arm are not held."
                    )
                pair["reason"] += _difference(lines[lines["outcome"] == outcome], studies, a, b, ev.names)
            rows.append(pair)
    return pd.DataFrame(
        rows, columns=["outcome", "treatment_a", "treatment_b", "kind", "via", "studies", "reason"]
    )


def _randomised(ev: Evidence) -> dict[str, set[str]]:
    """Treatment -> the randomised trials that have an arm of it, whatever outcome they report."""
    design = dict(zip(ev.studies["study"], ev.studies["design"], strict=True))
    trials: dict[str, set[str]] = defaultdict(set)
    for table in ("arms", "events"):
        rows = ev.tables[table]
        rows = rows[rows["subgroup"].isna() & (rows["role"] != "background")]
        for treatment, study in zip(rows["treatment"], rows["study"], strict=True):
            if design.get(study, "").startswith("rct"):
                trials[treatment].add(study)
    return trials


def _basis(arms: dict[str, dict[str, str]], a: str, b: str, names: dict[str, str]) -> dict[str, str]:
    """Direct, indirect or naive, from the studies (and their populations) of each treatment's arms."""
    of_a, of_b = arms.get(a, {}), arms.get(b, {})
    both = sorted(of_a.keys() & of_b.keys())
    if both:
        reason = f"Randomised against each other in {len(both)} stud{'y' if len(both) == 1 else 'ies'}."
        return {"kind": "direct", "via": "", "studies": "; ".join(both), "reason": reason}
    for common in sorted(arms.keys() - {a, b}, key=lambda t: (t != "placebo", t)):
        with_a = {p for study, p in arms[common].items() if study in of_a}
        with_b = {p for study, p in arms[common].items() if study in of_b}
        if with_a & with_b:
            anchored = [
                s for s, p in arms[common].items() if p in with_a & with_b and (s in of_a or s in of_b)
            ]
            where = ", ".join(names[p] for p in sorted(with_a & with_b))
            reason = (
                "Never randomised against each other; "
                f"both were randomised against {names[common]} in {where}. "
                "Rates from different studies stand side by side and are not a difference."
            )
            return {
                "kind": "indirect",
                "via": common,
                "studies": "; ".join(sorted(anchored)),
                "reason": reason,
            }
    reason = "Never randomised against each other, and no common comparator in one population is held here."
    return {"kind": "naive", "via": "", "studies": "", "reason": reason}


def _difference(lines: pd.DataFrame, studies: pd.DataFrame, a: str, b: str, names: dict[str, str]) -> str:
    """How the populations behind the headline lines of two treatments differ, in words."""
    who = studies.set_index("study")
    said = []
    for treatment in (a, b):
        shown = lines[(lines["treatment"] == treatment) & lines["headline"]]
        if shown.empty:
            said.append(f" Nothing is held for {names[treatment]}.")
            continue
        who_is = []
        for line in shown.itertuples():
            study = who.loc[str(line.study)]
            age = f", mean age {study['mean_age']:g}" if pd.notna(study["mean_age"]) else ""
            risk = f", {study['enrichment']}" if isinstance(study["enrichment"], str) else ""
            span = f", {line.period}" if isinstance(line.period, str) else ""
            who_is.append(f"{study['name']} ({names[str(line.population)]}{age}{risk}{span})")
        said.append(f" {names[treatment]}: {'; '.join(who_is)}.")
    return "".join(said)
