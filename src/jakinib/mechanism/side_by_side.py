"""Several drugs and regimens beside each other: inhibition as a heatmap and courses, signalling as an
overlay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.mechanism.errors import MechanismError
from jakinib.mechanism.inhibition import Inhibition, inhibition
from jakinib.mechanism.signalling import Signalling, signalling
from jakinib.mechanism.tables import Tables, resolve

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence


@dataclass(frozen=True, eq=False)
class InhibitionSideBySide:
    """Inhibition of several regimens. ``results`` are the single ones, in the order asked for."""

    results: tuple[Inhibition, ...]
    rows: pd.DataFrame = field(repr=False)

    def table(self) -> pd.DataFrame:
        """``drug, regimen, treatment`` and the columns of :meth:`Inhibition.table`, a row a regimen and
        pathway.

        A regimen with no pathway potency has no row here; ``levels`` says what its sources allow.
        """
        return self.rows.copy()

    @property
    def levels(self) -> dict[str, str]:
        """Treatment -> ``pathway``, ``kinase`` or ``exposure``."""
        return {_label(r): r.level for r in self.results}

    def kinases(self) -> pd.DataFrame:
        """The enzyme order of each drug, a row a drug and kinase - never in one table with pathways."""
        parts = [r.kinases.assign(drug=r.drug, treatment=_label(r)) for r in self.results if len(r.kinases)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def figure(self) -> Any:
        """Heatmap, a row a pathway (stimulus, readout, cell, assay), a column a regimen."""
        import altair as alt

        shown = self.rows.assign(
            text=[f"{_SIGN[b]}{a:.0%}" for a, b in zip(self.rows["average"], self.rows["bound"], strict=True)]
        )
        base = alt.Chart(shown).encode(
            x=alt.X("treatment:N", title=None, sort=[_label(r) for r in self.results]),
            y=alt.Y("pathway:N", title=None, sort=None, axis=alt.Axis(labelLimit=320)),
        )
        cells = base.mark_rect().encode(
            color=alt.Color(
                "average:Q",
                title="average inhibition",
                scale=alt.Scale(domain=[0, 1], scheme="blues"),
                legend=alt.Legend(format="%"),
            ),
            tooltip=["treatment:N", "pathway:N", "source_id:N", "locator:N", "basis:N", "grade:N"],
        )
        text = base.mark_text().encode(
            text="text:N",
            color=alt.condition(alt.datum["average"] > 0.6, alt.value("white"), alt.value("black")),
        )
        return alt.layer(cells, text).properties(width=alt.Step(110), height=alt.Step(24))

    def courses(self, stimulus: str | None = None) -> Any:
        """Inhibition over a day, a panel a pathway, a line a regimen; of one stimulus or of all."""
        import altair as alt

        rows = self.course_table(stimulus)
        if rows.empty:
            raise MechanismError(f"no pathway {stimulus or ''} with a potency for any of the regimens")
        return (
            alt.Chart(rows)
            .mark_line()
            .encode(
                x=alt.X("time_h:Q", title="hours after a dose", scale=alt.Scale(domain=[0, 24])),
                y=alt.Y(
                    "inhibition:Q",
                    title="inhibited",
                    axis=alt.Axis(format="%"),
                    scale=alt.Scale(domain=[0, 1]),
                ),
                color=alt.Color("treatment:N", title=None),
                strokeDash=alt.StrokeDash("treatment:N", title=None),
            )
            .properties(width=240, height=160)
            .facet(alt.Facet("pathway:N", title=None), columns=2)
        )

    def course_table(self, stimulus: str | None = None) -> pd.DataFrame:
        """``treatment, pathway, time_h, inhibition`` over 24 h (shorter intervals repeated)."""
        parts = []
        for result in self.results:
            curves = result.curves()
            if result.exposure is None or curves.empty:
                continue
            end = result.exposure.times_h[-1]
            for repeat in range(max(1, int(24 // end))):
                parts.append(curves.assign(treatment=_label(result), time_h=curves["time_h"] + repeat * end))
        if not parts:
            return pd.DataFrame(columns=["treatment", "pathway", "time_h", "inhibition"])
        rows = pd.concat(parts, ignore_index=True)
        if stimulus is not None:
            rows = rows[[str(p).split("/")[0] == stimulus for p in rows["pathway"]]]
        return rows[["treatment", "pathway", "time_h", "inhibition"]]

    def to_dict(self) -> dict[str, Any]:
        """The single results and what their sources allow, ready for JSON."""
        return {"levels": self.levels, "results": [r.to_dict() for r in self.results]}

    def __str__(self) -> str:
        return "\n\n".join(str(r) for r in self.results)


_SIGN = {"at least": "≥ ", "at most": "≤ ", "estimate": "", "": ""}


def inhibition_side_by_side(
    regimens: Sequence[tuple[str, str]],
    *,
    persons: int = 0,
    seed: int | None = 1,
    covariates: Mapping[str, Mapping[str, Any]] | None = None,
    tables: Tables | Evidence | None = None,
) -> InhibitionSideBySide:
    """Inhibition of several (drug, regimen) pairs. ``covariates``: drug -> covariates of its model.

    Raises MechanismError as :func:`jakinib.mechanism.inhibition.inhibition`, or if nothing is asked for.
    """
    if not regimens:
        raise MechanismError("name at least one drug and regimen")
    tables = resolve(tables)
    results = tuple(
        inhibition(d, r, persons=persons, seed=seed, covariates=(covariates or {}).get(d), tables=tables)
        for d, r in regimens
    )
    parts = [
        r.pathways.assign(drug=r.drug, regimen=str(r.regimen), treatment=_label(r))
        for r in results
        if len(r.pathways)
    ]
    rows = (
        pd.concat(parts, ignore_index=True)
        if parts
        else results[0].pathways.assign(drug="", regimen="", treatment="")
    )
    return InhibitionSideBySide(results, rows[["drug", "regimen", "treatment", *results[0].pathways.columns]])


def signalling_side_by_side(
    cytokine: str, regimens: Sequence[tuple[str, str]], **options: Any
) -> tuple[tuple[Signalling, ...], Any]:
    """A day of one pathway under several regimens: the single results and one overlaid Altair figure.

    ``options`` are those of :func:`jakinib.mechanism.signalling.signalling`.
    """
    import altair as alt

    if not regimens:
        raise MechanismError("name at least one drug and regimen")
    results = tuple(signalling(cytokine, drug, regimen, **options) for drug, regimen in regimens)
    parts = [r.curves.assign(run=f"{r.drug} {r.regimen}", value=r.curves["with_drug"]) for r in results]
    parts.append(results[0].curves.assign(run="no drug", value=results[0].curves["without_drug"]))
    rows = pd.concat(parts, ignore_index=True)
    notes = list(dict.fromkeys(a for r in results for a in r.assumptions))
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
        for name, part in rows.groupby("name", sort=False)
    ]
    title = alt.TitleParams(cytokine, subtitle=notes, anchor="start", subtitleFontSize=10)
    return results, alt.hconcat(*panels).properties(title=title)


def _label(result: Inhibition) -> str:
    return f"{result.drug} {result.regimen}"
