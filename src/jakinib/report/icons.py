"""An icon array: 1,000 people as dots, with the words that say the same."""

from __future__ import annotations

import math

from jakinib.patient.difference import Difference
from jakinib.report.numbers import number

COLUMNS = 40
_STEP = 10


def icon_text(over: Difference) -> str:
    """The icon array in words, for those who do not see it."""
    with_, without = _counts(over)
    span = "a year" if over.years == 1 else f"{over.years:g} years"
    low, high = 1000 * over.low, 1000 * over.high
    if with_ == without:
        change = "no different in whole people"
    else:
        change = f"{abs(with_ - without)} {'more' if with_ > without else 'fewer'}"
    return (
        f"Of 1,000 people like this, over {span}: {without} without the treatment, {with_} with it, "
        f"{change}. "
        f"The truth may lie between {_signed(low)} and {_signed(high)}."
    )


def icon_array(over: Difference) -> str:
    """1,000 dots as SVG: those affected without treatment, those more (or fewer) with it, those not affected.

    Colours come from the style sheet (classes ``base``, ``more``, ``fewer``, ``none``); the kinds differ in
    shape as well.
    """
    with_, without = _counts(over)
    both, more, fewer = min(with_, without), max(0, with_ - without), max(0, without - with_)
    marks = []
    for at in range(1000):
        kind = (
            "base"
            if at < both
            else "more"
            if at < both + more
            else "fewer"
            if at < both + more + fewer
            else "none"
        )
        x, y = at % COLUMNS * _STEP + _STEP / 2, at // COLUMNS * _STEP + _STEP / 2
        if kind in ("base", "none"):
            marks.append(
                f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{3.6 if kind == "base" else 2:g}"/>'
            )
        else:
            path = f"M{x - 4:g} {y + 3.5:g}h8l-4 -7z" if kind == "more" else f"M{x - 4:g} {y - 3.5:g}h8l-4 7z"
            marks.append(f'<path class="{kind}" d="{path}"/>')
    width, height = COLUMNS * _STEP, 1000 // COLUMNS * _STEP
    return (
        f'<svg class="icons" viewBox="0 0 {width} {height}" role="img" aria-label="{icon_text(over)}">'
        f"{''.join(marks)}</svg>"
    )


def _counts(over: Difference) -> tuple[int, int]:
    """People in 1,000 with and without treatment; a half is rounded up."""
    return math.floor(1000 * over.with_ + 0.5), math.floor(1000 * over.without + 0.5)


def _signed(value: float) -> str:
    words = number(abs(value))
    return "no difference" if value == 0 else f"{words} {'more' if value > 0 else 'fewer'}"
