"""What a model with shared nodes (dose, class) gives, and its text, tables and figure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.pairs import LOG_MEASURES, MEASURE_NAMES
from jakinib.synthesis.result import json_ready, number, p_text

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


@dataclass(frozen=True)
class Coefficient:
    """An estimate on the scale of analysis with its standard error and limits; NaN where there is none."""

    theta: float
    se: float
    low: float
    high: float

    def __mul__(self, factor: float) -> Coefficient:
        """For a factor above 0."""
        return Coefficient(*(factor * x for x in (self.theta, self.se, self.low, self.high)))


def wald(theta: float, se: float, z: float) -> Coefficient:
    """An estimate with the limits ``theta -+ z se``."""
    return Coefficient(theta, se, theta - z * se, theta + z * se)


@dataclass(frozen=True)
class Shared:
    """What an estimator hands over: ``effects``: a treatment but the reference, in order; ``groups``: the
    parameters of each group by name; ``value``: the log-likelihood at its maximum, members of a class equal.
    """

    effects: tuple[Coefficient, ...]
    groups: tuple[dict[str, Coefficient], ...]
    tau2: float
    s2: float
    value: float
    interval: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class SharedNodes:
    """A network in which treatments share coefficients: the doses of a drug, the members of a class.

    ``kind``: the model in words. ``tau2``: between studies, under this model (NaN for a common effect);
    ``s2``: between the members of a class (NaN where they are equal). ``q`` on ``df`` with ``p``: the misfit,
    against a network in which every treatment has an effect of its own. ``notes``: what a reader must know.
    """

    kind: str
    measure: str
    method: str
    model: str
    level: float
    k: int
    reference: str
    tau2: float
    s2: float
    q: float
    df: int
    p: float
    interval: str
    notes: tuple[str, ...]
    nodes: Nodes
    found: Shared

    def table(self) -> pd.DataFrame:
        """A row a treatment: treatment, group, dose (NaN for a node of its own), reference, estimate, ci_low,
        ci_high (on the scale people read), theta, se (on the scale of analysis), note.
        """
        import pandas as pd

        rest = [t for t in range(len(self.nodes.treatments)) if t != self.nodes.reference]
        rows = []
        for t, c in zip(rest, self.found.effects, strict=True):
            group = self.nodes.group[t]
            read = dict(zip(("estimate", "ci_low", "ci_high"), self._read(c), strict=True))
            rows.append(
                {
                    "treatment": self.nodes.treatments[t],
                    "group": group or "",
                    "dose": float(self.nodes.dose[t]) if group is not None and self.dosed else math.nan,
                    "reference": self.reference,
                    **read,
                    "theta": c.theta,
                    "se": c.se,
                    "note": _why(c),
                }
            )
        return pd.DataFrame(rows)

    def groups(self) -> pd.DataFrame:
        """A row and parameter of each group: group, parameter, value, se, ci_low, ci_high, reason.

        ``slope``: a unit of dose (or the mean of a class), ``emax``: both on the scale of analysis; ``ed50``
        in the unit of dose. ``reason``: why a value is NaN or a limit missing.
        """
        import pandas as pd

        rows = [
            {"group": g, "parameter": self._parameter(name), "value": c.theta, "se": c.se}
            | {"ci_low": c.low, "ci_high": c.high, "reason": reason}
            for g, of, reason in zip(self.nodes.names, self.found.groups, self.found.reasons, strict=True)
            for name, c in of.items()
        ]
        return pd.DataFrame(rows)

    def _parameter(self, name: str) -> str:
        return "mean" if name == "slope" and not self.kind.startswith("linear") else name

    @property
    def dosed(self) -> bool:
        return "dose" in self.kind

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; a number that is not finite is None (``note`` and ``reason`` say why)."""
        names = (
            "kind",
            "measure",
            "method",
            "model",
            "level",
            "k",
            "reference",
            "tau2",
            "s2",
            "q",
            "df",
            "p",
        )
        ready: dict[str, Any] = json_ready(
            {
                **{name: getattr(self, name) for name in names},
                "interval": self.interval,
                "effects": self.table().to_dict("records"),
                "groups": self.groups().to_dict("records"),
                "notes": self.notes,
            }
        )
        return ready

    def __str__(self) -> str:
        lines = [
            f"Network of {len(self.nodes.treatments)} treatments, {MEASURE_NAMES[self.measure]}: {self.kind}",
            f"  method {self.method}, {self.model} effects of studies; against {self.reference}: "
            f"{self.k} studies; {100 * self.level:g} % interval: {self.interval}",
        ]
        table = self.table().to_dict("records")
        width = max(len(r["treatment"]) for r in table)
        for r in table:
            text = f"{number(r['estimate'])} ({number(r['ci_low'])} to {number(r['ci_high'])})"
            if math.isnan(r["estimate"]):
                text = "not estimable"
            lines.append(f"  {r['treatment']:<{width}}  {text}" + (f"  [{r['note']}]" if r["note"] else ""))
        for r in self.groups().to_dict("records"):
            text = f"{number(r['value'])} ({number(r['ci_low'])} to {number(r['ci_high'])})"
            if math.isnan(r["value"]):
                limits = "" if math.isnan(r["ci_low"]) else text[text.index(" (") :]
                text = f"not told{limits}"
            lines.append(
                f"  {r['group']}: {r['parameter']} {text}" + (f"  [{r['reason']}]" if r["reason"] else "")
            )
        if not math.isnan(self.tau2):
            lines.append(f"  tau2 between studies {number(self.tau2)}")
        if not math.isnan(self.s2):
            lines.append(f"  variance between members of a class {number(self.s2)}")
        if self.df > 0:
            lines.append(f"  misfit against free effects {number(self.q)} on {self.df} df, {p_text(self.p)}")
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """Effects with intervals: over dose, a colour a drug, for doses; a line a treatment for classes."""
        import altair as alt

        frame = self.table()
        shown = frame[
            np.isfinite(frame["estimate"]) & np.isfinite(frame["ci_low"]) & np.isfinite(frame["ci_high"])
        ]
        log = self.measure in LOG_MEASURES
        if log:
            shown = shown[(shown["estimate"] > 0) & (shown["ci_low"] > 0)]
        scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
        title = f"{MEASURE_NAMES[self.measure]} against {self.reference}, {100 * self.level:g} % interval"
        dosed = self.dosed
        if dosed:
            shown = shown[np.isfinite(shown["dose"])]
        chart = alt.Chart(shown)
        color = alt.Color("group:N", title="drug" if dosed else "class")
        place, value = ("x", "y") if dosed else ("y", "x")
        axis = alt.X("dose:Q") if dosed else alt.Y("treatment:N", sort=None, title=None)
        make = alt.Y if dosed else alt.X
        rule = chart.mark_rule(strokeWidth=2).encode(
            **{place: axis, value: make("ci_low:Q", scale=scale, title=title), f"{value}2": "ci_high:Q"},
            color=color,
        )
        point = chart.mark_point(filled=True, size=70).encode(
            **{place: axis, value: make("estimate:Q", scale=scale, title=title)},
            color=color,
            tooltip=["treatment:N", "estimate:Q", "ci_low:Q", "ci_high:Q"],
        )
        null = (
            alt.Chart(alt.InlineData(values=[{"null": 1.0 if log else 0.0}]))
            .mark_rule(strokeDash=[3, 3])
            .encode(**{value: make("null:Q", scale=scale)})
        )
        layers = [null, rule, point]
        if dosed:
            layers.append(
                chart.mark_line(opacity=0.4).encode(x=axis, y=make("estimate:Q", scale=scale), color=color)
            )
        return alt.layer(*layers)

    def _read(self, c: Coefficient) -> list[float]:
        values = np.array([c.theta, c.low, c.high])
        with np.errstate(over="ignore"):
            read: list[float] = (np.exp(values) if self.measure in LOG_MEASURES else values).tolist()
        return read


def _why(c: Coefficient) -> str:
    if math.isnan(c.theta):
        return "not estimable: no side of the data bounds it"
    if math.isinf(c.theta):
        return "no finite estimate: no events on one side"
    if math.isinf(c.low) or math.isinf(c.high):
        return "the data do not bound the estimate on one side"
    return ""
