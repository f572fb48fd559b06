"""Tables that put several tables of the evidence together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence


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
        where = (of["region"] + ": " + of["indication"] + of["year"].map(lambda y: f" ({y})", na_action="ignore")
                 .fillna("")).drop_duplicates()  # fmt: skip
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
