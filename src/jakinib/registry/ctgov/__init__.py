"""ClinicalTrials.gov study records (API v2): parsed as posted, then turned into rows of the corpus's
tables."""
