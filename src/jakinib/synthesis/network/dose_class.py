"""Dose and class models over a fitted network, whichever likelihood it has.

Sources: Del Giovane et al. (2013) for dose and class in networks; Owen, Tincello & Abrams (2015), three
levels; Mawdsley et al. (2016), Emax.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scipy.special import chdtrc

from jakinib.synthesis.network import emax_nodes, exchangeable_nodes, shared_exact, shared_iv
from jakinib.synthesis.network.exchangeable import S_MAX
from jakinib.synthesis.network.nodes import Nodes
from jakinib.synthesis.network.shared import Shared, SharedNodes

if TYPE_CHECKING:
    from jakinib.synthesis.network.network import Network

KINDS = {
    "linear": "linear dose within drug",
    "emax": "Emax dose within drug",
    "exchangeable": "exchangeable doses of a drug",
    "class": "equal members of a class",
    "exchangeable class": "exchangeable members of a class",
}


def fit_shared(network: Network, nodes: Nodes, kind: str) -> SharedNodes:
    """``kind``: a name in ``KINDS``. Raises ValueError where the method has no such model."""
    if network.method not in ("iv", "exact"):
        raise ValueError(f"dose and class models need method='iv' or 'exact', not {network.method!r}")
    assert network.main is not None
    data, fit = network.main.data, network.main.fit
    base: Any = fit
    random, level = network.model == "random", network.level
    notes: list[str] = []
    free_value = 0.0
    found: Shared
    if network.method == "exact":
        # lines leave degrees of freedom for tau2 where free effects take all
        random = random and len(data.study) - len(data.studies) > _size(nodes, kind)
        free_value = base.log_likelihood
        if kind == "emax":
            found = emax_nodes.emax(nodes, base.exact, random, 0.0, level)
        elif kind.startswith("exchangeable"):
            found = exchangeable_nodes.exchangeable(nodes, base.exact, random, 0.0, level)
        else:
            found = shared_exact.linear(nodes, base.exact, random, 0.0, level)
    elif kind == "emax":
        model = shared_iv.normal_model(data, base)
        tau = 0.0 if math.isnan(fit.tau2) else math.sqrt(fit.tau2)
        free_value = model.evaluate(fit.theta, tau).value
        found = emax_nodes.emax(nodes, model, False, tau, level)
        if random:
            notes.append("tau2 is that of the network with free effects, held")
    else:
        tau2 = network.choices.options.get("tau2", "reml")
        found = shared_iv.linear(nodes, base, tau2, level, kind.startswith("exchangeable"))
        if random and tau2 == "dl":
            notes.append("tau2 is that of the network with free effects, held")
    df = len(nodes.treatments) - 1 - _size(nodes, kind)
    q = max(0.0, 2 * (free_value - found.value)) if df > 0 else math.nan
    spare = len(nodes.exchangeable().T) - len(nodes.names)
    if kind.startswith("exchangeable") and spare == 0:
        notes.append("every group has one member: the variance between members cannot be told, taken as 0")
    elif kind.startswith("exchangeable") and spare < 3:
        notes.append("the variance between members rests on few members")
    if found.s2 > 0.99 * S_MAX**2:
        notes.append(f"the members differ beyond measure: the variance between them is held at {S_MAX**2:g}")
    if network.model == "random" and len(data.study) - len(data.studies) <= _size(nodes, kind):
        notes.append("heterogeneity cannot be estimated (no degrees of freedom); tau2 is taken as 0")
    if df <= 0:
        notes.append("no degrees of freedom to test the misfit")
    return SharedNodes(
        kind=KINDS[kind],
        measure=network.measure,
        method=network.method,
        model=network.model,
        level=level,
        k=network.k,
        reference=network.reference,
        tau2=found.tau2 if network.model == "random" else math.nan,
        s2=found.s2,
        q=q,
        df=df,
        p=float(chdtrc(df, q)) if df > 0 else math.nan,
        interval=found.interval,
        notes=tuple(notes),
        nodes=nodes,
        found=found,
    )


def _size(nodes: Nodes, kind: str) -> int:
    """Coefficients of the effects."""
    curved = len(nodes.curved) if kind == "emax" else 0
    return len(nodes.names) + len(nodes.alone) + curved
