"""One person as the evidence can describe one: ``jk.Patient``. What is not known stays unknown."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

Smoking = Literal["never", "past", "current"]


class PatientError(ValueError):
    """A profile that cannot be: names the item, what was given and what is allowed."""


class Number(NamedTuple):
    """A measured item: allowed range in ``unit``, and what else it may be given in (times factor)."""

    label: str
    low: float
    high: float
    unit: str
    units: Mapping[str, float]
    whole: bool = False


class Choice(NamedTuple):
    """An item with named values; other spellings lead to a value."""

    label: str
    values: tuple[str, ...]
    spellings: Mapping[str, str]


class YesNo(NamedTuple):
    """An item that is yes or no."""

    label: str


class Text(NamedTuple):
    """An item in free words."""

    label: str


# 1 mmol/L of cholesterol (386.65 g/mol) is 38.665 mg/dL; 1 kPa is 7.50062 mmHg
_CHOLESTEROL = {"mg/dl": 1.0, "mmol/l": 38.665}

#: every item of a profile: what it is, and what values it may have
ITEMS: dict[str, Number | Choice | YesNo | Text] = {
    "age": Number("age", 0, 120, "years", {"years": 1.0, "year": 1.0, "y": 1.0, "months": 1 / 12}),
    "sex": Choice("sex", ("female", "male"), {"f": "female", "m": "male", "woman": "female", "man": "male"}),
    "indication": Text("indication"),
    "severity": Choice("severity of the disease", ("mild", "moderate", "severe"), {}),
    "smoking": Choice(
        "smoking",
        ("never", "past", "current"),
        {"no": "never", "former": "past", "ex": "past", "yes": "current"},
    ),
    "prior_vte": YesNo("earlier venous thromboembolism"),
    "ascvd": YesNo("atherosclerotic cardiovascular disease"),
    "cv_risk_factors": Number(
        "cardiovascular risk factors other than age, sex and smoking",
        0,
        20,
        "factors",
        {"factors": 1.0, "factor": 1.0},
        whole=True,
    ),
    "hypertension": YesNo("hypertension"),
    "diabetes": YesNo("diabetes"),
    "prior_malignancy": YesNo("earlier malignancy (other than treated non-melanoma skin cancer)"),
    "estrogen": YesNo("hormonal contraceptive or hormone replacement"),
    "immobilisation": YesNo("surgery or immobilisation"),
    "coagulation_disorder": YesNo("inherited coagulation disorder"),
    "lung_disease": YesNo("chronic lung disease"),
    "methotrexate": YesNo("takes methotrexate"),
    "steroids": YesNo("takes systemic glucocorticoids"),
    "tnf_failure": YesNo("a TNF inhibitor failed or was not tolerated"),
    "depression": YesNo("history of depression"),
    "sbp": Number("systolic blood pressure", 40, 300, "mmHg", {"mmhg": 1.0, "kpa": 7.50062}),
    "bp_treatment": YesNo("blood pressure treatment"),
    "total_cholesterol": Number("total cholesterol", 40, 1000, "mg/dL", _CHOLESTEROL),
    "hdl_cholesterol": Number("HDL cholesterol", 5, 200, "mg/dL", _CHOLESTEROL),
    "statin": YesNo("takes a statin"),
    "egfr": Number("estimated GFR", 1, 250, "mL/min/1.73 m2", {"ml/min/1.73m2": 1.0, "ml/min/1.73 m2": 1.0}),
    "bmi": Number("body mass index", 8, 120, "kg/m2", {"kg/m2": 1.0}),
}

_YES = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
_UNKNOWN = {"", "unknown", "?", "none", "na"}


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A person for whom the evidence is read. ``None`` is unknown, never "no".

    Parameters
    ----------
    age
        Years, 0 to 120.
    sex
        ``"female"`` or ``"male"`` (``"f"``, ``"m"``).
    indication
        The disease to be treated, by key or name (``"atopic dermatitis"``).
    severity
        ``"mild"``, ``"moderate"`` or ``"severe"``.
    smoking
        ``"never"``, ``"past"`` or ``"current"``.
    cv_risk_factors
        How many cardiovascular risk factors besides age, sex and smoking (hypertension, diabetes,
        dyslipidaemia, family history ...).
    sbp, total_cholesterol, hdl_cholesterol, egfr, bmi
        Measurements for the cardiovascular equation: mmHg, mg/dL, mg/dL, mL/min/1.73 m2, kg/m2.

    The other items are yes (True), no (False) or unknown (None); ``ITEMS`` describes each.

    Raises
    ------
    PatientError
        A value that cannot be, or two that contradict each other; it names the allowed range and unit.
    """

    age: float | None = None
    sex: str | None = None
    indication: str | None = None
    severity: str | None = None
    smoking: str | None = None
    prior_vte: bool | None = None
    ascvd: bool | None = None
    cv_risk_factors: int | None = None
    hypertension: bool | None = None
    diabetes: bool | None = None
    prior_malignancy: bool | None = None
    estrogen: bool | None = None
    immobilisation: bool | None = None
    coagulation_disorder: bool | None = None
    lung_disease: bool | None = None
    methotrexate: bool | None = None
    steroids: bool | None = None
    tnf_failure: bool | None = None
    depression: bool | None = None
    sbp: float | None = None
    bp_treatment: bool | None = None
    total_cholesterol: float | None = None
    hdl_cholesterol: float | None = None
    statin: bool | None = None
    egfr: float | None = None
    bmi: float | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, _checked(item.name, getattr(self, item.name)))
        for name in ("hypertension", "diabetes"):
            if self.cv_risk_factors == 0 and getattr(self, name):
                raise PatientError(
                    f"cv_risk_factors: 0 contradicts {name}=yes, which is one; give at least 1"
                )
        total, hdl = self.total_cholesterol, self.hdl_cholesterol
        if total is not None and hdl is not None and hdl > total:
            raise PatientError(
                f"hdl_cholesterol: {hdl:g} mg/dL is above total_cholesterol, {total:g} mg/dL, its whole"
            )

    @classmethod
    def parse(cls, text: str) -> Patient:
        """Read ``"age=67,sex=f,smoking=past,prior_vte=yes,indication=atopic dermatitis"``.

        A measurement may carry its unit (``total_cholesterol=5.2 mmol/L``); a value with a comma is put in
        double quotes. Raises PatientError naming what cannot be read.
        """
        given: dict[str, str] = {}
        for part in next(csv.reader([text], skipinitialspace=True), []):
            if not part.strip():
                continue
            name, equals, value = part.partition("=")
            if not equals:
                raise PatientError(f"{part.strip()!r} is not item=value, such as age=67; items: {_names()}")
            key = _key(name)
            if key in given:
                raise PatientError(f"{key}: given twice; give it once")
            given[key] = value
        return cls.from_query(given)

    @classmethod
    def from_query(cls, given: Mapping[str, str]) -> Patient:
        """Read items as text, as they stand in an address; blank or ``unknown`` is unknown."""
        return cls(**{(key := _key(name)): _read(key, value) for name, value in given.items()})

    def query(self) -> dict[str, str]:
        """The known items as text that :meth:`from_query` reads."""
        return {name: _written(value) for name, value in self.known().items()}

    def known(self) -> dict[str, Any]:
        """Item -> value, for what is known."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def unknown(self) -> tuple[str, ...]:
        """The items that are not known."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is None)

    def facts(self) -> dict[str, Any]:
        """Item -> value or None, with what follows from other items: no cardiovascular risk factor means no
        hypertension and no diabetes; either of them is at least one risk factor."""
        facts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.cv_risk_factors == 0:
            facts |= {"hypertension": False, "diabetes": False}
        elif self.cv_risk_factors is None and (self.hypertension or self.diabetes):
            facts["cv_risk_factors"] = int(bool(self.hypertension)) + int(bool(self.diabetes))
        return facts

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; unknown items are null."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __str__(self) -> str:
        return ", ".join(said(name, value) for name, value in self.known().items()) or "nothing known"


