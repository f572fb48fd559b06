"""How long a reader waits for the network page: first time, and after unticking each study in turn.

The page is served by uvicorn on the loopback address in a process of its own, as `jakinib serve` does it.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
from urllib.parse import urlencode

import httpx
import psutil

from web import SERVE, ms, percentile, seconds, wait

OUTCOMES = ("sae", "herpes_zoster", "serious_infection", "mace")
METHODS = ("", "iv", "mh", "firth")


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            wait(client)
            measure(client, psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(10)


def measure(client: httpx.Client, server: psutil.Process) -> None:
    client.get("/network?outcome=nmsc")  # what is loaded once a server, not once a question
    first, unticked, kept, figures, every = [], [], [], [], []
    work = []  # processor time of the server: the wait on a machine that does nothing else
    for outcome in OUTCOMES:
        held = client.get(f"/network.json?outcome={outcome}").json()
        for population in ("", *held["populations"]):
            query = urlencode([("outcome", outcome), ("population", population)])
            arms = client.get(f"/network.json?{query}").json()["arms"]
            studies = list(dict.fromkeys(a["study"] for a in arms))
            first += [seconds(client, f"/network?{query}&method={m}") for m in METHODS]
            if len(studies) > 2:
                for study in studies:
                    before = sum(server.cpu_times()[:2])
                    unticked.append(seconds(client, f"/network?{query}&without={study}"))
                    work.append(sum(server.cpu_times()[:2]) - before)
                kept += [seconds(client, f"/network?{query}&without={s}") for s in studies]
        figures += [seconds(client, f"/network/{part}.svg?outcome={outcome}") for part in ("graph", "forest")]
        question = {"outcome": outcome, "treatment": "upadacitinib-15-mg-qd"}
        every.append(seconds(client, f"/multiverse?{urlencode(question)}"))
    print("| | requests | median | p95 | worst |\n|---|---|---|---|---|")
    for name, taken in [
        ("a network, first time asked", first),
        ("a study unticked, computed anew (aim: p95 300 ms)", unticked),
        ("  processor time of the same", work),
        ("the same again, kept page", kept),
        ("a figure, first time drawn", figures),
        ("every method on one comparison, first time", every),
    ]:
        times = f"{ms(statistics.median(taken))} | {ms(percentile(taken, 95))} | {ms(max(taken))}"
        print(f"| {name} | {len(taken)} | {times} |")


if __name__ == "__main__":
    main()
