"""``jk.signalling``: cytokine -> JAK -> STAT -> transcription over a day, under a drug and regimen or
without.

The pathway models are published ones fitted to measured cells (see ``models/``). The inhibitor divides the
activation of the receptor's JAK and the phosphorylation of the receptor by ``1 + strength``. For IL-6 and
ruxolitinib the strength per nM was estimated with the model (Sobotta et al. 2017). For any other drug, or
another JAK, it is scaled by enzyme IC50s relative to ruxolitinib on JAK1; that is an assumption and is
printed with every result. A drug without such an IC50, or without an unbound concentration, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jakinib.mechanism.concentration import Basis
from jakinib.mechanism.errors import MechanismError, NotReadError, unknown
from jakinib.mechanism.exposure import Exposure, check_drug, exposure
from jakinib.mechanism.inhibition import potencies
from jakinib.mechanism.regimen import Regimen
from jakinib.mechanism.sbml import SbmlModel, shipped_model
from jakinib.mechanism.tables import Tables, each, resolve

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

STEP_MIN = 5.0
_INHIBITOR = ("plasma_strength", "plasma_slope", "plasma_from")


@dataclass(frozen=True)
class Pathway:
    """A shipped model and how it is used: what stimulates it, which JAK the drug meets, what is read off."""

    cytokine: str
    model: str
    stimulus: str
    level: float
    unit: str
    kinase: str
    start: float
    stops: tuple[float, ...]
    readouts: Mapping[str, str]
    source: str


PATHWAYS = {
    p.cytokine: p
    for p in (
        Pathway(
            "IL-6", "il6_jak1_stat3", "IL6_ng_ml", 40.0, "ng/mL", "JAK1", -60.0, (-10.0, 0.0),
            {"pSTAT3_share": "STAT3 phosphorylated", "SOCS3_rna": "SOCS3 mRNA", "SOCS3": "SOCS3 protein"},
            "Sobotta et al. 2017, 10.3389/fphys.2017.00775",
        ),
        Pathway(
            "EPO", "epo_jak2_stat5", "EPO", 1.25e-7, "units of the deposit", "JAK2", 0.0, (),
            {"pSTAT5_share": "STAT5 phosphorylated", "CIS_rna": "CIS mRNA", "SOCS3_rna": "SOCS3 mRNA"},
            "Bachmann et al. 2011, 10.1038/msb.2011.50",
        ),
        Pathway(
            "IL-13", "il13_jak2_stat5", "IL13_level", 20.0, "units of the deposit", "JAK2", 0.0, (),
            {"pSTAT5_share": "STAT5 phosphorylated", "SOCS3_rna": "SOCS3 mRNA", "CD274_rna": "CD274 mRNA"},
            "Raia et al. 2011, 10.1158/0008-5472.CAN-10-2987",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Signalling:
    """Time courses of a pathway with and without a drug.

    ``curves``: long table ``time_h, readout, name, with_drug, without_drug``; ``strength``: ``time_h``,
    ``concentration_nM`` and the inhibitor's strength (concentration times potency).
    """

    cytokine: str
    stimulus: float
    drug: str | None
    regimen: str | None
    basis: Basis | None
    per_nM: float  # noqa: N815 - nM is the unit
    curves: pd.DataFrame = field(repr=False)
    strength: pd.DataFrame = field(repr=False)
    assumptions: tuple[str, ...]
    source: str
    model: SbmlModel = field(repr=False)
    exposure: Exposure | None = field(default=None, repr=False)

    def table(self) -> pd.DataFrame:
        """A row a readout: mean over the time shown with and without drug, and the share of the signal
        left."""
        rows = []
        for readout, part in self.curves.groupby("readout", sort=False):
            hours = part["time_h"].to_numpy()
            mean = {
                k: float(np.trapezoid(part[k], hours) / np.ptp(hours)) for k in ("with_drug", "without_drug")
            }
            rows.append(
                {
                    "readout": readout,
                    "name": part["name"].iloc[0],
                    **mean,
                    "left": mean["with_drug"] / mean["without_drug"] if mean["without_drug"] else np.nan,
                }
            )
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything shown, ready for JSON."""
        return {
            "cytokine": self.cytokine,
            "stimulus": self.stimulus,
            "drug": self.drug,
            "regimen": self.regimen,
            "basis": self.basis,
            "per_nM": self.per_nM,
            "readouts": [
                {k: (None if isinstance(v, float) and not np.isfinite(v) else v) for k, v in row.items()}
                for row in self.table().to_dict("records")
            ],
            "curves": self.curves.to_dict("list"),
            "strength": self.strength.to_dict("list"),
            "assumptions": list(self.assumptions),
            "source": self.source,
        }

    def figure(self) -> Any:
        """A panel a readout, with and without drug; the assumptions are printed under the title."""
        import altair as alt

        long = self.curves.melt(
            ["time_h", "readout", "name"], ["with_drug", "without_drug"], var_name="run", value_name="value"
        )
        label = f"{self.drug} {self.regimen}" if self.drug else "no drug"
        long["run"] = long["run"].map({"with_drug": label, "without_drug": "no drug"})
        title = alt.TitleParams(
            f"{self.cytokine}: {label}", subtitle=list(self.assumptions), anchor="start", subtitleFontSize=10
        )
        panels = [
            alt.Chart(part)
            .mark_line()
            .encode(
                x=alt.X("time_h:Q", title="hours after the dose"),
                y=alt.Y("value:Q", title=str(name)),
                color=alt.Color("run:N", title=None),
                strokeDash=alt.StrokeDash("run:N", title=None),
            )
            .properties(width=220, height=200)
            for name, part in long.groupby("name", sort=False)
        ]
        return alt.hconcat(*panels).properties(title=title)

    def __str__(self) -> str:
        head = f"{self.cytokine} ({self.stimulus:g}): {self.drug or 'no drug'} {self.regimen or ''}".rstrip()
        body = self.table().to_string(index=False, float_format=lambda x: f"{x:.4g}")
        return "\n".join([head, body, *self.assumptions, f"Model: {self.source}"])


