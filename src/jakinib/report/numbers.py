"""How a number is written: one place for rates, zeros, blanks, bounds and counts.

A blank is "not reported", a zero is "none observed" with what it excludes, and a count hidden below a
reporting threshold is neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jakinib.synthesis.result import number as _significant

NOT_REPORTED = "not reported"
NO_EVENT = (
    "No event was seen on either side: the data do not estimate a ratio, and a method that prints one shows "
    "what it adds to the counts."
)
BELOW_THRESHOLD = "below the reporting threshold"

Look = Literal["value", "zero", "blank", "below"]


@dataclass(frozen=True)
class Shown:
    """A line of evidence as a reader sees it.

    ``value`` is the figure itself, ``interval`` its uncertainty in words, ``unit`` what it is counted per,
    ``counts`` what was observed, ``remark`` how it came about ("as printed"). ``look`` tells zero, blank and
    below threshold apart.
    """

    value: str
    interval: str = ""
    unit: str = ""
    counts: str = ""
    remark: str = ""
    look: Look = "value"

    def __str__(self) -> str:
        parts = [self.value, self.unit, f"({self.interval})" if self.interval else ""]
        text = " ".join(p for p in parts if p)
        return "; ".join(p for p in (text, self.counts, self.remark) if p)


def missing(value: Any) -> bool:
    """Is this cell blank: None, NaN or pandas' NA?"""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def number(value: float) -> str:
    """A computed figure: two decimals from 0.1 up, fewer as it grows, two digits below 0.1."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.095:
        return f"{value:.2f}"
    return f"{value:.{min(6, 1 - math.floor(math.log10(size)))}f}"


def _beside(limit: float, estimate: float) -> str:
    """A limit with the decimals of its estimate, unless that would make a small one 0."""
    text = number(estimate)
    digits = len(text.partition(".")[2])
    return f"{limit:,.{digits}f}" if limit == 0 or limit >= 0.5 * 10**-digits else number(limit)


def at_most(value: float) -> str:
    """An upper bound, rounded up so that it stays one."""
    if value <= 0:
        return "0"
    digits = 0 if value >= 100 else 1 if value >= 1 else 1 - math.floor(math.log10(value))
    scale = 10**digits
    return f"{math.ceil(value * scale - 1e-9) / scale:,.{digits}f}"


def printed(value: float) -> str:
    """A figure as a source printed it: no digit added, none taken."""
    return f"{value:,.10g}"


def cell(value: Any) -> str:
    """A cell of the evidence as text; a blank stays empty."""
    if missing(value):
        return ""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def percent(value: float) -> str:
    """A computed share as whole percent, with a decimal below 1 %."""
    return f"{100 * value:.{1 if 0 < value < 0.00995 else 0}f} %"


def count(value: float) -> str:
    """Persons or person-years: thousands separated, a decimal only where there is one."""
    return f"{value:,.0f}" if float(value).is_integer() or value >= 1000 else f"{value:,.1f}"


def rate_unit(per: float) -> str:
    """What a rate is counted per: person-years, or people a year, which is the same."""
    return "per 1,000 people a year" if per == 1000 else f"per {per:g} PY"


def share_unit(per: float) -> str:
    """What a proportion is counted per."""
    return "%" if per == 100 else f"per {per:,.0f} people"


def span(line: Mapping[str, Any]) -> str:
    """The period of a line: as printed, else its length in weeks."""
    if not missing(line.get("period")):
        return str(line["period"])
    weeks = line.get("period_weeks")
    return f"{count(float(weeks))} weeks" if weeks is not None and not missing(weeks) else ""


def counts(line: Mapping[str, Any]) -> str:
    """What was observed, such as ``3 of 156, 512 PY``; empty when no count is held."""
    said = []
    events, n, years = (line.get(c) for c in ("events", "n", "person_years"))
    if not missing(events):
        what = "" if line.get("counts") != "events" else " event" if events == 1 else " events"
        said.append(
            f"{count(float(events or 0))}{what}" + ("" if missing(n) else f" of {count(float(n or 0))}")
        )
    elif not missing(n):
        said.append(f"{count(float(n or 0))} persons")
    if not missing(years):
        said.append(f"{count(float(years or 0))} PY")
    return ", ".join(said)


def shown(line: Mapping[str, Any] | None) -> Shown:
    """A line of a comparison (see :meth:`jakinib.Comparison.table`) in words; None is "not reported"."""
    if line is None:
        return Shown(NOT_REPORTED, look="blank")
    kind, per = str(line["kind"]), float(line["per"])
    seen = counts(line)
    events = "counts events, not persons" if line.get("counts") == "events" else ""
    if kind == "below threshold":
        return Shown(BELOW_THRESHOLD, counts="" if missing(line.get("n")) else f"{count(line['n'])} persons",
                     look="below")  # fmt: skip
    if kind == "count":
        if missing(line.get("events")):
            return Shown(NOT_REPORTED, counts=seen, look="blank")
        return Shown(f"{count(float(line['events']))} seen", "of how many is not reported", remark=events,
                     look="zero" if line["events"] == 0 else "value")  # fmt: skip
    if kind == "printed range":
        text = str(line["rate_printed"])
        return Shown(text, unit="per 100 PY", counts=seen, remark=_and("as printed", events))
    share = kind in ("proportion", "printed percent")
    unit = share_unit(per) if share else rate_unit(per)
    if not missing(line.get("one_sided")) and line["one_sided"]:
        by_persons = share or missing(line.get("person_years"))
        of = f" of {count(line['n'])}" if by_persons else f" in {count(line['person_years'])} PY"
        extra = "" if by_persons or missing(line.get("n")) else f"{count(line['n'])} persons"
        remark = _and("rate printed as 0" if kind == "printed rate" else "", events)
        return Shown(f"0{of}", f"at most {at_most(float(line['ci_high']))} {unit}", counts=extra,
                     remark=remark, look="zero")  # fmt: skip
    as_printed = kind.startswith("printed")
    write = printed if as_printed and per == 100 else number
    estimate = float(line["estimate"])
    low, high = line.get("ci_low"), line.get("ci_high")
    if missing(low) or missing(high):
        interval = "interval not reported" if as_printed else ""
        if as_printed and estimate == 0:
            interval = "no upper bound: how many people and years is not reported"
    elif write is printed:
        interval = f"{printed(float(low or 0))} to {printed(float(high or 0))}"
    else:
        interval = f"{_beside(float(low or 0), estimate)} to {_beside(float(high or 0), estimate)}"
    look: Look = "zero" if estimate == 0 else "value"
    return Shown(
        write(estimate), interval, unit, seen, _and("as printed" if as_printed else "", events), look
    )


def effect(row: Mapping[str, Any]) -> str:
    """A published effect, such as ``OR 0.83 (0.44 to 1.57)``."""
    text = f"{row['measure']} {printed(float(row['estimate']))}"
    if not missing(row.get("ci_low")) and not missing(row.get("ci_high")):
        text += f" ({printed(float(row['ci_low']))} to {printed(float(row['ci_high']))})"
    return text + ("" if missing(row.get("unit")) else f" {row['unit']}")


def _and(*parts: str) -> str:
    return ", ".join(p for p in parts if p)


def significant(value: float) -> str:
    """A result of an analysis: three significant digits; NaN is a dash."""
    return _significant(value)


def interval(row: Mapping[str, Any]) -> str:
    """``0.83 (0.44 to 1.57)``; what has no estimate, or none that is finite, is said in words."""
    names = ("estimate", "ci_low", "ci_high")
    estimate, low, high = (math.nan if row[n] is None else float(row[n]) for n in names)
    if math.isnan(estimate):
        return "not estimable"
    if math.isinf(estimate) or not (math.isfinite(low) or math.isfinite(high)):
        least = f", at least {significant(low)}" if math.isfinite(low) and low > 0 else ""
        return f"no finite estimate{least}"
    return f"{significant(estimate)} ({_limit(low)} to {_limit(high)})"


def _limit(value: float) -> str:
    return significant(value) if math.isfinite(value) else "no bound"
