"""How long a newcomer waits: import, first help, loading the corpus, selecting, checking."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable


def command(*words: str, runs: int = 7) -> list[float]:
    """Wall seconds of whole processes, after one that is not counted."""
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def call(function: Callable[[], object], runs: int = 15) -> list[float]:
    """Wall seconds of calls inside this process, after one that is not counted."""
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def row(what: str, seconds: list[float], target: str) -> None:
    median, worst = statistics.median(seconds), max(seconds)
    print(f"| {what} | {1000 * median:.0f} ms | {1000 * worst:.0f} ms | {target} |")


def main() -> None:
    import jakinib as jk

    print("| what | median | worst | aim |\n|---|---|---|---|")
    row("`python -c pass` (for scale)", command(sys.executable, "-c", "pass"), "")
    row("`import jakinib` (whole process)", command(sys.executable, "-c", "import jakinib"), "700 ms")
    row("`jakinib --help` (whole process)", command(sys.executable, "-m", "jakinib", "--help"), "400 ms")
    row("`jk.evidence()` warm", call(jk.evidence), "250 ms")
    ev = jk.evidence()
    row("`ev.select('mace')`", call(lambda: ev.select("mace")), "")
    row("`ev.select('mace', population=..., drug=...)`",
        call(lambda: ev.select("mace", population="atopic dermatitis", drug="upadacitinib")), "")  # fmt: skip
    row("`jk.check(ev)`", call(lambda: jk.check(ev), runs=3), "")


if __name__ == "__main__":
    main()
