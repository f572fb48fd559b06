"""What a newcomer does: clone, one command, a page that answers. The installation is real."""

import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_make_app_in_a_fresh_clone_serves_a_comparison(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")
    }
    log = tmp_path / "log"
    with log.open("w") as out:
        app = subprocess.Popen(
            ["make", "app", "PORT=0"],
            cwd=clone,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            address = wait_for_address(app, log, seconds=400)
            query = "treatment=upadacitinib-15-mg-qd&treatment=abrocitinib-200-mg-qd&outcome=vte"
            page = urllib.request.urlopen(f"{address}compare?{query}", timeout=30).read().decode()
        finally:
            os.killpg(app.pid, signal.SIGTERM)
            app.wait(30)
    assert address.startswith("http://127.0.0.1:")
    assert "abrocitinib" in page and "upadacitinib" in page
    assert re.search(r'href="/row/events/E\d+', page), "no number links to its row"


def wait_for_address(app: subprocess.Popen, log: Path, seconds: float) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = re.search(r"http://\S+", log.read_text())
        if found:
            return found.group()
        assert app.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(f"no address after {seconds} s:\n{log.read_text()}")
