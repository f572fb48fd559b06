"""How safe is this JAK inhibitor, at this dose, for a patient like this, compared with the alternatives?

The public names are loaded on first use, so that ``import jakinib`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jakinib.evidence.check import check as check
    from jakinib.evidence.evidence import Evidence as Evidence
    from jakinib.evidence.evidence import load as evidence
    from jakinib.synthesis.bayes.priors import Priors as Priors
    from jakinib.synthesis.network.network import Network as Network
    from jakinib.synthesis.network.network import network as network
    from jakinib.synthesis.pairwise import Pairwise as Pairwise
    from jakinib.synthesis.pairwise import pairwise as pairwise
    from jakinib.synthesis.rates import Rates as Rates
    from jakinib.synthesis.rates import rates as rates

__version__ = "0.1.0"

# public name -> the module that defines it
_HOME = {
    "Evidence": "jakinib.evidence.evidence",
    "Network": "jakinib.synthesis.network.network",
    "Pairwise": "jakinib.synthesis.pairwise",
    "Priors": "jakinib.synthesis.bayes.priors",
    "Rates": "jakinib.synthesis.rates",
    "check": "jakinib.evidence.check",
    "network": "jakinib.synthesis.network.network",
    "pairwise": "jakinib.synthesis.pairwise",
    "rates": "jakinib.synthesis.rates",
}

__all__ = [
    "Evidence",
    "Network",
    "Pairwise",
    "Priors",
    "Rates",
    "__version__",
    "check",
    "evidence",
    "network",
    "pairwise",
    "rates",
]


def __getattr__(name: str) -> Any:
    if name == "evidence":  # the room itself, which is callable: jk.evidence()
        return importlib.import_module("jakinib.evidence")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'jakinib' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
