"""Tables that put several tables of the evidence together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jakinib.report.numbers import missing

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

DISCLAIMER = "Describes published evidence. Not medical advice; recommends no drug."


def jak_inhibitors(ev: Evidence) -> pd.DataFrame:
    """The JAK inhibitors, those of the reference page first, then by the year of their first approval."""
    drugs = ev["drugs"]
    jak = drugs[(drugs["drug_class"] == "JAK inhibitor") & (drugs["drug"] != "jak-inhibitors")]
    first = ev["approvals"].groupby("drug")["year"].min()
    order = jak.assign(later=jak["page_targets"].isna(), first=jak["drug"].map(first).astype("float64"))
    # the page lists its drugs by name
    order.loc[~order["later"], "first"] = 0
    return (
        order.sort_values(["later", "first", "name"]).drop(columns=["later", "first"]).reset_index(drop=True)
    )


def drug_table(ev: Evidence) -> pd.DataFrame:
    """One row a JAK inhibitor: brands, targets on the page and as other sources state them, approvals.

    Columns ``drug, name, brands, page_targets, targets, approvals, first_year``; several values are
    separated by ``"; "``.
    """
    seed = set(ev["sources"].loc[ev["sources"]["kind"] == "reference-page", "source_id"])
    stated, approvals = ev["drug_targets"], ev["approvals"]
    stated = stated[~stated["source_id"].isin(seed)]
    primary = approvals[~approvals["source_id"].isin(seed)]
    rows = []
    for drug in jak_inhibitors(ev).to_dict("records"):
        of = primary[primary["drug"] == drug["drug"]]
        where = dict.fromkeys(
            f"{region}: {indication}" + ("" if missing(year) else f" ({year})")
            for region, indication, year in zip(of["region"], of["indication"], of["year"], strict=True)
        )
        rows.append(
            {
                "drug": drug["drug"],
                "name": drug["name"],
                "brands": drug["brands"],
                "page_targets": drug["page_targets"],
                "targets": "; ".join(
                    stated.loc[stated["drug"] == drug["drug"], "targets"].drop_duplicates().astype(str)
                ),
                "approvals": "; ".join(where),
                "first_year": of["year"].min() if of["year"].notna().any() else None,
            }
        )
    columns = ["drug", "name", "brands", "page_targets", "targets", "approvals", "first_year"]
    return pd.DataFrame(rows, columns=columns).astype({"first_year": "Int64"})


def studies_table(ev: Evidence) -> pd.DataFrame:
    """One row a study, with the number of rows of evidence held: those with most first."""
    studies, held = ev["studies"], ev["events"]["study"].value_counts()
    effects = ev["effects"]["study"].value_counts()
    counted = studies.assign(
        events_rows=studies["study"].map(held).fillna(0).astype(int),
        effects_rows=studies["study"].map(effects).fillna(0).astype(int),
    )
    return counted.sort_values(["events_rows", "effects_rows", "study"], ascending=[False, False, True])


def sources_table(ev: Evidence) -> pd.DataFrame:
    """One row a source, with the number of rows it gives to all tables together."""
    held: pd.Series[int] = pd.Series(dtype="int64")
    for name, table in ev.tables.items():
        if name != "sources" and "source_id" in table.columns:
            held = held.add(table["source_id"].value_counts(), fill_value=0)
    sources = ev["sources"]
    return sources.assign(rows=sources["source_id"].map(held).fillna(0).astype(int)).sort_values("source_id")
