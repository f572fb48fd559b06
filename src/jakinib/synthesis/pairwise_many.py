"""The same comparison in many data sets at once: ``jk.pairwise_many``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jakinib.synthesis.analysis import Analysis, analyse, choose
from jakinib.synthesis.arms import Floats, read_arms
from jakinib.synthesis.pairs import MEASURE_NAMES, Pairs
from jakinib.synthesis.result import json_ready, number
from jakinib.synthesis.select_pairs import pad, select_pairs

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_NUMBERS = (
    "theta", "se", "p", "estimate", "ci_low", "ci_high", "tau2", "i2", "q", "k",
    "prediction_low", "prediction_high",
)  # fmt: skip


@dataclass(frozen=True)
class PairwiseMany:
    """One pooled comparison a data set; every array has one value a data set (shape of the batch).

    Names as in ``Pairwise``. A NaN has the reason that ``pairwise`` prints for that data set alone.
    """

    names: tuple[str, ...]
    measure: str
    method: str
    effects: str
    ci: str
    level: float
    theta: Floats
    se: Floats
    p: Floats
    estimate: Floats
    ci_low: Floats
    ci_high: Floats
    tau2: Floats
    i2: Floats
    q: Floats
    k: Floats
    prediction_low: Floats
    prediction_high: Floats

    def __len__(self) -> int:
        return len(self.names)

    def table(self) -> pd.DataFrame:
        """One row a data set."""
        import pandas as pd

        return pd.DataFrame({"name": self.names, **{n: np.ravel(getattr(self, n)) for n in _NUMBERS}})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        estimable = np.isfinite(self.theta)
        line = f"{len(self)} data sets, {MEASURE_NAMES[self.measure]} by {self.method} ({self.ci})"
        if not estimable.any():
            return f"{line}; none with a finite estimate"
        low, middle, high = np.quantile(self.estimate[estimable], [0.025, 0.5, 0.975])
        return (
            f"{line}; {int(estimable.sum())} with a finite estimate: median {number(float(middle))}, "
            f"central 95 % of them {number(float(low))} to {number(float(high))}"
        )

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """Estimates with intervals in the order given."""
        import altair as alt

        frame = self.table()
        frame = frame[np.isfinite(frame["ci_low"]) & np.isfinite(frame["ci_high"])]
        base = alt.Chart(frame).encode(y=alt.Y("name:N", sort=None, title=None))
        return alt.layer(
            base.mark_rule().encode(x=alt.X("ci_low:Q", title=MEASURE_NAMES[self.measure]), x2="ci_high:Q"),
            base.mark_point(filled=True).encode(x="estimate:Q"),
        )


def pairwise_many(
    data: Pairs | Mapping[str, Any] | Sequence[Any],
    measure: str = "OR",
    method: str = "mh",
    reference: str | None = None,
    *,
    treatment: str | None = None,
    effects: str | None = None,
    ci: str | None = None,
    level: float = 0.95,
    add: float = 0.5,
    add_to: str = "only0",
    drop_double_zero: bool = True,
    merge_arms: bool = False,
) -> PairwiseMany:
    """``pairwise`` over many data sets, with the same estimators on arrays with a leading batch axis.

    ``data``: arm tables, as a mapping of name to table or a sequence; or arrays, as ``Pairs(e1, d1, e2, d2)``
    of shape (data sets, studies), 1 the treatment and 2 the reference, d persons (person-years for IRR and
    IRD), a study that a data set lacks having d1 = d2 = 0. The other parameters are those of ``pairwise``.

    Raises ValueError for choices that do not go together and for arrays that are not of one two-dimensional
    shape; ArmTableError, naming the data set, for a table that is not legal.
    """
    choices = choose(measure, method, effects, ci, level, add, add_to, drop_double_zero)
    if isinstance(data, Pairs):
        shapes = {np.shape(a) for a in (data.e1, data.d1, data.e2, data.d2)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise ValueError(f"e1, d1, e2 and d2 must have one shape (data sets, studies); found {shapes}")
        pairs = Pairs(*(np.asarray(a, dtype=float) for a in (data.e1, data.d1, data.e2, data.d2)))
        names = tuple(map(str, range(1, pairs.e1.shape[0] + 1)))
    else:
        tables = dict(data) if isinstance(data, Mapping) else {str(i + 1): t for i, t in enumerate(data)}
        names = tuple(tables)
        several = []
        for name, table in tables.items():
            try:
                arms = read_arms(table, merge_arms=merge_arms)
                several.append(select_pairs(arms, measure, treatment, reference).pairs)
            except ValueError as error:
                error.add_note(f"in data set {name!r}")
                raise
        pairs = pad(several)
    parts = [_found(analyse(some, choices)) for some in _cut(pairs)]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    theta = found.pop("theta")
    with np.errstate(over="ignore"):
        read = {
            name: np.exp(values) if choices.log_scale else values
            for name, values in (("estimate", theta), *((n, found.pop(n)) for n in _READ))
        }
    return PairwiseMany(
        names=names,
        measure=measure,
        method=method,
        effects=choices.effects,
        ci=choices.ci,
        level=level,
        theta=theta,
        **found,
        **read,
    )


_CELLS = (
    45_000  # studies at a time: their arrays stay in the processor's cache, which makes a third of the time
)
_READ = ("ci_low", "ci_high", "prediction_low", "prediction_high")


def _cut(pairs: Pairs) -> Iterator[Pairs]:
    """The batch in parts of about ``_CELLS`` studies; one part at least."""
    sets, k = pairs.e1.shape
    step = max(1, _CELLS // max(k, 1))
    columns = (pairs.e1, pairs.d1, pairs.e2, pairs.d2, pairs.y, pairs.v)
    for start in range(0, max(sets, 1), step):
        yield Pairs(*(None if c is None else c[start : start + step] for c in columns))  # type: ignore[arg-type]


def _found(analysis: Analysis) -> dict[str, Floats]:
    fit, limits = analysis.fit, analysis.interval
    nan = np.full(np.shape(fit.theta), np.nan)
    return {
        "theta": fit.theta,
        "se": limits.se,
        "p": limits.p,
        "ci_low": limits.low,
        "ci_high": limits.high,
        "tau2": nan if fit.tau2 is None else fit.tau2,
        "i2": analysis.heterogeneity.i2,
        "q": nan if fit.q is None else fit.q,
        "k": fit.k,
        "prediction_low": analysis.prediction_low,
        "prediction_high": analysis.prediction_high,
    }
