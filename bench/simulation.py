"""Bias and coverage of the pairwise methods on rare events.

    python bench/simulation.py --quick     two small cells, printed, in seconds (the default)
    python bench/simulation.py --full      every cell: docs/simulation.csv and what --report makes, in an hour
    python bench/simulation.py --report    the tables of docs/simulation.md and the figure, from the CSV

Truth: a ratio of 1.5 at the centre of normal random effects (log scale, SD tau) that act on the treatment
group. Reference groups have 100 to 1,000 persons (person-years), the treatment group as many or three times
as many; baseline log odds (log rates) vary between studies with SD 0.5. A cell's data sets depend on its own
values alone, and the exact models get the first of them, so any row can be made again by itself.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from jakinib.synthesis.inference import interval
from jakinib.synthesis.methods import METHODS
from jakinib.synthesis.pairs import Pairs

DOCS = Path(__file__).parents[1] / "docs"
TRUTH = 1.5
SEED = 20240607
ANALYSES: tuple[tuple[str, str, str | None, str | None], ...] = (
    ("mh", "mh", None, None),
    ("peto", "peto", None, None),
    ("iv-dl", "iv-dl", None, None),
    ("iv-reml hk-adhoc", "iv-reml", None, "hk-adhoc"),
    ("firth", "firth", None, None),
    ("cm.el common", "cm.el", "common", None),
    ("cm.el random", "cm.el", "random", None),
    ("um.fs random", "um.fs", "random", None),
    ("um.rs random", "um.rs", "random", None),
    ("beta-binomial", "beta-binomial", None, None),
    ("bayes", "bayes", None, None),
)
COLUMNS = (
    "measure", "risk", "k", "tau", "arms", "analysis", "data_sets", "with_interval", "median", "bias",
    "coverage", "coverage_se", "truth_above", "truth_below", "coverage_of_average", "width",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """``risk``: baseline risk, for IRR the rate a person-year; ``arms``: treatment to reference size."""

    measure: str
    risk: float
    k: int
    tau: float
    arms: int

    def simulate(self, size: int) -> Pairs:
        """``size`` data sets of ``k`` studies."""
        values = (self.measure == "IRR", 10_000 * self.risk, self.k, 100 * self.tau, self.arms)
        rng = np.random.default_rng([SEED, *(round(v) for v in values)])
        d2 = rng.integers(100, 1001, (size, self.k))
        d1 = self.arms * d2
        odds = self.risk / (1 - self.risk) if self.measure == "OR" else self.risk
        base = math.log(odds) + 0.5 * rng.standard_normal((size, self.k))
        effect = math.log(TRUTH) + self.tau * rng.standard_normal((size, self.k))
        if self.measure == "OR":
            e1 = rng.binomial(d1, 1 / (1 + np.exp(-base - effect)))
            e2 = rng.binomial(d2, 1 / (1 + np.exp(-base)))
        else:
            e1, e2 = rng.poisson(d1 * np.exp(base + effect)), rng.poisson(d2 * np.exp(base))
        return Pairs(*(x.astype(float) for x in (e1, d1, e2, d2)))


RARE, TAUS = (0.001, 0.005, 0.02), (0, 0.4, 0.8)
GRID = tuple(
    Cell(measure, risk, k, tau, arms)
    for measure, arms in (("OR", 1), ("OR", 3), ("IRR", 1))
    for risk in RARE
    for k in (3, 10, 50)
    for tau in TAUS
)
QUICK = (Cell("OR", 0.005, 5, 0.4, 3), Cell("IRR", 0.02, 3, 0, 1))


def sets_for(method: str, cell: Cell, most: int) -> int:
    """Data sets of a cell: all for closed forms, else a quarter, an eighth for 50 studies and IRR."""
    if method in ("mh", "peto", "iv-dl", "iv-reml"):
        return most
    return most // (8 if cell.k > 20 or cell.measure == "IRR" else 4)


def rows(cell: Cell, most: int, only: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """One row an analysis; ``most``: data sets for the closed forms; ``only``: these analyses."""
    data, truth = cell.simulate(most), math.log(TRUTH)
    average = truth + cell.tau**2 / 2  # log of the mean of the log-normal ratios
    for name, method, effects, ci in ANALYSES:
        known = METHODS[method]
        if cell.measure not in known.measures or (only and name not in only):
            continue
        size = sets_for(method, cell, most)
        some = Pairs(*(getattr(data, part)[:size] for part in ("e1", "d1", "e2", "d2")))
        with np.errstate(divide="ignore", invalid="ignore"):
            fit = known.fit(some, cell.measure, effects=effects or known.effects[0], **known.options)
            simple = fit.fitted is None or method == "bayes"
            limits = interval(fit, ci or known.ci[0]) if simple else None
        if limits is not None:
            low, high = limits.low, limits.high
        else:  # the profile limits alone: the test and the limits of tau2 take as long again
            blank = (math.nan, math.nan)
            low, high = np.array([blank if one is None else one.limits(0.95) for one in fit.fitted]).T
        there = ~np.isnan(low) & ~np.isnan(high)
        finite = np.isfinite(fit.theta)
        n = int(there.sum())
        low, high = low[there], high[there]
        cover = float(((low <= truth) & (truth <= high)).mean()) if n else math.nan
        yield {
            **vars(cell),
            "analysis": name,
            "data_sets": size,
            "with_interval": n,
            "median": float(np.exp(np.median(fit.theta[~np.isnan(fit.theta)]))) if finite.any() else math.nan,
            "bias": float(np.median(fit.theta[~np.isnan(fit.theta)])) - truth if finite.any() else math.nan,
            "coverage": cover,
            "coverage_se": math.sqrt(cover * (1 - cover) / n) if n else math.nan,
            "truth_above": float((high < truth).mean()) if n else math.nan,
            "truth_below": float((low > truth).mean()) if n else math.nan,
            "coverage_of_average": float(((low <= average) & (average <= high)).mean()) if n else math.nan,
            "width": float(np.median(high - low)) if n else math.nan,
        }


def write(cells: tuple[Cell, ...], most: int, file: TextIO) -> None:
    """Every row as CSV, each cell as soon as it is done."""
    out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    out.writeheader()
    for cell in cells:
        for row in rows(cell, most):
            out.writerow({c: f"{v:.6g}" if isinstance(v, float) else v for c, v in row.items()})
        file.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", help="two small cells, printed (the default)")
    mode.add_argument("--full", action="store_true", help="every cell, written to docs/")
    mode.add_argument("--report", action="store_true", help="tables and figure from docs/simulation.csv")
    chosen = parser.parse_args()
    if chosen.full:
        with (DOCS / "simulation.csv").open("w", encoding="utf-8") as file:
            write(GRID, 2000, file)
    if chosen.full or chosen.report:
        from simulation_report import report

        report(DOCS)
    else:
        write(QUICK, 80, sys.stdout)


if __name__ == "__main__":
    main()
