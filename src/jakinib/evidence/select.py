"""From a question to an arm table: one row a study, treatment, outcome and period; nobody counted twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.evidence.errors import EvidenceError

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

#: which period is taken, in this order; kinds that are not listed are not taken
PERIODS = {
    "controlled": ("controlled", "randomised"),
    "randomised": ("randomised", "controlled"),
    "long-term": ("long-term", "extension", "randomised", "cohort", "controlled", "open-label", "not-stated"),
    "cohort": ("cohort",),
    "open-label": ("open-label",),
    "post-switch": ("post-switch",),
}

COLUMNS = [
    "study", "treatment", "events", "n", "person_years", "role", "outcome", "population", "subgroup",
    "counts", "rate", "ci_low", "ci_high", "ci_level", "rate_printed", "percent", "person_years_basis",
    "below_threshold", "period", "period_kind", "period_weeks", "source_id", "locator", "status", "event",
    "origin",
]  # fmt: skip


class ArmTable(pd.DataFrame):
    """An arm table (one row an arm) that remembers what was asked and what was left out.

    Attributes: ``question`` (the selection as keys), ``left_out`` (frame of ``event, study,
    treatment, reason``).
    """

    _metadata = ["left_out", "question"]  # noqa: RUF012 - pandas' own way of carrying attributes
    left_out: pd.DataFrame
    question: dict[str, Any]

    @property
    def _constructor(self) -> Callable[..., ArmTable]:
        return ArmTable


def select(
    ev: Evidence,
    outcome: str | Sequence[str],
    *,
    population: str | None = None,
    drug: str | None = None,
    treatment: str | None = None,
    dose: float | None = None,
    study: str | None = None,
    period: str = "controlled",
    subgroup: str | None = None,
    counts: str = "persons",
    pools: bool = False,
    counted: bool = True,
) -> ArmTable:
    """Select arms and resolve overlap.

    Parameters
    ----------
    ev
        The evidence.
    outcome, population, drug, treatment, study
        By key or name (``"mace"``, ``"atopic dermatitis"``, ``"Rinvoq"``); several outcomes may be given:
        each is then selected by itself. Placebo and active arms of the
        studies that match stay in when ``drug``, ``treatment`` or ``dose`` is given, so that the arm table
        keeps its comparators.
    dose
        Single dose in the unit of the treatment (mg for tablets).
    period
        ``"controlled"``: the placebo- or active-controlled period, else the longer randomised one;
        ``"randomised"``: the other way round; ``"long-term"``: the longest exposure that was reported
        (integrated, extension, then the trial itself); ``"cohort"``; ``"open-label"``; ``"post-switch"``.
        All arms of a study are taken over the same period: within one kind
        the length that most arms share, then the longest.
    subgroup
        A stratum as named in the evidence; by default only rows for everyone in the arm.
    counts
        ``"persons"`` with at least one event, or ``"events"``: never both.
    pools
        False: a pooled analysis is left out for the drugs of any selected study that it contains.
        True: the pooled analysis is taken and the studies in it are left out.
    counted
        True: only rows with a count and its denominator, which can be analysed. False: rows of which only a
        rate or a percentage was printed, or nothing above a reporting threshold, stay in.

    Returns
    -------
    ArmTable
        Columns ``study, treatment, events, n, person_years`` and what describes each row. ``.left_out`` says
        which rows were not taken, and why. It may be empty: then nothing was reported.

    Raises
    ------
    UnknownNameError
        A name that is not in the evidence, with near matches.
    EvidenceError
        A period or counting that does not exist.
    """
    if period not in PERIODS:
        raise EvidenceError(f"period {period!r} is not one of {', '.join(PERIODS)}")
    if counts not in ("persons", "events"):
        raise EvidenceError(f"counts {counts!r} is not 'persons' or 'events'")
    outcomes = [ev.name("outcome", o) for o in ([outcome] if isinstance(outcome, str) else outcome)]
    question: dict[str, Any] = {"outcome": ", ".join(outcomes), "period": period, "counts": counts}
    for kind, value in [
        ("population", population),
        ("drug", drug),
        ("treatment", treatment),
        ("study", study),
    ]:
        if value is not None:
            question[kind] = ev.name(kind, value)
    question |= {k: v for k, v in [("dose", dose), ("subgroup", subgroup)] if v is not None} | {
        "pools": pools
    }

    events = ev.tables["events"]
    rows = events[events["outcome"].isin(outcomes)]
    for column in ("population", "study"):
        if column in question:
            rows = rows[rows[column] == question[column]]
    treatments = ev.tables["treatments"].set_index("treatment")
    drug_of = treatments["drug"]
    rows = rows.assign(drug=rows["treatment"].map(drug_of))
    rows = _treated(rows, treatments, question)

    taken = _Sieve(rows)
    at_level = rows["subgroup"].isna() if subgroup is None else rows["subgroup"] == subgroup
    taken.keep(at_level, "a stratum of an arm" if subgroup is None else f"not the stratum {subgroup!r}")
    taken.keep(
        rows["counts"] == counts, f"counts {'events' if counts == 'persons' else 'persons'}, not {counts}"
    )
    taken.keep(rows["use"] != "excluded", rows["use_reason"].fillna("known to be unusable"))
    taken.keep(rows["use"] == "default", rows["use_reason"].fillna("another row reports the same"))
    if counted:
        whole = rows["events"].notna() & (rows["n"].notna() | rows["person_years"].notna())
        taken.keep(whole, "the source prints no count, or no denominator for it")
        hidden = rows["below_threshold"].fillna(False).astype(bool)
        taken.keep(~hidden, "0 means below the source's reporting threshold")
    _one_period(taken, PERIODS[period], period)
    _no_overlap(taken, ev, pools)
    arms = ArmTable(
        taken.rows[COLUMNS].sort_values(["outcome", "population", "study", "treatment"], ignore_index=True)
    )
    arms.left_out = taken.left_out()
    arms.question = question
    return arms


def _treated(rows: pd.DataFrame, treatments: pd.DataFrame, question: dict[str, Any]) -> pd.DataFrame:
    """Rows of the treatments asked for, with the comparators of the studies they come from."""
    wanted = pd.Series(True, index=rows.index)
    asked = False
    for column, values in [("drug", rows["drug"]), ("treatment", rows["treatment"])]:
        if column in question:
            asked, wanted = True, wanted & (values == question[column])
    if "dose" in question:
        single = rows["treatment"].map(treatments["dose"].where(treatments["dose_high"].isna()))
        asked, wanted = True, wanted & (single == question["dose"])
    if not asked:
        return rows
    compared = rows["role"].isin(["placebo", "active"]) & rows["study"].isin(rows.loc[wanted, "study"])
    return rows[wanted | compared]


class _Sieve:
    """Rows that pass so far, and the reason for each that did not."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self._out: list[pd.DataFrame] = []

    def keep(self, keep: pd.Series[bool], reason: str | pd.Series[str]) -> None:
        keep = keep.reindex(self.rows.index).astype(bool)
        out = self.rows.loc[~keep, ["event", "study", "treatment"]]
        self._out.append(out.assign(reason=reason if isinstance(reason, str) else reason.reindex(out.index)))
        self.rows = self.rows[keep]

    def left_out(self) -> pd.DataFrame:
        columns = ["event", "study", "treatment", "reason"]
        return (
            pd.concat(self._out, ignore_index=True)[columns] if self._out else pd.DataFrame(columns=columns)
        )


