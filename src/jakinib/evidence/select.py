"""From a question to an arm table: one row a study, treatment, outcome and period; nobody counted twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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

WITHDRAWAL = "randomised withdrawal: the people on placebo took the drug before, so its arms are not compared"

COLUMNS = [
    "study", "treatment", "events", "n", "person_years", "role", "outcome", "population", "subgroup",
    "counts", "rate", "ci_low", "ci_high", "ci_level", "rate_printed", "percent", "person_years_basis",
    "below_threshold", "period", "period_kind", "period_weeks", "source_id", "locator", "status", "event",
    "origin",
]  # fmt: skip

#: column that names the groups of people an arm counts; two studies that share one are never pooled
PERSONS = "persons_of"


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
        The first two leave out trials of randomised withdrawal, whose placebo arm took the drug before.
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
        Columns ``study, treatment, events, n, person_years`` and what describes each row. ``persons_of``
        names the groups of people that the row counts (``study/drug``, separated by ``; ``): an analysis
        refuses rows of two studies that share one. ``.left_out`` says which rows were not taken, and
        why. It may be empty: then nothing was reported.

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
    names = {"population": population, "drug": drug, "treatment": treatment, "study": study}
    where: dict[str, Any] = {kind: ev.name(kind, value) for kind, value in names.items() if value is not None}
    where |= {} if dose is None else {"dose": dose}
    options: dict[str, Any] = {"period": period, "subgroup": subgroup, "counts": counts, "pools": pools}
    taken = sift(ev, outcomes, where, counted=counted, **options)
    order = sorted(taken.rows, key=lambda row: (row.outcome, row.population, row.study, row.treatment))
    arms = ArmTable(ev.tables["events"].loc[[row.at for row in order], COLUMNS].reset_index(drop=True))
    groups = ["; ".join(sorted(persons(ev, row.study, row.treatment))) for row in order]
    arms[PERSONS] = pd.Series(groups, index=arms.index, dtype="str")
    arms.left_out = pd.DataFrame(taken.left_out, columns=["event", "study", "treatment", "reason"])
    arms.question = {"outcome": ", ".join(outcomes)} | where | options
    return arms


def sift(
    ev: Evidence,
    outcomes: Sequence[str],
    where: dict[str, Any],
    *,
    period: str,
    subgroup: str | None = None,
    counts: str = "persons",
    pools: bool = False,
    counted: bool = True,
) -> Sieve:
    """The rows that :func:`select` takes and leaves out, without making frames of them.

    ``outcomes`` are keys; ``where`` maps population, study, drug, treatment or dose to a key (or number).
    """
    rows = [row for o in outcomes for row in ev.event_rows.get(o, ())]
    for column in ("population", "study"):
        if column in where:
            rows = [row for row in rows if getattr(row, column) == where[column]]
    taken = Sieve(_treated(rows, where))
    level = "a stratum of an arm" if subgroup is None else f"not the stratum {subgroup!r}"
    taken.keep(lambda row: row.subgroup == subgroup, level)
    taken.keep(lambda row: row.counts == counts, f"does not count {counts}")
    taken.keep(lambda row: row.use != "excluded", lambda row: row.use_reason or "known to be unusable")
    taken.keep(lambda row: row.use == "default", lambda row: row.use_reason or "another row reports the same")
    if counted:
        taken.keep(lambda row: row.counted, "the source prints no count, or no denominator for it")
        taken.keep(lambda row: not row.hidden, "0 means below the source's reporting threshold")
    if period in ("controlled", "randomised"):
        taken.keep(lambda row: row.study not in ev.withdrawal, WITHDRAWAL)
    _one_period(taken, PERIODS[period], period)
    _no_overlap(taken, ev, pools)
    return taken


class EventRow(NamedTuple):
    """What selection looks at in a row of ``events``; ``at`` is its place in that table."""

    at: int
    event: str
    study: str
    treatment: str
    drug: str
    dose: float | None
    outcome: str
    population: str
    subgroup: str | None
    role: str
    counts: str
    use: str
    use_reason: str | None
    period_kind: str
    weeks: float
    n: float
    counted: bool
    hidden: bool


def event_rows(events: pd.DataFrame, treatments: pd.DataFrame) -> dict[str, list[EventRow]]:
    """The rows of ``events`` by outcome, as selection wants them: a few hundred plain tuples are sifted many
    times faster than frames."""
    drug = dict(zip(treatments["treatment"], treatments["drug"], strict=True))
    single = treatments["dose"].where(treatments["dose_high"].isna())
    dose = dict(zip(treatments["treatment"], single, strict=True))
    denominated = events["n"].notna() | events["person_years"].notna()
    frame = pd.DataFrame({
        "event": events["event"], "study": events["study"], "treatment": events["treatment"],
        "drug": events["treatment"].map(drug), "dose": events["treatment"].map(dose),
        "outcome": events["outcome"], "population": events["population"], "subgroup": events["subgroup"],
        "role": events["role"], "counts": events["counts"], "use": events["use"],
        "use_reason": events["use_reason"], "period_kind": events["period_kind"],
        "weeks": events["period_weeks"].fillna(0.0), "n": events["n"].astype("float64").fillna(0.0),
        "counted": events["events"].notna() & denominated,
        "hidden": events["below_threshold"].fillna(False).astype(bool),
    }, columns=EventRow._fields[1:])  # fmt: skip
    cells = frame.astype(object).where(frame.notna(), None)
    found: dict[str, list[EventRow]] = defaultdict(list)
    for at, row in zip(events.index, cells.itertuples(index=False), strict=True):
        found[str(row.outcome)].append(EventRow(at, *row))
    return dict(found)


def _treated(rows: list[EventRow], where: dict[str, Any]) -> list[EventRow]:
    """Rows of the treatments asked for, with the comparators of the studies they come from."""
    asked = [(c, where[c]) for c in ("drug", "treatment", "dose") if c in where]
    if not asked:
        return rows
    wanted = [row for row in rows if all(getattr(row, c) == v for c, v in asked)]
    studies = {(row.outcome, row.study) for row in wanted}
    chosen = {row.at for row in wanted}
    return [
        row
        for row in rows
        if row.at in chosen or (row.role in ("placebo", "active") and (row.outcome, row.study) in studies)
    ]


class Sieve:
    """Rows that pass so far, and the reason for each that did not."""

    def __init__(self, rows: list[EventRow]) -> None:
        self.rows = rows
        self.left_out: list[tuple[str, str, str, str]] = []

    def keep(self, passes: Callable[[EventRow], bool], reason: str | Callable[[EventRow], str]) -> None:
        kept = []
        for row in self.rows:
            if passes(row):
                kept.append(row)
            else:
                why = reason if isinstance(reason, str) else reason(row)
                self.left_out.append((row.event, row.study, row.treatment, why))
        self.rows = kept

    def by_study(self) -> dict[tuple[str, str], list[EventRow]]:
        groups: dict[tuple[str, str], list[EventRow]] = defaultdict(list)
        for row in self.rows:
            groups[row.outcome, row.study].append(row)
        return groups


def _one_period(taken: Sieve, kinds: tuple[str, ...], asked: str) -> None:
    """One period a study and outcome, the same for all arms: the first kind in ``kinds`` that is reported,
    then the length that most arms share, then the longest."""
    rank = {kind: i for i, kind in enumerate(kinds)}
    taken.keep(lambda row: row.period_kind in rank, lambda row: f"period is {row.period_kind}, not {asked}")
    best = {study: min(rank[row.period_kind] for row in rows) for study, rows in taken.by_study().items()}
    nearer = "the study reports a period nearer to the one asked for"
    taken.keep(lambda row: rank[row.period_kind] == best[row.outcome, row.study], nearer)

    weeks: dict[tuple[str, str], float] = {}
    first: dict[tuple[str, str, str, str], EventRow] = {}
    for study, rows in taken.by_study().items():
        arms: dict[float, set[str]] = defaultdict(set)
        for row in rows:
            arms[row.weeks].add(row.treatment)
        weeks[study] = max(arms, key=lambda w: (len(arms[w]), w))
    shared = "the study's arms are compared over a period that more of them share"
    taken.keep(lambda row: row.weeks == weeks[row.outcome, row.study], shared)
    for row in sorted(taken.rows, key=lambda row: (-row.n, row.event)):
        first.setdefault((row.outcome, row.study, row.treatment, row.population), row)
    chosen = {row.at for row in first.values()}
    taken.keep(lambda row: row.at in chosen, "another row of the same arm is taken")


def _no_overlap(taken: Sieve, ev: Evidence, pools: bool) -> None:
    """Leave out rows until no two studies count the same people, outcome by outcome and drug by drug.

    Of a pool and its parts, the parts stay (``pools``: the pool). Of two studies that share people and
    neither of which contains the other, the larger stays. One drug comes before a class of drugs.
    """
    arms: dict[tuple[str, str, str], list[EventRow]] = defaultdict(list)
    for row in taken.rows:
        arms[row.outcome, row.study, row.drug].append(row)
    inner = ev.overlap.wholes if pools else ev.overlap.parts  # whom a study gives way to
    verb = "its persons are counted in" if pools else "counts the persons of"
    reasons: dict[int, str] = {}
    for outcome in {key[0] for key in arms}:
        studies = {study for o, study, _ in arms if o == outcome}
        before = {study: inner(study) & studies for study in studies}
        depth = {study: _depth(study, before) for study in studies}
        size = dict.fromkeys(studies, 0.0)
        for (o, study, _), rows in arms.items():
            if o == outcome:
                size[study] += sum(row.n for row in rows)
        order = sorted(
            (key for key in arms if key[0] == outcome),
            key=lambda key: (
                _broad(ev, arms[key][0]),
                depth[key[1]],
                -size[key[1]],  # of the whole study, so that its arms stay together
                key[1],
                str(key[2]),
            ),
        )
        kept: dict[str, set[str]] = defaultdict(set)  # group of people -> studies that count it
        for key in order:
            study, rows = key[1], arms[key]
            groups = frozenset[str]().union(*(persons(ev, study, row.treatment) for row in rows))
            hit = sorted({other for g in groups for other in kept.get(g, ())} - {study})
            if not hit:
                for group in groups:
                    kept[group].add(study)
                continue
            said = verb if set(hit) <= before[study] else "counts some of the persons of"
            more = f" and {len(hit) - 3} more" if len(hit) > 3 else ""
            reasons |= {row.at: f"{said} {', '.join(hit[:3])}{more}" for row in rows}
    taken.keep(lambda row: row.at not in reasons, lambda row: reasons[row.at])


def _depth(study: str, before: dict[str, frozenset[str]]) -> int:
    """How many studies, one inside the other, come before this one."""
    open_, depth = {study}, 0
    while open_ := {other for one in open_ for other in before[one]}:
        depth += 1
        if depth > len(before):  # a cycle, which check reports
            break
    return depth


def _broad(ev: Evidence, row: EventRow) -> bool:
    """Does the row count persons of several drugs together?"""
    return bool(ev.covered.get(row.treatment, frozenset()) - {row.drug, "placebo"})


def persons(ev: Evidence, study: str, treatment: str) -> frozenset[str]:
    """The groups of people (``study/drug``) that an arm may count."""
    return ev.overlap.persons(study, ev.covered.get(treatment, frozenset((treatment,))))
