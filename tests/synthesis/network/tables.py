"""Networks for the tests: R metadat 1.2-0 data sets and a simulated one, with the numbers of R netmeta."""

from functools import cache

import pandas as pd

from synthesis.tables import REFERENCE


@cache
def networks() -> dict[str, pd.DataFrame]:
    """Arm tables by name: dogliotti2014, hasselblad1998, simn_safe_t9k48 (with person-years)."""
    frame = pd.read_csv(REFERENCE / "network_inputs.csv", dtype={"study": str})
    return {
        name: part.drop(columns="dataset").dropna(axis=1, how="all")
        for name, part in frame.groupby("dataset", sort=False)
    }


@cache
def _netmeta() -> pd.DataFrame:
    # netmeta 3.3-1 under R 4.2.2, its defaults but for what `method` names; see docs/network.md
    return pd.read_csv(REFERENCE / "netmeta.csv", keep_default_na=False)


def netmeta(dataset: str, measure: str, method: str, option: str = "") -> dict[str, float]:
    """What R netmeta gives, by quantity."""
    frame = _netmeta()
    rows = frame[
        (frame.dataset == dataset)
        & (frame.measure == measure)
        & (frame.method == method)
        & (frame.option == option)
    ]
    assert len(rows), (dataset, measure, method, option)
    return dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))


def labelled(values: dict[str, float], name: str) -> dict[tuple[str, ...], float]:
    """The quantities ``name[...]`` keyed by the treatments within the brackets."""
    found = {}
    for quantity, value in values.items():
        if quantity.startswith(f"{name}["):
            inner = quantity[len(name) + 1 : -1]
            found[tuple(inner.replace(" vs ", ":").split(":"))] = value
    assert found, name
    return found