def said(name: str, value: Any) -> str:
    """An item and its value in words."""
    item = ITEMS[name]
    if isinstance(item, YesNo):
        return item.label if value else f"no {item.label}"
    if isinstance(item, Number):
        if name == "age":
            return f"{value:g} years old"
        return f"{item.label} {value:g}" + ("" if item.whole else f" {item.unit}")
    return f"smoking: {value}" if name == "smoking" else str(value)


def _names() -> str:
    return ", ".join(ITEMS)


def _key(name: str) -> str:
    key = name.strip().lower().replace("-", "_").replace(" ", "_")
    if key not in ITEMS:
        raise PatientError(f"{name.strip()!r} is no item of a profile; items: {_names()}")
    return key


def _read(name: str, text: str) -> Any:
    """Text as the value of an item."""
    item, text = ITEMS[name], text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":  # quoted for a shell
        text = text[1:-1].strip()
    if text.lower() in _UNKNOWN:
        return None
    if isinstance(item, YesNo):
        if text.lower() not in _YES:
            raise PatientError(f"{name}: {text[:60]!r} cannot be read; give yes, no or unknown")
        return _YES[text.lower()]
    if not isinstance(item, Number):
        return text
    number, unit = text, item.unit.lower()
    for at, letter in enumerate(text):
        if letter.isalpha() and letter.lower() != "e":
            if text[:at].strip():
                number, unit = text[:at].strip(), text[at:].strip().lower()
            break
    if unit != item.unit.lower() and unit not in item.units:
        raise PatientError(f"{name}: unit {unit[:30]!r} is not known; give {item.unit}")
    try:
        value = float(number)
    except ValueError:
        raise PatientError(
            f"{name}: {text[:60]!r} cannot be read; give a number from {item.low:g} to {item.high:g} "
            f"{item.unit}"
        ) from None
    return value * item.units.get(unit, 1.0)


def _other_unit(item: Number, value: float) -> str:
    """A hint when the number would do in another unit of the item."""
    for unit, factor in item.units.items():
        if factor != 1 and not item.whole and item.low <= value * factor <= item.high:
            shown = {"mmol/l": "mmol/L", "kpa": "kPa"}.get(unit)
            if shown:
                return f", or with its unit: {value:g} {shown}"
    return ""


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _checked(name: str, value: Any) -> Any:
    """A value of an item, in its one spelling, or PatientError."""
    item = ITEMS[name]
    if value is None:
        return None
    if isinstance(item, YesNo):
        if not isinstance(value, bool):
            raise PatientError(f"{name}: {value!r} is not True, False or None (unknown)")
        return value
    if isinstance(item, Number):
        wanted = (
            f"{'a whole number' if item.whole else 'a number'} from {item.low:g} to {item.high:g} {item.unit}"
        )
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise PatientError(f"{name}: {value!r} is not possible; give {wanted}")
        if not item.low <= value <= item.high or (item.whole and value != int(value)):
            raise PatientError(f"{name}: {value:g} is not possible; give {wanted}{_other_unit(item, value)}")
        return int(value) if item.whole else float(value)
    if not isinstance(value, str) or not value.strip():
        raise PatientError(f"{name}: {value!r} is not text")
    if isinstance(item, Text):
        return value.strip()
    word = value.strip().lower()
    word = item.spellings.get(word, word)
    if word not in item.values:
        raise PatientError(f"{name}: {value[:60]!r} is not known; give {', '.join(item.values)} or unknown")
    return word
