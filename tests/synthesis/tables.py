"""Arm tables for the tests, made from the reference inputs."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

REFERENCE = Path(__file__).parents[1] / "reference"


@cache
def inputs() -> dict[str, pd.DataFrame]:
    """The data sets of tests/reference/pairwise_inputs.csv (R metadat 1.2-0, and simulated ones) by name."""
    frame = pd.read_csv(REFERENCE / "pairwise_inputs.csv")
    return dict(iter(frame.groupby("dataset", sort=False)))


def arm_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Long format from one row a study (e1, n1, t1 treatment; e2, n2, t2 reference), all columns kept."""
    parts = []
    for group, name in ((1, "treatment"), (2, "reference")):
        part = pd.DataFrame({"study": pairs["study"], "treatment": name, "events": pairs[f"e{group}"]})
        for short, column in (("n", "n"), ("t", "person_years")):
            if f"{short}{group}" in pairs and pairs[f"{short}{group}"].notna().any():
                part[column] = pairs[f"{short}{group}"]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def two_groups(e1, n1, e2, n2, time=False) -> pd.DataFrame:
    """Arm table from four sequences."""
    size = "t" if time else "n"
    return arm_table(
        pd.DataFrame(
            {
                "study": [f"S{i + 1}" for i in range(len(e1))],
                "e1": np.asarray(e1),
                f"{size}1": np.asarray(n1, dtype=float),
                "e2": np.asarray(e2),
                f"{size}2": np.asarray(n2, dtype=float),
            }
        )
    )
