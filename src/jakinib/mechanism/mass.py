"""Molar mass and the step between ng/mL and nM."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jakinib.mechanism.errors import MechanismError, NotReadError

# Standard atomic weights, conventional values (IUPAC 2021); D is deuterium.
ATOMIC_WEIGHT = {"H": 1.008, "D": 2.014, "C": 12.011, "N": 14.007, "O": 15.999, "F": 18.998, "S": 32.06}

# The free base in plasma, not the salt in the tablet. Each mass is held to one read in a source (tests).
FORMULA = {
    "abrocitinib": "C14H21N5O2S",
    "baricitinib": "C16H17N7O2S",
    "delgocitinib": "C16H18N6O",
    "deucravacitinib": "C20H19D3N8O3",
    "fedratinib": "C27H36N6O3S",
    "filgotinib": "C21H23N5O3S",
    "momelotinib": "C23H22N6O2",
    "pacritinib": "C28H32N4O3",
    "peficitinib": "C18H22N4O2",
    "ritlecitinib": "C15H19N5O",
    "ruxolitinib": "C17H18N6",
    "tofacitinib": "C16H20N6O",
    "upadacitinib": "C17H19F3N6O",
}


def molar_mass(formula: str) -> float:
    """Molar mass (g/mol) of a formula such as ``"C17H18N6"`` (no brackets).

    Raises MechanismError for an element that is not in ``ATOMIC_WEIGHT`` or text that is no formula.
    """
    parts = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    if not parts or "".join(e + n for e, n in parts) != formula:
        raise MechanismError(f"{formula!r} is not a molecular formula like C17H18N6")
    try:
        return sum(ATOMIC_WEIGHT[e] * int(n or 1) for e, n in parts)
    except KeyError as missing:
        raise MechanismError(f"formula {formula!r}: no atomic weight for {missing}") from None


def drug_mass(drug: str) -> float:
    """Molar mass (g/mol) of a drug as it circulates. Raises NotReadError for a drug without a formula
    here."""
    if drug not in FORMULA:
        raise NotReadError(f"{drug}: no molecular formula is held, so ng/mL cannot be turned into nM")
    return molar_mass(FORMULA[drug])


def ng_ml_to_nM(ng_ml: ArrayLike, grams_per_mol: float) -> NDArray[np.float64]:  # noqa: N802 - nM is the unit
    """Concentration in nM from ng/mL: ``ng/mL / (g/mol) x 1000``."""
    return np.asarray(ng_ml, dtype=np.float64) * (1000.0 / grams_per_mol)


def nM_to_ng_ml(nM: ArrayLike, grams_per_mol: float) -> NDArray[np.float64]:  # noqa: N802 - nM is the unit
    """Concentration in ng/mL from nM."""
    return np.asarray(nM, dtype=np.float64) * (grams_per_mol / 1000.0)
