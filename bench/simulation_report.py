"""The tables of docs/simulation.md and docs/img/simulation.svg from docs/simulation.csv."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jakinib.report.svg import svg

if TYPE_CHECKING:
    import pandas as pd

MARK = "<!-- from here on made by `python bench/simulation.py --report` -->\n"


def report(docs: Path) -> None:
    """Rewrite what follows ``MARK`` in simulation.md, and the figure."""
    import pandas as pd

    frame = pd.read_csv(docs / "simulation.csv")
    page = docs / "simulation.md"
    text = page.read_text(encoding="utf-8").split(MARK)[0]
    page.write_text(text + MARK + tables(frame), encoding="utf-8")
    (docs / "img" / "simulation.svg").write_text(svg(figure(frame)), encoding="utf-8")


def tables(frame: pd.DataFrame) -> str:
    """One table a measure and ratio of the arms."""
    parts = []
    for (measure, arms), part in frame.groupby(["measure", "arms"], sort=False):
        unit = "per 100 person-years" if measure == "IRR" else "%"
        names = list(dict.fromkeys(part["analysis"]))
        parts += [
            f"\n## {measure}, arms {arms}:1\n",
            f"| baseline {unit} | k | tau | " + " | ".join(names) + " |",
        ]
        parts.append("|" + "---|" * (3 + len(names)))
        for (risk, k, tau), cell in part.groupby(["risk", "k", "tau"]):
            one = cell.set_index("analysis")
            shown = [entry(one.loc[name]) if name in one.index else "" for name in names]
            parts.append(f"| {100 * risk:g} | {k} | {tau:g} | " + " | ".join(shown) + " |")
    return "\n".join(parts) + "\n"


def entry(row: Any) -> str:
    """median / coverage +- its Monte-Carlo standard error (share with an interval, where not all)."""
    there = row["with_interval"] / row["data_sets"]
    some = "" if there > 0.995 else f" ({100 * there:.0f} %)"
    error = f"{100 * row['coverage_se']:.1f}"
    return f"{row['median']:.2f} / {100 * row['coverage']:.0f} ± {error}{some}"


def figure(frame: pd.DataFrame) -> Any:
    """Coverage above, median estimate below; odds ratio, equal arms."""
    import altair as alt

    part = frame[(frame["measure"] == "OR") & (frame["arms"] == 1)].copy()
    part["low"] = 100 * (part["coverage"] - 1.96 * part["coverage_se"])
    part["high"] = 100 * (part["coverage"] + 1.96 * part["coverage_se"]).clip(upper=1)
    part["percent"] = 100 * part["coverage"]
    part["baseline"] = (100 * part["risk"]).map("risk {:g} %".format)
    part["spread"] = part["tau"].map("tau {:g}".format)
    part["studies"] = part["k"].map("{} studies".format)
    order = ["3 studies", "10 studies", "50 studies"]

    def panel(
        field: str, axis: str, scale: alt.Scale, truth: float, title: str, *ends: str
    ) -> alt.FacetChart:
        base = alt.Chart().encode(
            y=alt.Y("analysis:N", sort=None, title=None),
            yOffset=alt.YOffset("studies:N", sort=order),
            color=alt.Color("studies:N", sort=order, title=None),
        )
        layers = [
            alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.XDatum(truth, scale=scale)),
            base.mark_point(filled=True, size=22, opacity=1).encode(
                x=alt.X(field, title=axis, scale=scale), shape=alt.Shape("studies:N", sort=order, legend=None)
            ),
        ]
        if ends:
            layers.append(base.mark_rule().encode(x=ends[0], x2=ends[1]))
        return (
            alt.layer(*layers, data=part)
            .properties(width=210, height=alt.Step(6))
            .facet(
                row=alt.Row("baseline:N", title=None),
                column=alt.Column("spread:N", title=None),
                title=title,
            )
        )

    percent = alt.Scale(domain=[10, 100], nice=False)
    ratio = alt.Scale(type="log", domain=[1, 2.6], nice=False)
    return alt.vconcat(
        panel(
            "percent:Q",
            "coverage, %",
            percent,
            95,
            "Coverage of the 95 % interval, with Monte-Carlo error",
            "low:Q",
            "high:Q",
        ),
        panel("median:Q", "median odds ratio", ratio, 1.5, "Median of the estimates; truth 1.5"),
    )
