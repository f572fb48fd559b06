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
    from jakinib.synthesis.multiverse import Multiverse as Multiverse
    from jakinib.synthesis.multiverse import multiverse as multiverse
    from jakinib.synthesis.pairwise import Pairwise as Pairwise
    from jakinib.synthesis.pairwise import pairwise as pairwise
    from jakinib.synthesis.pairwise_many import PairwiseMany as PairwiseMany
    from jakinib.synthesis.pairwise_many import pairwise_many as pairwise_many
    from jakinib.synthesis.rates import Rates as Rates
    from jakinib.synthesis.rates import rates as rates

__version__ = "0.1.0"

# public name -> the module that defines it
_HOME = {
    "Evidence": "jakinib.evidence.evidence",
    "Multiverse": "jakinib.synthesis.multiverse",
    "Pairwise": "jakinib.synthesis.pairwise",
    "PairwiseMany": "jakinib.synthesis.pairwise_many",
    "Rates": "jakinib.synthesis.rates",
    "check": "jakinib.evidence.check",
    "multiverse": "jakinib.synthesis.multiverse",
    "pairwise": "jakinib.synthesis.pairwise",
    "pairwise_many": "jakinib.synthesis.pairwise_many",
    "rates": "jakinib.synthesis.rates",
}

__all__ = [
    "Evidence",
    "Multiverse",
    "Pairwise",
    "PairwiseMany",
    "Rates",
    "__version__",
    "check",
    "evidence",
    "multiverse",
    "pairwise",
    "pairwise_many",
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
