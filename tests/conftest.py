"""Hypothesis for the whole suite: no deadline, for a slow machine is not a defect of the code.

The suite tries the same examples at every run, so that a change is judged by itself. To look for new ones:
``pytest --hypothesis-profile=search``, with more of them for each method by ``JAKINIB_EXAMPLES=300``.
"""

from hypothesis import settings

settings.register_profile("jakinib", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("jakinib")
