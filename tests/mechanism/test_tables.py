"""The mechanism tables: valid against their schema, traceable, and open to a folder of one's own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import jakinib as jk
from jakinib.evidence.package import fields
from jakinib.mechanism.errors import MechanismError
from jakinib.mechanism.tables import Tables, shipped


@pytest.fixture(scope="module")
def tables() -> Tables:
    return shipped()


def test_the_room_reads_what_the_evidence_base_holds(tables: Tables) -> None:
    """Read straight from the corpus, or out of a loaded evidence base: the same frames."""
    loaded = Tables.of(jk.evidence())
    for name in ("potency", "pk", "cytokines", "published_inhibition", "sources"):
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(tables, name))


def test_every_row_is_traceable_and_says_how_it_is_used(tables: Tables) -> None:
    known = set(tables.sources["source_id"])
    for name in ("cytokines", "potency", "pk", "published_inhibition"):
        frame = getattr(tables, name)
        assert (frame["locator"] != "").all() and set(frame["source_id"]) <= known, name
        assert ((frame["use"] == "default") | (frame["use_reason"] != "")).all(), name


def test_derived_rows_give_their_formula(tables: Tables) -> None:
    derived = tables.pk[tables.pk["status"] == "derived"]
    assert len(derived) > 10 and (derived["note"] != "").all()
    rux = tables.pk.set_index("pk").loc["ruxolitinib-label-cl-1"]
    assert rux["value"] == pytest.approx(15e6 / 306.37 / 2716, rel=1e-3)  # 15 mg, g/mol, nM h
    assert "2716" in rux["note"]


def test_one_default_a_key(tables: Tables) -> None:
    default = tables.potency[(tables.potency["use"] == "default")]
    pathway = default[default["level"] == "pathway"]
    assert not pathway.duplicated(["drug", "system", "stimulus", "readout", "cell_type"]).any()
    kinase = default[default["level"] == "kinase"]
    assert not kinase.duplicated(["drug", "kinase"]).any()


def test_traps_of_the_sources_are_marked(tables: Tables) -> None:
    potency = tables.potency
    assert (potency[potency["quantity"].isin(["Kd", "Ki", "ratio"])]["use"] != "default").all()
    assert (potency[potency["value_nM"] == 200_000]["use"] == "excluded").all()
    assert (potency[potency["source_id"] == "XELJANZ_MIMS"]["use"] == "excluded").all()
    log_scale = tables.pk[(tables.pk["drug"] == "filgotinib") & (tables.pk["source_id"] == "LEFEVRE2020_T2")]
    assert len(log_scale) == 7 and (log_scale["use"] == "excluded").all()
    chembl = potency[potency["licence"] != ""]
    assert set(chembl["licence"]) == {"CC BY-SA 3.0"} and len(chembl) == 255


def own(folder: Path, **frames: list[dict[str, object]]) -> Tables:
    """The corpus with a folder of one's own: its columns, blanks where nothing is given."""
    for name, rows in frames.items():
        columns = [f["name"] for f in fields(name)]
        frame = pd.DataFrame(rows)
        frame.reindex(columns=[*columns, *(c for c in frame if c not in columns)]).to_csv(
            folder / f"{name}.csv", index=False
        )
    return Tables.of(jk.evidence(folder))


SOURCE = {"source_id": "MINE", "title": "Own measurement", "kind": "paper", "secondary": "false"}
POTENCY = {
    "potency": "mine-1", "drug": "abrocitinib", "level": "pathway",
    "system": "whole blood", "stimulus": "IL-4",
    "cytokine": "IL-4", "readout": "pSTAT6", "cell_type": "monocytes", "species": "human", "quantity": "IC50",
    "relation": "=", "value_nM": 200, "ci_low": 120, "ci_high": 330, "hill": 1.2, "basis": "total",
    "basis_status": "reported", "source_id": "MINE", "locator": "notebook 3",
    "status": "reported", "use": "default",
}  # fmt: skip


