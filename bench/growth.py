"""How processor time and memory grow with studies (to 2,000) and treatments (to 100).

    python bench/growth.py [docs/img]

Prints times, the slope of log time on log size over the upper half of the sizes, and peak memory of the
largest; with a folder, draws them to `growth.svg` there.
"""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

# processor time would count threads of linear algebra that wait
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import jakinib as jk
from jakinib.synthesis.analysis import analyse, choose
from jakinib.synthesis.pairs import Pairs
from network import least, made

STUDIES = (10, 50, 200, 500, 1000, 2000)
TREATMENTS = (5, 10, 25, 50, 100)


def pairs_of(k: int) -> Pairs:
    rng = np.random.default_rng(1)
    n = rng.integers(50, 300, k)
    return Pairs(rng.binomial(n, 0.012) * 1.0, n * 1.0, rng.binomial(n, 0.01) * 1.0, n * 1.0)


def peak(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / 1e6


def pairwise(method: str, k: int) -> Callable[[], object]:
    pairs, choices = pairs_of(k), choose("OR", method, ci="wald")
    return lambda: analyse(pairs, choices)


def network(method: str, treatments: int, studies: int) -> Callable[[], object]:
    frame = made(treatments, studies, rate=0.1)
    return lambda: jk.network(frame, measure="OR", method=method, reference="t000").effects()


def main() -> None:
    rows = []
    series: list[tuple[str, str, tuple[int, ...], Callable[[int], Callable[[], object]]]] = [
        (f"pairwise {m}", "studies", STUDIES, lambda k, m=m: pairwise(m, k))  # type: ignore[misc]
        for m in ("mh", "iv-reml", "cm.el", "um.fs", "um.rs")
    ]
    series += [
        (f"network {m}, 10 treatments", "studies", STUDIES[1:], lambda k, m=m: network(m, 10, k))  # type: ignore[misc]
        for m in ("iv", "mh", "nch", "firth")
    ]
    series += [("network iv, 300 studies", "treatments", TREATMENTS, lambda t: network("iv", t, 300))]
    for name, what, sizes, make in series:
        times = [least(make(size), runs=3, budget=1.5) for size in sizes]
        half = len(sizes) // 2
        slope = float(np.polyfit(np.log(sizes[half:]), np.log(times[half:]), 1)[0])
        memory = peak(make(sizes[-1]))
        print(
            f"{name:<30}{what:<12}"
            + "".join(f"{f'{n}:':>7}{1e3 * t:>8.1f}ms" for n, t in zip(sizes, times, strict=True))
            + f"  slope {slope:.2f}  peak {memory:.1f} MB",
            flush=True,
        )
        rows += [
            {"series": name, "by": what, "size": n, "ms": 1e3 * t} for n, t in zip(sizes, times, strict=True)
        ]
    if len(sys.argv) > 1:
        draw(rows, Path(sys.argv[1]) / "growth.svg")


def draw(rows: list[dict[str, object]], file: Path) -> None:
    import altair as alt
    import pandas as pd
    import vl_convert

    frame = pd.DataFrame(rows)
    panels = []
    for what in ("studies", "treatments"):
        panels.append(
            alt.Chart(frame[frame["by"] == what], width=330, height=300)
            .mark_line(point=True)
            .encode(
                x=alt.X("size:Q", title=what, scale=alt.Scale(type="log")),
                y=alt.Y("ms:Q", title="processor time, ms", scale=alt.Scale(type="log")),
                color=alt.Color("series:N", title=None, scale=alt.Scale(scheme="tableau10")),
            )
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    chart = alt.hconcat(*panels).resolve_scale(color="shared")
    file.write_text(vl_convert.vegalite_to_svg(chart.to_json()))


if __name__ == "__main__":
    sys.exit(main())
