"""Two compartments whose clearance and bioavailability drift with the peripheral concentration.

Ritlecitinib slows its own elimination and raises its own bioavailability: CL = CL0 (1 + Imax Cp/(IC50 +
Cp)) and F = F0 (1 - Imax Cp/(IC50 + Cp)) with Cp the concentration in a small peripheral compartment
(Wojciechowski et al. 2023, Clin Pharmacokinet 62:1765, Table 2; Imax < 0). That is not linear, so it has no
closed form.

The peripheral compartment is slow (Q/Vp about 0.06 per hour), so over a short step clearance is taken at the
middle of the step and the central compartment is solved exactly: second order in the step, vectorised over
persons. The bioavailability of a dose is taken at the moment it is given, which the source does not say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Autoinhibited:
    """Parameters of one or many persons; arrays have shape (persons,).

    ``CL`` L/h, ``Vc`` L, ``Q`` L/h, ``Vp`` L, ``ka`` 1/h, ``F`` fraction, ``Imax`` (no unit, negative for
    inhibition of elimination), ``IC50`` ng/mL of total drug in the peripheral compartment.
    """

    CL: Array
    Vc: Array
    Q: Array
    Vp: Array
    ka: Array
    F: Array
    Imax: Array
    IC50: Array

    def repeated(
        self, dose_mg: float, interval_h: float, doses: int, step_h: float = 1 / 12
    ) -> tuple[Array, Array]:
        """Times (h after the last dose, 0 to ``interval_h``) and total concentration (ng/mL, persons x
        times)."""
        steps = max(1, int(np.ceil(interval_h / step_h)))
        h = interval_h / steps
        depot = np.zeros_like(self.CL)
        central = np.zeros_like(self.CL)
        peripheral = np.zeros_like(self.CL)
        half, full = np.exp(-self.ka * h / 2), np.exp(-self.ka * h)
        curve = np.zeros((self.CL.size, steps + 1))
        k12, k21 = self.Q / self.Vc, self.Q / self.Vp
        for _ in range(doses):
            depot = depot + dose_mg * self.F * (1.0 - self._drive(peripheral))
            curve[:, 0] = central / self.Vc
            for n in range(steps):
                # the middle of the step: first-order guess of the slow compartment, then the exact fast one
                middle = peripheral + 0.5 * h * (k12 * central - k21 * peripheral)
                for _again in range(2):
                    k = self.CL * (1.0 + self._drive(middle)) / self.Vc + k12
                    inflow = k21 * middle
                    at_half = self._central(central, depot, half, k, inflow, h / 2)
                    at_full = self._central(central, depot, full, k, inflow, h)
                    flow = (central + 4.0 * at_half + at_full) / 6.0  # mean of the fast one over the step
                    decay = np.exp(-k21 * h)
                    after = peripheral * decay + k12 * flow * (1.0 - decay) / k21
                    middle = 0.5 * (peripheral + after)
                central, peripheral, depot = at_full, after, depot * full
                curve[:, n + 1] = central / self.Vc
        return np.linspace(0.0, interval_h, steps + 1), curve * 1000.0

    def _drive(self, peripheral_mg: Array) -> Array:
        ng_ml = peripheral_mg / self.Vp * 1000.0
        return np.asarray(self.Imax * ng_ml / (self.IC50 + ng_ml))

    def _central(self, start: Array, depot: Array, left: Array, k: Array, inflow: Array, h: float) -> Array:
        gone = np.exp(-k * h)
        absorbed = depot * self.ka / (self.ka - k) * (gone - left)
        return np.asarray(start * gone + absorbed + inflow * (1.0 - gone) / k)
