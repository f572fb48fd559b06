"""``jk.selectivity``: average inhibition of each pathway against dose - selectivity as a curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from jakinib.mechanism.concentration import Concentration
from jakinib.mechanism.errors import MechanismError, NotReadError
from jakinib.mechanism.exposure import Exposure, check_drug, exposure
from jakinib.mechanism.hill import share
from jakinib.mechanism.inhibition import pathway_name, pathway_row, potencies
from jakinib.mechanism.mass import drug_mass, ng_ml_to_nM
from jakinib.mechanism.regimen import Regimen, parse_regimen
from jakinib.mechanism.tables import Tables, each, resolve

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence


@dataclass(frozen=True, eq=False)
class Selectivity:
    """Average inhibition by dose; a row a dose and pathway in :meth:`table`."""

    drug: str
    regimen: Regimen
    doses_mg: tuple[float, ...]
    rows: pd.DataFrame = field(repr=False)
    exposure: Exposure = field(repr=False)
    tables: Tables = field(repr=False)
    notes: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """``dose_mg, pathway, average, basis, ic50_nM, bound, source_id, locator`` - typical person."""
        return self.rows.copy()

    def crossing(self, first: str, second: str, share_of_first: float = 0.5) -> float | None:
        """Dose (mg) at which the second pathway's average inhibition reaches a share of the first's.

        ``first`` is the pathway wanted, ``second`` the one to be spared, ``share_of_first`` in (0, 1]. With
        plain Emax curves the share rises with the dose from the ratio of potencies to one. ``None`` if it
        is not reached between a thousandth and a thousand times the regimen's dose; 0 if it is above it at
        any dose.
        """
        if not 0 < share_of_first <= 1:
            raise MechanismError(f"share must lie in (0, 1]; got {share_of_first}")
        a, b = pathway_row(self.tables, self.drug, first), pathway_row(self.tables, self.drug, second)

        at = averager(self.exposure)

        def gap(log_dose: float) -> float:
            dose = float(np.exp(log_dose))
            return at(dose, b) - share_of_first * at(dose, a)

        low, high = np.log(self.regimen.dose_mg / 1000), np.log(self.regimen.dose_mg * 1000)
        if gap(low) >= 0:
            return 0.0
        return None if gap(high) < 0 else float(np.exp(brentq(gap, low, high, xtol=1e-9)))

    def to_dict(self) -> dict[str, Any]:
        """Everything shown, ready for JSON."""
        return {
            "drug": self.drug,
            "schedule": self.regimen.schedule,
            "formulation": self.regimen.formulation,
            "model": self.exposure.model.name,
            "doses_mg": list(self.doses_mg),
            "rows": self.rows.to_dict("records"),
            "notes": list(self.notes),
        }

    def figure(self) -> Any:
        """Average inhibition against dose, a line a pathway; the regimen's dose is marked."""
        import altair as alt

        lines = (
            alt.Chart(self.rows)
            .mark_line()
            .encode(
                x=alt.X("dose_mg:Q", scale=alt.Scale(type="log"), title=f"dose, mg {self.regimen.schedule}"),
                y=alt.Y("average:Q", title="average inhibition", axis=alt.Axis(format="%")),
                color=alt.Color("pathway:N", title="pathway"),
                tooltip=["pathway:N", "dose_mg:Q", alt.Tooltip("average:Q", format=".0%")],
            )
        )
        rule = alt.Chart(pd.DataFrame({"dose_mg": [self.regimen.dose_mg]})).mark_rule(strokeDash=[4, 3])
        return alt.layer(lines, rule.encode(x="dose_mg:Q")).properties(title=self.drug, width=480, height=280)

    def __str__(self) -> str:
        wide = self.rows.pivot_table(index="pathway", columns="dose_mg", values="average", sort=False)
        if len(wide.columns) > 8:  # what a line of a terminal holds; the table has every dose
            wide = wide.iloc[:, ::2]
        wide = wide.rename_axis(None).rename_axis(None, axis=1).rename(columns=lambda dose: f"{dose:.3g}")
        schedule = " ".join(x for x in (self.regimen.formulation, self.regimen.schedule) if x)
        head = f"{self.drug} {schedule}: average inhibition by dose (mg)"
        return "\n".join([head, wide.to_string(float_format=lambda x: f"{x:.2f}"), *self.notes])


def selectivity(
    drug: str,
    regimen: str | Regimen,
    *,
    doses: Sequence[float] | None = None,
    covariates: Mapping[str, Any] | None = None,
    model: str | None = None,
    tables: Tables | Evidence | None = None,
) -> Selectivity:
    """Average daily inhibition of every pathway with a sourced potency, at several doses of one schedule.

    ``regimen`` fixes formulation and schedule and marks a dose; ``doses`` (mg a time) defaults to 1/8 to 8
    times it. Other parameters as in :func:`jakinib.mechanism.exposure.exposure`. Raises NotReadError if the
    drug has no pharmacokinetic model or no pathway potency, MechanismError for a dose that is not positive.
    """
    tables = resolve(tables)
    check_drug(tables, drug)
    parsed = parse_regimen(regimen)
    exposed = exposure(drug, parsed, covariates=covariates, model=model, tables=tables)
    parsed = exposed.regimen
    amounts = [
        float(d) for d in (doses if doses is not None else parsed.dose_mg * np.geomspace(1 / 8, 8, 13))
    ]
    if not amounts or min(amounts) <= 0:
        raise MechanismError(f"doses must be positive; got {amounts}")
    rows = potencies(tables, drug, "pathway")
    if exposed.unbound_fraction is None:
        rows = rows[rows["basis"] == "total"]
    if rows.empty:
        raise NotReadError(
            f"{drug}: no potency on a cytokine pathway was read that its concentration can be put to"
        )
    out = []
    at = averager(exposed)
    for dose in amounts:
        for row in each(rows):
            out.append(
                {
                    "dose_mg": dose,
                    "pathway": pathway_name(row),
                    "average": at(dose, row),
                    "basis": row.basis,
                    "ic50_nM": row.value_nM,
                    "bound": {"<": "at least", ">": "at most"}.get(row.relation, "estimate"),
                    "source_id": row.source_id,
                    "locator": row.locator,
                }
            )
    return Selectivity(drug, parsed, tuple(amounts), pd.DataFrame(out), exposed, tables, exposed.notes)


def averager(exposed: Exposure) -> Callable[[float, Any], float]:
    """``f(dose_mg, potency row)``: average inhibition of the typical person at any dose of the schedule."""
    mass = drug_mass(exposed.drug)
    person = {k: v for k, v in exposed.covariates.items() if np.ndim(v) == 0}
    times = exposed.times_h

    @lru_cache(maxsize=256)  # every pathway is asked at every dose
    def total_at(dose_mg: float) -> Concentration:
        ng_ml = exposed.model.draw(exposed.regimen.at_dose(dose_mg), person).curve(times)[0]
        return Concentration(ng_ml_to_nM(ng_ml, mass), "total")

    def average(dose_mg: float, row: Any) -> float:
        total = total_at(dose_mg)
        given = total if row.basis == "total" else total.unbound(exposed.unbound_fraction or np.nan)
        values = share(given.nM, row.value_nM, float(row.hill) if row.hill == row.hill else 1.0)
        return float(np.trapezoid(values, times) / (times[-1] - times[0]))

    return average
