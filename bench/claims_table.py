"""Write the verdict table of docs/claims.md; with --time, print the processor time of the claims instead."""

import sys
import time
from pathlib import Path

from jakinib.evidence.evidence import load
from jakinib.report.verdicts import markdown
from jakinib.verdicts.evaluate import claims

PAGE = Path(__file__).parent.parent / "docs" / "claims.md"
MARK = "## The page now"


def computed() -> str:
    """The file as it should be: its own text, then the table of now."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    note = "Written by `python bench/claims_table.py`; a test keeps it equal to what is computed."
    return f"{head}{MARK}\n\n{note}\n\n{markdown(claims(load()))}"


if __name__ == "__main__":
    if "--time" in sys.argv:
        for turn in ("first", "again, new evidence object"):
            ev = load()
            start = time.process_time()
            n = len(claims(ev))
            print(f"{turn}: {n} claims in {time.process_time() - start:.2f} s of processor time")
    else:
        PAGE.write_text(computed(), encoding="utf-8")
