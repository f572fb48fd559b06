"""``jk.inhibition``: a drug and a regimen -> how much of each cytokine pathway is inhibited over the day.

Two levels that are never mixed. *Pathway*: phosphorylation of a STAT in blood or cells, with a sourced
potency, on the concentration (total or unbound) that potency belongs to. *Kinase*: the IC50 of an isolated
enzyme beside the unbound concentration, an order of strength among JAK1, JAK2, JAK3 and TYK2, not an effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jakinib.mechanism.errors import MechanismError, NotReadError, unknown
from jakinib.mechanism.exposure import Exposure, Progress, check_drug, chunks, exposure
from jakinib.mechanism.hill import share
from jakinib.mechanism.mass import drug_mass
from jakinib.mechanism.regimen import Regimen, parse_regimen
from jakinib.mechanism.tables import Tables, each, resolve

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

Array = NDArray[np.float64]
KINASES = ("JAK1", "JAK2", "JAK3", "TYK2")

_BOUND = {
    "=": "estimate",
    "~": "estimate",
    "<": "at least",
    "<=": "at least",
    ">": "at most",
    ">=": "at most",
    "": "",
}


@dataclass(frozen=True, eq=False)
class Inhibition:
    """Pathway inhibition of one drug under one regimen.

    ``pathways``: a row a pathway (see :meth:`table`). ``kinases``: a row a kinase, an order of strength.
    ``missing``: pathways the map knows for which no potency of this drug was read. ``exposure`` is ``None``
    where no pharmacokinetic model could be built; then nothing but the kinase order is given.
    """

    drug: str
    regimen: Regimen
    pathways: pd.DataFrame = field(repr=False)
    kinases: pd.DataFrame = field(repr=False)
    missing: tuple[str, ...]
    left_out: pd.DataFrame = field(repr=False)
    exposure: Exposure | None = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def level(self) -> str:
        """What the sources allow: ``pathway``, ``kinase`` or ``exposure``."""
        if len(self.pathways):
            return "pathway"
        return "kinase" if len(self.kinases) else "exposure"

    def table(self) -> pd.DataFrame:
        """A row a pathway with a sourced potency.

        ``average`` (fraction of the interval's signal inhibited, typical person) with ``low`` and ``high``
        (95 % range between persons, and potency uncertainty where it was read), ``peak``, ``trough``,
        ``hours_above_ic50`` (per 24 h), ``bound`` (whether the printed potency makes the average an
        estimate, at least or at most), then what it rests on: assay system, readout, cell type, basis,
        IC50, source.
        """
        return self.pathways.copy()

    def curves(self) -> pd.DataFrame:
        """Long table ``pathway, time_h, inhibition`` of the typical person over a dosing interval."""
        if self.exposure is None:
            return pd.DataFrame(columns=["pathway", "time_h", "inhibition"])
        parts = []
        for row in each(self.pathways):
            nM = self.exposure.concentration(row.basis).nM
            values = share(nM, float(row.ic50_nM), float(row.hill))
            parts.append(
                pd.DataFrame({"pathway": row.pathway, "time_h": self.exposure.times_h, "inhibition": values})
            )
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def to_dict(self) -> dict[str, Any]:
        """Everything shown, ready for JSON (blank numbers become null)."""
        return {
            "drug": self.drug,
            "regimen": str(self.regimen),
            "level": self.level,
            "pathways": _records(self.pathways),
            "kinases": _records(self.kinases),
            "missing": list(self.missing),
            "left_out": _records(self.left_out),
            "exposure": None if self.exposure is None else self.exposure.to_dict(),
            "notes": list(self.notes),
        }

    def figure(self) -> Any:
        """Inhibition against time, a line a pathway (typical person)."""
        import altair as alt

        return (
            alt.Chart(self.curves())
            .mark_line()
            .encode(
                x=alt.X("time_h:Q", title="hours after a dose"),
                y=alt.Y(
                    "inhibition:Q",
                    title="inhibited",
                    axis=alt.Axis(format="%"),
                    scale=alt.Scale(domain=[0, 1]),
                ),
                color=alt.Color("pathway:N", title="pathway"),
                tooltip=["pathway:N", "time_h:Q", alt.Tooltip("inhibition:Q", format=".0%")],
            )
            .properties(title=f"{self.drug} {self.regimen}", width=480, height=280)
        )

    def __str__(self) -> str:
        lines = [f"{self.drug} {self.regimen}: {self.level} level"]
        if len(self.pathways):
            shown = self.pathways[
                ["pathway", "average", "low", "high", "hours_above_ic50", "peak", "trough", "bound"]
            ]
            lines.append(shown.to_string(index=False, float_format=lambda x: f"{x:.3g}"))
        if len(self.kinases):
            lines.append("Enzyme level (order of strength, not an effect):")
            shown = self.kinases[
                ["kinase", "relation", "ic50_nM", "fold_weaker", "unbound_average_over_ic50"]
            ]
            lines.append(shown.to_string(index=False, float_format=lambda x: f"{x:.3g}"))
        if self.missing:
            lines.append(f"No potency read for: {', '.join(self.missing)}")
        return "\n".join([*lines, *self.notes])


def inhibition(
    drug: str,
    regimen: str | Regimen,
    *,
    persons: int = 0,
    seed: int | None = 1,
    covariates: Mapping[str, Any] | None = None,
    model: str | None = None,
    use: str = "default",
    tables: Tables | Evidence | None = None,
    progress: Progress | None = None,
) -> Inhibition:
    """Inhibition of every pathway with a sourced potency, over a steady-state dosing interval.

    Parameters are those of :func:`jakinib.mechanism.exposure.exposure`; besides, ``use="all"`` adds the
    ``alternative`` potency rows (never the excluded ones). ``persons=0`` gives the typical person only,
    else the range between that many simulated persons is added.

    Raises MechanismError for an unknown drug, regimen, covariate or model. A drug without a pharmacokinetic
    model is not refused here: its kinase order is given and the notes say what is missing.
    """
    if use not in ("default", "all"):
        raise MechanismError(f"use must be 'default' or 'all'; got {use!r}")
    tables = resolve(tables)
    check_drug(tables, drug)
    parsed = parse_regimen(regimen)
    notes: list[str] = []
    exposed: Exposure | None
    try:
        exposed = exposure(
            drug, parsed, persons=persons, seed=seed, covariates=covariates, model=model, tables=tables
        )
        parsed = exposed.regimen
        notes.extend(exposed.notes)
    except NotReadError as missing:
        exposed = None
        notes.append(f"No concentration: {missing}")
    rows = potencies(tables, drug, "pathway", use)
    usable, left_out = _usable(rows, exposed, tables, drug)
    frame = _pathways(usable, exposed, seed, progress, tables) if exposed is not None else _blank()
    kinases = _kinases(tables, drug, exposed)
    if len(frame) and frame["low"].isna().all() and persons:
        notes.append("No range between persons: the variability of clearance was not read.")
    if len(frame) and not usable["ci_low"].notna().any():
        notes.append(
            "No interval or slope of any potency was read: slope 1, full maximal effect, no potency error."
        )
    if (
        usable["note"].str.contains("covalent").any()
        or _kinase_notes(tables, drug).str.contains("covalent").any()
    ):
        notes.append(
            "Covalent inhibitor: its IC50 depends on time and its effect outlasts the concentration."
        )
    bound = tables.potency[(tables.potency["drug"] == drug) & (tables.potency["level"] == "binding")]
    if kinases.empty and (bound["domain"] == "JH2").any():
        notes.append(
            "Binds a pseudokinase (JH2) domain: there is no catalytic IC50 to set beside the other drugs."
        )
    if len(kinases):
        notes.append(
            "Enzyme values stay at the ATP concentration printed: no Km was read to move them to the cell."
        )
    known = {c for c in tables.cytokines["cytokine"] if not str(c).endswith("cytokines")}
    missing_ = tuple(sorted(known - set(frame["cytokine"]) if len(frame) else known))
    return Inhibition(drug, parsed, frame, kinases, missing_, left_out, exposed, tuple(dict.fromkeys(notes)))


def potencies(tables: Tables, drug: str, level: str, use: str = "default") -> pd.DataFrame:
    """Potency rows of a drug at one level (``pathway`` or ``kinase``), human, with a number."""
    rows = tables.potency
    wanted = ["default"] if use == "default" else ["default", "alternative"]
    keep = (
        (rows["drug"] == drug)
        & (rows["level"] == level)
        & rows["use"].isin(wanted)
        & (rows["value_nM"] > 0)
        & (rows["species"] == "human")
    )
    return rows[keep].reset_index(drop=True)


def pathway_name(row: Any) -> str:
    """``IL-6/pSTAT3, monocytes, whole blood``: what tells one potency key from another."""
    head = "/".join(x for x in (row.stimulus or row.jak_pair or "stimulus not stated", row.readout) if x)
    cells = row.cell_type if row.cell_type and row.cell_type != row.system else ""
    if row.system == "ex vivo whole blood":
        cells = ""
    return ", ".join(x for x in (head, cells, row.system) if x)


def _usable(
    rows: pd.DataFrame, exposed: Exposure | None, tables: Tables, drug: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    every = tables.potency[(tables.potency["drug"] == drug) & (tables.potency["level"] == "pathway")]
    out = every[(every["use"] == "excluded")][["potency", "stimulus", "readout", "use_reason"]].rename(
        columns={"use_reason": "reason"}
    )
    if exposed is None or exposed.unbound_fraction is not None or rows.empty:
        return rows, out.reset_index(drop=True)
    refused = rows[rows["basis"] == "unbound"]
    why = refused[["potency", "stimulus", "readout"]].assign(
        reason="goes with unbound concentration; the fraction unbound in plasma was not read"
    )
    return rows[rows["basis"] == "total"].reset_index(drop=True), pd.concat([why, out], ignore_index=True)


_COLUMNS = [
    "pathway", "cytokine", "stimulus", "readout", "cell_type", "system", "jak_pair", "average", "low", "high",
    "peak", "trough", "hours_above_ic50", "hours_low", "hours_high", "bound", "quantity", "relation",
    "ic50_nM", "hill", "basis", "basis_status", "grade", "use", "potency", "source_id", "locator",
]  # fmt: skip


_COPIED = [
    "cytokine", "stimulus", "readout", "cell_type", "system", "jak_pair", "quantity", "relation", "basis",
    "basis_status", "use", "potency", "source_id", "locator",
]  # fmt: skip


def _blank() -> pd.DataFrame:
    return pd.DataFrame(columns=_COLUMNS)


def _pathways(
    rows: pd.DataFrame, exposed: Exposure, seed: int | None, progress: Progress | None, tables: Tables
) -> pd.DataFrame:
    if rows.empty:
        return _blank()
    spread = _population(rows, exposed, seed, progress) if exposed.kinetics is not None else None
    out = []
    for i, row in enumerate(each(rows)):
        hill = float(row.hill) if row.hill == row.hill else 1.0
        nM = exposed.concentration(row.basis).nM
        curve = share(nM, row.value_nM, hill)
        record: dict[str, Any] = {
            "pathway": pathway_name(row),
            "ic50_nM": row.value_nM,
            "hill": hill,
            "bound": _BOUND[row.relation],
            "average": _mean(curve, exposed.times_h),
            "peak": float(curve.max()),
            "trough": float(curve.min()),
            "hours_above_ic50": _hours(nM, row.value_nM, exposed.times_h),
            "grade": tables.source(row.source_id).get("note", ""),
            "low": np.nan, "high": np.nan, "hours_low": np.nan, "hours_high": np.nan,
        }  # fmt: skip
        if spread is not None:
            record["low"], record["high"] = np.percentile(spread[0][i], [2.5, 97.5])
            record["hours_low"], record["hours_high"] = np.percentile(spread[1][i], [2.5, 97.5])
        for name in _COPIED:
            record[name] = getattr(row, name)
        out.append(record)
    order = {"ex vivo whole blood": 0, "whole blood": 1, "PBMC": 2}
    frame = pd.DataFrame(out)[_COLUMNS]
    rank = frame["system"].map(lambda s: order.get(s, 3))
    return (
        frame.assign(_rank=rank)
        .sort_values(["_rank", "pathway"])
        .drop(columns="_rank")
        .reset_index(drop=True)
    )


def _population(
    rows: pd.DataFrame, exposed: Exposure, seed: int | None, progress: Progress | None
) -> tuple[Array, Array]:
    """Average inhibition and hours above IC50 per 24 h, (pathways, persons) each, in bounded memory."""
    kinetics = exposed.kinetics
    assert kinetics is not None
    times = exposed.times_h
    step = 1.0 / (len(times) - 1)  # of the interval; the trapezoid rule: ends count half
    rng = np.random.default_rng(None if seed is None else seed + 1)
    n = kinetics.persons
    to_nM = 1000.0 / drug_mass(exposed.drug)
    ic50 = np.empty((len(rows), n))
    for i, row in enumerate(each(rows)):
        ic50[i] = row.value_nM
        if row.ci_low == row.ci_low and row.ci_high == row.ci_high:
            se = np.log(row.ci_high / row.ci_low) / (2 * 1.959963984540054)
            ic50[i] = row.value_nM * np.exp(se * rng.standard_normal(n))
    scale = [to_nM * (1.0 if r.basis == "total" else exposed.unbound_fraction or np.nan) for r in each(rows)]
    hills = [float(r.hill) if r.hill == r.hill else 1.0 for r in each(rows)]
    average, hours = np.empty_like(ic50), np.empty_like(ic50)
    for part, values in chunks(kinetics, times, progress):
        room = np.empty_like(values)
        for i, (factor, hill) in enumerate(zip(scale, hills, strict=True)):
            half = (ic50[i, part] / factor)[:, None]  # the IC50 in the units of the curve
            above = values > half
            ends = 0.5 * (above[:, 0].astype(float) + above[:, -1])
            hours[i, part] = (np.count_nonzero(above, axis=1) - ends) * step
            if hill == 1.0:
                np.add(values, half, out=room)
                np.divide(values, room, out=room)
            else:
                room = share(values, half, hill)
            average[i, part] = (room.sum(axis=1) - 0.5 * (room[:, 0] + room[:, -1])) * step
    return average, hours * 24.0


def _kinase_notes(tables: Tables, drug: str) -> pd.Series[str]:
    return tables.potency[(tables.potency["drug"] == drug) & (tables.potency["level"] == "kinase")]["note"]


def _kinases(tables: Tables, drug: str, exposed: Exposure | None) -> pd.DataFrame:
    columns = ["kinase", "relation", "ic50_nM", "fold_weaker", "unbound_average_over_ic50", "bound", "atp_uM",
               "quantity", "grade", "potency", "source_id", "locator", "note"]  # fmt: skip
    rows = potencies(tables, drug, "kinase")
    rows = rows[rows["kinase"].isin(KINASES)]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    rows = rows.assign(order=rows["kinase"].map(KINASES.index)).sort_values(["order", "potency"])
    exact = rows[rows["relation"].isin(["=", "~", ""])]
    strongest = float(exact["value_nM"].min()) if len(exact) else np.nan
    average = np.nan
    if exposed is not None and exposed.unbound_fraction is not None:
        average = _mean(exposed.concentration("unbound").nM, exposed.times_h)
    frame = rows.assign(
        ic50_nM=rows["value_nM"],
        fold_weaker=rows["value_nM"] / strongest,
        unbound_average_over_ic50=average / rows["value_nM"],
        bound=[_BOUND[r] for r in rows["relation"]],
        grade=[tables.source(s).get("note", "") for s in rows["source_id"]],
    )
    return frame[columns].reset_index(drop=True)


def pathway_rows(tables: Tables, drug: str, pathway: str) -> dict[str, Any]:
    """The potency rows of a drug that a name means, by full name.

    ``pathway`` is a full name as in :meth:`Inhibition.table`, or stimulus and readout (``"IL-6/pSTAT3"``)
    or the stimulus alone; then every default row with it. MechanismError if there is none.
    """
    rows = potencies(tables, drug, "pathway", "all")
    named = {pathway_name(r): r for r in each(rows)}
    if pathway in named:
        return {pathway: named[pathway]}
    stimulus, _, readout = (x.strip() for x in pathway.partition("/"))
    hits = {
        name: row
        for name, row in named.items()
        if row.use == "default" and row.stimulus == stimulus and readout in ("", row.readout)
    }
    if not hits:
        raise unknown(f"pathway of {drug}", pathway, named)
    return hits


def pathway_row(tables: Tables, drug: str, pathway: str) -> Any:
    """The one row a name means; MechanismError listing them where there are several."""
    hits = pathway_rows(tables, drug, pathway)
    if len(hits) > 1:
        raise MechanismError(f"pathway {pathway!r} of {drug} could be: {'; '.join(hits)}")
    return next(iter(hits.values()))


def _mean(values: Array, times: Array) -> float:
    return float(np.trapezoid(values, times) / (times[-1] - times[0]))


def _hours(nM: Array, ic50: float, times: Array) -> float:
    """Hours per 24 h above the IC50, crossings interpolated on the grid."""
    gap = nM - ic50
    above = 0.0
    for a, b, width in zip(gap[:-1], gap[1:], np.diff(times), strict=True):
        if a >= 0 and b >= 0:
            above += width
        elif a >= 0 or b >= 0:
            above += width * max(a, b) / abs(b - a)
    return float(above / (times[-1] - times[0]) * 24.0)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): (None if isinstance(v, float) and not np.isfinite(v) else v) for k, v in row.items()}
        for row in frame.to_dict("records")
    ]
