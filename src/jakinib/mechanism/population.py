"""A population pharmacokinetic model put together from the rows of ``pk``: typical values, covariates,
variability.

Random effects are log-normal: ``P_i = P exp(eta_i)``, ``eta ~ N(0, omega^2)``, with ``omega^2 = ln(1 +
CV^2)`` where a source prints a percent CV and as printed where it prints omega^2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jakinib.mechanism.autoinhibition import Autoinhibited
from jakinib.mechanism.compartments import (
    Disposition,
    FirstOrder,
    Input,
    ZeroOrder,
    single_dose,
    steady_state,
    steady_state_grid,
)
from jakinib.mechanism.errors import MechanismError, NotReadError, unknown
from jakinib.mechanism.regimen import Regimen
from jakinib.mechanism.tables import each

Array = NDArray[np.float64]

_UNITS = {
    "CL": ("L/h",),
    "CLnr": ("L/h",),
    "CLr": ("L/h",),
    "Q": ("L/h",),
    "Vc": ("L",),
    "Vp": ("L",),
    "ka": ("1/h",),
    "tlag": ("h",),
    "zero_order_duration": ("h",),
    "zero_order_rate": ("mg/h",),
    "first_order_amount": ("mg",),
    "zero_order_fraction": ("fraction", "%"),
    "F": ("fraction", "%"),
    "Imax": ("",),
    "IC50": ("ng/mL",),
}
# the level of a categorical covariate that changes nothing, besides "none"
_NEUTRAL = {
    "sex": ("male",),
    "race": ("white", "other"),
    "ethnicity": ("hispanic",),
    "disease": ("healthy",),
    "comedication": (),
    "hepatic_impairment": ("normal",),
    "renal_impairment": ("normal", "mild"),
    "age_group": ("adult",),
    "formulation": (),
    "dosing": ("single",),
}
_ALLOWED_BLANK_UNIT = {"F", "Imax"}


@dataclass(frozen=True, eq=False)
class PopulationModel:
    """One population model of one drug and formulation.

    ``name`` is the model's short name (author and year, or ``label`` for values of a label), ``source_ids``
    what it rests on, ``population`` whom it describes, ``from_label`` whether it is made of label values.
    """

    drug: str
    name: str
    formulation: str | None
    rows: pd.DataFrame = field(repr=False)
    population: str = ""
    source_ids: tuple[str, ...] = ()

    @property
    def from_label(self) -> bool:
        return self.name == "label"

    @cached_property
    def covariates(self) -> dict[str, tuple[str, ...]]:
        """Covariates the model knows: name -> levels (empty for a number)."""
        levels: dict[str, list[str]] = {}
        for row in self._list:
            # the last three follow from the regimen
            if row.covariate and row.covariate not in ("effective_daily_dose_mg", "dosing", "formulation"):
                levels.setdefault(row.covariate, []).extend(x for x in row.level.split(";") if x)
        known = {k: tuple(dict.fromkeys([*v, *_NEUTRAL.get(k, ())])) if v else () for k, v in levels.items()}
        return known

    @property
    def variable(self) -> tuple[str, ...]:
        """Parameters with a published between-subject variability."""
        direct = self.rows[(self.rows["form"] == "base") & self.rows["variability"].notna()]["symbol"]
        by_level = self.rows[self.rows["form"] == "variability"]["symbol"]
        return tuple(sorted({*direct, *by_level}))

    def draw(
        self,
        regimen: Regimen,
        covariates: Mapping[str, Any] | None = None,
        persons: int = 0,
        rng: np.random.Generator | None = None,
    ) -> Kinetics:
        """Kinetics of the typical person (``persons=0``) or of that many random persons under ``regimen``.

        ``covariates``: name -> number, level or array of persons. What is not given is at the model's
        reference; ``disease`` is the patients' unless given (``"healthy"`` for volunteers).
        """
        given = self._covariates(covariates or {}, max(persons, 1))
        eta = self._random_effects(given, persons, rng)
        n = max(persons, 1)
        p: dict[str, Array] = {}
        for row in self._of("base"):
            value = float(row.value) / (100.0 if row.unit == "%" else 1.0)
            p[str(row.symbol)] = np.full(n, value)
        p.setdefault("F", np.ones(n))
        # a renal and a non-renal part have their own effects before they are added
        for symbol in [s for s in p if s != "F"]:
            p[symbol] = p[symbol] * self._effect(symbol, given, n)
        p["F"] = self._bioavailability(p["F"], given, regimen, n)
        for symbol, effect in eta.items():
            p[symbol] = p[symbol] * np.exp(effect)
        if "CL" not in p:
            p["CL"] = (p["CLnr"] + p["CLr"]) * self._effect("CL", given, n)
        p["CL"] = p["CL"] * self._dose_effects(p["F"], regimen)
        return Kinetics(p, regimen, self.name)

    # -- pieces --------------------------------------------------------------------------------------------

    @cached_property
    def _list(self) -> list[Any]:
        return list(each(self.rows))  # once: a frame is slow to walk, and a fit walks it often

    def _of(self, form: str) -> list[Any]:
        return [row for row in self._list if row.form == form]

    def _effects(self, symbol: str) -> list[Any]:
        return [row for row in self._list if row.covariate and symbol in row.symbol.split(";")]

    def _covariates(self, given: Mapping[str, Any], n: int) -> dict[str, Any]:
        known = self.covariates
        out: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                raise unknown(f"covariate of model {self.name} of {self.drug}", name, known)
            if known[name]:
                for one in np.unique(np.atleast_1d(np.asarray(value, dtype=object)).astype(str)):
                    if one not in known[name] and one != "none":
                        raise unknown(
                            f"level of {name} (model {self.name} of {self.drug})", one, [*known[name], "none"]
                        )
                if np.size(value) not in (1, n):
                    raise MechanismError(
                        f"covariate {name} must be a level or {n} levels; got {np.size(value)}"
                    )
                out[name] = np.broadcast_to(np.asarray(value, dtype=object).astype(str), (n,))
            else:
                try:
                    number = np.broadcast_to(np.asarray(value, dtype=np.float64), (n,))
                except (TypeError, ValueError):
                    raise MechanismError(
                        f"covariate {name} must be a number or {n} numbers; got {value!r}"
                    ) from None
                if not np.all(number > 0) or not np.all(np.isfinite(number)):
                    raise MechanismError(f"covariate {name} must be positive; got {value!r}")
                out[name] = number
        if "disease" in known and "disease" not in out:
            patients = [x for x in known["disease"] if x != "healthy"]
            out["disease"] = np.full(n, patients[0], dtype=object)
        return out

    def _effect(self, symbol: str, given: Mapping[str, Any], n: int) -> Array:
        """The product of the covariate effects on one parameter."""
        out = np.ones(n)
        for row in self._effects(symbol):
            if row.covariate not in given:
                continue
            x = given[str(row.covariate)]
            if row.form == "power":
                out = out * (x / row.reference) ** row.value
            elif row.form == "linear":
                out = out * np.maximum(1.0 + row.value * (x - row.reference), 0.01)
            elif row.form == "factor":
                out = out * np.where(np.isin(x, str(row.level).split(";")), row.value, 1.0)
            elif row.form == "fraction":
                out = out * np.where(np.isin(x, str(row.level).split(";")), 1.0 + row.value, 1.0)
        return out

    def _bioavailability(self, base: Array, given: Mapping[str, Any], regimen: Regimen, n: int) -> Array:
        shift = np.zeros(n)
        has_logit = False
        for row in self._effects("F"):
            if row.form != "logit shift":
                continue
            has_logit = True
            if row.covariate == "formulation" or (
                row.covariate == "dosing" and regimen.interval_h is not None
            ):
                shift = shift + row.value  # the marketed tablet; repeated dosing
            elif row.covariate in given:
                shift = shift + np.where(
                    np.isin(given[str(row.covariate)], str(row.level).split(";")), row.value, 0.0
                )
        out = base * self._effect("F", given, n)
        if not has_logit:
            return out
        return np.asarray(1.0 / (1.0 + (1.0 / base - 1.0) * np.exp(-shift)) * (out / base))

    def _dose_effects(self, F: Array, regimen: Regimen) -> Array:
        """Change of clearance with the daily dose that reaches the blood, and with repeated dosing.

        The source prints an exponent on "effective daily dose/200". Taken as bioavailability x daily dose it
        reproduces the published AUC of 5662 ng h/mL; taken as the swallowed dose it gives 6194.
        """
        out = np.ones_like(F)
        for row in self._effects("CL"):
            if row.covariate == "effective_daily_dose_mg":
                out = out * (F * regimen.daily_dose_mg / row.reference) ** row.value
            elif row.covariate == "dosing" and regimen.interval_h is not None:
                out = out * (1.0 + row.value)
        return out

    def _random_effects(
        self, given: Mapping[str, Any], persons: int, rng: np.random.Generator | None
    ) -> dict[str, Array]:
        if persons == 0:
            return {}
        rng = rng or np.random.default_rng()
        omega: dict[str, Array] = {}
        shared: dict[str, float] = {}
        for row in self._of("base"):
            if row.variability != row.variability:
                continue
            if row.variability_scale == "multiple_of_eta_CL":
                shared[str(row.symbol)] = float(row.variability)
            else:
                omega[str(row.symbol)] = np.full(persons, _omega(row.variability, str(row.variability_scale)))
        for row in self._of("variability"):
            here = np.isin(given.get(str(row.covariate), np.full(persons, "")), str(row.level).split(";"))
            old = omega.get(str(row.symbol), np.zeros(persons))
            omega[str(row.symbol)] = np.where(here, _omega(row.value, "cv_percent"), old)
        z = {symbol: rng.standard_normal(persons) for symbol in sorted(omega)}
        for row in self._of("correlation"):
            first, second = str(row.symbol).split(":")
            z[second] = row.value * z[first] + np.sqrt(1.0 - row.value**2) * z[second]
        eta = {symbol: omega[symbol] * z[symbol] for symbol in omega}
        for row in self._of("box-cox"):
            symbol = str(row.symbol)
            eta[symbol] = np.expm1(row.value * eta[symbol]) / row.value
        for symbol, multiple in shared.items():
            eta[symbol] = multiple * eta["CL"]
        return eta


@dataclass(frozen=True, eq=False)
class Kinetics:
    """Parameters of persons under a regimen; gives their concentration at any time."""

    parameters: Mapping[str, Array]
    regimen: Regimen
    model: str

    @property
    def persons(self) -> int:
        return int(self.parameters["CL"].size)

    @property
    def closed_form(self) -> bool:
        return "Imax" not in self.parameters

    def curve(self, times_h: Array, persons: slice = slice(None)) -> Array:
        """Total concentration, ng/mL, shape (persons, times): at steady state, or after the single dose."""
        p = {k: v[persons] for k, v in self.parameters.items()}
        if "Imax" in p:
            return self._autoinhibited(p, times_h)
        disposition, inputs, dose = self._linear(p)
        if self.regimen.interval_h is None:
            return single_dose(disposition, inputs, dose, times_h)
        return steady_state(disposition, inputs, dose, self.regimen.interval_h, times_h)

    def interval(self, points: int, persons: slice = slice(None)) -> Array:
        """:meth:`curve` at ``points`` evenly spaced times of one dosing interval, faster for many persons."""
        tau = self.regimen.interval_h
        if tau is None or not self.closed_form:
            return self.curve(np.linspace(0.0, tau or 48.0, points), persons)
        p = {k: v[persons] for k, v in self.parameters.items()}
        return steady_state_grid(*self._linear(p), tau, points)

    def _linear(self, p: Mapping[str, Array]) -> tuple[Disposition, list[Input], float]:
        disposition = Disposition(p["CL"], p["Vc"], p.get("Q"), p.get("Vp"))
        return disposition, self._inputs(p), self.regimen.dose_mg

    def _inputs(self, p: Mapping[str, Array]) -> list[Input]:
        lag, F = p.get("tlag", np.zeros(1)), p["F"]
        if "zero_order_rate" in p:  # up to an amount first order, the rest at a constant rate, side by side
            dose = self.regimen.dose_mg
            first = np.minimum(p["first_order_amount"] / dose, 1.0)
            inputs: list[Input] = [FirstOrder(p["ka"], lag, F * first)]
            if np.any(first < 1):
                duration = np.maximum(dose * (1 - first), 1e-9) / p["zero_order_rate"]
                inputs.append(ZeroOrder(duration, lag, F * (1 - first)))
            return inputs
        if "zero_order_duration" not in p:
            return [FirstOrder(p["ka"], lag, F)]
        if "ka" not in p:
            return [ZeroOrder(p["zero_order_duration"], lag, F)]
        zero = p["zero_order_fraction"]
        return [FirstOrder(p["ka"], lag, F * (1 - zero)), ZeroOrder(p["zero_order_duration"], lag, F * zero)]

    def _autoinhibited(self, p: Mapping[str, Array], times_h: Array) -> Array:
        n = p["CL"].size
        full = {k: np.broadcast_to(p[k], (n,)) for k in ("CL", "Vc", "Q", "Vp", "ka", "F", "Imax", "IC50")}
        model = Autoinhibited(**full)
        interval = self.regimen.interval_h
        if interval is None:
            grid, values = model.repeated(self.regimen.dose_mg, float(max(np.max(times_h), 1.0)), 1)
        else:
            # the peripheral half-life is 11 h: after five days the curve repeats itself
            grid, values = model.repeated(self.regimen.dose_mg, interval, int(np.ceil(120.0 / interval)))
            times_h = np.mod(times_h, interval)
        return np.stack([np.interp(times_h, grid, row) for row in values])


def population_model(
    pk: pd.DataFrame, drug: str, formulation: str | None, name: str | None = None
) -> PopulationModel:
    """The model of a drug and formulation, the default one or the one called ``name``.

    Raises MechanismError for an unknown drug, model or formulation, NotReadError where parameters are
    missing.
    """
    of_drug = pk[(pk["drug"] == drug) & (pk["use"] != "excluded")]
    if pk[pk["drug"] == drug].empty:
        raise unknown("drug", drug, pk["drug"])
    parameters = of_drug[(of_drug["kind"] == "model parameter") & (of_drug["form"] == "base")]
    models = list(dict.fromkeys(parameters["model"]))
    if not models:
        read = ", ".join(sorted({str(p) for p in of_drug["parameter"]})[:8]) or "nothing usable"
        raise NotReadError(
            f"{drug}: no pharmacokinetic model can be built; clearance, volume and absorption rate were "
            f"not read (read: {read})"
        )
    if name is None:
        defaults = [m for m in models if (parameters[parameters["model"] == m]["use"] == "default").all()]
        name = defaults[0] if defaults else models[0]
    elif name not in models:
        raise unknown(f"model of {drug}", name, models)
    mine = of_drug[of_drug["model"].isin([name, "any"]) & (of_drug["form"] != "")]
    typed = sorted({f for f in mine["formulation"] if f in ("ER", "IR")})
    if formulation is None:
        if len(typed) > 1:
            raise MechanismError(f"{drug} comes as {' and '.join(typed)}: write which, e.g. '{typed[0]} qd'")
        formulation = typed[0] if typed else None
    elif formulation not in (typed or ["IR"]):
        raise NotReadError(
            f"{drug}: parameters of the {formulation} form were not read for model {name}; "
            f"read: {', '.join(typed) or 'the immediate-release form'}"
        )
    rows = mine[mine["formulation"].isin(["any", formulation or "any"])]
    have = set(rows[rows["form"] == "base"]["symbol"])
    missing = [s for s in ("Vc",) if s not in have]
    if "CL" not in have and not {"CLnr", "CLr"} <= have:
        missing.append("CL")
    if not have & {"ka", "zero_order_duration"}:
        missing.append("ka or a zero-order duration")
    if missing:
        raise NotReadError(f"{drug}, model {name}: {', '.join(missing)} not read")
    for row in each(rows[rows["form"] == "base"]):
        allowed = _UNITS.get(str(row.symbol))
        if allowed is None:
            raise MechanismError(
                f"pk row {row.pk}: unknown parameter {row.symbol!r}; known: {', '.join(_UNITS)}"
            )
        if row.unit not in allowed and not (row.unit == "" and row.symbol in _ALLOWED_BLANK_UNIT):
            raise MechanismError(
                f"pk row {row.pk}, column unit: {row.symbol} needs {allowed[0]}; got {row.unit!r}"
            )
        if row.symbol != "Imax" and not row.value > 0:
            raise MechanismError(
                f"pk row {row.pk}, column value: {row.symbol} must be positive; got {row.value}"
            )
    people = [str(p) for p in rows[rows["form"] == "base"]["population"] if p]
    used = tuple(dict.fromkeys(str(s) for s in rows["source_id"]))
    return PopulationModel(drug, name, formulation, rows, max(people, key=people.count, default=""), used)


def models_of(pk: pd.DataFrame, drug: str) -> list[str]:
    """Names of the models a drug has, the default first."""
    rows = pk[(pk["drug"] == drug) & (pk["kind"] == "model parameter") & (pk["use"] != "excluded")]
    names = list(dict.fromkeys(rows.sort_values("use", key=lambda u: u != "default", kind="stable")["model"]))
    return [str(n) for n in names]


def _omega(value: float, scale: str) -> float:
    if scale == "omega2":
        return float(np.sqrt(value))
    if scale in ("cv_percent", "cv_percent_occasion"):
        return float(np.sqrt(np.log1p((value / 100.0) ** 2)))
    raise MechanismError(f"variability scale {scale!r} is not cv_percent, omega2 or multiple_of_eta_CL")
