"""The drugs: what they inhibit, where they are approved, what labels warn of, what was observed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from jakinib.report.tables import drug_table, jak_inhibitors
from jakinib.web.answer import View, views
from jakinib.web.routes.compare import populations, side_by_side
from jakinib.web.site import Row, Site, rows

router = APIRouter()
SHOWN = ("malignancy_ex_nmsc", "nmsc", "mace", "vte", "death", "serious_infection", "herpes_zoster")
MOST_SIDE_BY_SIDE = 3


@views(router, "/drugs")
def drugs_view(request: Request) -> View:
    site: Site = request.app.state.site
    table = drug_table(site.ev)
    others = site.ev["drugs"][~site.ev["drugs"]["drug"].isin(table["drug"])].sort_values("name")
    context = {"cards": cards(site), "others": rows(others)}
    return View("drugs.html", context, lambda: table, lambda: rows(table), "drugs")


@views(router, "/drugs/{drug}")
def drug_view(request: Request, drug: str) -> View:
    site: Site = request.app.state.site
    key = site.ev.name("drug", drug)
    facts = site.of("drugs", drug=key)[0]
    treatments = _treatments(site, key)
    most = max((t["rows"] for t in treatments), default=0)
    side = tuple(t["treatment"] for t in treatments if t["rows"] > most / 5)[:MOST_SIDE_BY_SIDE]
    made = site.compared(side, SHOWN, "", 100) if side else None
    own = {t["treatment"] for t in treatments}
    effects = [e for e in site.of("effects", kind="treatment") if {e["treatment"], e["reference"]} & own]
    context: dict[str, Any] = {
        "drug": facts,
        "card": card(site, key),
        "treatments": treatments,
        "side": side,
        "made": made,
        "table": [{**o, "basis": ""} for o in side_by_side(site, made)] if made else [],
        "who": populations(site, made) if made else {},
        "warnings": _warnings(site, key, bool(facts["oral_jak"])),
        "frequencies": _frequencies(site, key),
        "effects": effects,
        "outcomes": SHOWN,
        "mechanism": request.app.state.mechanism.block(key),
        "mechanism_of": request.app.state.mechanism,
    }
    frames = {
        "drug": [context["drug"]],
        "approvals": context["card"]["approvals"],
        "targets": context["card"]["targets"],
        "treatments": treatments,
        "warnings": context["warnings"],
        "label_frequencies": site.of("label_frequencies", drug=key),
        "effects": effects,
        "lines": rows(made.table()) if made else [],
    }
    empty = site.ev["events"].iloc[:0]
    return View("drug.html", context, lambda: made.table() if made else empty, lambda: frames, key)


def cards(site: Site) -> list[dict[str, Any]]:
    """Every JAK inhibitor with targets and approvals; those of the reference page first."""
    return [card(site, drug) for drug in jak_inhibitors(site.ev)["drug"]]


def card(site: Site, drug: str) -> dict[str, Any]:
    """A drug with what each source says it inhibits and where it is approved, the reference page apart."""
    facts = site.of("drugs", drug=drug)[0]
    targets, approvals = site.of("drug_targets", drug=drug), site.of("approvals", drug=drug)
    made: dict[str, Any] = {**facts, "on_page": facts["page_targets"] is not None}
    for name, found, text in [("target", targets, _target), ("approval", approvals, _approval)]:
        on_page = [r for r in found if r["source_id"] in site.reference_pages]
        others = [r for r in found if r["source_id"] not in site.reference_pages]
        made |= {f"{name}s_page": on_page, f"{name}s": others}
        made |= {f"{name}_texts_page": _alike(on_page, text), f"{name}_texts": _alike(others, text)}
    return made


def _target(row: Row) -> str:
    return str(row["targets"])


def _approval(row: Row) -> str:
    return str(row["indication"]) + (f" ({row['year']})" if row["year"] else "")


def _alike(found: list[Row], text: Callable[[Row], str]) -> list[dict[str, Any]]:
    """Rows that read the same, told once with all their keys."""
    row_keys: dict[tuple[str, str], list[str]] = {}
    for row in found:
        row_keys.setdefault((row.get("region", ""), text(row)), []).append(row["_key"])
    return [{"region": region, "text": said, "row_keys": held} for (region, said), held in row_keys.items()]


def _treatments(site: Site, drug: str) -> list[Row]:
    """The doses of a drug with the number of rows held, single doses with most evidence first."""
    held = site.ev["events"]["treatment"].value_counts()
    found = [{**t, "rows": int(held.get(t["treatment"], 0))} for t in site.of("treatments", drug=drug)]
    return sorted(found, key=lambda t: (t["kind"] != "dose", -t["rows"]))


def _warnings(site: Site, drug: str, class_wide: bool) -> list[Row]:
    """Boxed warnings first; those of the class where the drug is an oral JAK inhibitor."""
    found = [w for w in site.of_all("warnings") if w["drug"] == drug or (class_wide and w["drug"] is None)]
    order = {"boxed": 0, "agency-communication": 1, "warning": 2}
    return sorted(found, key=lambda w: (order[w["kind"]], w["drug"] is None))


def _frequencies(site: Site, drug: str) -> list[dict[str, Any]]:
    """EU leaflet classes: brand and patients -> class -> terms."""
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in site.of("label_frequencies", drug=drug):
        grouped.setdefault((row["brand"], row["patients"], row["frequency"]), []).append(row)
    order = ["very common", "common", "uncommon", "rare", "very rare", "not known", "not stated"]
    found = [{"brand": b, "patients": p, "frequency": f, "rows": r} for (b, p, f), r in grouped.items()]
    return sorted(found, key=lambda g: (g["brand"], g["patients"], order.index(g["frequency"])))
