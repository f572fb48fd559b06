"""The figures draw what the tables hold."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from jakinib.evidence.evidence import Evidence, load
from jakinib.patient.compare import compare
from jakinib.report.forest import RATES, SHARES, rates_forest
from jakinib.report.pathway import jaks_in, pathway, stats_in
from jakinib.report.svg import svg


@pytest.fixture(scope="module")
def ev() -> Evidence:
    return load()


def test_forest_draws_every_headline_line_once(ev: Evidence) -> None:
    made = compare(["upadacitinib-15-mg-qd", "placebo"], ["mace", "herpes_zoster"], evidence=ev)
    lines = made.table()
    wanted = lines[lines["headline"] & lines["kind"].isin(RATES + SHARES)]
    drawn = svg(rates_forest(made))
    labels = re.findall(r">([^<>]+)</(?:text|tspan)>", drawn)
    for row in wanted.itertuples():
        start = f"{row.population}, {row.study}"[:20]
        assert any(text.startswith(start) for text in labels), start
    spec = rates_forest(made).to_dict()
    assert sum(len(rows) for rows in spec["datasets"].values()) == len(wanted)


def test_forest_without_a_figure_is_empty_but_drawn(ev: Evidence) -> None:
    made = compare(["methotrexate"], "gi_perforation", evidence=ev)
    assert svg(rates_forest(made)).startswith("<svg")


@pytest.mark.parametrize(
    ("text", "jaks"),
    [
        ("JAK1;JAK2;TYK2", ("JAK1", "JAK2", "TYK2")),
        ("JAK1;?", ("JAK1",)),
        ("JAK2;JAK2", ("JAK2",)),
        (None, ()),
    ],
)
def test_jaks_a_source_names(text: object, jaks: tuple[str, ...]) -> None:
    assert jaks_in(text) == jaks


@pytest.mark.parametrize(
    ("text", "stats"),
    [
        ("STAT3 predominant; STAT1,5 secondary", ("STAT1", "STAT3", "STAT5")),
        (
            "STAT1,2 predominant; STAT3,4,5,6 secondary",
            ("STAT1", "STAT2", "STAT3", "STAT4", "STAT5", "STAT6"),
        ),
        ("STAT5 (mainly 5a)", ("STAT5",)),
        ("STAT1-STAT2 heterodimer", ("STAT1", "STAT2")),
        ("(cut off in the text read)", ()),
        (float("nan"), ()),
    ],
)
def test_stats_a_source_names(text: object, stats: tuple[str, ...]) -> None:
    assert stats_in(text) == stats


def test_pathway_joins_the_rows_of_a_cytokine() -> None:
    frame = pd.DataFrame(
        {
            "cytokine": ["A", "A", "B", "C"],
            "jaks": ["JAK1", "TYK2", "JAK2", "none"],
            "stats": ["STAT3", None, "STAT5", "STAT1"],
        }
    )
    drawn = svg(pathway(frame))
    names = re.findall(r">([A-C])</text>", drawn)
    assert sorted(names) == ["A", "B"]
    spec = pathway(frame).to_dict()
    links = [r for rows in spec["datasets"].values() for r in rows if "x2" in r]
    assert len([r for r in links if r["x"] == 0]) == 3  # A-JAK1, A-TYK2, B-JAK2
