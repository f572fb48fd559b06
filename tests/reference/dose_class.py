"""Exchangeable members on the exact likelihood by brute force (a minute): python dose_class.py.

Run here with PYTHONPATH=..:../../src; writes dose_class_brute.csv (effects, name, value). The likelihood is
written out in tests/synthesis/network/test_dose_class_counts.py.
"""

from pathlib import Path

import pandas as pd

from synthesis.network.test_dose_class_counts import integrated

rows = []
for effects, number in (("common", 81), ("random", 41)):
    best, members = integrated(effects, number)
    named = {"mean": best[0], "y": best[1], "s2": best[2] ** 2, **members}
    if effects == "random":
        named["tau2"] = best[3] ** 2
    rows += [(effects, name, value) for name, value in named.items()]
pd.DataFrame(rows, columns=["effects", "name", "value"]).to_csv(
    Path(__file__).with_name("dose_class_brute.csv"), index=False
)
