"""From an arm table to the arms a network can use, the studies it cannot, and its connected components."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from jakinib.synthesis.arms import ArmTable, ArmTableError, Floats, Ints, same
from jakinib.synthesis.pairs import COUNT_MEASURES, TIME_MEASURES
from jakinib.synthesis.result import LeftOut

# what a study's rows are: counts among persons, counts over person-time, or printed estimates
BINOMIAL, POISSON, NORMAL = 0, 1, 2


@dataclass(frozen=True)
class NetworkData:
    """Arms in order of study, then treatment; treatments in order of name.

    ``study``, ``treatment`` (indices into the labels), ``events``, ``denominator`` (persons or
    person-years; NaN for a printed estimate), ``y`` and ``v`` (estimate and variance an arm of a printed
    estimate: only differences of ``y`` within a study have a meaning; NaN elsewhere) have shape (arms,).
    ``kind``: shape (studies,), one of BINOMIAL, POISSON, NORMAL.
    """

    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    study: Ints
    treatment: Ints
    events: Floats
    denominator: Floats
    y: Floats
    v: Floats
    kind: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """(studies, treatments)."""
        return len(self.studies), len(self.treatments)

    def dense(self, values: Floats, fill: float = 0.0) -> Floats:
        """Values an arm as an array (studies, treatments)."""
        out = np.full(self.shape, fill)
        out[self.study, self.treatment] = values
        return out

    @cached_property
    def arms(self) -> Ints:
        """Number of arms, shape (studies,)."""
        return np.bincount(self.study, minlength=len(self.studies))

    @cached_property
    def starts(self) -> Ints:
        """First arm of each study, shape (studies,)."""
        return np.concatenate([[0], np.cumsum(self.arms)[:-1]]).astype(np.intp)

    def total(self, values: Floats) -> Floats:
        """Sum of values over the arms of each study."""
        return np.bincount(self.study, weights=values, minlength=len(self.studies))

    @cached_property
    def presence(self) -> Any:
        """Which treatment is in which study: boolean (studies, treatments)."""
        return self.dense(np.ones(len(self.study))) > 0

    @cached_property
    def designs(self) -> tuple[tuple[int, ...], ...]:
        """The set of treatments of each study, as sorted indices."""
        by_study: list[list[int]] = [[] for _ in self.studies]
        for s, t in zip(self.study.tolist(), self.treatment.tolist(), strict=True):
            by_study[s].append(t)
        return tuple(tuple(sorted(ts)) for ts in by_study)

    def keep_studies(self, keep: Any) -> NetworkData:
        """The same treatments with some of the studies (boolean, shape (studies,))."""
        keep = np.asarray(keep, dtype=bool)
        if keep.all():
            return self
        return self.keep_arms(keep[self.study])

    def keep_arms(self, keep: Any) -> NetworkData:
        """The same treatments with some of the arms; a study without arms goes."""
        keep = np.asarray(keep, dtype=bool)
        left, study = np.unique(self.study[keep], return_inverse=True)
        return replace(
            self,
            studies=tuple(self.studies[i] for i in left),
            study=study.astype(np.intp),
            kind=self.kind[left],
            **{name: getattr(self, name)[keep] for name in ("treatment", "events", "denominator", "y", "v")},
        )

    def with_treatments(self, order: Sequence[int]) -> NetworkData:
        """The treatments in another order or fewer; the studies must not use those that go."""
        position = np.full(len(self.treatments), -1, dtype=np.intp)
        position[list(order)] = np.arange(len(order))
        treatment = position[self.treatment]
        if (treatment < 0).any():
            raise ValueError("a study uses a treatment that was left out")
        return replace(self, treatments=tuple(self.treatments[i] for i in order), treatment=treatment)

    def components(self) -> list[tuple[tuple[int, ...], Any]]:
        """(treatments, boolean over studies) of each connected component, the largest first.

        A treatment that no study uses is a component of its own.
        """
        label = _connected(self.presence)
        found = []
        for c in dict.fromkeys(label.tolist()):
            members = np.flatnonzero(label == c)
            studies = label[self.treatment[self.starts]] == c if len(self.studies) else np.zeros(0, bool)
            found.append((tuple(int(m) for m in members), studies))
        return sorted(found, key=lambda c: (-len(c[0]), c[0]))


def _connected(presence: Any) -> Ints:
    """Component label of each treatment, from the boolean (studies, treatments)."""
    label: Ints = np.arange(presence.shape[1])
    if not len(presence):
        return label
    p = presence.astype(float)
    reach = (p.T @ p) > 0
    np.fill_diagonal(reach, True)
    while True:
        # a treatment takes the lowest label within reach until nothing changes
        new = np.where(reach, label[None, :], len(label)).min(axis=1)
        new = new[new]
        if (new == label).all():
            return label
        label = new


@dataclass(frozen=True)
class Selected:
    """``data`` and what of the table is not in it, with reasons. ``notes``: what a reader must know."""

    data: NetworkData
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    counts: str
    populations: tuple[str, ...]
    extra: dict[str, Any]  # extra columns of the arm table, one value an arm of data (None for estimates)

    def by_study(self) -> dict[str, dict[str, Any]]:
        """The extra columns as one value a study; None where its arms differ."""
        out: dict[str, dict[str, Any]] = {}
        for name, values in self.extra.items():
            found: dict[str, Any] = {}
            for s, value in zip(self.data.study.tolist(), values, strict=True):
                study = self.data.studies[s]
                found[study] = value if same(found.get(study, value), value) else None
            out[name] = found
        return out


def select(table: ArmTable, measure: str, *, mixed: bool = False, estimates: bool = True) -> Selected:
    """The arms of ``table`` that a network on ``measure`` can use.

    Persons serve OR, RR, RD and AS, person-years IRR and IRD. ``mixed``: for IRR and HR, a study without
    person-years enters by its persons (and is noted). ``estimates``: printed estimates of the same measure
    stand in for a study without usable arms; for IRR a printed hazard ratio counts as the same measure.
    """
    time = measure in (*TIME_MEASURES, "HR")
    estimate_measures = ("IRR", "HR") if mixed and measure in ("IRR", "HR") else (measure,)
    if measure == "IRR":
        estimate_measures = ("IRR", "HR")
    use_arms = measure in COUNT_MEASURES or measure in TIME_MEASURES or (mixed and measure == "HR")
    # one number at a time is read faster from lists
    treatment_of, events = table.treatment.tolist(), table.events.tolist()
    denominators = {POISSON: table.person_years.tolist(), BINOMIAL: table.n.tolist()}
    arms_of: list[list[int]] = [[] for _ in table.studies]
    for i, s in enumerate(table.study.tolist()):
        arms_of[s].append(i)
    contrasts_of: list[list[int]] = [[] for _ in table.studies]
    for c, s in enumerate(table.contrasts.study.tolist()):
        contrasts_of[s].append(c)
    studies: list[str] = []
    kinds: list[int] = []
    rows: list[tuple[int, int, float, float, float, float]] = []
    arm_rows: list[int | None] = []
    left_out: list[LeftOut] = []
    counted: dict[str, int] = {}
    by_persons: list[str] = []
    hazard: list[str] = []
    for s, name in enumerate(table.studies):
        choice = _usable(table.counts, denominators, arms_of[s], time, mixed) if use_arms else None
        if choice is not None:
            kind, used, dropped = choice
            denominator = denominators[kind]
            for i in used:
                counted.setdefault(table.counts[i], i)
                rows.append((len(studies), treatment_of[i], events[i], denominator[i], math.nan, math.nan))
                arm_rows.append(i)
            lacking = "person-years" if kind == POISSON else "number of persons"
            left_out += [
                LeftOut(name, f"arm {table.treatments[table.treatment[i]]!r} alone: no {lacking}")
                for i in dropped
            ]
            if kind == BINOMIAL and time:
                by_persons.append(name)
            studies.append(name)
            kinds.append(kind)
            continue
        printed = [c for c in contrasts_of[s] if table.contrasts.measure[c] in estimate_measures]
        if estimates and printed:
            found = _estimates(table, printed)
            if isinstance(found, str):
                left_out.append(LeftOut(name, found))
                continue
            hazard += [name] * (measure == "IRR" and table.contrasts.measure[printed[0]] == "HR")
            for t, y, v in found:
                rows.append((len(studies), t, math.nan, math.nan, y, v))
                arm_rows.append(None)
            studies.append(name)
            kinds.append(NORMAL)
            continue
        left_out.append(LeftOut(name, _why_not(table, arms_of[s], contrasts_of[s], measure, time, estimates)))
    _check_counts(table, counted, kinds, measure)
    columns = np.array(rows, dtype=float).reshape(-1, 6).T
    # treatments by name, arms by study and treatment: no result depends on the order of the rows
    order = sorted(range(len(table.treatments)), key=lambda i: table.treatments[i])
    rank = np.argsort(order)
    treatment = rank[columns[1].astype(np.intp)]
    by_arm = np.lexsort((treatment, columns[0]))
    columns, treatment = columns[:, by_arm], treatment[by_arm]
    arm_rows = [arm_rows[i] for i in by_arm]
    notes = []
    if by_persons:
        notes.append(
            "no person-years, entered by persons on the complementary log-log scale (a hazard ratio, equal "
            f"follow-up in the arms taken for granted): {', '.join(by_persons)}"
        )
    if hazard:
        notes.append(f"a printed hazard ratio taken as the rate ratio: {', '.join(hazard)}")
    at = {name: s for s, name in enumerate(table.studies)}
    populations = table.population([at[name] for name in studies])
    if len(populations) > 1:
        notes.append(f"the studies come from several populations: {', '.join(populations)}")
    if "events" in counted:
        notes.append("events were counted, not persons; a person may have had several")
    return Selected(
        data=NetworkData(
            studies=tuple(studies),
            treatments=tuple(table.treatments[i] for i in order),
            study=columns[0].astype(np.intp),
            treatment=treatment.astype(np.intp),
            events=columns[2],
            denominator=columns[3],
            y=columns[4],
            v=columns[5],
            kind=np.array(kinds, dtype=np.intp),
        ),
        left_out=tuple(left_out),
        notes=tuple(notes),
        counts=next(iter(counted), "persons"),
        populations=populations,
        extra={
            name: np.array([None if i is None else values[i] for i in arm_rows], dtype=object)
            for name, values in table.extra.items()
        },
    )


def _usable(
    counts: Sequence[str], denominators: dict[int, list[float]], arms: list[int], time: bool, mixed: bool
) -> tuple[int, list[int], list[int]] | None:
    """(kind, arms used, arms that lack a denominator), or None where fewer than two arms can be used."""
    for kind in (POISSON, BINOMIAL) if time and mixed else (POISSON,) if time else (BINOMIAL,):
        denominator = denominators[kind]
        used = [i for i in arms if not math.isnan(denominator[i])]
        if kind == BINOMIAL and time and any(counts[i] == "events" for i in used):
            continue
        if len(used) > 1:
            return kind, used, [i for i in arms if i not in used]
    return None


def _estimates(table: ArmTable, printed: list[int]) -> list[tuple[int, float, float]] | str:
    """(treatment, y, v) an arm from the printed estimates of one study, or why they cannot be used.

    Two arms: the variance is halved between them. More: every pair must be printed, and the variance of
    each arm follows from those of the pairs, Var(a v b) = v_a + v_b (least squares where over-determined).
    """
    rows = table.contrasts
    treatments = sorted({int(rows.treatment[c]) for c in printed} | {int(rows.reference[c]) for c in printed})
    m = len(treatments)
    if len({rows.measure[c] for c in printed}) > 1:
        return "its printed estimates are on several measures"
    if len(printed) < m * (m - 1) // 2:
        return (
            f"{m} arms, but not every pair of them is printed as an estimate: their correlation is unknown; "
            "give the other pairs, or the counts of each arm"
        )
    at = {t: j for j, t in enumerate(treatments)}
    a = np.array([at[int(rows.treatment[c])] for c in printed])
    b = np.array([at[int(rows.reference[c])] for c in printed])
    pair = np.zeros((len(printed), m))
    pair[np.arange(len(printed)), a] = 1.0
    variance = rows.se[printed] ** 2
    if m == 2:
        v = np.full(2, variance[0] / 2)
    else:
        both = pair.copy()
        both[np.arange(len(printed)), b] = 1.0
        v = np.linalg.lstsq(both, variance, rcond=None)[0]
        if (v <= 0).any():
            return "the standard errors of its printed estimates contradict one another"
    pair[np.arange(len(printed)), b] = -1.0
    y = np.linalg.lstsq(pair, rows.theta[printed], rcond=None)[0]
    return [(t, float(y[j]), float(v[j])) for j, t in enumerate(treatments)]


def _why_not(
    table: ArmTable, arms: list[int], contrasts: list[int], measure: str, time: bool, estimates: bool
) -> str:
    printed = sorted({table.contrasts.measure[c] for c in contrasts})
    beside = f" (it gives {', '.join(printed)} as an estimate)" if printed else ""
    if not estimates and measure in printed:
        return "given as an estimate; the method needs counts"
    if len(arms) == 1:
        return f"a single arm: nothing to compare it with{beside}"
    if not arms:
        return f"no arms with counts{beside}"
    if measure not in COUNT_MEASURES and measure not in TIME_MEASURES:
        return f"no {measure} is given as an estimate; it has counts"
    lacking = "person-years" if time else "numbers of persons"
    return f"{lacking} not given in two arms{beside}"


def _check_counts(table: ArmTable, counted: dict[str, int], kinds: list[int], measure: str) -> None:
    if len(counted) > 1:
        raise ArmTableError(
            "persons with an event and numbers of events stand side by side",
            "Select one kind; a count of persons and a count of events never meet in one pooled estimate",
            row=int(table.row[max(counted.values())]),
            column="counts",
        )
    if "events" in counted and BINOMIAL in kinds:
        raise ArmTableError(
            f"events rather than persons are counted, which has no {measure}",
            "Use measure='IRR' or 'IRD' with person-years, or give the persons with at least one event",
            row=int(table.row[counted["events"]]),
            column="counts",
        )
