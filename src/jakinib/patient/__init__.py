"""For whom: a patient and results in; label conditions, absolute rates and comparisons out. Fits no model."""
