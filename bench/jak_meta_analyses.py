"""Writes docs/jak_meta_analyses.md: the corpus's own meta-analyses beside published ones.

`python bench/jak_meta_analyses.py` writes the page; `--print` shows it instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import jakinib as jk
from jakinib.evidence.evidence import Evidence
from jakinib.evidence.trials import trials
from jakinib.report.numbers import NO_EVENT, interval
from jakinib.synthesis.multiverse import Multiverse
from jakinib.synthesis.result import number

PAGE = Path(__file__).parent.parent / "docs" / "jak_meta_analyses.md"
PUBLISHED = {"vte": "F0047", "mace": "F0046"}  # rows of the effects table: Ingrassia 2024
INTRO = """# Meta-analyses of the corpus

Written by `python bench/jak_meta_analyses.py` from the shipped corpus; a test holds the page to what is
computed. Describes published evidence; not medical advice.

Selection: randomised arms over the controlled period, counts of persons, nobody counted twice
(`jakinib.evidence.trials.trials`). Trials of randomised withdrawal are left out: their placebo arm took the
drug before. For the skin trials all arms of JAK inhibitors of a trial, any dose, by mouth or on the skin, are
added up and held against its placebo arm. Intervals are 95 %.

What is not the same as in Ingrassia 2024: that paper pools 35 phase 3 trials against placebo **or an
active drug**, and its cardiovascular outcome is MACE **or death from any cause**. The names of its 35
trials were not read, so which of them are held here is not stated; the trials held are listed, and so are
the skin trials known to the corpus that are not in the analysis, with the reason. So few events are held
by arm that neither result here supports or contradicts the published ones.""".splitlines()
CONTESTED = ("upadacitinib-30-mg-qd", "upadacitinib-15-mg-qd")


def skin_trials(ev: Evidence, outcome: str) -> pd.DataFrame:
    """Placebo-controlled trials in skin disease: all arms of JAK inhibitors added up, beside placebo."""
    arms = trials(ev, outcome)
    group = ev["populations"].set_index("population")["group"]
    jak = ev.drugs.loc[ev.drugs["drug_class"] == "JAK inhibitor", "drug"]
    treated = ev.treatments.loc[ev.treatments["drug"].isin(jak), "treatment"]
    arms = pd.DataFrame(arms[arms["population"].map(group) == "dermatology"])
    arms["group"] = ""
    arms.loc[arms["treatment"].isin(treated), "group"] = "JAK inhibitor"
    arms.loc[arms["treatment"] == "placebo", "group"] = "placebo"
    arms = arms[arms["group"] != ""]
    both = arms.groupby("study")["group"].transform("nunique") == 2
    added = arms[both].groupby(["population", "study", "group"], as_index=False)[["events", "n"]].sum()
    added["events"], added["n"] = added["events"].astype(int), added["n"].astype(int)
    return added.rename(columns={"group": "treatment"})


def skin(ev: Evidence, outcome: str) -> list[str]:
    arms = skin_trials(ev, outcome)
    published = ev.row("effects", PUBLISHED[outcome])
    total = arms.groupby("treatment")[["events", "n"]].sum()
    jak, placebo = total.loc["JAK inhibitor"], total.loc["placebo"]
    made = jk.multiverse(arms, "OR", "placebo", treatment="JAK inhibitor")
    peto = jk.pairwise(arms, "OR", "peto", treatment="JAK inhibitor", reference="placebo")
    informative = arms.groupby("study")["events"].sum().gt(0).sum()
    k = arms["study"].nunique()
    lines = [
        f"## {ev.names[outcome]}, skin disease",
        "",
        f"Held: {k} trials, {jak['events']} of {jak['n']:,} on a JAK inhibitor and {placebo['events']} of "
        f"{placebo['n']:,} on placebo; {informative} of the trials had any event.",
        "",
        "| | trials | odds ratio (95 % interval) |",
        "|---|---|---|",
        f"| Ingrassia 2024, {ev.names.get(published['outcome'], published['outcome'])}, against placebo or "
        f"an active drug ({published['source_id']}) | {published['k']} | {number(published['estimate'])} "
        f"({number(published['ci_low'])} to {number(published['ci_high'])}) |",
        f"| here, Peto, against placebo | {peto.k} with an event, of {k} | {_of(peto)} |",
        "",
        "| trial | population | JAK inhibitor | placebo |",
        "|---|---|---|---|",
    ]
    for study, of in arms.groupby("study", sort=False):
        cells = of.set_index("treatment")
        a, b = cells.loc["JAK inhibitor"], cells.loc["placebo"]
        lines.append(
            f"| {ev.names[str(study)]} | {ev.names[a['population']]} | {a['events']} of {a['n']:,} | "
            f"{b['events']} of {b['n']:,} |"
        )
    none = [NO_EVENT, ""] if not arms["events"].sum() else []
    return [*lines, "", *none, *multiverse(made), "", *missing(ev, outcome, set(arms["study"])), ""]


def _of(result: object) -> str:
    return interval({name: getattr(result, name) for name in ("estimate", "ci_low", "ci_high")})


def multiverse(made: Multiverse) -> list[str]:
    lines = [
        f"**{made.sentence}**",
        "",
        "| analysis | estimate (interval) | trials that count |",
        "|---|---|---|",
    ]
    return lines + [f"| {u.label} | {_of(u.result)} | {u.result.k} |" for u in made.analyses]


def missing(ev: Evidence, outcome: str, held: set[str]) -> list[str]:
    """The skin trials the corpus knows that are not in the analysis, and why."""
    studies = ev.studies
    group = studies["population"].map(ev["populations"].set_index("population")["group"])
    known = studies[(group == "dermatology") & studies["design"].astype(str).str.startswith("rct")]
    left = trials(ev, outcome).left_out.groupby("study")["reason"].agg(lambda r: sorted(set(r)))
    by: dict[str, list[str]] = {}
    for study in known.loc[~known["study"].isin(held), "study"]:
        why = "; ".join(left[study]) if study in left.index else "no row of this outcome is held"
        by.setdefault(why, []).append(ev.names[study])
    lines = ["Skin trials the corpus knows that are not in this analysis:", ""]
    return lines + [f"- {', '.join(sorted(names))}: {why}" for why, names in sorted(by.items())]


def zoster(ev: Evidence) -> list[str]:
    arms = trials(ev, "herpes_zoster")
    by = arms.groupby("population")["study"].nunique().sort_values(ascending=False, kind="stable")
    studies = ", ".join(ev.names[s] for s in dict.fromkeys(arms["study"]))
    fits = {m: jk.network(arms, method=m, reference="placebo") for m in ("firth", "iv")}
    tables = {m: fit.effects().set_index("treatment") for m, fit in fits.items()}
    iv = fits["iv"]
    lines = [
        f"## {ev.names['herpes_zoster']}, all indications, network",
        "",
        f"{len(by)} populations are analysed together ("
        + ", ".join(f"{ev.names[str(p)]} {k}" for p, k in by.items())
        + f"): {arms['study'].nunique()} studies, {int(arms['events'].sum())} persons with an event.",
        "",
        f"Studies: {studies}.",
        "",
        f"Inverse variance, random effects: {iv.k} studies with an event, tau2 {number(iv.tau2)}, Q "
        f"{number(iv.q)} on {iv.q_df} df, p = {iv.q_p:.3f}. Penalised logistic, common effect: "
        f"{fits['firth'].k} studies.",
        "",
        "| against placebo | penalised logistic | inverse variance, random | studies of both |",
        "|---|---|---|---|",
    ]
    for treatment, row in tables["firth"].iterrows():
        other = tables["iv"].loc[treatment]
        name = ev.names.get(str(treatment), str(treatment))
        lines.append(
            f"| {name} | {interval(row.to_dict())} | {interval(other.to_dict())} | {row['studies']} |"
        )
    for treatment in CONTESTED:
        made = jk.multiverse(_both(arms, treatment), "OR", "placebo", treatment=treatment)
        lines += ["", f"### {ev.names[treatment]} against placebo, every method", "", *multiverse(made)]
    return [*lines, ""]


def _both(arms: pd.DataFrame, treatment: str) -> pd.DataFrame:
    two = arms[arms["treatment"].isin([treatment, "placebo"])]
    return pd.DataFrame(two[two.groupby("study")["treatment"].transform("nunique") == 2])


def page(ev: Evidence) -> str:
    """The whole document."""
    head = [*INTRO, ""]
    return "\n".join([*head, *skin(ev, "vte"), *skin(ev, "mace"), *zoster(ev)]).rstrip() + "\n"


def main() -> None:
    text = page(jk.evidence())
    if "--print" in sys.argv:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
