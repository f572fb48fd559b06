"""Outcomes and differences in plain words, and how hard a text is to read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from jakinib.patient.difference import Difference

#: outcome -> what happens to a person, in everyday words
OUTCOMES = {
    "malignancy_ex_nmsc": "a cancer, not counting the common skin cancers",
    "nmsc": "a skin cancer that is not melanoma",
    "mace": "a heart attack, a stroke, or death from heart disease",
    "vte": "a blood clot in a leg or in the lung",
    "pe": "a blood clot in the lung",
    "dvt": "a blood clot in a leg",
    "death": "death from any cause",
    "serious_infection": "an infection bad enough for a hospital",
    "herpes_zoster": "shingles",
    "sae": "any serious health problem",
    "tuberculosis": "tuberculosis",
    "lymphoma": "cancer of the lymph glands",
    "lung_cancer": "lung cancer",
    "melanoma": "melanoma, a skin cancer",
    "stroke": "a stroke",
    "mi": "a heart attack",
}


#: item of a profile -> what it is called in everyday words
ITEMS = {
    "age": "your age",
    "sex": "your sex",
    "smoking": "smoking, now or in the past",
    "prior_vte": "a past blood clot",
    "ascvd": "heart or blood vessel disease",
    "cv_risk_factors": "risks for heart disease",
    "hypertension": "high blood pressure",
    "diabetes": "diabetes",
    "prior_malignancy": "a past cancer",
    "estrogen": "the pill or other hormones",
    "immobilisation": "surgery or long bed rest",
    "coagulation_disorder": "a clotting problem you were born with",
    "lung_disease": "lung disease",
    "tnf_failure": "a TNF drug that did not work",
    "egfr": "how your kidneys work",
    "bmi": "your weight",
    "steroids": "steroid pills",
    "methotrexate": "methotrexate",
    "depression": "past depression",
}
#: beginning of a risk factor's name -> what it is called in everyday words
FACTORS = {
    "age": "your age",
    "body mass index": "your weight",
    "current smoking": "smoking, now or in the past",
    "past smoking": "smoking, now or in the past",
    "smoking": "smoking, now or in the past",
    "diabetes": "diabetes",
    "hypertension": "high blood pressure",
    "history of atherosclerotic": "heart or blood vessel disease",
    "history of chronic lung disease": "lung disease",
    "hormone therapy": "the pill or other hormones",
    "inherited coagulation": "a clotting problem you were born with",
    "male sex": "being a man",
    "prior venous thromboembolism": "a past blood clot",
    "surgery and immobilisation": "surgery or long bed rest",
}


def listed(words: Iterable[str]) -> str:
    """Words in a row, with "and" before the last."""
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last


def span_words(years: float) -> str:
    """A time span in weeks, months or years."""
    if years < 0.5:
        return f"{years * 365.25 / 7:.0f} weeks"
    return f"{12 * years:.0f} months" if years < 2 else f"{years:.0f} years"


def out_of_1000(over: Difference, people: str = "people", beside: str = "without the drug") -> str:
    """Two short sentences: how many of 1,000 ``people`` have it ``beside``, and how many with the drug."""
    span = "one year" if over.years == 1 else f"{over.years:g} years"
    without, with_ = few(1000 * over.without), few(1000 * over.with_)
    return (
        f"Over {span}, about {without} of 1,000 {people} have this {beside}. With the drug, about {with_} do."
    )


def how_sure(over: Difference) -> str:
    """How far the truth may be from the numbers."""
    low, high = 1000 * over.low, 1000 * over.high
    if over.spans_zero:
        less, more = few(abs(low)), few(high)
        return f"We do not know if the drug adds any. It could be {less} fewer, or {more} more, of 1,000."
    least, most = sorted([abs(low), abs(high)])
    word = "more" if low > 0 else "fewer"
    return f"It could be as few as {few(least)} {word}, or as many as {few(most)} {word}, of 1,000."


def few(value: float) -> str:
    """A number of people of 1,000: whole from 10 up, one decimal from 1 up, one digit below."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.1g}"


def at_most(value: float) -> str:
    """An upper bound of :func:`few`, rounded up."""
    return f"{math.ceil(value):,}" if value >= 10 else few(math.ceil(value * 10) / 10)


def reading_grade(text: str) -> float:
    """US school grade: 0.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid et al., 1975).

    Syllables are counted as groups of vowels, less a silent final e; a number counts as one word of one
    syllable.
    """
    sentences = [s for s in re.split(r"[.!?](?:\s|$)", text) if s.strip()]
    words = re.findall(r"[A-Za-z]+|\d[\d.,]*", text)
    if not sentences or not words:
        return 0.0
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(_syllables, words)) / len(words) - 15.59


def _syllables(word: str) -> int:
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = word.lower().endswith("e") and not word.lower().endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)
