"""From the heading of a posted outcome measure to a safety outcome of the corpus, or to none."""

from __future__ import annotations

import re
from typing import NamedTuple

from jakinib.registry.text import fold


class Named(NamedTuple):
    """The outcome a heading names; ``wider`` says what else it counts, or is ""."""

    outcome: str
    wider: str


_COUNTED = (
    (
        "mace",
        r"\bmajor (?:adverse )?(?:cardiac|cardiovascular|cardio vascular)(?: adverse)? events?\b|\bmace\b",
    ),
    ("herpes_zoster_serious", r"\bserious herpes zoster\b"),
    ("herpes_zoster", r"\bherpes zoster\b"),
    ("serious_infection", r"\bserious infections?\b|\bserious infectious\b"),
    ("opportunistic_infection", r"\bopportunistic infections?\b"),
    ("tuberculosis", r"\btuberculosis\b"),
    ("nmsc", r"(?<!excluding )(?<!other than )(?<!except )\bnon ?melanoma skin cancers?\b|\bnmsc\b"),
    ("malignancy_ex_nmsc", r"\bmalignanc\w+ \W*(?:excluding|other than|except|ex)\b"),
    ("malignancy", r"\bmalignan(?:cy|cies|t neoplasms?)\b"),
    ("lymphoma", r"\blymphomas?\b"),
    ("vte", r"\bvenous thrombo ?embol\w+|\bvte\b"),
    ("pe", r"\bpulmonary embolisms?\b"),
    ("dvt", r"\bdeep vein thrombos[ei]s\b"),
    ("gi_perforation", r"\bgastro ?intestinal perforations?\b"),
    ("death", r"\ball cause (?:mortality|deaths?)\b|\bdeaths? from any cause\b|\ball deaths\b"),
    ("cv_death", r"\bcardiovascular (?:death|mortality)\b"),
    ("mi", r"\bmyocardial infarctions?\b"),
    ("stroke", r"\bstrokes?\b"),
    ("sae", r"\bserious (?:treatment emergent )?adverse events?\b|\bserious (?:te)?aes?\b|\bsaes?\b"),
)
_PATTERNS = tuple((outcome, re.compile(words)) for outcome, words in _COUNTED)
_NOT_A_COUNT = re.compile(
    r"\b(?:change|score|concentration|time to|titers?|titres?|responses?|responders?|risk factors?"
    r"|questionnaire|prior|history of)\b"
)
_MORE = {
    "heart failure": r"\bheart failure\b",
    "unstable angina": r"\bunstable angina\b",
    "revascularisation": r"\brevasculari[sz]ation\b",
    "hospitalisation": r"\bhospitali[sz]ations?\b",
    "transient ischaemic attack": r"\btransient isch?a?emic attacks?\b",
}
_MORE_PATTERNS = {name: re.compile(words) for name, words in _MORE.items()}


def outcome_of(heading: str) -> Named | None:
    """The one safety outcome a heading counts.

    A heading that names cardiovascular death, myocardial infarction and stroke together is MACE, with what it
    counts besides. A heading with several other outcomes names none: its classes have to.
    """
    text = fold(heading)
    if _NOT_A_COUNT.search(text):
        return None
    found = {outcome for outcome, words in _PATTERNS if words.search(text)}
    more = ", ".join(name for name, words in _MORE_PATTERNS.items() if words.search(text))
    if {"cv_death", "mi", "stroke"} <= found or "mace" in found:
        others = found - {"mace", "cv_death", "mi", "stroke", "death"}
        return None if others else Named("mace", more)
    for narrow, broad in (("herpes_zoster_serious", "herpes_zoster"), ("malignancy_ex_nmsc", "malignancy")):
        if narrow in found:
            found.discard(broad)
    if "malignancy_ex_nmsc" in found:
        found.discard("nmsc")
    if "vte" in found or {"pe", "dvt"} <= found:
        found = (found - {"pe", "dvt"}) | {"vte"}
    if found == {"cv_death", "death"}:
        return None
    return Named(found.pop(), more) if len(found) == 1 else None
