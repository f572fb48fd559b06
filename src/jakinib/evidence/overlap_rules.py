"""Relations that follow from what is known of the studies, where no row of ``overlaps`` states them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from jakinib.plain import records

COLUMNS = ["whole", "part", "relation", "certainty", "note", "source_id", "locator", "status", "origin"]
#: origin of a relation that no row states
RULE = "rule"
#: the parts that an integrated analysis may have
_PARTS = ("rct", "rct-open-label", "extension", "integrated")
SHIPPED = "corpus"


def covered(treatments: pd.DataFrame, drugs: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Treatment -> the drugs that persons counted under it may have had.

    One drug, as a rule. A class stands for each of its drugs, a mixed comparator for any, and a sequence that
    starts with placebo for placebo too.
    """
    of_class = dict(zip(drugs["drug"], drugs["drug_class"], strict=True))
    members: dict[str, set[str]] = defaultdict(set)
    for drug, kind in of_class.items():
        members[kind].add(drug)
    everything = set(of_class)
    found = {}
    for treatment, drug, kind in zip(
        treatments["treatment"], treatments["drug"], treatments["kind"], strict=True
    ):
        has = {drug}
        if of_class.get(drug) == "mixed":
            has |= everything
        elif drug in _CLASSES:
            has |= members[of_class[drug]]
        if kind == "sequence" and treatment.startswith("placebo-"):
            has.add("placebo")
        found[treatment] = frozenset(has)
    return found


#: drugs of the corpus that are a whole class
_CLASSES = frozenset({"jak-inhibitors", "tnf-inhibitor", "csdmard"})


def relations(
    studies: pd.DataFrame, stated: pd.DataFrame, given: Mapping[str, frozenset[str]]
) -> pd.DataFrame:
    """The rows of ``overlaps`` with those that follow from rules, as a frame of ``COLUMNS``.

    1. Studies with a registry id in common count the same trial: an analysis that lists more ids, or one
       that is no randomised trial, contains the other; else they have people in common.
    2. A trial, extension or integrated analysis of an added folder that no relation names, beside an
       integrated analysis of the same JAK inhibitor in the same population, is taken to be counted in it:
       cautious, and marked inferred. (The shipped corpus was read for this; what is undecided there is listed
       as not determined.)

    ``given`` names the JAK inhibitors that a study gave (as its own treatment, not as a comparator).
    """
    known = {frozenset(pair) for pair in zip(stated["whole"], stated["part"], strict=True)}
    placed = set(stated["whole"]) | set(stated["part"])
    facts = studies[["study", "registry_id", "design", "population", "source_id", "locator", "origin"]]
    rows = records(facts)
    found = [r for r in _same_id(rows) if frozenset((r[0], r[1])) not in known]
    known |= {frozenset((r[0], r[1])) for r in found}
    found += [r for r in _same_programme(rows, placed, given) if frozenset((r[0], r[1])) not in known]
    of = {r["study"]: r for r in rows}
    made = [
        (
            whole,
            part,
            relation,
            "inferred",
            note,
            of[whole]["source_id"],
            of[whole]["locator"],
            "derived",
            RULE,
        )
        for whole, part, relation, note in found
    ]
    if not made:
        return stated[COLUMNS]
    return pd.concat([stated[COLUMNS], pd.DataFrame(made, columns=COLUMNS)], ignore_index=True)


_Found = tuple[str, str, str, str]  # whole, part, relation, note


def _same_id(rows: list[dict[str, Any]]) -> Iterator[_Found]:
    holders: dict[str, list[str]] = defaultdict(list)
    ids: dict[str, set[str]] = {}
    for row in rows:
        ids[row["study"]] = {i.strip() for i in (row["registry_id"] or "").split(";") if i.strip()}
        for one in ids[row["study"]]:
            holders[one].append(row["study"])
    trial = {row["study"]: str(row["design"]).startswith("rct") for row in rows}
    for registry_id, studies in holders.items():
        for i, one in enumerate(studies):
            for other in studies[:i]:
                note = f"both are {registry_id}"
                wider = sorted((one, other), key=lambda s: (len(ids[s]), not trial[s]), reverse=True)
                sizes = {(len(ids[s]), trial[s]) for s in wider}
                yield (wider[0], wider[1], "pools" if len(sizes) > 1 else "same-trial", note)


def _same_programme(
    rows: list[dict[str, Any]], placed: set[str], given: Mapping[str, frozenset[str]]
) -> Iterator[_Found]:
    pools = [row for row in rows if row["design"] == "integrated"]
    for row in rows:
        if row["origin"] == SHIPPED or row["study"] in placed or row["design"] not in _PARTS:
            continue
        for pool in pools:
            if pool["study"] == row["study"] or pool["population"] != row["population"]:
                continue
            both = given.get(pool["study"], frozenset()) & given.get(row["study"], frozenset())
            if both:
                note = f"{', '.join(sorted(both))} in the same population; the trials were not read by name"
                # of two integrated analyses neither of which is placed, nothing says which is the later
                relation = "same-trial" if row["design"] == "integrated" else "pools"
                yield (pool["study"], row["study"], relation, note)
