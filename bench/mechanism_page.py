"""How long a reader waits for the mechanism page with four regimens, first time and warm.

The page is served by uvicorn on the loopback address in a process of its own, as `jakinib serve` does it.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
from itertools import product
from urllib.parse import urlencode

import httpx

from web import SERVE, ms, percentile, seconds, wait

DOSES = {
    "tofacitinib": ("5 mg bid", "10 mg bid"),
    "upadacitinib": ("15 mg ER qd", "30 mg ER qd"),
    "baricitinib": ("2 mg qd", "4 mg qd"),
    "ruxolitinib": ("10 mg bid", "20 mg bid"),
}
ROUNDS = 10
FIGURES = ("map", "course", "dose", "exposure", "signalling")


def queries() -> list[str]:
    """Every choice of one regimen each of four drugs."""
    return [
        urlencode([("regimen", f"{d}:{r}") for d, r in zip(DOSES, chosen, strict=True)])
        for chosen in product(*DOSES.values())
    ]


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait(client)
            measure(client)
    finally:
        server.terminate()
        server.wait(10)


def measure(client: httpx.Client) -> None:
    asked = queries()
    first = [seconds(client, f"/mechanism?{q}") for q in asked]
    # the page itself is kept by its address: a value that changes nothing makes it be rendered anew
    rendered = [
        seconds(client, f"/mechanism?{q}&stimulus={'' if n % 2 else 'IL-6'}&regimen={'+' * (n + 1)}")
        for n in range(ROUNDS)
        for q in asked
    ]
    kept = [seconds(client, f"/mechanism?{q}") for _ in range(ROUNDS) for q in asked]
    figures = [seconds(client, f"/mechanism/{f}.svg?{q}") for f in FIGURES for q in asked[:4]]
    print(f"{len(asked)} choices of four regimens\n")
    print("| | requests | median | p95 | worst |\n|---|---|---|---|---|")
    for name, taken in [
        ("first time asked (regimens not yet computed)", first),
        ("warm, rendered anew (aim: p95 300 ms)", rendered),
        ("warm, kept page", kept),
        ("a figure, first time drawn", figures),
    ]:
        times = f"{ms(statistics.median(taken))} | {ms(percentile(taken, 95))} | {ms(max(taken))}"
        print(f"| {name} | {len(taken)} | {times} |")


if __name__ == "__main__":
    main()
