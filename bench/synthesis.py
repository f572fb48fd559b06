"""Pairwise estimators side by side with R metafor (skipped where Rscript is not installed).

    python bench/synthesis.py

Times are processor time, the least of several runs, in R too (start-up not counted): other work on the
machine does not count.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# processor time would count threads of linear algebra that wait
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

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


def seconds(work: Callable[[], object], least: float = 1.0) -> float:
    """Least processor seconds of a call, over at least 3 calls (one where it is long) and `least` seconds."""
    times: list[float] = []
    while (len(times) < 3 or sum(times) < least) and sum(times) < 5:
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


METAFOR = """
suppressMessages(library(metafor))
d <- read.csv("%s"); a <- subset(d, dataset == "nielweise2007"); b <- subset(d, dataset == "nielweise2008")
# NA when the fit fails; a list of fits fails with its last one
med <- function(f, n) { if (inherits(f(), "try-error")) return("null"); t <- replicate(3, { s <- proc.time()[["user.self"]]; for (i in 1:n) f(); (proc.time()[["user.self"]] - s) / n }); sprintf("%%g", min(t)) }
quiet <- function(e) try(suppressWarnings(suppressMessages(e)), silent = TRUE)
full <- function() { quiet(rma.mh(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a)); quiet(rma.peto(ai = e1, n1i = n1, ci = e2, n2i = n2, data = a))
  f <- quiet(rma(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a, test = "knha", drop00 = TRUE)); quiet(predict(f)); quiet(confint(f)) }
glmm <- function(model, x) function() if (x == "OR") quiet(rma.glmm(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a, model = model)) else quiet(rma.glmm(measure = "IRR", x1i = x1, t1i = t1, x2i = x2, t2i = t2, data = transform(b, x1 = e1, x2 = e2), model = model))
mh <- function() quiet(rma.mh(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a))
peto <- function() quiet(rma.peto(ai = e1, n1i = n1, ci = e2, n2i = n2, data = a))
reml <- function() { f <- quiet(rma(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = a, test = "knha", drop00 = TRUE)); quiet(predict(f)); quiet(confint(f)) }
cat(sprintf('{"mh": %%s, "peto": %%s, "reml": %%s, "full": %%s, "cm.el": %%s, "um.fs": %%s, "um.rs": %%s, "irr": %%s}', med(mh, 20), med(peto, 20), med(reml, 10), med(full, 10), med(glmm("CM.EL", "OR"), 1), med(glmm("UM.FS", "OR"), 1), med(glmm("UM.RS", "OR"), 1), med(glmm("UM.FS", "IRR"), 1)))
"""  # noqa: E501


def metafor() -> dict[str, float | None]:
    if shutil.which("Rscript") is None:
        print("Rscript is not installed: no peer to compare with")
        return {}
    with tempfile.NamedTemporaryFile("w", suffix=".R") as script:
        script.write(METAFOR % INPUTS)
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


TWELVE = (
    "mh", "peto", "iv-ee", "iv-dl", "iv-reml", "iv-pm",
    "cm.el", "cm.al", "um.fs", "um.rs", "beta-binomial", "firth",
)  # fmt: skip


def grid() -> None:
    """Twelve methods, 20 outcomes of rates from 0.2 to 10 %, 8 drugs with 3 to 12 studies each."""
    rng = np.random.default_rng(7)
    for rate in np.geomspace(0.002, 0.1, 20):
        for _ in range(8):
            k = int(rng.integers(3, 13))
            n = rng.integers(100, 400, (2, k))
            events = rng.binomial(n, np.array([[rate], [rate * 1.3]]))
            jk.multiverse(
                {
                    "study": [f"s{i}" for i in range(k)] * 2,
                    "treatment": ["placebo"] * k + ["drug"] * k,
                    "events": events.ravel(),
                    "n": n.ravel(),
                },
                "OR",
                "placebo",
                methods=TWELVE,
            )


def main() -> None:
    sparse, rates = table("nielweise2007"), table("nielweise2008")
    chosen = select_pairs(read_arms(sparse), "OR", None, "reference").pairs
    time_pairs = select_pairs(read_arms(rates), "IRR", None, "reference").pairs
    peer = metafor()
    rows: list[tuple[str, float, str | None]] = []

    def add(name: str, work: Callable[[], object], r: str | None = None) -> None:
        rows.append((name, seconds(work), r))

    for method, ci, r in (("mh", None, "mh"), ("peto", None, "peto"), ("iv-reml", "hk", "reml")):
        one = choose("OR", method, ci=ci)
        extra = " + HK + PI + Q-profile" * (ci is not None)
        add(f"{method}{extra}, numbers", lambda c=one: analyse(chosen, c), r)  # type: ignore[misc]
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
    add("multiverse, 160 comparisons (20 outcomes x 8 drugs) of 12 methods, 3 to 12 studies", grid)

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


if __name__ == "__main__":
    sys.exit(main())
