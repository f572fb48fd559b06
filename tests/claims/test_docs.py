"""The verdict table in docs/claims.md is the one that is computed now."""

from pathlib import Path

from jakinib.evidence.evidence import load
from jakinib.report.verdicts import markdown
from jakinib.verdicts.evaluate import claims


def test_the_committed_table_is_what_is_computed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")
    _, _, committed = page.partition("## The page now")
    remedy = "the verdicts changed: run `python bench/claims_table.py` and read the difference"
    assert committed.partition("\n\n")[2].partition("\n\n")[2] == markdown(claims(load())), remedy
