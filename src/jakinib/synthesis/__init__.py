"""What follows from the arm table: rates, pairwise and network results. Knows no drug, reads no file."""
