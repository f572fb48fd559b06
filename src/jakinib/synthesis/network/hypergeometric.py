"""The noncentral hypergeometric network as R's netmetabin fits it: multinomial approximation, common effect.

Source: Stijnen, Hamza & Özdemir (2010), who approximate the noncentral hypergeometric distribution of rare
events by a binomial with offset log(n1 / n2) (for several arms: a multinomial). It leaves out what the
Mantel-Haenszel network leaves out. ``method="exact", effects="common"`` is the unapproximated likelihood
over every study that carries information.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jakinib.synthesis.network import exact
from jakinib.synthesis.network.data import POISSON, NetworkData


def fit(data: NetworkData, measure: str, effects: str) -> exact.ExactFit:
    """Fit a connected network (see ``mantel_haenszel.informative``); intervals are Wald's."""
    approximate = replace(data, kind=np.full_like(data.kind, POISSON))
    found = exact.fit(approximate, measure, "common")
    return replace(found, profile=False, interval="wald")
