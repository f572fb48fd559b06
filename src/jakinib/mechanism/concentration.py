"""A concentration that knows whether it is total or unbound, so that the two cannot be mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jakinib.mechanism.errors import BasisError, MechanismError

Basis = Literal["total", "unbound"]


@dataclass(frozen=True)
class Concentration:
    """Plasma concentration in nM on a stated basis.

    Parameters
    ----------
    nM : array of any shape, nM
    basis : ``"total"`` (what an assay of plasma measures) or ``"unbound"`` (free in plasma water)
    """

    nM: NDArray[np.float64]  # noqa: N815 - nM is the unit
    basis: Basis

    def __post_init__(self) -> None:
        if self.basis not in ("total", "unbound"):
            raise BasisError(f"concentration needs a basis, 'total' or 'unbound'; got {self.basis!r}")

    def unbound(self, fraction: float) -> Concentration:
        """The unbound concentration, with ``fraction`` unbound in plasma (0 < fraction <= 1)."""
        if self.basis == "unbound":
            raise BasisError("this concentration is already unbound")
        if not 0 < fraction <= 1:
            raise MechanismError(f"fraction unbound must lie in (0, 1]; got {fraction}")
        return Concentration(self.nM * fraction, "unbound")

    def require(self, basis: str, what: str) -> NDArray[np.float64]:
        """The values in nM if the basis is the one ``what`` needs; else BasisError."""
        if basis != self.basis:
            raise BasisError(
                f"{what} is on {basis} concentration but the concentration given is {self.basis}"
            )
        return self.nM
