"""Deterministic Bayes: quadrature over tau, structured Newton inside, exact re-weighting."""
