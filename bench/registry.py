"""How fast records are staged, and in how much memory: `python bench/registry.py [records]`.

The four real records of tests/registry/records come again and again under new ids, until there are 250 and
then 1,000 of them. Memory must not grow with their number. All four have results and one has 952 serious
terms, so the mix is a heavy one; the figures per MB of input say more about other records.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECORDS = Path(__file__).parents[1] / "tests" / "registry" / "records"


def write(folder: Path, number: int) -> int:
    """Write ``number`` records; return their size in bytes."""
    texts = [(p.name[:11], p.read_text(encoding="utf-8")) for p in sorted(RECORDS.glob("NCT*.json"))]
    size = 0
    for i in range(number):
        nct, text = texts[i % len(texts)]
        new = f"NCT{i:08}"
        size += (folder / f"{new}.json").write_text(text.replace(nct, new), encoding="utf-8")
    return size


def run(folder: Path, into: Path) -> None:
    """Stage ``folder``; print records, rows, seconds and the peak memory of this process and its workers."""
    from jakinib.evidence.evidence import load
    from jakinib.registry.import_ctgov import import_files

    evidence = load()
    start = time.perf_counter()
    staged = import_files([folder], into, evidence)
    seconds = time.perf_counter() - start
    me, workers = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = me.ru_utime + me.ru_stime + workers.ru_utime + workers.ru_stime
    rate, each = staged.records / seconds, 1000 * cpu / staged.records
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    peak, worker = me.ru_maxrss / 1000, workers.ru_maxrss / 1000
    print(
        f"{staged.records:>7,} {sum(staged.rows.values()):>9,} {seconds:>8.1f} {rate:>10.0f} "
        f"{each:>14.1f} {size / seconds:>6.1f} {1000 * cpu / size:>10.0f} {peak:>9.0f} {worker:>11.0f}"
    )


def main() -> None:
    if len(sys.argv) > 2:
        run(Path(sys.argv[1]), Path(sys.argv[2]))
        return
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} processors{load}")
    print("records      rows  seconds  records/s  CPU ms/record   MB/s  CPU ms/MB  peak, MB  worker, MB")
    for number in (most // 4, most):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "files"
            folder.mkdir()
            size = write(folder, number)
            sys.stdout.flush()
            subprocess.run([sys.executable, __file__, str(folder), str(Path(place) / "staged")], check=True)
            staged = sum(p.stat().st_size for p in (Path(place) / "staged").iterdir())
            print(f"        {size / 1e6:.0f} MB read, {staged / 1e6:.0f} MB written")


if __name__ == "__main__":
    main()
