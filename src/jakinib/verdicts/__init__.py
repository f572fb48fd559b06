"""What becomes of a claim: its tests, run on rows or by a re-analysis. No verdict is stored."""
