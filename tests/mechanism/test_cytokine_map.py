"""The map read both ways."""

from __future__ import annotations

import pytest

import jakinib as jk
from jakinib.mechanism.cytokine_map import kinase_strength
from jakinib.mechanism.errors import MechanismError


def test_behind_a_cytokine() -> None:
    rows = jk.cytokine_map().behind("il-13")
    assert set(rows["jaks"]) == {"JAK1;JAK2;TYK2"} and set(rows["stats"]) == {"STAT6"}
    assert set(rows["source_id"]) == {"CST_TABLE", "CVI_T"}


def test_touched_by_blocked_kinases() -> None:
    rows = jk.cytokine_map().touched_by("JAK1", "JAK2").set_index("cytokine")
    assert rows.loc["IFN-gamma", "all_named"] and rows.loc["EPO", "all_named"]
    assert not rows.loc["IL-6", "all_named"]  # TYK2 is left
    assert rows.loc["IL-7", "through"] == "JAK1"
    assert not rows.loc["IL-20", "all_named"]  # the source prints a question mark for the second kinase
    only3 = set(jk.cytokine_map().touched_by("JAK3")["cytokine"])
    assert only3 == {"IL-2", "IL-4", "IL-7", "IL-9", "IL-15", "IL-21"}


def test_the_two_ways_agree() -> None:
    table = jk.cytokine_map().table()
    for jak in ("JAK1", "JAK2", "JAK3", "TYK2"):
        touched = set(jk.cytokine_map().touched_by(jak)["cytokine"])
        assert touched == {r.cytokine for r in table.itertuples() if jak in str(r.jaks).split(";")}


def test_disagreement_between_sources_is_shown() -> None:
    row = jk.cytokine_map().table().set_index("cytokine").loc["IFN-gamma"]
    assert row["agreement"] == "differ" and "PMC5634336_T1" in row["differs"]


def test_drawing_has_every_link_and_the_strength_of_the_drug() -> None:
    strength = kinase_strength(jk.inhibition("baricitinib", "4 mg qd").kinases)
    assert strength["JAK2"] == 1.0 and strength["JAK3"] < 0.02
    nodes, edges = jk.cytokine_map().graph(strength, ["IL-6", "EPO"])
    assert {"IL-6", "EPO", "gp130", "JAK2", "STAT5"} - set(nodes["name"]) == {
        "gp130"
    }  # receptor: IL-6Ra+gp130
    assert (edges.groupby("edge").size() == 2).all()
    assert edges["strength"].max() == 1.0
    assert jk.cytokine_map().figure(strength).to_dict()["layer"]
    assert jk.cytokine_map().to_dict()["cytokines"]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(MechanismError, match="unknown cytokine 'IL-99'"):
        jk.cytokine_map().behind("IL-99")
    with pytest.raises(MechanismError, match="unknown JAK 'JAK5'"):
        jk.cytokine_map().touched_by("jak5")
    with pytest.raises(MechanismError, match="name at least one"):
        jk.cytokine_map().touched_by()
