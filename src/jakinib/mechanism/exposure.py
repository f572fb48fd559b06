"""``jk.exposure``: a drug and a regimen -> plasma concentration over a dosing interval, with its spread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jakinib.mechanism.concentration import Basis, Concentration
from jakinib.mechanism.errors import MechanismError, NotReadError, unknown
from jakinib.mechanism.mass import drug_mass, ng_ml_to_nM
from jakinib.mechanism.population import Kinetics, PopulationModel, population_model
from jakinib.mechanism.regimen import Regimen, parse_regimen
from jakinib.mechanism.tables import Tables, resolve

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

CHUNK = 512  # persons at a time: 512 x 289 doubles stay in the processor's cache
CURVE_PERSONS = 2000  # the band of the curve is drawn from at most this many persons
STEP_H = 1 / 12


@dataclass(frozen=True, eq=False)
class Exposure:
    """Concentration of one drug under one regimen.

    ``times_h`` (h after a dose) and ``typical`` (ng/mL, total) are the curve of the typical person;
    ``persons`` holds a row a simulated person with ``AUC_tau`` (ng h/mL), ``Cmax``, ``Cavg``, ``Ctrough``
    (ng/mL) and ``Tmax`` (h); ``kinetics`` the parameters of those persons.
    """

    drug: str
    regimen: Regimen
    model: PopulationModel
    covariates: Mapping[str, Any]
    times_h: Array
    typical: Array
    unbound_fraction: float | None
    notes: tuple[str, ...]
    seed: int | None = None
    kinetics: Kinetics | None = field(default=None, repr=False)

    @cached_property
    def persons(self) -> pd.DataFrame:
        """A row a simulated person; empty if none were asked for or no variability was read."""
        if self.kinetics is None:
            return pd.DataFrame()
        parts = [
            _metrics(self.times_h, values, self.regimen) for _, values in chunks(self.kinetics, self.times_h)
        ]
        return pd.concat([pd.DataFrame(p) for p in parts], ignore_index=True)

    @cached_property
    def band(self) -> pd.DataFrame:
        """2.5, 50 and 97.5 % points of the curve between at most 2,000 of the persons, ng/mL."""
        if self.kinetics is None:
            return pd.DataFrame()
        some = slice(0, CURVE_PERSONS)
        low, middle, high = np.percentile(self.kinetics.curve(self.times_h, some), [2.5, 50, 97.5], axis=0)
        return pd.DataFrame({"low": low, "median": middle, "high": high})

    def concentration(self, basis: Basis = "total") -> Concentration:
        """The typical curve in nM on the basis asked for. NotReadError if the unbound fraction was not
        read."""
        total = Concentration(ng_ml_to_nM(self.typical, drug_mass(self.drug)), "total")
        if basis == "total":
            return total
        if self.unbound_fraction is None:
            raise NotReadError(f"{self.drug}: the fraction unbound in plasma was not read")
        return total.unbound(self.unbound_fraction)

    def metrics(self) -> dict[str, float]:
        """Typical ``AUC_tau``, ``Cmax``, ``Tmax``, ``Cavg``, ``Ctrough``."""
        one = _metrics(self.times_h, self.typical[None, :], self.regimen)
        return {k: float(v[0]) for k, v in one.items()}

    def table(self) -> pd.DataFrame:
        """A row a measure: typical value and, with persons, median and 95 % range between persons."""
        rows = []
        for name, value in self.metrics().items():
            row = {"measure": name, "unit": _UNIT[name], "typical": value}
            if len(self.persons):
                low, middle, high = np.percentile(self.persons[name], [2.5, 50, 97.5])
                row |= {"median": float(middle), "low": float(low), "high": float(high)}
            rows.append(row)
        return pd.DataFrame(rows)

    def curve(self) -> pd.DataFrame:
        """``time_h``, ``typical`` and, with persons, ``low``, ``median``, ``high`` (ng/mL, total)."""
        frame = pd.DataFrame({"time_h": self.times_h, "typical": self.typical})
        return frame if self.band.empty else pd.concat([frame, self.band], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Everything shown, ready for JSON."""
        return {
            "drug": self.drug,
            "regimen": str(self.regimen),
            "model": self.model.name,
            "population": self.model.population,
            "sources": list(self.model.source_ids),
            "covariates": {k: np.asarray(v).tolist() for k, v in self.covariates.items()},
            "persons": len(self.persons),
            "seed": self.seed,
            "unbound_fraction": self.unbound_fraction,
            "measures": self.table().to_dict("records"),
            "curve": self.curve().to_dict("list"),
            "notes": list(self.notes),
        }

    def figure(self) -> Any:
        """Concentration against time with the 95 % range between persons."""
        import altair as alt

        frame = self.curve()
        x = alt.X("time_h:Q", title="hours after a dose")
        y = alt.Y("typical:Q", title="concentration, ng/mL (total)")
        base = alt.Chart(frame)
        line = base.mark_line(color="#1f4e79").encode(x=x, y=y)
        layers: list[Any] = [line]
        if not self.band.empty:
            band = base.mark_area(opacity=0.2, color="#1f4e79").encode(x=x, y="low:Q", y2="high:Q")
            layers = [band, line]
        return alt.layer(*layers).properties(title=f"{self.drug} {self.regimen}", width=480, height=280)

    def __str__(self) -> str:
        whom = self.model.population or "population not stated"
        head = f"{self.drug} {self.regimen}: model {self.model.name} ({whom})"
        given = ", ".join(f"{k}={v}" for k, v in self.covariates.items())
        lines = [head, f"covariates: {given or 'reference values'}", self.table().to_string(index=False)]
        return "\n".join([*lines, *self.notes])


