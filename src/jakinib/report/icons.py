"""An icon array: 1,000 people as dots, with the words that say the same."""

from __future__ import annotations

import math
from html import escape

from jakinib.patient.difference import Difference
from jakinib.report.numbers import number
from jakinib.report.svg import DARK, LIGHT

COLUMNS = 40
_STEP = 10


def icon_text(over: Difference, instead: str = "") -> str:
    """The icon array in words, for those who do not see it.

    ``instead``: what it is held against, such as "on a TNF inhibitor".
    """
    with_, without = _counts(over)
    beside = instead or "without the treatment"
    span = "a year" if over.years == 1 else f"{over.years:g} years"
    low, high = 1000 * over.low, 1000 * over.high
    if with_ == without:
        change = "no different in whole people"
    else:
        change = f"{abs(with_ - without)} {'more' if with_ > without else 'fewer'}"
    return (
        f"Of 1,000 people like this, over {span}: {without} {beside}, {with_} with it, "
        f"{change}. "
        f"The truth may lie between {_signed(low)} and {_signed(high)}."
    )


def icon_array(over: Difference, instead: str = "", *, dark: bool = False) -> str:
    """1,000 dots as SVG: those affected either way, those more (or fewer) with treatment, those not affected.

    The kinds differ in shape as well as in colour.
    """
    with_, without = _counts(over)
    kinds = (
        ["base"] * min(with_, without)
        + ["more"] * max(0, with_ - without)
        + ["fewer"] * max(0, without - with_)
    )
    blue, orange, green, *_ = DARK if dark else LIGHT
    colours = {"base": blue, "more": orange, "fewer": green, "none": "#7d8590"}
    marks: dict[str, list[str]] = {kind: [] for kind in colours}
    for at in range(1000):
        kind = kinds[at] if at < len(kinds) else "none"
        x, y = at % COLUMNS * _STEP + _STEP / 2, at // COLUMNS * _STEP + _STEP / 2
        if kind == "more":
            marks[kind].append(f"M{x - 4:g} {y + 3.5:g}h8l-4 -7z")
        elif kind == "fewer":
            marks[kind].append(f"M{x - 4:g} {y - 3.5:g}h8l-4 7z")
        else:
            r = 3.6 if kind == "base" else 1.8
            marks[kind].append(
                f"M{x - r:g} {y:g}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0z"
            )
    paths = "".join(f'<path fill="{colours[k]}" d="{"".join(d)}"/>' for k, d in marks.items() if d)
    width, height = COLUMNS * _STEP, 1000 // COLUMNS * _STEP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{escape(icon_text(over, instead))}</title>{paths}</svg>'
    )


def _counts(over: Difference) -> tuple[int, int]:
    """People in 1,000 with and without treatment; a half is rounded up."""
    return math.floor(1000 * over.with_ + 0.5), math.floor(1000 * over.without + 0.5)


def _signed(value: float) -> str:
    words = number(abs(value))
    return "no difference" if value == 0 else f"{words} {'more' if value > 0 else 'fewer'}"
