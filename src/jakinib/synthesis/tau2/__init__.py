"""Estimators of the between-study variance tau2: one a file, each ``(y, v, common=None) -> tau2``.

``y, v``: estimates and within-study variances, shape (..., k); a study to be ignored has v = inf and y = 0.
``common``: ``moments(y, v)`` where they are known already.
Returned: tau2 >= 0, shape (...); 0 where fewer than two studies are left.
"""

from __future__ import annotations

from collections.abc import Callable

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.tau2.dersimonian_laird import dersimonian_laird
from jakinib.synthesis.tau2.hedges import hedges
from jakinib.synthesis.tau2.hunter_schmidt import hunter_schmidt
from jakinib.synthesis.tau2.maximum_likelihood import maximum_likelihood, restricted_maximum_likelihood
from jakinib.synthesis.tau2.paule_mandel import paule_mandel
from jakinib.synthesis.tau2.sidik_jonkman import sidik_jonkman

ESTIMATORS: dict[str, Callable[..., Floats]] = {
    "dl": dersimonian_laird,
    "reml": restricted_maximum_likelihood,
    "ml": maximum_likelihood,
    "pm": paule_mandel,
    "eb": paule_mandel,  # Morris's (1983) empirical Bayes equation has the same root
    "sj": sidik_jonkman,
    "he": hedges,
    "hs": hunter_schmidt,
}
