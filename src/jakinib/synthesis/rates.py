"""Absolute rates and proportions with exact intervals: one row an arm, or pooled by treatment.

Sources: exact Poisson limits Garwood (1936); mid-P Cohen & Yang (1994); Byar's approximation as given by
Breslow & Day (1987, equation 2.12); exact binomial limits Clopper & Pearson (1934).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betainc, betaincc, betaincinv, chdtri, ndtri, pdtr, pdtrc

from jakinib.synthesis.arms import ArmTable, Floats, read_arms
from jakinib.synthesis.result import LeftOut, json_ready, number

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

METHODS = {
    "exact": "Garwood's exact interval (Clopper-Pearson for a proportion)",
    "midp": "mid-P interval",
    "byar": "Byar's approximation (for rates; proportions use Clopper-Pearson)",
}


def poisson_interval(events: Floats, method: str = "exact", level: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of a Poisson mean given the observed count, elementwise; the lower limit of 0 events is 0.

    ``level`` is two-sided: for 0 events the upper limit is the one-sided limit at (1 + level) / 2.
    """
    x = np.asarray(events, dtype=float)
    tail = (1 - level) / 2
    if method == "exact":
        return _garwood(x, tail)
    if method == "byar":
        z = ndtri(1 - tail)
        safe = np.maximum(x, 1.0)
        low = safe * (1 - 1 / (9 * safe) - z / (3 * np.sqrt(safe))) ** 3
        up = x + 1
        high = up * (1 - 1 / (9 * up) + z / (3 * np.sqrt(up))) ** 3
        return np.where(x > 0, np.maximum(low, 0.0), 0.0), high
    _known(method)
    outer_low, outer_high = _garwood(x, tail)

    # P(X < x) + P(X = x) / 2 falls from 1 to 0 in the mean, its complement rises; P(X <= -1) = 0
    def below(mean: Floats) -> Floats:
        return 0.5 * (pdtr(x, mean) + np.where(x > 0, pdtr(np.maximum(x - 1, 0), mean), 0.0))

    def above(mean: Floats) -> Floats:
        return 0.5 * (pdtrc(x, mean) + np.where(x > 0, pdtrc(np.maximum(x - 1, 0), mean), 1.0))

    low = _bisect(lambda mean: above(mean) < tail, outer_low, np.maximum(x, outer_low))
    high = _bisect(lambda mean: below(mean) > tail, x, outer_high)
    return np.where(x > 0, low, 0.0), high


def _garwood(x: Floats, tail: float) -> tuple[Floats, Floats]:
    low = np.where(x > 0, chdtri(2 * np.maximum(x, 1.0), 1 - tail) / 2, 0.0)
    return low, chdtri(2 * (x + 1), tail) / 2


def binomial_interval(
    events: Floats, n: Floats, method: str = "exact", level: float = 0.95
) -> tuple[Floats, Floats]:
    """Clopper-Pearson (or mid-P) limits of a proportion, elementwise."""
    x, n = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    tail = (1 - level) / 2
    low = np.where(x > 0, betaincinv(np.maximum(x, 1.0), n - x + 1, tail), 0.0)
    high = np.where(x < n, betaincinv(x + 1, np.maximum(n - x, 1.0), 1 - tail), 1.0)
    if method != "midp":
        _known(method)
        return low, high

    # P(X <= j) = betaincc(j + 1, n - j, p)
    def below(p: Floats) -> Floats:
        less = np.where(x > 0, betaincc(np.maximum(x, 1.0), n - x + 1, p), 0.0)
        return 0.5 * (np.where(x < n, betaincc(x + 1, np.maximum(n - x, 1.0), p), 1.0) + less)

    def above(p: Floats) -> Floats:
        as_many = np.where(x > 0, betainc(np.maximum(x, 1.0), n - x + 1, p), 1.0)
        return 0.5 * (np.where(x < n, betainc(x + 1, np.maximum(n - x, 1.0), p), 0.0) + as_many)

    mid_low = _bisect(lambda p: above(p) < tail, low, x / n)
    mid_high = _bisect(lambda p: below(p) > tail, x / n, high)
    return np.where(x > 0, mid_low, 0.0), np.where(x < n, mid_high, 1.0)


