"""Concentration to inhibition: the Hill equation, and moving an enzyme IC50 to another ATP concentration."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jakinib.mechanism.concentration import Basis, Concentration
from jakinib.mechanism.errors import MechanismError

Array = NDArray[np.float64]


def inhibition_of(
    concentration: Concentration, ic50_nM: float, basis: Basis, hill: float = 1.0, emax: float = 1.0
) -> Array:
    """Fraction inhibited, ``emax C^h / (IC50^h + C^h)`` (Hill 1910; Emax model), shape of the concentration.

    ``basis`` is that of the potency; BasisError if the concentration is on the other one.
    """
    if not ic50_nM > 0 or not hill > 0 or not 0 < emax <= 1:
        raise MechanismError(f"need IC50 > 0, hill > 0, 0 < emax <= 1; got {ic50_nM}, {hill}, {emax}")
    return emax * share(concentration.require(basis, f"a potency of {ic50_nM:g} nM"), ic50_nM, hill)


def share(nM: Array, ic50_nM: ArrayLike, hill: float = 1.0) -> Array:
    """The Hill term alone, for arrays whose basis has been checked. ``ic50_nM`` broadcasts against ``nM``."""
    ic50 = np.asarray(ic50_nM, dtype=np.float64)
    if hill == 1.0:
        return np.asarray(nM / (nM + ic50))
    ratio = (nM / ic50) ** hill
    return np.asarray(ratio / (1.0 + ratio))


def cheng_prusoff(ic50_nM: float, atp_uM: float, km_uM: float, to_atp_uM: float = 1000.0) -> float:
    """IC50 (nM) of an ATP-competitive inhibitor at another ATP concentration.

    ``IC50 = Ki (1 + [ATP]/Km)`` (Cheng & Prusoff 1973, Biochem Pharmacol 22:3099), so the IC50 scales with
    ``(1 + to/Km) / (1 + from/Km)``. Not for covalent (ritlecitinib) or allosteric (deucravacitinib)
    inhibitors.
    """
    if min(ic50_nM, km_uM, to_atp_uM) <= 0 or atp_uM < 0:
        raise MechanismError("IC50, Km and ATP must be positive")
    return ic50_nM * (1.0 + to_atp_uM / km_uM) / (1.0 + atp_uM / km_uM)
