"""SBML from outside: what is refused, and that any model can be simulated."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jakinib.mechanism.errors import MechanismError
from jakinib.mechanism.petab import write_petab
from jakinib.mechanism.sbml import MAX_BYTES, read_sbml, shipped_model

DECAY = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="decay">
<listOfCompartments><compartment id="c" size="1" spatialDimensions="3" constant="true"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="c" initialConcentration="2" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="k" value="0.5" constant="true"/></listOfParameters>
<listOfReactions><reaction id="r" reversible="false" fast="false"><listOfReactants><speciesReference
species="A"
 stoichiometry="1" constant="true"/></listOfReactants><kineticLaw><math
 xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>c</ci><ci>k</ci><ci>A</ci></apply></math>
</kineticLaw></reaction></listOfReactions></model></sbml>
"""


def put(folder: Path, text: str, name: str = "model.xml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_any_model_runs(tmp_path: Path) -> None:
    model = read_sbml(put(tmp_path, DECAY))
    times = np.linspace(0, 5, 11)
    got = model.simulate(times)
    np.testing.assert_allclose(got["A"], 2 * np.exp(-0.5 * times), rtol=1e-7)
    faster = model.simulate(times, {"k": 2.0}, initial={"A": 1.0})
    np.testing.assert_allclose(faster["A"], np.exp(-2 * times), rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(
        model.simulate(times)["A"], got["A"], rtol=1e-12
    )  # nothing is left of the last run


def test_changes_and_starts_before_zero(tmp_path: Path) -> None:
    model = read_sbml(put(tmp_path, DECAY))
    got = model.simulate([-1.0, 0.0, 1.0, 2.0], {"k": 0.0}, changes=[(0.0, {"k": 1.0}), (1.0, {"k": 0.0})])
    np.testing.assert_allclose(got["A"], [2, 2, 2 / np.e, 2 / np.e], rtol=1e-7)


BOMB = '<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
INCLUDE = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="x"/>'
ELSEWHERE = '<externalModelDefinition source="http://a.example/m.xml"/>'
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (DECAY.replace(HEAD, HEAD + BOMB), "document type or entity"),
        (DECAY.replace(HEAD, HEAD + '<!doctype x SYSTEM "file:///etc/passwd">'), "document type or entity"),
        (DECAY.replace(HEAD, HEAD + '<!DOCTYPE x SYSTEM "http://a.example/x">'), "document type or entity"),
        (
            DECAY.replace("<listOfComp", INCLUDE + "<listOfComp", 1),
            "includes of other files",
        ),
        (
            DECAY.replace("<listOfComp", ELSEWHERE + "<listOfComp", 1),
            "includes of other files",
        ),
        (DECAY.replace("</sbml>", ""), "not well-formed XML"),
        ("<html><body/></html>", "not SBML"),
        ('<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"/>', "no model"),
        (DECAY.replace('encoding="UTF-8"', 'encoding="UTF-16"'), "encoding UTF-16 is not read"),
        (DECAY.replace("<ci>k</ci>", "<ci>nowhere</ci>"), "cannot be compiled"),
        ("", "not well-formed"),
    ],
)  # fmt: skip
def test_unsafe_or_broken_text_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(MechanismError, match=says):
        read_sbml(put(tmp_path, text))


def test_huge_missing_and_wrongly_encoded_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MechanismError, match="at most"):
        read_sbml(put(tmp_path, DECAY + " " * MAX_BYTES))
    with pytest.raises(MechanismError, match="is not a file"):
        read_sbml(tmp_path / "nowhere.xml")
    path = tmp_path / "utf16.xml"
    path.write_bytes(DECAY.replace("UTF-8", "UTF-16").encode("utf-16"))
    with pytest.raises(MechanismError, match="must be UTF-8"):
        read_sbml(path)


def test_wrong_names_and_times_are_refused(tmp_path: Path) -> None:
    model = read_sbml(put(tmp_path, DECAY))
    with pytest.raises(MechanismError, match="unknown parameter of model model 'kk'"):
        model.simulate([0, 1], {"kk": 1})
    with pytest.raises(MechanismError, match="unknown variable"):
        model.simulate([0, 1], columns=["B"])
    with pytest.raises(MechanismError, match="increasing"):
        model.simulate([1, 0])
    with pytest.raises(MechanismError, match="unknown signalling model"):
        shipped_model("il2")


@pytest.mark.parametrize(
    "folder",
    [files("jakinib") / "mechanism" / "models", Path(__file__).parent.parent / "reference" / "mechanism"],
)
def test_sbml_was_made_from_the_text_beside_it(folder: Path) -> None:
    texts = [p for p in folder.iterdir() if p.name.endswith(".ant")]
    assert texts
    for text in texts:
        sbml = (folder / text.name.replace(".ant", ".xml")).read_text(encoding="utf-8")
        mark = re.search(r"sha256 ([0-9a-f]{64})", sbml)
        assert mark and mark[1] == hashlib.sha256(text.read_bytes()).hexdigest(), f"rebuild {text.name}"


def test_petab_export_is_complete_or_absent(tmp_path: Path) -> None:
    model = shipped_model("il6_jak1_stat3")
    conditions = pd.DataFrame({"condition": ["c1", "c2"], "IL6_ng_ml": [40, 40], "plasma_strength": [0, 1.0]})
    data = pd.DataFrame(
        {
            "condition": ["c1", "c2"],
            "observable": ["pSTAT3"] * 2,
            "time": [30, 30],
            "value": [0.5, 0.3],
            "sd": [0.1] * 2,
        }
    )
    path = write_petab(tmp_path / "problem", model, conditions, {"pSTAT3": "pSTAT3_share"}, data)
    assert path.name == "problem.yaml"
    written = {p.name for p in path.parent.iterdir()}
    assert written == {
        "problem.yaml",
        "model.xml",
        "conditions.tsv",
        "observables.tsv",
        "measurements.tsv",
        "parameters.tsv",
    }
    again = read_sbml(path.parent / "model.xml")
    np.testing.assert_allclose(
        again.simulate([0, 30], {"IL6_ng_ml": 40}, start=-60)["pSTAT3_share"],
        model.simulate([0, 30], {"IL6_ng_ml": 40}, start=-60)["pSTAT3_share"],
        rtol=1e-9,
    )
    with pytest.raises(MechanismError, match="exists already"):
        write_petab(tmp_path / "problem", model, conditions, {"pSTAT3": "pSTAT3_share"}, data)
    with pytest.raises(MechanismError, match="unknown condition"):
        write_petab(tmp_path / "other", model, conditions[:1], {"pSTAT3": "pSTAT3_share"}, data)
    assert not (tmp_path / "other").exists()
