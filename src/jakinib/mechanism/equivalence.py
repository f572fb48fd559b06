"""``jk.equivalent_dose``: the dose of one drug that inhibits a pathway as much as a regimen of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from jakinib.mechanism.errors import MechanismError
from jakinib.mechanism.exposure import exposure
from jakinib.mechanism.inhibition import pathway_name, pathway_rows
from jakinib.mechanism.regimen import Regimen, parse_regimen
from jakinib.mechanism.selectivity import averager
from jakinib.mechanism.tables import Tables, resolve

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence


@dataclass(frozen=True)
class EquivalentDose:
    """``dose_mg`` of ``drug`` (by ``schedule``) whose average inhibition of ``pathway`` equals ``average``.

    ``dose_mg`` is ``None`` if no dose up to a thousand times the reference dose reaches it.
    """

    pathway: str
    reference_drug: str
    reference_regimen: str
    average: float
    drug: str
    schedule: str
    formulation: str | None
    dose_mg: float | None
    reference_potency: str
    potency: str
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """One row."""
        return pd.DataFrame([self.to_dict()])

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        form = f" {self.formulation}" if self.formulation else ""
        dose = (
            "no dose reaches it" if self.dose_mg is None else f"{self.dose_mg:.3g} mg{form} {self.schedule}"
        )
        return (
            f"{self.pathway}: {self.reference_drug} {self.reference_regimen} inhibits {self.average:.1%} "
            f"on average; {self.drug}: {dose}"
        )


def equivalent_dose(
    reference_drug: str,
    reference_regimen: str | Regimen,
    drug: str,
    schedule: str,
    *,
    pathway: str,
    reference_covariates: Mapping[str, Any] | None = None,
    covariates: Mapping[str, Any] | None = None,
    reference_model: str | None = None,
    model: str | None = None,
    tables: Tables | Evidence | None = None,
) -> EquivalentDose:
    """The dose of ``drug`` that matches ``reference_drug`` on one pathway (average inhibition, typical
    person).

    ``schedule`` is formulation and schedule of the drug, such as ``"IR bid"``. Both potencies must come
    from one assay system, stimulus and readout, else the match would compare assays: MechanismError if they
    do not.
    """
    tables = resolve(tables)
    start = parse_regimen(reference_regimen)
    other = parse_regimen(f"1 mg {schedule}")
    first, second = _same_assay(
        pathway_rows(tables, reference_drug, pathway), pathway_rows(tables, drug, pathway), pathway
    )
    reference = exposure(
        reference_drug, start, covariates=reference_covariates, model=reference_model, tables=tables
    )
    target = averager(reference)(reference.regimen.dose_mg, first)
    at = averager(exposure(drug, other, covariates=covariates, model=model, tables=tables))

    def gap(log_dose: float) -> float:
        return at(float(np.exp(log_dose)), second) - target

    low, high = np.log(start.dose_mg / 1000), np.log(start.dose_mg * 1000)
    dose = float(np.exp(brentq(gap, low, high, xtol=1e-10))) if gap(high) > 0 > gap(low) else None
    return EquivalentDose(
        pathway_name(first), reference_drug, str(start), target, drug, other.schedule, other.formulation,
        dose, first.potency, second.potency,
        ("Typical persons; Hill slope and maximal effect as read (1 where not read).",),
    )  # fmt: skip


def _same_assay(first: Mapping[str, Any], second: Mapping[str, Any], pathway: str) -> tuple[Any, Any]:
    """The pair of potencies measured the same way, so that drugs are compared and not assays."""
    common = [name for name in first if name in second and first[name].basis == second[name].basis]
    if len(common) == 1:
        return first[common[0]], second[common[0]]
    if common:
        raise MechanismError(
            f"pathway {pathway!r} was measured in several assays; name one of: {'; '.join(common)}"
        )
    raise MechanismError(
        f"no assay of {pathway} was read for both drugs: {'; '.join(first)} against {'; '.join(second)}"
    )
