"""Pairwise estimators side by side with R metafor (skipped where Rscript is not installed).

    python bench/synthesis.py

Every time is the median of several runs on this machine; R is timed inside R, start-up not counted.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import jakinib as jk
from jakinib.synthesis.analysis import analyse, choose
from jakinib.synthesis.arms import read_arms
from jakinib.synthesis.pairs import Pairs
from jakinib.synthesis.select_pairs import select_pairs

INPUTS = Path(__file__).parents[1] / "tests" / "reference" / "pairwise_inputs.csv"


def table(name: str) -> pd.DataFrame:
    rows = pd.read_csv(INPUTS).query("dataset == @name")
    parts = []
    for g, treatment in ((1, "treatment"), (2, "reference")):
        part = pd.DataFrame({"study": rows["study"], "treatment": treatment, "events": rows[f"e{g}"]})
        for short, column in (("n", "n"), ("t", "person_years")):
            if rows[f"{short}{g}"].notna().all():
                part[column] = rows[f"{short}{g}"]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def seconds(work: Callable[[], object], least: float = 0.3) -> float:
    """Median seconds of a call, over at least 3 calls and `least` seconds."""
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < least:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


METAFOR = """
suppressMessages(library(metafor))
d <- read.csv("%s"); a <- subset(d, dataset == "nielweise2007"); b <- subset(d, dataset == "nielweise2008")
# NA when the fit fails; a list of fits fails with its last one
med <- function(f, n) { if (inherits(f(), "try-error")) return("null"); t <- replicate(n, { s <- proc.time()[["elapsed"]]; for (i in 1:%s) f(); (proc.time()[["elapsed"]] - s) / %s }); sprintf("%%g", median(t)) }
quiet <- function(e) try(suppressWarnings(suppressMessages(e)), silent = TRUE)
full <- function() { quiet(rma.mh(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a)); quiet(rma.peto(ai = e1, n1i = n1, ci = e2, n2i = n2, data = a))
  f <- quiet(rma(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a, test = "knha", drop00 = TRUE)); quiet(predict(f)); quiet(confint(f)) }
glmm <- function(model, x) function() if (x == "OR") quiet(rma.glmm(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a, model = model)) else quiet(rma.glmm(measure = "IRR", x1i = x1, t1i = t1, x2i = x2, t2i = t2, data = transform(b, x1 = e1, x2 = e2), model = model))
cat(sprintf('{"full": %%s, "cm.el": %%s, "um.fs": %%s, "um.rs": %%s, "irr": %%s}', med(full, 5), med(glmm("CM.EL", "OR"), 1), med(glmm("UM.FS", "OR"), 1), med(glmm("UM.RS", "OR"), 1), med(glmm("UM.FS", "IRR"), 1)))
"""  # noqa: E501


def metafor() -> dict[str, float | None]:
    if shutil.which("Rscript") is None:
        print("Rscript is not installed: no peer to compare with")
        return {}
    with tempfile.NamedTemporaryFile("w", suffix=".R") as script:
        script.write(METAFOR % (INPUTS, 3, 3))
        script.flush()
        done = subprocess.run(["Rscript", script.name], capture_output=True, text=True, timeout=600)
    if done.returncode:
        print("metafor is not available:", done.stderr.strip().splitlines()[-1:])
        return {}
    found: dict[str, float | None] = json.loads(done.stdout)
    return found


def full_fit(pairs: Pairs) -> None:
    """Mantel-Haenszel, Peto, REML with Hartung-Knapp, prediction and Q-profile intervals."""
    analyse(pairs, choose("OR", "mh"))
    analyse(pairs, choose("OR", "peto"))
    analyse(pairs, choose("OR", "iv-reml", ci="hk"))


def main() -> None:
    sparse, rates = table("nielweise2007"), table("nielweise2008")
    chosen = select_pairs(read_arms(sparse), "OR", None, "reference").pairs
    time_pairs = select_pairs(read_arms(rates), "IRR", None, "reference").pairs
    peer = metafor()
    rows: list[tuple[str, float, str | None]] = []

    def add(name: str, work: Callable[[], object], r: str | None = None) -> None:
        rows.append((name, seconds(work), r))

    add("full fit, numbers (MH, Peto, REML + HK + PI + Q-profile)", lambda: full_fit(chosen), "full")
    fits = (("mh", None), ("peto", None), ("iv-reml", "hk"))
    add(
        "full fit from a data frame, with the table of studies",
        lambda: [jk.pairwise(sparse, "OR", method, "reference", ci=ci) for method, ci in fits],
        "full",
    )
    for method in ("cm.el", "um.fs", "um.rs"):
        for ci in ("wald", "profile"):
            choices = choose("OR", method, ci=ci)
            add(f"{method} OR, k = 18, {ci} intervals", lambda c=choices: analyse(chosen, c), method)  # type: ignore[misc]
    rate_choices = choose("IRR", "um.fs", ci="wald")
    add("um.fs IRR, k = 9, wald intervals", lambda: analyse(time_pairs, rate_choices), "irr")
    add("multiverse, 18 analyses, k = 18", lambda: jk.multiverse(sparse, "OR", "reference"))

    rng = np.random.default_rng(1)
    n1, n2 = rng.integers(50, 400, (2, 10_000, 18)).astype(float)
    batch = Pairs(rng.binomial(n1.astype(int), 0.02) * 1.0, n1, rng.binomial(n2.astype(int), 0.02) * 1.0, n2)

    def ten_thousand() -> None:
        for method, ci in (("mh", None), ("peto", None), ("iv-dl", None), ("iv-reml", "hk")):
            jk.pairwise_many(batch, "OR", method, ci=ci)

    add("10,000 data sets, k = 18: MH, Peto, DL, REML + HK + PI + Q-profile", ten_thousand)

    print(f"{'task':<72}{'jakinib':>12}{'metafor':>12}{'ratio':>9}")
    for name, ours, r in rows:
        theirs = peer.get(r) if r else None
        failed = f"{'fails':>12}" if r in peer else ""
        right = f"{1e3 * theirs:>10.1f}ms{theirs / ours:>8.1f}x" if theirs else failed
        print(f"{name:<72}{1e3 * ours:>10.2f}ms{right}")

    sizes = np.array([10, 50, 200, 1000, 2000])
    print(
        f"\n{'growth with studies':<20}"
        + "".join(f"{f'k = {k}':>12}" for k in sizes)
        + "   slope   peak memory"
    )
    for method in ("mh", "iv-reml", "cm.el", "um.fs", "um.rs"):
        times, peak = [], 0
        for k in sizes:
            n = rng.integers(50, 300, k)
            e1, e2 = rng.binomial(n, 0.012), rng.binomial(n, 0.01)
            pairs = Pairs(e1 * 1.0, n * 1.0, e2 * 1.0, n * 1.0)
            choices = choose("OR", method, ci="wald")
            times.append(seconds(lambda p=pairs, c=choices: analyse(p, c), least=0.1))  # type: ignore[misc]
        tracemalloc.start()
        analyse(pairs, choices)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        print(
            f"{method:<20}"
            + "".join(f"{1e3 * t:>10.2f}ms" for t in times)
            + f"{slope:>8.2f}{peak / 1e6:>11.1f} MB"
        )


if __name__ == "__main__":
    sys.exit(main())
