"""Bias and coverage of the pairwise methods on rare events: writes docs/simulation.md.

    python bench/simulation.py [replicates of the exact models, default 100]

Truth: odds ratio 1.5 at the centre of the random effects. Study sizes 100 to 1,000 in the reference group,
the treatment group twice as large; baseline log odds vary between studies with SD 0.5.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

import jakinib as jk
from jakinib.synthesis.pairs import Pairs

THETA = math.log(1.5)
METHODS = (
    ("mh", "mh", None, {}),
    ("peto", "peto", None, {}),
    ("iv-dl", "iv-dl", None, {}),
    ("iv-reml hk-adhoc", "iv-reml", "hk-adhoc", {}),
    ("cm.el common", "cm.el", None, {"effects": "common"}),
    ("cm.el random", "cm.el", None, {}),
)


def simulate(rng: np.random.Generator, size: int, k: int, rate: float, tau: float) -> Pairs:
    n2 = rng.integers(100, 1001, (size, k))
    n1 = 2 * n2
    base = math.log(rate / (1 - rate)) + 0.5 * rng.standard_normal((size, k))
    effect = THETA + tau * rng.standard_normal((size, k))
    e1 = rng.binomial(n1, 1 / (1 + np.exp(-base - effect)))
    e2 = rng.binomial(n2, 1 / (1 + np.exp(-base)))
    return Pairs(*(x.astype(float) for x in (e1, n1, e2, n2)))


def main() -> None:
    slow = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rng = np.random.default_rng(20240607)
    lines = [
        "# Bias and coverage on rare events",
        "",
        "Made by `python bench/simulation.py`, which describes the set-up. Truth: OR 1.5, groups 2:1.",
        "Each cell: median estimate / coverage of the 95 % interval in percent / percent with an interval.",
        f"2,000 data sets a row for the closed forms, {slow} for the exact models (coverage is then known to",
        f"about {100 * 2 * math.sqrt(0.05 * 0.95 / slow):.0f} points).",
        "",
        "| risk | k | tau | " + " | ".join(name for name, *_ in METHODS) + " |",
        "|" + "---|" * (3 + len(METHODS)),
    ]
    for rate in (0.001, 0.005, 0.02):
        for k in (3, 10, 40):
            for tau in (0.0, 0.6):
                data = simulate(rng, 2000, k, rate, tau)
                few = Pairs(*(getattr(data, name)[:slow] for name in ("e1", "d1", "e2", "d2")))
                cells = []
                for _, method, ci, options in METHODS:
                    batch = few if method == "cm.el" else data
                    fit = jk.pairwise_many(batch, "OR", method, ci=ci, **options)
                    there = ~np.isnan(fit.ci_low) & ~np.isnan(fit.ci_high)
                    held = (fit.ci_low <= 1.5) & (fit.ci_high >= 1.5)
                    middle = float(np.nanmedian(fit.estimate)) if there.any() else math.nan
                    cover = 100 * float(held[there].mean()) if there.any() else math.nan
                    cells.append(f"{middle:.2f} / {cover:.0f} / {100 * there.mean():.0f}")
                lines.append(f"| {100 * rate:g} % | {k} | {tau} | " + " | ".join(cells) + " |")
                print(lines[-1], flush=True)
    out = Path(__file__).parents[1] / "docs" / "simulation.md"
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
