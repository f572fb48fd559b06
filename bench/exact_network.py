"""The random-effects network on the exact likelihood: fit and profile intervals, by size, and hard tables.

Binomial and person-time in one network: every second study gives person-years, the others persons only.
Processor seconds, so that other work on the machine does not show; set OPENBLAS_NUM_THREADS=1, or several
threads are added up. The hard tables hold arms in which nobody or everybody had the event, and person-years
from 1e-3 to 1e6.
"""

import time

import numpy as np
import pandas as pd

import jakinib as jk


def sparse(treatments: int, studies: int, seed: int = 1) -> pd.DataFrame:
    """Rates of 0.3 to 3 %, two arms in three studies of four and three in the fourth, tau 0.3."""
    rng = np.random.default_rng(seed)
    effect = np.r_[0.0, rng.normal(0, 0.4, treatments - 1)]
    rows = []
    for s in range(studies):
        arms = int(rng.choice([2, 2, 2, 3]))
        others = [t for t in range(treatments) if t != s % treatments]
        chosen = [s % treatments, *rng.choice(others, arms - 1, replace=False).tolist()]
        base, n = np.log(rng.uniform(0.003, 0.03)), int(rng.integers(80, 500))
        for t, shift in zip(chosen, np.r_[0.0, rng.normal(0, 0.3, arms - 1)], strict=True):
            risk = min(float(np.exp(base + effect[t] + shift)), 0.9)
            years = n * rng.uniform(0.3, 1.2) if s % 2 == 0 else np.nan
            events = rng.poisson(risk * years) if s % 2 == 0 else rng.binomial(n, risk)
            rows.append((f"s{s:03d}", f"T{t:02d}", events, n, years))
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n", "person_years"])


def hard(kind: str, studies: int = 60, arms: int = 2, seed: int = 1) -> pd.DataFrame:
    """Eight treatments; "mixed": zero, few or all events in every arm; "zero": events under one only."""
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(studies):
        for t in rng.permutation(8)[: rng.integers(1, arms + 1)]:
            n = int(rng.choice([1, 2, 7, 40, 300, 5000]))
            few = int(rng.integers(0, min(n, 12) + 1))
            events = int(rng.choice([0, 0, few, n])) if kind == "mixed" else few if t == 0 else 0
            rows.append((f"s{s}", "abcdefgh"[t], events, n, float(rng.choice([1e-3, 0.7, 40.0, 1e6]))))
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n", "person_years"])


def main() -> None:
    jk.network(sparse(3, 9), "IRR", "exact").effects()  # imports
    print("| table | measure | fit | intervals against the reference |\n|---|---|---|---|")
    cases = [("9 treatments x 48 studies", sparse(9, 48)), ("40 x 400", sparse(40, 400))]
    cases += [(f"hard, {kind}, 60 studies of 2", hard(kind)) for kind in ("mixed", "zero")]
    cases += [("hard, zero, 60 studies of up to 8", hard("zero", arms=8))]
    for name, table in cases:
        for measure in ("OR", "IRR"):
            start = time.process_time()
            result = jk.network(table, measure, "exact", "random")
            middle = time.process_time()
            result.effects()
            print(f"| {name} | {measure} | {middle - start:.2f} s | {time.process_time() - middle:.2f} s |")


if __name__ == "__main__":
    main()
