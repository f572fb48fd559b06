"""Networks: the fit, each of its tables, and methods for zero cells, beside R netmeta where it is installed.

    python bench/network.py

Processor time, the least of several runs: other work on the machine does not count.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# processor time would count threads of linear algebra that wait
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

import jakinib as jk

SIZES = ((9, 48), (20, 150), (40, 400))
TABLES = ("effects", "league", "ranking", "split", "inconsistency")


def made(treatments: int, studies: int, rate: float, seed: int = 1) -> pd.DataFrame:
    """A connected network, an eighth of its studies with three arms."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(0, 0.4, treatments)
    rows = []
    for s in range(studies):
        arms = [0, s + 1] if s < treatments - 1 else rng.choice(treatments, 3 if s % 8 == 7 else 2, False)
        base = np.log(rate / (1 - rate)) + rng.normal(0, 0.4)
        for t in arms:
            n = int(rng.integers(60, 300))
            p = 1 / (1 + np.exp(-(base + effect[t] + rng.normal(0, 0.1))))
            rows.append((f"s{s:04d}", f"t{t:03d}", int(rng.binomial(n, p)), n))
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])


def least(work: Callable[[], object], runs: int = 7, budget: float = 3.0) -> float:
    """Least processor seconds of a call, over at most `budget` seconds."""
    times: list[float] = []
    while len(times) < runs and sum(times) < budget:
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


NETMETA = """
suppressMessages(library(netmeta)); d <- read.csv("%s")
p <- pairwise(treat = treatment, event = events, n = n, studlab = study, data = d, sm = "OR")
t <- sapply(1:3, function(i) { s <- proc.time()[["user.self"]]; f <- netmeta(p, common = FALSE); netleague(f);
  netrank(f); decomp.design(f); proc.time()[["user.self"]] - s }); cat(min(t))
"""


def netmeta(frame: pd.DataFrame) -> float | None:
    """Seconds of R's fit with the same tables; None where it cannot be had."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "arms.csv", index=False)
        command = ["Rscript", "-e", NETMETA % (Path(folder) / "arms.csv")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return float(done.stdout) if done.returncode == 0 else None


def main() -> None:
    print(f"{'inverse variance, random (REML)':<34}" + "".join(f"{f'{t} x {s}':>12}" for t, s in SIZES))
    frames = [made(t, s, rate=0.2) for t, s in SIZES]
    fit = partial(jk.network, measure="OR", method="iv", reference="t000", effects="random")
    rows: dict[str, list[float]] = {}
    for frame in frames:
        result = fit(frame)
        rows.setdefault("fit from a data frame", []).append(least(lambda f=frame: fit(f)))  # type: ignore[misc]
        for name in TABLES:
            # a result keeps what it has computed: a fresh one each time, and the fit taken off again
            one = least(lambda f=frame, n=name: getattr(fit(f), n)())  # type: ignore[misc]
            rows.setdefault(name, []).append(max(0.0, one - rows["fit from a data frame"][-1]))
        if len(result.treatments) < 40:
            one = least(result.contributions, runs=3)
            rows.setdefault("contributions (not in the sum)", []).append(one)

    def everything(frame: pd.DataFrame) -> None:
        result = fit(frame)
        for name in TABLES:
            getattr(result, name)()

    rows["fit and the five tables"] = [least(lambda f=f: everything(f)) for f in frames]  # type: ignore[misc]
    for name, times in rows.items():
        print(f"{name:<34}" + "".join(f"{1e3 * t:>10.1f}ms" for t in times))
    peer = [netmeta(frame) for frame in frames[:2]]
    if None in peer:
        print("R netmeta is not installed: no peer to compare with")
    else:
        print(f"{'R netmeta':<34}" + "".join(f"{1e3 * t:>10.1f}ms" for t in peer if t is not None))

    sparse = made(9, 48, rate=0.01)
    print(
        f"\n9 x 48 with {(sparse['events'] == 0).sum()} of {len(sparse)} arms without event, fit and effects"
    )
    for method in ("mh", "nch", "firth"):
        fit = partial(jk.network, sparse, measure="OR", method=method, reference="t000")
        print(f"{method:<34}{1e3 * least(lambda f=fit: f().effects()):>10.1f}ms")  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main())
