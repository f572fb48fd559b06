"""Write a pathway model with conditions and data as a PEtab problem (version 1) that other tools read.

Format: Schmiester et al. 2021, PLoS Comput Biol 17:e1008646.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from jakinib.mechanism.errors import MechanismError, unknown
from jakinib.mechanism.sbml import SbmlModel


def write_petab(
    folder: str | Path,
    model: SbmlModel,
    conditions: pd.DataFrame,
    observables: Mapping[str, str],
    measurements: pd.DataFrame,
) -> Path:
    """Write a PEtab problem into a new folder and return the path of its YAML file.

    Parameters
    ----------
    folder : must not exist yet; it appears complete or not at all
    model : the SBML model
    conditions : column ``condition`` and a column a parameter of the model
    observables : name -> formula in the model's ids, such as ``{"pSTAT3": "pSTAT3_share"}``
    measurements : columns ``condition, observable, time, value, sd``, time in the model's unit

    Raises MechanismError for a folder that exists or a name that model, conditions or observables do not
    have.
    """
    target = Path(folder)
    if target.exists():
        raise MechanismError(f"{target} exists already; name a new folder")
    for column in conditions.columns:
        if column != "condition" and column not in (*model.parameters, *model.species):
            raise unknown(f"parameter of model {model.name}", column, model.parameters)
    for name, known, what in (
        ("condition", set(conditions["condition"]), "condition"),
        ("observable", set(observables), "observable"),
    ):
        for value in measurements[name]:
            if value not in known:
                raise unknown(what, value, known)
    tables = {
        "conditions.tsv": conditions.rename(columns={"condition": "conditionId"}),
        "observables.tsv": pd.DataFrame(
            {
                "observableId": [f"observable_{n}" for n in observables],
                "observableFormula": list(observables.values()),
                "noiseFormula": [f"noiseParameter1_observable_{n}" for n in observables],
            }
        ),
        "measurements.tsv": pd.DataFrame(
            {
                "observableId": "observable_" + measurements["observable"].astype(str),
                "simulationConditionId": measurements["condition"],
                "measurement": measurements["value"],
                "time": measurements["time"],
                "noiseParameters": measurements["sd"],
            }
        ),
        "parameters.tsv": pd.DataFrame(
            columns=["parameterId", "parameterScale", "lowerBound", "upperBound", "nominalValue", "estimate"]
        ),
    }
    fixed = [p for p in model.parameters if p not in conditions.columns]
    tables["parameters.tsv"] = pd.DataFrame(
        {
            "parameterId": fixed,
            "parameterScale": "lin",
            "lowerBound": "",
            "upperBound": "",
            "nominalValue": [model.value(p) for p in fixed],
            "estimate": 0,
        }
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        work = Path(scratch) / "problem"
        work.mkdir()
        (work / "model.xml").write_text(model.text, encoding="utf-8")
        for name, frame in tables.items():
            frame.to_csv(work / name, sep="\t", index=False)
        (work / "problem.yaml").write_text(
            "format_version: 1\n"
            "parameter_file: parameters.tsv\n"
            "problems:\n"
            "- condition_files: [conditions.tsv]\n"
            "  measurement_files: [measurements.tsv]\n"
            "  observable_files: [observables.tsv]\n"
            "  sbml_files: [model.xml]\n",
            encoding="utf-8",
        )
        shutil.move(str(work), str(target))
    return target / "problem.yaml"
