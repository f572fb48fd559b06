"""From an arm table to two groups a study: which studies give both, and why the others do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jakinib.synthesis.arms import ArmTable, ArmTableError, Floats
from jakinib.synthesis.pairs import COUNT_MEASURES, GENERIC_MEASURES, TIME_MEASURES, Pairs
from jakinib.synthesis.result import LeftOut


@dataclass(frozen=True)
class Selected:
    """``pairs`` over ``studies`` (shape (k,)), and the studies of the table that are not among them."""

    treatment: str
    reference: str
    reference_chosen: bool
    studies: tuple[str, ...]
    pairs: Pairs
    counts: str
    populations: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    arm_rows: tuple[tuple[int, int] | None, ...]

    def keep(self, which: Sequence[int]) -> Selected:
        """The same comparison on some of its studies, in the order given."""
        rows = np.array(which, dtype=np.intp)
        pairs = self.pairs
        return replace(
            self,
            studies=tuple(self.studies[i] for i in which),
            arm_rows=tuple(self.arm_rows[i] for i in which),
            pairs=Pairs(
                pairs.e1[rows],
                pairs.d1[rows],
                pairs.e2[rows],
                pairs.d2[rows],
                None if pairs.y is None else pairs.y[rows],
                None if pairs.v is None else pairs.v[rows],
            ),
        )


def select_pairs(table: ArmTable, measure: str, treatment: str | None, reference: str | None) -> Selected:
    """The studies that compare ``treatment`` with ``reference`` and can be read on ``measure``.

    A contrast row of the same measure stands in for a study without counts. Raises ValueError when the two
    treatments cannot be told from the table, ArmTableError when persons would be mixed with events.
    """
    treatment, reference, chosen = _two_treatments(table, treatment, reference)
    t, r = table.treatments.index(treatment), table.treatments.index(reference)
    arms = zip(table.study.tolist(), table.treatment.tolist(), strict=True)
    arm_of = {arm: i for i, arm in enumerate(arms)}
    contrast_of = _contrasts_between(table, t, r, measure)
    events = table.events.tolist()
    denominator = (table.person_years if measure in TIME_MEASURES else table.n).tolist()
    needed = "person_years" if measure in TIME_MEASURES else "n"
    studies: list[str] = []
    indices: list[int] = []
    columns: list[tuple[float, float, float, float, float, float]] = []
    arm_rows: list[tuple[int, int] | None] = []
    left_out: list[LeftOut] = []
    kinds: dict[str, int] = {}
    for s, name in enumerate(table.studies):
        i, j = arm_of.get((s, t)), arm_of.get((s, r))
        given = contrast_of.get(s)
        usable = (
            i is not None
            and j is not None
            and measure not in GENERIC_MEASURES
            and not math.isnan(denominator[i])
            and not math.isnan(denominator[j])
        )
        if usable:
            assert i is not None and j is not None
            for arm in (i, j):
                kinds.setdefault(table.counts[arm], arm)
            columns.append((events[i], denominator[i], events[j], denominator[j], math.nan, math.nan))
            arm_rows.append((i, j))
        elif given is not None:
            columns.append((0.0, 0.0, 0.0, 0.0, *given))
            arm_rows.append(None)
        else:
            left_out.append(LeftOut(name, _why_not(table, s, i, j, measure, needed, treatment, reference)))
            continue
        studies.append(name)
        indices.append(s)
    _check_counts(table, kinds, measure)
    values = np.array(columns, dtype=float).reshape(-1, 6).T
    has_given = bool((~np.isnan(values[5])).any()) if len(columns) else False
    pairs = Pairs(*values[:4], *(values[4:] if has_given else ()))
    return Selected(
        treatment=treatment,
        reference=reference,
        reference_chosen=chosen,
        studies=tuple(studies),
        pairs=pairs,
        counts=next(iter(kinds), "persons"),
        populations=table.population(indices),
        left_out=tuple(left_out),
        arm_rows=tuple(arm_rows),
    )


def _two_treatments(table: ArmTable, treatment: str | None, reference: str | None) -> tuple[str, str, bool]:
    names = table.treatments
    listed = ", ".join(repr(name) for name in names)
    for role, name in (("treatment", treatment), ("reference", reference)):
        if name is not None and name not in names:
            raise ValueError(f"{role} {name!r} is not in the arm table; it has {listed}")
    if len(names) < 2:
        raise ValueError(f"the arm table has one treatment ({listed}); a comparison needs two")
    chosen = reference is None
    if reference is None:
        others = [name for name in names if name != treatment]
        placebo = [name for name in others if name.casefold().strip() == "placebo"]
        if placebo:
            reference = placebo[0]
        elif len(others) == 1 or len(names) == 2:
            reference = others[-1]
        else:
            raise ValueError(f"say which treatment is the reference: reference=..., one of {listed}")
    if treatment is None:
        others = [name for name in names if name != reference]
        if len(others) > 1:
            raise ValueError(
                f"the arm table has {len(names)} treatments; say which one to compare with {reference!r}: "
                f"treatment=..., one of {', '.join(repr(name) for name in others)}"
            )
        treatment = others[0]
    if treatment == reference:
        raise ValueError(f"treatment and reference are both {treatment!r}; name two different ones")
    return treatment, reference, chosen


def _contrasts_between(table: ArmTable, t: int, r: int, measure: str) -> dict[int, tuple[float, float]]:
    rows = table.contrasts
    found = {}
    for c in range(len(rows)):
        pair = (int(rows.treatment[c]), int(rows.reference[c]))
        if rows.measure[c] == measure and pair in ((t, r), (r, t)):
            sign = 1.0 if pair == (t, r) else -1.0
            found[int(rows.study[c])] = (sign * float(rows.theta[c]), float(rows.se[c]) ** 2)
    return found


def _why_not(
    table: ArmTable,
    s: int,
    i: int | None,
    j: int | None,
    measure: str,
    needed: str,
    treatment: str,
    reference: str,
) -> str:
    printed = sorted(
        {m for m, x in zip(table.contrasts.measure, table.contrasts.study, strict=True) if x == s}
    )
    beside = f" (it gives {', '.join(printed)} as an estimate)" if printed else ""
    if i is None or j is None:
        missing = [repr(name) for name, arm in ((treatment, i), (reference, j)) if arm is None]
        if measure in GENERIC_MEASURES:
            return f"no {measure} of {treatment!r} v {reference!r} is given{beside}"
        return f"no arm of {' nor of '.join(missing)}{beside}"
    if measure in GENERIC_MEASURES:
        return f"no {measure} is given as an estimate; it has counts"
    lacking = "person-years" if needed == "person_years" else "numbers of persons"
    return f"{lacking} not given in both arms{beside}"


def _check_counts(table: ArmTable, kinds: dict[str, int], measure: str) -> None:
    if len(kinds) > 1:
        raise ArmTableError(
            "persons with an event and numbers of events stand side by side",
            "Select one kind; a count of persons and a count of events never meet in one pooled estimate",
            row=int(table.row[max(kinds.values())]),
            column="counts",
        )
    if "events" in kinds and measure in COUNT_MEASURES:
        raise ArmTableError(
            f"events rather than persons are counted, which has no {measure}",
            "Use measure='IRR' or 'IRD' with person-years, or give the persons with at least one event",
            row=int(table.row[kinds["events"]]),
            column="counts",
        )


def pad(several: Sequence[Pairs]) -> Pairs:
    """Stack data sets of unequal length into one batch; absent studies have ``d1 = d2 = 0``."""
    k = max((p.e1.shape[-1] for p in several), default=0)

    def stack(values: Sequence[Any], fill: float) -> Floats:
        out = np.full((len(several), k), fill)
        for row, value in zip(out, values, strict=True):
            if value is not None:
                row[: len(value)] = value
        return out

    given = any(p.v is not None for p in several)
    return Pairs(
        e1=stack([p.e1 for p in several], 0.0),
        d1=stack([p.d1 for p in several], 0.0),
        e2=stack([p.e2 for p in several], 0.0),
        d2=stack([p.d2 for p in several], 0.0),
        y=stack([p.y for p in several], math.nan) if given else None,
        v=stack([p.v for p in several], math.nan) if given else None,
    )