def test_a_potency_of_ones_own_enters(tmp_path: Path) -> None:
    mine = own(tmp_path, potency=[POTENCY], sources=[SOURCE])
    got = jk.inhibition("abrocitinib", "200 mg qd", tables=mine, persons=300, seed=1)
    row = got.table().iloc[0]
    assert got.level == "pathway" and row["hill"] == 1.2 and row["source_id"] == "MINE"
    assert row["low"] < row["average"] < row["high"]
    assert jk.inhibition("abrocitinib", "200 mg qd").level == "kinase"  # the corpus is untouched


def test_an_own_row_replaces_the_corpus_default(tmp_path: Path) -> None:
    row = POTENCY | {
        "drug": "tofacitinib", "system": "ex vivo whole blood", "stimulus": "IL-6", "readout": "pSTAT3",
        "cell_type": "blood from healthy subjects and RA subjects", "value_nM": 50, "hill": "",
    }  # fmt: skip
    mine = own(tmp_path, potency=[row], sources=[SOURCE])
    table = jk.inhibition("tofacitinib", "5 mg bid", tables=mine).table()
    hits = table[(table["stimulus"] == "IL-6") & (table["system"] == "ex vivo whole blood")]
    assert list(hits["ic50_nM"]) == [50]


def test_a_pk_model_of_ones_own_enters(tmp_path: Path) -> None:
    common = {
        "drug": "filgotinib", "formulation": "any", "model": "mine",
        "kind": "model parameter", "form": "base",
        "source_id": "MINE", "locator": "table 1", "status": "reported", "use": "default",
    }  # fmt: skip
    rows = [
        common | {"pk": f"own-{s}", "symbol": s, "parameter": s, "value": v, "unit": u}
        for s, v, u in (("CL", 50, "L/h"), ("Vc", 300, "L"), ("ka", 1.1, "1/h"))
    ]
    mine = own(tmp_path, pk=rows, sources=[SOURCE])
    assert jk.exposure("filgotinib", "200 mg qd", tables=mine).metrics()["AUC_tau"] == pytest.approx(
        4000, rel=1e-3
    )
    rows[0]["unit"] = "mL/min"
    wrong = own(tmp_path, pk=rows, sources=[SOURCE])
    with pytest.raises(MechanismError, match="CL needs L/h; got 'mL/min'"):
        jk.exposure("filgotinib", "200 mg qd", tables=wrong)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"basis": ""}, "potency.csv, line 2, column basis: a value is needed"),
        ({"basis": "plasma"}, "column basis: 'plasma' is not one of total, unbound"),
        ({"value_nM": -4}, "column value_nM: -4 must be at least 0"),
        ({"value_nM": "12-15"}, "column 'value_nM': '12-15' is not a number"),
        ({"value_nM": 0}, "column value_nM: must be positive"),
        ({"source_id": "NOWHERE"}, "column source_id: 'NOWHERE' is in no sources.csv"),
        ({"unit": "nM"}, "unknown column 'unit'"),
        ({"locator": ""}, "column locator: a value is needed"),
    ],
)
def test_a_bad_folder_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        own(tmp_path, potency=[POTENCY | change], sources=[SOURCE])


def test_an_evidence_base_can_be_given_as_it_is(tmp_path: Path) -> None:
    own(tmp_path, potency=[POTENCY], sources=[SOURCE])
    assert jk.inhibition("abrocitinib", "200 mg qd", tables=jk.evidence(tmp_path)).level == "pathway"


def test_the_check_of_the_evidence_base_names_what_is_wrong(tmp_path: Path) -> None:
    """``jakinib check FOLDER`` reads potency tables too."""
    own(tmp_path, potency=[POTENCY], sources=[SOURCE])
    assert not [f for f in jk.check(tmp_path).open if f.table == "potency"]
    rows = pd.read_csv(tmp_path / "potency.csv", dtype=str, keep_default_na=False)
    rows.assign(basis="plasma", value_nM="-3").to_csv(tmp_path / "potency.csv", index=False)
    text = str(jk.check(tmp_path))
    assert "potency line 2 basis: 'plasma'" in text and "potency line 2 value_nM: '-3'" in text
