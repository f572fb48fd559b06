"""Several regimens beside each other say what each one says alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

import jakinib as jk
from jakinib.mechanism.errors import MechanismError
from jakinib.mechanism.side_by_side import inhibition_side_by_side, signalling_side_by_side

FOUR = [
    ("tofacitinib", "5 mg bid"),
    ("upadacitinib", "15 mg ER qd"),
    ("abrocitinib", "200 mg qd"),
    ("filgotinib", "200 mg qd"),
]


def test_rows_are_those_of_the_single_results() -> None:
    panel = inhibition_side_by_side(FOUR)
    assert list(panel.levels.values()) == ["pathway", "pathway", "kinase", "kinase"]
    for drug, regimen in FOUR[:2]:
        alone = jk.inhibition(drug, regimen).table().set_index("pathway")["average"]
        here = panel.table().query("drug == @drug").set_index("pathway")["average"]
        assert here.to_dict() == alone.to_dict()
    assert set(panel.kinases()["drug"]) == {d for d, _ in FOUR}
    assert set(panel.table()["drug"]) == {"tofacitinib", "upadacitinib"}  # no kinase row among pathways


def test_courses_cover_the_day_and_repeat_short_intervals() -> None:
    rows = inhibition_side_by_side(FOUR).course_table("IL-6")
    for treatment, part in rows.groupby("treatment"):
        assert (part["time_h"].min(), part["time_h"].max()) == (0, 24), treatment
    one = rows[(rows["treatment"] == "tofacitinib 5 mg bid") & (rows["pathway"].str.contains("ex vivo"))]
    first, second = one[one["time_h"] < 12], one[(one["time_h"] >= 12) & (one["time_h"] < 24)]
    np.testing.assert_allclose(
        first["inhibition"].to_numpy()[:100], second["inhibition"].to_numpy()[1:101], atol=0.02
    )


def test_figures_build() -> None:
    panel = inhibition_side_by_side(FOUR)
    assert panel.figure().to_dict()["layer"]
    assert panel.courses("IL-6").to_dict()["spec"]
    results, figure = signalling_side_by_side(
        "IL-6", [("ruxolitinib", "20 mg bid"), ("baricitinib", "4 mg qd")]
    )
    assert len(results) == 2 and len(figure.to_dict()["hconcat"]) == 3


def test_nothing_asked_is_refused() -> None:
    with pytest.raises(MechanismError, match="at least one drug"):
        inhibition_side_by_side([])
    with pytest.raises(MechanismError, match="no pathway EPO"):
        inhibition_side_by_side(FOUR).courses("EPO")


def test_every_result_is_ready_for_json_without_nan() -> None:
    results = [
        jk.exposure("upadacitinib", "15 mg ER qd", persons=20, seed=1, covariates={"crcl_ml_min": 50}),
        jk.inhibition("ritlecitinib", "50 mg qd"),
        jk.inhibition("filgotinib", "200 mg qd"),
        jk.selectivity("tofacitinib", "5 mg bid", doses=[5, 10]),
        jk.signalling("EPO", "baricitinib", "4 mg qd", hours=2),
        jk.cytokine_map(),
        inhibition_side_by_side(FOUR[:2]),
    ]
    for result in results:
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert str(result)
