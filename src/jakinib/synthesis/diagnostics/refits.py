"""The same comparison on parts of the studies: leave-one-out, cumulative, subgroups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc

from jakinib.synthesis.analysis import Choices, analyse, choose
from jakinib.synthesis.arms import ArmTable, ArmTableError, read_arms
from jakinib.synthesis.pairs import LOG_MEASURES, MEASURE_NAMES
from jakinib.synthesis.pairwise import Pairwise, result
from jakinib.synthesis.result import json_ready, number, p_text
from jakinib.synthesis.select_pairs import Selected, select_pairs

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


@dataclass(frozen=True)
class Refits:
    """``kind`` of refit, a label and a result for each, and the result on all studies.

    ``q_between, q_between_p``: of subgroups, the test that their effects are equal (df: groups - 1), NaN
    for the others or where a group has no standard error.
    """

    kind: str
    every: Pairwise
    labels: tuple[str, ...]
    results: tuple[Pairwise, ...]
    q_between: float = math.nan
    q_between_p: float = math.nan

    def table(self) -> pd.DataFrame:
        """One row a refit, and a last row with all studies."""
        import pandas as pd

        rows = [*zip(self.labels, self.results, strict=True), ("all studies", self.every)]
        names = ("estimate", "ci_low", "ci_high", "p", "theta", "se", "tau2", "i2", "k", "events")
        return pd.DataFrame([{self.kind: label, **{n: getattr(r, n) for n in names}} for label, r in rows])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        measure = MEASURE_NAMES[self.every.measure]
        lines = [
            f"{self.kind}: {self.every.treatment} v {self.every.reference}, {measure}, {self.every.method}"
        ]
        for label, r in zip((*self.labels, "all studies"), (*self.results, self.every), strict=True):
            lines.append(
                f"  {label}: {number(r.estimate)} ({number(r.ci_low)} to {number(r.ci_high)}), k = {r.k}"
            )
        if not math.isnan(self.q_between):
            lines.append(
                f"  difference between groups: Q {number(self.q_between)}, {p_text(self.q_between_p)}"
            )
        return "\n".join(lines)

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """Estimate and interval of each refit."""
        import altair as alt

        log = self.every.measure in LOG_MEASURES
        frame = self.table()
        shown = np.isfinite(frame["ci_low"]) & np.isfinite(frame["ci_high"])
        if log:
            shown &= frame["ci_low"] > 0
        scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
        base = alt.Chart(frame[shown]).encode(y=alt.Y(f"{self.kind}:N", sort=None, title=None))
        title = MEASURE_NAMES[self.every.measure]
        return alt.layer(
            base.mark_rule().encode(x=alt.X("ci_low:Q", scale=scale, title=title), x2="ci_high:Q"),
            base.mark_point(filled=True).encode(x=alt.X("estimate:Q", scale=scale)),
        )


def leave_one_out(
    arms: Any,
    measure: str = "OR",
    method: str = "mh",
    reference: str | None = None,
    *,
    treatment: str | None = None,
    **options: Any,
) -> Refits:
    """The comparison without each study in turn. Parameters as in ``pairwise``."""
    selected, choices, _ = _prepare(arms, measure, method, reference, treatment, options)
    k = len(selected.studies)
    parts = [[j for j in range(k) if j != i] for i in range(k)]
    return _refit("left out", selected, choices, list(selected.studies), parts)


def cumulative(
    arms: Any,
    measure: str = "OR",
    method: str = "mh",
    reference: str | None = None,
    *,
    order: str,
    treatment: str | None = None,
    **options: Any,
) -> Refits:
    """Studies added one by one in ascending order of the column ``order`` (a year, a date, a size)."""
    selected, choices, table = _prepare(arms, measure, method, reference, treatment, options)
    values = study_values(table, selected, order)
    ranked = sorted(range(len(values)), key=lambda i: values[i])
    labels = [f"+ {selected.studies[i]} ({values[i]})" for i in ranked]
    return _refit("added", selected, choices, labels, [ranked[: i + 1] for i in range(len(ranked))])


def subgroups(
    arms: Any,
    measure: str = "OR",
    method: str = "mh",
    reference: str | None = None,
    *,
    by: str,
    treatment: str | None = None,
    **options: Any,
) -> Refits:
    """The comparison within each value of the column ``by``, and the test that the groups agree."""
    selected, choices, table = _prepare(arms, measure, method, reference, treatment, options)
    values = [str(v) for v in study_values(table, selected, by)]
    labels = list(dict.fromkeys(values))
    fits = _refit(
        by, selected, choices, labels, [[i for i, v in enumerate(values) if v == label] for label in labels]
    )
    theta = np.array([r.theta for r in fits.results])
    w = np.array([r.se for r in fits.results]) ** -2.0
    if len(labels) < 2 or not np.isfinite(theta * w).all():
        return fits
    q = float((w * (theta - (w @ theta) / w.sum()) ** 2).sum())
    return replace(fits, q_between=q, q_between_p=float(chdtrc(len(labels) - 1, q)))


def study_values(table: ArmTable, selected: Selected, column: str) -> list[Any]:
    """The value of a column in each selected study; both arms must agree and none be blank."""
    values = table.extra.get(column)
    if values is None:
        raise ArmTableError("the column is missing", f"Add '{column}', with one value a study", column=column)
    out = []
    for name, rows in zip(selected.studies, selected.arm_rows, strict=True):
        if rows is None:
            raise ArmTableError(
                f"study '{name}' is given as an estimate, which carries no '{column}'",
                "Leave the contrast row out",
                column=column,
            )
        first, second = (values[i] for i in rows)
        if first is None or first != first or first != second:
            raise ArmTableError(
                f"{first!r} and {second!r} in the two arms of study '{name}'",
                "Give both arms the same value",
                row=int(table.row[rows[1]]),
                column=column,
            )
        out.append(first)
    return out


def _prepare(
    arms: Any,
    measure: str,
    method: str,
    reference: str | None,
    treatment: str | None,
    options: dict[str, Any],
) -> tuple[Selected, Choices, ArmTable]:
    merge = bool(options.pop("merge_arms", False))
    table = read_arms(arms, merge_arms=merge)
    choices = choose(measure, method, **options)
    return select_pairs(table, measure, treatment, reference), choices, table


def _refit(
    kind: str, selected: Selected, choices: Choices, labels: Sequence[str], parts: Sequence[Sequence[int]]
) -> Refits:
    one: Callable[[Selected], Pairwise] = lambda s: result(s, choices, analyse(s.pairs, choices))  # noqa: E731
    results = tuple(one(selected.keep(part)) for part in parts)
    return Refits(kind, one(selected), tuple(labels), results)