def signalling(
    cytokine: str,
    drug: str | None = None,
    regimen: str | Regimen | None = None,
    *,
    concentration_nM: float | None = None,
    basis: Basis = "unbound",
    stimulus: float | None = None,
    hours: float = 24.0,
    readouts: Sequence[str] | None = None,
    covariates: Mapping[str, Any] | None = None,
    pk_model: str | None = None,
    tables: Tables | Evidence | None = None,
) -> Signalling:
    """A day of signalling under continuous stimulation, with a drug and without.

    Parameters
    ----------
    cytokine : one of ``PATHWAYS``: ``"IL-6"``, ``"EPO"``, ``"IL-13"``
    drug, regimen : the concentration follows the regimen at steady state, a dose at time 0; or
    concentration_nM : a constant concentration of the drug, nM, instead of a regimen
    basis : which plasma concentration drives the cells. The cells were bathed in medium, so unbound
        concentration is the default; ``"total"`` is an upper bound and is said to be one
    stimulus : strength of the cytokine in the model's unit; the standard one of the experiments otherwise
    hours : length of the run after time 0
    readouts : species or variables of the model; the pathway's usual ones otherwise
    covariates, pk_model, tables : as in :func:`jakinib.mechanism.exposure.exposure`

    Raises
    ------
    MechanismError : unknown cytokine, drug or regimen; both or neither of regimen and concentration for a
        drug
    NotReadError : no potency of the drug on the pathway's JAK, no pharmacokinetic model, no unbound fraction
    """
    tables = resolve(tables)
    if cytokine not in PATHWAYS:
        raise unknown("cytokine with a signalling model", cytokine, PATHWAYS)
    if not 0 < hours <= 24 * 14:
        raise MechanismError(f"hours must lie between 0 and 336; got {hours:g}")
    path = PATHWAYS[cytokine]
    model = shipped_model(path.model)
    level = path.level if stimulus is None else float(stimulus)
    if not level >= 0:
        raise MechanismError(f"stimulus must be 0 or more; got {level:g}")
    exposed: Exposure | None = None
    assumptions: list[str] = []
    per_nM = 0.0
    label: str | None = None
    times_h = np.linspace(0.0, hours, max(2, round(hours * 60 / STEP_MIN) + 1))
    nM = np.zeros_like(times_h)
    if drug is None and (regimen is not None or concentration_nM is not None):
        raise MechanismError("a regimen or concentration needs a drug")
    if drug is not None:
        if (regimen is None) == (concentration_nM is None):
            raise MechanismError(f"{drug}: give a regimen or a concentration in nM, one of the two")
        check_drug(tables, drug)
        per_nM, assumptions = inhibition_per_nM(tables, drug, path.kinase, cytokine)
        if concentration_nM is not None:
            if not concentration_nM >= 0:
                raise MechanismError(f"concentration must be 0 or more; got {concentration_nM:g} nM")
            nM = np.full_like(times_h, float(concentration_nM))
            label = f"{concentration_nM:g} nM"
        else:
            assert regimen is not None
            exposed = exposure(drug, regimen, covariates=covariates, model=pk_model, tables=tables)
            curve = exposed.concentration(basis).nM
            period = exposed.regimen.interval_h
            clock = np.mod(times_h, period) if period else times_h
            nM = np.interp(clock, exposed.times_h, curve)
            label = str(exposed.regimen)
            assumptions.append(
                "Cells see the unbound plasma concentration."
                if basis == "unbound"
                else "Cells see the total plasma concentration: an upper bound."
            )
            assumptions += exposed.notes
    names = list(readouts or path.readouts)
    without = run(path, model, level, times_h, np.zeros_like(nM), names)
    with_drug = run(path, model, level, times_h, per_nM * nM, names) if drug else without
    curves = pd.concat(
        [
            pd.DataFrame(
                {
                    "time_h": times_h,
                    "readout": n,
                    "name": path.readouts.get(n, n),
                    "with_drug": with_drug[n],
                    "without_drug": without[n],
                }
            )
            for n in names
        ],
        ignore_index=True,
    )
    strength = pd.DataFrame({"time_h": times_h, "concentration_nM": nM, "strength": per_nM * nM})
    return Signalling(
        cytokine, level, drug, label, basis if exposed else None, per_nM, curves, strength,
        tuple(assumptions), path.source, model, exposed,
    )  # fmt: skip


