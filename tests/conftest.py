"""Hypothesis for the whole suite: no deadline, for a slow machine is not a defect of the code."""

from hypothesis import settings

settings.register_profile("jakinib", deadline=None)
settings.load_profile("jakinib")