_UNIT = {"AUC_tau": "ng*h/mL", "Cmax": "ng/mL", "Tmax": "h", "Cavg": "ng/mL", "Ctrough": "ng/mL"}


def exposure(
    drug: str,
    regimen: str | Regimen,
    *,
    persons: int = 0,
    seed: int | None = None,
    covariates: Mapping[str, Any] | None = None,
    model: str | None = None,
    tables: Tables | Evidence | None = None,
) -> Exposure:
    """Plasma concentration of ``drug`` under ``regimen`` from a published population model.

    Parameters
    ----------
    drug : generic name
    regimen : text such as ``"15 mg ER qd"``, ``"5 mg bid"``, ``"10 mg single"``, or a :class:`Regimen`
    persons : how many random persons to simulate (0: the typical person only); all share the covariates given
    seed : seed of the random persons
    covariates : e.g. ``{"weight_kg": 60, "crcl_ml_min": 45, "disease": "healthy"}``; numbers may be arrays
        with a value a person. What a model knows is listed by its error message and by ``.model.covariates``
    model : name of a published model (``"tse-2020"``); the default model otherwise
    tables : where the numbers come from, such as ``jk.evidence("my-folder")``; the shipped corpus otherwise

    Returns the curve over one dosing interval at steady state (48 h after a single dose).

    Raises
    ------
    MechanismError : unknown drug, regimen, covariate or model
    NotReadError : the parameters were not read in any source
    """
    if persons < 0:
        raise MechanismError(f"persons must be 0 or more; got {persons}")
    tables = resolve(tables)
    parsed, why = _with_formulation(tables.pk, drug, parse_regimen(regimen))
    chosen = population_model(tables.pk, drug, parsed.formulation, model)
    if chosen.formulation in ("ER", "IR") and parsed.formulation is None and _has_both(tables, drug):
        parsed = Regimen(parsed.dose_mg, parsed.interval_h, chosen.formulation)
    given = dict(covariates or {})
    end = parsed.interval_h or 48.0
    times = np.linspace(0.0, end, max(2, round(end / STEP_H) + 1))
    typical_person = {k: v for k, v in given.items() if np.ndim(v) == 0}
    typical = chosen.draw(parsed, typical_person).curve(times)[0]
    kinetics = None
    if persons and spreads(chosen):
        kinetics = chosen.draw(parsed, given, persons, np.random.default_rng(seed))
    return Exposure(
        drug, parsed, chosen, given, times, typical,
        unbound_fraction(tables.pk, drug), (*why, *_notes(chosen, given, parsed)), seed, kinetics,
    )  # fmt: skip