def run(
    path: Pathway,
    model: SbmlModel,
    stimulus: float,
    times_h: np.ndarray[Any, np.dtype[np.float64]],
    strength: np.ndarray[Any, np.dtype[np.float64]],
    names: Sequence[str],
) -> pd.DataFrame:
    """One run of a pathway model: ``strength`` of the inhibitor at ``times_h``, straight lines in between."""
    minutes = times_h * 60.0
    settings = {path.stimulus: stimulus, "plasma_strength": float(strength[0])}
    changes: list[tuple[float, dict[str, float]]] = []
    if np.ptp(strength) > 0:
        slopes = np.diff(strength) / np.diff(minutes)
        for t, s, slope in zip(minutes[:-1], strength[:-1], slopes, strict=True):
            changes.append((float(t), dict(zip(_INHIBITOR, (float(s), float(slope), float(t)), strict=True))))
    return model.simulate(
        minutes, settings, start=path.start, stops=path.stops, changes=changes, columns=list(names), rtol=1e-7
    )


def inhibition_per_nM(  # noqa: N802 - nM is the unit
    tables: Tables, drug: str, kinase: str, cytokine: str
) -> tuple[float, list[str]]:
    """Strength of a drug per nM on the step of a JAK, and the assumptions made.

    Ruxolitinib on JAK1 is the anchor (the fitted parameter of the IL-6 model). NotReadError if no IC50 of
    the drug on that kinase was read, or only a bound.
    """
    anchor = shipped_model(PATHWAYS["IL-6"].model).value("jak1_inhibition_per_nM")
    if drug == "ruxolitinib" and cytokine == "IL-6":
        return anchor, [f"Potency {anchor:.4g} per nM, fitted with the model (Sobotta et al. 2017)."]
    ours = _enzyme(tables, drug, kinase)
    theirs = _enzyme(tables, "ruxolitinib", "JAK1")
    assumptions = [
        f"Assumed: strength in the cell goes with the enzyme IC50. {drug} on {kinase} {ours.value_nM:g} nM "
        f"({ours.source_id}), ruxolitinib on JAK1 {theirs.value_nM:g} nM ({theirs.source_id}),",
        f"anchored at {anchor:.4g} per nM of ruxolitinib on JAK1 in hepatocytes (Sobotta et al. 2017).",
    ]
    if cytokine != "IL-6":
        assumptions.append("The inhibited step of this model is ours; the paper has no inhibitor.")
    return float(anchor * theirs.value_nM / ours.value_nM), assumptions


def _enzyme(tables: Tables, drug: str, kinase: str) -> Any:
    rows = potencies(tables, drug, "kinase")
    rows = rows[rows["kinase"] == kinase]
    exact = rows[~rows["relation"].isin([">", "<", ">=", "<="])]
    if exact.empty:
        what = "only a bound on" if len(rows) else "no"
        raise NotReadError(
            f"{drug}: {what} IC50 on {kinase} was read, so its strength in this model is unknown"
        )
    return next(each(exact))