def _one_period(taken: _Sieve, kinds: tuple[str, ...], asked: str) -> None:
    """One period a study and outcome, the same for all arms: the first kind in ``kinds`` that is reported,
    then the length that most arms share, then the longest."""
    study = ["outcome", "study"]
    rank = taken.rows["period_kind"].map({kind: i for i, kind in enumerate(kinds)})
    taken.keep(rank.notna(), "period is " + taken.rows["period_kind"] + f", not {asked}")
    rows = taken.rows.assign(rank=rank[taken.rows.index], weeks=taken.rows["period_weeks"].fillna(0.0))
    best = rows.groupby(study)["rank"].transform("min")
    taken.keep(rows["rank"] == best, "the study reports a period nearer to the one asked for")
    rows = rows.loc[taken.rows.index]
    arms = rows.groupby([*study, "weeks"])["treatment"].transform("nunique")
    rows = rows.assign(arms=arms).sort_values(
        ["arms", "weeks", "n", "event"], ascending=[False, False, False, True]
    )
    weeks = rows.groupby(study)["weeks"].transform("first")
    taken.keep(rows["weeks"] == weeks, "the study's arms are compared over a period that more of them share")
    rows = rows.loc[rows["weeks"] == weeks]
    taken.keep(~rows.duplicated([*study, "treatment", "population"]), "another row of the same arm is taken")


def _no_overlap(taken: _Sieve, ev: Evidence, pools: bool) -> None:
    """Leave out either the pools or their parts, drug by drug."""
    drugs = taken.rows.groupby(["outcome", "study"])["drug"].agg(set).to_dict()
    reasons = {}
    columns = [taken.rows[c] for c in ("outcome", "study", "drug")]
    for index, outcome, study, drug in zip(taken.rows.index, *columns, strict=True):
        others = ev.overlap.wholes(study) if pools else ev.overlap.parts(study)
        hit = sorted(other for other in others if drug in drugs.get((outcome, other), ()))
        if hit:
            verb = "its persons are counted in" if pools else "counts the persons of"
            reasons[index] = f"{verb} {', '.join(hit[:3])}" + (
                f" and {len(hit) - 3} more" if len(hit) > 3 else ""
            )
    reason = pd.Series(reasons, index=taken.rows.index, dtype="str")
    taken.keep(reason.isna(), reason)
