"""Everything a network meta-analysis says, as plain tables: made once, shown in any form, sent anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from jakinib.plain import records
from jakinib.synthesis.network.methods import METHODS
from jakinib.synthesis.network.network import network
from jakinib.synthesis.network.ranking import CAUTION

if TYPE_CHECKING:
    from jakinib.synthesis.network.network import Network


@dataclass(frozen=True)
class Spread:
    """How far the studies and the two kinds of evidence disagree, and by which ``method`` it was seen.

    ``tau2`` with limits, ``i2`` (percent), ``q`` on ``q_df`` with ``q_p``: NaN where the method has none.
    ``split``: direct against indirect; ``inconsistency``: Q by source.
    """

    method: str
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    q: float
    q_df: int
    q_p: float
    inconsistency: pd.DataFrame
    split: pd.DataFrame

    @property
    def says(self) -> bool:
        """Is there anything to show?"""
        return math.isfinite(self.tau2) or bool(self.q_df) or bool(len(self.split))


@dataclass(frozen=True)
class NetworkTables:
    """A network as tables; ``spread`` is the method's own, or of inverse variance where it has none."""

    measure: str
    method: str
    title: str
    model: str
    level: float
    reference: str
    interval: str
    k: int
    events: int
    treatments: tuple[str, ...]
    components: tuple[tuple[tuple[str, ...], tuple[str, ...], int], ...]  # treatments, studies, events
    isolated: tuple[tuple[str, str], ...]
    effects: pd.DataFrame
    league: pd.DataFrame
    ranking: pd.DataFrame
    edges: pd.DataFrame
    spread: Spread
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    caution: str = CAUTION

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        spread = self.spread
        return {
            "measure": self.measure,
            "method": self.method,
            "method_title": self.title,
            "effects_model": self.model,
            "level": self.level,
            "reference": self.reference,
            "interval": self.interval,
            "k": self.k,
            "events": self.events,
            "components": [
                {"treatments": list(t), "studies": list(s), "events": e} for t, s, e in self.components
            ],
            "isolated": [{"treatment": t, "reason": r} for t, r in self.isolated],
            "effects": records(self.effects),
            "league": self.league.to_dict("index"),
            "ranking": records(self.ranking),
            "ranking_caution": self.caution,
            "heterogeneity": {
                "method": spread.method,
                **{name: _finite(getattr(spread, name)) for name in _SPREAD},
                "inconsistency": records(spread.inconsistency),
                "split": records(spread.split),
            },
            "left_out": [{"study": s, "reason": r} for s, r in self.left_out],
            "notes": list(self.notes),
        }


_SPREAD = ("tau2", "tau2_low", "tau2_high", "i2", "q", "q_df", "q_p")


def network_tables(arms: Any, measure: str, method: str, reference: str | None) -> NetworkTables:
    """Fit a network and take every table of it.

    Where the method gives neither heterogeneity nor direct against indirect evidence, those of the
    inverse-variance model stand beside it, named as such. Raises as ``jk.network``.
    """
    made = network(arms, measure=measure, method=method, reference=reference)
    spread = _spread(made)
    if not spread.says and method != "iv" and measure in METHODS["iv"].measures:
        spread = _spread(network(arms, measure=measure, method="iv", reference=made.reference))
    return NetworkTables(
        measure=measure,
        method=method,
        title=METHODS[method].title,
        model=made.model,
        level=made.level,
        reference=made.reference,
        interval=made.main.fit.interval if made.main else "none",
        k=made.k,
        events=made.events,
        treatments=made.treatments,
        components=tuple((c.treatments, c.studies, c.events) for c in made.components),
        isolated=made.isolated,
        effects=made.effects(),
        league=made.league(),
        ranking=made.ranking(),
        edges=made.edges(),
        spread=spread,
        left_out=tuple((x.study, x.reason) for x in made.left_out),
        notes=made.notes,
    )


def _spread(made: Network) -> Spread:
    fit = made.main.fit if made.main else None
    return Spread(
        method=made.method,
        tau2=made.tau2,
        tau2_low=fit.tau2_low if fit else math.nan,
        tau2_high=fit.tau2_high if fit else math.nan,
        i2=made.i2,
        q=made.q,
        q_df=made.q_df,
        q_p=made.q_p,
        inconsistency=made.inconsistency(),
        split=made.split(),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
