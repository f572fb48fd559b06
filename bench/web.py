"""How long a reader waits for a comparison, what is sent, and whether memory grows over 1,000 requests.

The page is served by uvicorn on the loopback address in a process of its own, as `jakinib serve` does it.
"""

from __future__ import annotations

import gzip
import re
import socket
import statistics
import subprocess
import sys
import time
from itertools import combinations, cycle

import httpx
import psutil

TREATMENTS = (
    "upadacitinib-15-mg-qd", "upadacitinib-30-mg-qd", "abrocitinib-100-mg-qd", "abrocitinib-200-mg-qd",
    "baricitinib-2-mg-qd", "baricitinib-4-mg-qd", "tofacitinib-5-mg-bid", "tofacitinib-10-mg-bid", "placebo",
)  # fmt: skip
OUTCOMES = ("", "vte", "mace", "herpes_zoster")
REQUESTS = 1000
SERVE = (
    "import sys; from jakinib.cli import main; sys.argv = ['jakinib', 'serve', '--port', sys.argv[1]]; main()"
)


def addresses() -> list[str]:
    """Every pair of treatments with each outcome: more questions than a reader asks in a day."""
    pairs = combinations(TREATMENTS, 2)
    return [
        f"/compare?treatment={a}&treatment={b}" + (f"&outcome={o}" if o else "")
        for a, b in pairs
        for o in OUTCOMES
    ]


def transferred(client: httpx.Client, address: str) -> dict[str, int]:
    """Bytes on the wire (gzip) for the page and each style sheet, script and icon it loads."""
    page = client.get(address)
    parts = {"page": address}
    for found in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        parts[found.split("?")[0].rsplit("/", 1)[-1]] = found
    return {name: wire(client, where) for name, where in parts.items()}


def wire(client: httpx.Client, address: str) -> int:
    with client.stream("GET", address) as answer:
        return sum(len(chunk) for chunk in answer.iter_raw())


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait(client)
            measure(client, psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(10)


def wait(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            client.get("/compare").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the page did not come up")


def measure(client: httpx.Client, server: psutil.Process) -> None:
    asked = addresses()
    example = asked[12]
    print(f"First load of {example}\n\n| part | bytes, gzip |\n|---|---|")
    parts = transferred(client, example)
    for name, size in parts.items():
        print(f"| {name} | {size:,} |")
    print(f"| together | {sum(parts.values()):,} (aim: 60,000) |")
    figure = client.get(example.replace("/compare?", "/compare.svg?")).content
    print(f"| figure, loaded when scrolled to | {len(gzip.compress(figure, 6)):,} |")

    cold = [seconds(client, where) for where in asked]
    before = 0
    warm: list[float] = []
    turn = cycle(asked)
    for i in range(REQUESTS):
        warm.append(seconds(client, next(turn)))
        if i == 99:  # after what a first round builds up
            before = server.memory_info().rss
    after = server.memory_info().rss
    print(f"\n{len(asked)} questions; then {REQUESTS:,} requests over them\n")
    print("| | median | p95 | worst |\n|---|---|---|---|")
    for name, taken in (("first time asked", cold), ("warm (aim: p95 60 ms)", warm)):
        print(f"| {name} | {ms(statistics.median(taken))} | {ms(percentile(taken, 95))} | {ms(max(taken))} |")
    grown = f"{before / 1e6:.0f} MB, after {REQUESTS:,} {after / 1e6:.0f} MB"
    print(f"\nServer memory after 100 warm requests {grown}")


def seconds(client: httpx.Client, address: str) -> float:
    start = time.perf_counter()
    client.get(address).raise_for_status()
    return time.perf_counter() - start


def percentile(values: list[float], at: int) -> float:
    return statistics.quantiles(values, n=100)[at - 1]


def ms(value: float) -> str:
    return f"{1000 * value:.0f} ms"


if __name__ == "__main__":
    main()
