"""How a posterior moves under other priors of tau: its points re-weighted, without a new fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.bayes.posterior import Posterior
from jakinib.synthesis.bayes.priors import Priors

# the stated set; on another scale than a log ratio there is none, as a prior of tau has a unit
ALTERNATIVES = (
    "halfnormal(0.25)",
    "halfnormal(0.5)",
    "halfnormal(1)",
    "uniform(0, 2)",
    "turner2015(pharmacological-placebo, adverse events)",
)


def reweighted(posterior: Posterior, old: Priors, tau: str) -> Posterior | None:
    """The posterior with the prior ``tau`` in place of the old one; the other priors stay.

    None where the nodes of tau do not carry it: the new posterior still has mass beyond the last node, lives
    on nodes that got few points, or is too narrow for their distance.
    """
    new = replace(old, tau=tau)
    ratio = new.log_density(posterior.tau_nodes) - old.log_density(posterior.tau_nodes)
    density = posterior.tau_log_density + ratio
    if not np.isfinite(density.max()):
        return None
    mass = posterior.tau_weights * np.exp(density - density.max())
    if len(mass) < 5 or density[-1] > density.max() - 5 or _coarse(posterior.tau_nodes, mass):
        return None
    dropped = ~np.isfinite(density)  # a prior that vanishes at 0, or ends: what it does there is not seen
    if dropped.any() and density[~dropped][[0, -1]].max() > density.max() - 5:
        return None
    mass = mass / mass.sum()
    position = np.searchsorted(posterior.tau_nodes, posterior.tau)
    counts = np.bincount(position, minlength=len(mass))
    few = min(100, 25 * (posterior.d.shape[1] - 1))
    if mass[counts < few].sum() > 0.1:
        return None
    possible = np.isfinite(ratio)
    top = float(ratio[possible].max())
    within = posterior.weight * np.exp(ratio - top)[position]
    shift = float(np.log(within.sum())) + top
    return replace(
        posterior,
        weight=within / within.sum(),
        tau_nodes=posterior.tau_nodes[possible],
        tau_weights=posterior.tau_weights[possible],
        tau_log_density=(density - shift)[possible],
        log_evidence=posterior.log_evidence + shift,
    )


def _coarse(nodes: Floats, mass: Floats) -> bool:
    """Whether every second node gives another mean of tau."""
    mean = float(mass @ nodes) / float(mass.sum())
    half = mass[::2]
    if half.sum() <= 0:
        return True
    return abs(float(half @ nodes[::2]) / float(half.sum()) - mean) > 0.03 * mean
