"""Which treatments the counts can tell apart by a finite amount.

In a study, theta_a can grow against theta_b without limit, the likelihood never falling, unless an event
could have been under b's place instead of a's and the other way round: an arm b with events and an arm a with
non-events bound theta_a - theta_b from above. Treatments that bound one another both ways, directly or by
way of others, have finite differences (Albert & Anderson 1984, written for conditional likelihoods).
"""

from __future__ import annotations

import numpy as np

from jakinib.synthesis.arms import Floats, Ints
from jakinib.synthesis.network.data import BINOMIAL, NORMAL, NetworkData


def bounded_above(data: NetworkData) -> Floats:
    """Boolean (T, T): entry [a, b] says that theta_a - theta_b is bounded from above by the data."""
    kind = data.kind[data.study]
    events = (data.events > 0) | (kind == NORMAL)
    misses = (data.events < data.denominator) | (kind != BINOMIAL)
    has_events, has_misses = data.dense(events.astype(float)), data.dense(misses.astype(float))
    reach = (has_misses.T @ has_events) > 0
    np.fill_diagonal(reach, True)
    while True:
        longer = (reach.astype(float) @ reach.astype(float)) > 0
        if (longer == reach).all():
            return reach
        reach = longer


def classes(bounded: Floats) -> Ints:
    """Label of each treatment: the first treatment it has a finite difference with."""
    return np.asarray(np.argmax(bounded & bounded.T, axis=1), dtype=np.intp)


def split_studies(data: NetworkData, label: Ints) -> tuple[NetworkData, Ints]:
    """The likelihood in the limit: each study falls apart into its treatments of one class.

    Returns the data with studies so divided and for each of its arms the position in ``data``; parts with
    one arm, or without information, are gone.
    """
    part = data.study * len(label) + label[data.treatment]
    _, study = np.unique(part, return_inverse=True)
    order = np.lexsort((data.treatment, study))
    count = np.bincount(study)
    names = tuple(data.studies[s] for s in data.study[np.unique(study, return_index=True)[1]])
    kind = data.kind[data.study[np.unique(study, return_index=True)[1]]]
    whole = NetworkData(
        studies=names,
        treatments=data.treatments,
        study=study[order],
        treatment=data.treatment[order],
        events=data.events[order],
        denominator=data.denominator[order],
        y=data.y[order],
        v=data.v[order],
        kind=kind,
    )
    keep = (count > 1) & carries(whole)
    return whole.keep_studies(keep), order[keep[whole.study]]


def carries(data: NetworkData) -> Floats:
    """Studies whose conditional likelihood says anything: boolean (studies,)."""
    given = data.kind == NORMAL
    events = data.total(np.nan_to_num(data.events))
    persons = data.total(np.nan_to_num(data.denominator))
    full = (data.kind == BINOMIAL) & (events == persons)
    return np.asarray(given | ((events > 0) & ~full))