def chunks(
    kinetics: Kinetics, times: Array, progress: Progress | None = None
) -> Iterator[tuple[slice, Array]]:
    """Concentrations (ng/mL, persons x times) a slice of persons at a time, so that memory stays bounded."""
    n = kinetics.persons
    size = CHUNK if kinetics.closed_form else 16 * CHUNK  # steps over time: the overhead is per step
    for start in range(0, n, size):
        part = slice(start, min(start + size, n))
        yield part, kinetics.interval(len(times), part)
        if progress:
            progress(part.stop, n)


def unbound_fraction(pk: pd.DataFrame, drug: str) -> float | None:
    """Fraction unbound in plasma as read, or None."""
    rows = pk[(pk["drug"] == drug) & (pk["symbol"] == "unbound fraction") & (pk["use"] == "default")]
    return None if rows.empty else float(rows.iloc[0]["value"])


def spreads(model: PopulationModel) -> bool:
    """Whether a range between persons means anything: the variability of clearance was read."""
    return bool(set(model.variable) & {"CL", "CLnr"})


def check_drug(tables: Tables, drug: str) -> None:
    """MechanismError if no table of the room knows the drug."""
    known = {*tables.pk["drug"], *tables.potency["drug"]}
    if drug not in known:
        raise unknown("drug", drug, known)


def _metrics(times: Array, values: Array, regimen: Regimen) -> dict[str, Array]:
    area = np.trapezoid(values, times, axis=1)
    return {
        "AUC_tau": area,
        "Cmax": values.max(axis=1),
        "Tmax": times[values.argmax(axis=1)],
        "Cavg": area / (times[-1] - times[0]),
        "Ctrough": values[:, -1] if regimen.interval_h is None else values.min(axis=1),
    }


def _with_formulation(pk: pd.DataFrame, drug: str, regimen: Regimen) -> tuple[Regimen, tuple[str, ...]]:
    """The regimen with its formulation, where the exposures read for its schedule are all of one form.

    Upadacitinib comes as two forms, but every exposure read for once a day is of the extended-release tablet.
    """
    if regimen.formulation is not None:
        return regimen, ()
    mine = pk[(pk["drug"] == drug) & (pk["use"] != "excluded")]
    if not {"ER", "IR"} <= set(mine[mine["kind"] == "model parameter"]["formulation"]):
        return regimen, ()
    read = mine[(mine["kind"] == "published exposure") & (mine["regimen"].str.lower() == regimen.schedule)]
    forms = {str(text).split()[0] for text in read["formulation"]} & {"ER", "IR"}
    if len(forms) != 1:
        return regimen, ()
    form = forms.pop()
    said = f"Taken as the {form} form: the exposures read for {regimen.schedule} are of it."
    return Regimen(regimen.dose_mg, regimen.interval_h, form), (said,)


def _has_both(tables: Tables, drug: str) -> bool:
    forms = set(tables.pk[(tables.pk["drug"] == drug) & (tables.pk["model"] != "")]["formulation"])
    return {"ER", "IR"} <= forms


def _notes(model: PopulationModel, given: Mapping[str, Any], regimen: Regimen) -> tuple[str, ...]:
    notes = []
    if model.from_label:
        notes.append("Made of label values (clearance, volume, time of the peak), not of a population model.")
    if "disease" in model.covariates and "disease" not in given:
        patients = next(x for x in model.covariates["disease"] if x != "healthy")
        notes.append(f"Disease taken as {patients}; give disease='healthy' for volunteers.")
    if not spreads(model):
        notes.append(
            "Variability of clearance between persons was not read: no range between persons is given."
        )
    if {"Imax"} <= set(model.rows["symbol"]):
        notes.append(
            "Clearance and bioavailability change with exposure; solved numerically, not in closed form."
        )
    if "zero_order_rate" in set(model.rows["symbol"]):
        notes.append(
            "Mixed absorption: an amount of the dose first order, the rest at a constant rate beside it; "
            "the order of the two is not in the text read."
        )
    if regimen.interval_h is None:
        notes.append("Single dose; the area is taken to 48 h.")
    return tuple(notes)