def _bisect(below: Any, low: Floats, high: Floats) -> Floats:
    """The point where ``below`` turns from true to false, elementwise, to the last bit but a few."""
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    for _ in range(80):
        middle = 0.5 * (low + high)
        left = below(middle)
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return 0.5 * (low + high)


def _known(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"rates: method {method!r} is not one of {', '.join(METHODS)}")


@dataclass(frozen=True)
class Rate:
    """One row: ``kind`` is ``"rate"`` (per ``per`` person-years) or ``"proportion"`` (per ``per`` persons).

    ``one_sided`` is the confidence of an upper bound when there were no events (0.975 for a 95 % interval),
    else None. ``studies`` are the studies added up.
    """

    treatment: str
    population: str | None
    studies: tuple[str, ...]
    counts: str
    kind: str
    events: int
    n: float
    person_years: float
    estimate: float
    ci_low: float
    ci_high: float
    one_sided: float | None


@dataclass(frozen=True)
class Rates:
    """Absolute rates. ``rows``, and what they are: ``method``, ``per``, ``level``, ``pooled``, ``notes``."""

    rows: tuple[Rate, ...]
    method: str
    per: float
    level: float
    pooled: bool
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """One row a rate, blank where not known."""
        import pandas as pd

        records = [{**vars(row), "studies": "; ".join(row.studies), "per": self.per} for row in self.rows]
        return pd.DataFrame(records)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        unit = f"per {self.per:g}"
        lines = [f"Rates, {METHODS[self.method]}, {100 * self.level:g} % two-sided"]
        for row in self.rows:
            who = row.treatment + (f" [{row.population}]" if row.population else "")
            base = (
                f"{row.events} {row.counts} / {number(row.person_years)} person-years"
                if row.kind == "rate"
                else f"{row.events} of {row.n:g} persons"
            )
            what = f"{unit} person-years" if row.kind == "rate" else f"{unit} persons"
            if row.one_sided is not None:
                value = f"0 {what}, at most {number(row.ci_high)} ({100 * row.one_sided:g} % one-sided)"
            else:
                value = f"{number(row.estimate)} ({number(row.ci_low)} to {number(row.ci_high)}) {what}"
            place = "" if not self.pooled and len(row.studies) != 1 else f"  {'; '.join(row.studies)}"
            lines.append(f"  {who}: {value}; {base};{place}")
        lines += [f"  left out: {study}: {reason}" for study, reason in self.left_out]
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """Points with intervals, one row a rate; an upper bound is an open arrowhead at its limit."""
        import altair as alt

        frame = self.table()
        frame["label"] = [
            " | ".join(
                part
                for part in (r.treatment, r.population or "", "" if self.pooled else r.studies[0])
                if part
            )
            for r in self.rows
        ]
        frame["bound"] = [r.one_sided is not None for r in self.rows]
        kinds = {r.kind for r in self.rows}
        base = "person-years" if kinds == {"rate"} else "persons" if kinds == {"proportion"} else "(mixed)"
        y = alt.Y("label:N", title=None, sort=None)
        title = f"events per {self.per:g} {base}"
        chart = alt.Chart(frame)
        rule = chart.mark_rule().encode(y=y, x=alt.X("ci_low:Q", title=title), x2="ci_high:Q")
        point = (
            chart.transform_filter("!datum.bound")
            .mark_point(filled=True, size=60)
            .encode(y=y, x="estimate:Q", tooltip=["label", "events", "n", "person_years", "estimate"])
        )
        bound = (
            chart.transform_filter("datum.bound")
            .mark_point(shape="triangle-left", filled=False, size=60)
            .encode(y=y, x="ci_high:Q", tooltip=["label", "events", "n", "person_years", "ci_high"])
        )
        return alt.layer(rule, point, bound)


