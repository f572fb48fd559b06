"""How safe is this JAK inhibitor, at this dose, for a patient like this, compared with the alternatives?

The public names are loaded on first use, so that ``import jakinib`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jakinib.evidence.check import check as check
    from jakinib.evidence.coverage import Coverage as Coverage
    from jakinib.evidence.coverage import coverage as coverage
    from jakinib.evidence.evidence import Evidence as Evidence
    from jakinib.evidence.evidence import load as evidence
    from jakinib.evidence.overlaps import Overlaps as Overlaps
    from jakinib.evidence.overlaps import overlaps as overlaps
    from jakinib.mechanism.cytokine_map import cytokine_map as cytokine_map
    from jakinib.mechanism.equivalence import equivalent_dose as equivalent_dose
    from jakinib.mechanism.exposure import exposure as exposure
    from jakinib.mechanism.inhibition import inhibition as inhibition
    from jakinib.mechanism.selectivity import selectivity as selectivity
    from jakinib.mechanism.signalling import signalling as signalling
    from jakinib.patient.compare import Comparison as Comparison
    from jakinib.patient.compare import compare as compare
    from jakinib.patient.for_patient import ForPatient as ForPatient
    from jakinib.patient.for_patient import for_patient as for_patient
    from jakinib.patient.profile import Patient as Patient
    from jakinib.synthesis.bayes.priors import Priors as Priors
    from jakinib.synthesis.multiverse import Multiverse as Multiverse
    from jakinib.synthesis.multiverse import multiverse as multiverse
    from jakinib.synthesis.network.network import Network as Network
    from jakinib.synthesis.network.network import network as network
    from jakinib.synthesis.pairwise import Pairwise as Pairwise
    from jakinib.synthesis.pairwise import pairwise as pairwise
    from jakinib.synthesis.pairwise_many import PairwiseMany as PairwiseMany
    from jakinib.synthesis.pairwise_many import pairwise_many as pairwise_many
    from jakinib.synthesis.rates import Rates as Rates
    from jakinib.synthesis.rates import rates as rates
    from jakinib.verdicts.evaluate import Claims as Claims
    from jakinib.verdicts.evaluate import claims as claims

__version__ = "0.1.0"

# public name -> the module that defines it
_HOME = {
    "Claims": "jakinib.verdicts.evaluate",
    "Comparison": "jakinib.patient.compare",
    "Coverage": "jakinib.evidence.coverage",
    "Evidence": "jakinib.evidence.evidence",
    "ForPatient": "jakinib.patient.for_patient",
    "Multiverse": "jakinib.synthesis.multiverse",
    "Network": "jakinib.synthesis.network.network",
    "Overlaps": "jakinib.evidence.overlaps",
    "Pairwise": "jakinib.synthesis.pairwise",
    "PairwiseMany": "jakinib.synthesis.pairwise_many",
    "Patient": "jakinib.patient.profile",
    "Priors": "jakinib.synthesis.bayes.priors",
    "Rates": "jakinib.synthesis.rates",
    "check": "jakinib.evidence.check",
    "claims": "jakinib.verdicts.evaluate",
    "compare": "jakinib.patient.compare",
    "coverage": "jakinib.evidence.coverage",
    "cytokine_map": "jakinib.mechanism.cytokine_map",
    "equivalent_dose": "jakinib.mechanism.equivalence",
    "exposure": "jakinib.mechanism.exposure",
    "for_patient": "jakinib.patient.for_patient",
    "inhibition": "jakinib.mechanism.inhibition",
    "multiverse": "jakinib.synthesis.multiverse",
    "network": "jakinib.synthesis.network.network",
    "overlaps": "jakinib.evidence.overlaps",
    "pairwise": "jakinib.synthesis.pairwise",
    "pairwise_many": "jakinib.synthesis.pairwise_many",
    "rates": "jakinib.synthesis.rates",
    "selectivity": "jakinib.mechanism.selectivity",
    "signalling": "jakinib.mechanism.signalling",
}

__all__ = [
    "Claims",
    "Comparison",
    "Coverage",
    "Evidence",
    "ForPatient",
    "Multiverse",
    "Network",
    "Overlaps",
    "Pairwise",
    "PairwiseMany",
    "Patient",
    "Priors",
    "Rates",
    "__version__",
    "check",
    "claims",
    "compare",
    "coverage",
    "cytokine_map",
    "equivalent_dose",
    "evidence",
    "exposure",
    "for_patient",
    "inhibition",
    "multiverse",
    "network",
    "overlaps",
    "pairwise",
    "pairwise_many",
    "rates",
    "selectivity",
    "signalling",
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
