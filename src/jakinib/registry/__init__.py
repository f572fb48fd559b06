"""The registry room: what public records say, staged as rows of the corpus's own tables.

A record (ClinicalTrials.gov, a label, PubMed) becomes rows with the path of every value; the rows are
written to a folder of their own, shown against the corpus, and accepted into a folder of the user's.
Nothing here writes into the shipped corpus.
"""
