"""Processor time of the Bayesian fits, best of three: python bench/bayes.py."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

# processor time would count threads of linear algebra that wait
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import jakinib as jk
from synthesis.network.tables import networks
from synthesis.tables import arm_table, inputs


def best(run: object) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        run()  # type: ignore[operator]
        times.append(time.process_time() - start)
    return min(times)


for name in ("hasselblad1998", "dogliotti2014", "simn_safe_t9k48"):
    table = networks()[name]
    print(f"{name:<18} {1000 * best(lambda table=table: jk.network(table, 'OR', 'bayes')):6.0f} ms")
net = jk.network(networks()["hasselblad1998"], "OR", "bayes")
print(f"{'six node-splits':<18} {1000 * best(net.split):6.0f} ms")
pair = arm_table(inputs()["nielweise2007"])
print(f"{'two treatments':<18} {1000 * best(lambda: jk.pairwise(pair, 'OR', 'bayes', 'reference')):6.0f} ms")
