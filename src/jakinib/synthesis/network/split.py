"""Node-splitting: direct against indirect evidence of each comparison.

Source: Dias et al. (2010); König, Krahn & Binder (2013) for the back-calculation: the network estimate is
the inverse-variance mean of the direct and the indirect one, so the indirect one follows from the other two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.edges import Edges


@dataclass(frozen=True)
class Split:
    """One entry a direct comparison (a v b), on the scale of analysis; shape (E,).

    ``direct``, ``indirect``, ``network`` with their standard errors, ``share`` the proportion of the
    network's information that is direct, ``difference`` = direct - indirect with ``se_difference`` and
    ``p``. Indirect is NaN where all evidence is direct (``share`` = 1). ``limits(kind, level)``: interval of
    "direct", "indirect" or "network" where it is not the normal one.
    """

    a: Ints
    b: Ints
    studies: Ints
    direct: Floats
    se_direct: Floats
    indirect: Floats
    se_indirect: Floats
    network: Floats
    se_network: Floats
    share: Floats
    difference: Floats
    se_difference: Floats
    p: Floats
    limits: Callable[[str, float], tuple[Floats, Floats]] | None = None


def back_calculate(
    pairs: Edges, direct: Floats, variance: Floats, theta: Floats, covariance: Floats
) -> Split:
    """From the direct estimates and variances of each pair, shape (E,), and the network's."""
    a, b = pairs.a, pairs.b
    network = theta[a] - theta[b]
    total = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(total / variance, 0.0, 1.0)
        mixed = share < 1 - 1e-8
        v_indirect = np.where(mixed, 1 / (1 / total - 1 / variance), np.nan)
        indirect = v_indirect * (network / total - direct / variance)
        difference = direct - indirect
        se_difference = np.sqrt(variance + v_indirect)
        se_direct, se_indirect, se_network = np.sqrt(variance), np.sqrt(v_indirect), np.sqrt(total)
    return Split(
        a=a,
        b=b,
        studies=pairs.studies,
        direct=direct,
        se_direct=se_direct,
        indirect=indirect,
        se_indirect=se_indirect,
        network=network,
        se_network=se_network,
        share=share,
        difference=difference,
        se_difference=se_difference,
        p=2 * ndtr(-np.abs(difference / se_difference)),
    )


def split(y: Floats, v: Floats, tau2: float, pairs: Edges, theta: Floats, covariance: Floats) -> Split:
    """Split every direct comparison of an inverse-variance network; ``y, v`` of shape (S, T)."""
    s, i, j = pairs.study, pairs.first, pairs.second
    weight = 1 / (v[s, i] + v[s, j] + tau2)
    information = pairs.sum(weight)
    direct = pairs.sum(weight * (y[s, i] - y[s, j])) / information
    return back_calculate(pairs, direct, 1 / information, theta, covariance)
