"""Network meta-analysis: many treatments, direct and indirect evidence, one method a file."""