def rates(
    arms: Any,
    method: str = "exact",
    per: float = 100,
    *,
    pool: bool = False,
    level: float = 0.95,
) -> Rates:
    """Events per person-years (or per persons where no person-years are given) with intervals.

    ``arms``: an arm table. ``method``: ``"exact"`` (Garwood), ``"midp"`` or ``"byar"``. ``per``: the
    denominator to report. ``pool``: add up the arms of a treatment, within each population where the table
    has a column ``population``; counts of persons and counts of events (column ``counts``), and arms with
    and without person-years, are never added to one another: each kind has its own row. ``level``: two-sided
    confidence; with no events the upper limit is one-sided at (1 + level) / 2 and says so.

    Raises ArmTableError for a table that cannot be read or arms to pool that count the same people,
    ValueError for an unknown method, a level outside (0, 1) or a denominator that is not positive.
    """
    _known(method)
    if not 0 < level < 1:
        raise ValueError(f"rates: level {level!r} is not between 0 and 1; 0.95 means a 95 % interval")
    if not (per > 0 and math.isfinite(per)):
        raise ValueError(f"rates: per {per!r} is not a positive number; 100 means per 100 person-years")
    table = read_arms(arms, distinct=False)
    if pool:
        table.require_distinct_arms()
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i in range(len(table)):
        kind = "proportion" if math.isnan(table.person_years[i]) else "rate"
        key = (table.treatments[table.treatment[i]], _population(table, i), table.counts[i], kind)
        groups.setdefault(key if pool else (*key, i), []).append(i)
    for members in groups.values():
        table.require_distinct_persons([int(table.row[i]) for i in members])
    left_out = [
        LeftOut(
            table.studies[s],
            "printed as an estimate only, without counts: it has no absolute rate of its own",
        )
        for s in dict.fromkeys(table.contrasts.study.tolist())
        if s not in table.study
    ]
    rows = []
    for key, members in groups.items():
        treatment, population, counts, kind = key[:4]
        if kind == "proportion" and counts == "events":
            for i in members:
                left_out.append(
                    LeftOut(
                        table.studies[table.study[i]],
                        f"{treatment}: events rather than persons were counted and no person-years are "
                        "given, so there is neither a rate nor a proportion",
                    )
                )
            continue
        rows.append(_rate(table, members, treatment, population, counts, kind, method, per, level))
    return Rates(
        rows=tuple(rows),
        method=method,
        per=per,
        level=level,
        pooled=pool,
        left_out=tuple(left_out),
        notes=tuple(_notes(rows, table, pool)),
    )


def _population(table: ArmTable, i: int) -> str | None:
    values = table.extra.get("population")
    if values is None or values[i] is None or values[i] != values[i] or not str(values[i]).strip():
        return None
    return str(values[i])


def _rate(
    table: ArmTable,
    members: Sequence[int],
    treatment: str,
    population: str | None,
    counts: str,
    kind: str,
    method: str,
    per: float,
    level: float,
) -> Rate:
    rows = list(members)
    events = float(table.events[rows].sum())
    n, person_years = float(table.n[rows].sum()), float(table.person_years[rows].sum())
    if kind == "rate":
        low, high = (float(x) for x in poisson_interval(np.float64(events), method, level))  # type: ignore[arg-type]
        base = person_years
    else:
        low, high = (
            float(x) * n
            for x in binomial_interval(np.float64(events), np.float64(n), method, level)  # type: ignore[arg-type]
        )
        base = n
    return Rate(
        treatment=treatment,
        population=population,
        studies=tuple(table.studies[s] for s in dict.fromkeys(table.study[rows].tolist())),
        counts=counts,
        kind=kind,
        events=int(events),
        n=n,
        person_years=person_years,
        estimate=per * events / base,
        ci_low=per * low / base,
        ci_high=per * high / base,
        one_sided=(1 + level) / 2 if events == 0 else None,
    )


def _notes(rows: Sequence[Rate], table: ArmTable, pool: bool) -> list[str]:
    notes = []
    if any(r.kind == "proportion" for r in rows):
        notes.append("arms without person-years give proportions of persons, not rates")
    if pool and {"persons", "events"} <= {r.counts for r in rows}:
        notes.append("counts of persons and counts of events are kept apart")
    if pool and any(r.population is None for r in rows):
        if "population" in table.extra:
            notes.append("arms without a stated population are pooled among themselves only")
        else:
            notes.append(
                "the table states no population: whether the pooled arms belong together is not known"
            )
    if any(r.one_sided is not None for r in rows):
        notes.append("with no events the upper limit is one-sided")
    return notes
