"""Do the numbers of a row agree with each other? Arithmetic only: no estimate is made here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from jakinib.evidence.evidence import Evidence
from jakinib.evidence.finding import Finding


def check(ev: Evidence) -> list[Finding]:
    events, effects = ev.tables["events"], ev.tables["effects"]
    return [
        *_events_over_n(events),
        *_rates(events),
        *_intervals(events),
        *_bounds("events", "event", events, "rate"),
        *_bounds("effects", "effect", effects, "estimate"),
        *_strata(events),
        *_nothing_said(events),
        *_underived(events),
        *_underived(effects),
    ]


def _events_over_n(events: pd.DataFrame) -> Iterator[Finding]:
    wrong = events[(events["counts"] == "persons") & (events["events"] > events["n"]).fillna(False)]
    for row in wrong.itertuples():
        yield Finding(
            "events-over-n",
            "events",
            str(row.event),
            "events",
            f"{row.events} persons of {row.n}",
            "at most n",
        )


def _rates(events: pd.DataFrame) -> Iterator[Finding]:
    """Printed rate against events / person-years: rates are printed with one or two decimals, and time to
    first event is a little shorter than exposure, so a difference counts from 5 % and 0.055 per 100."""
    computed = 100 * events["events"].astype("float64") / events["person_years"]
    off = (events["rate"] - computed).abs()
    wrong = events[off > np.maximum(0.055, 0.05 * events["rate"])]
    for row, rate in zip(wrong.itertuples(), computed[wrong.index], strict=True):
        yield Finding(
            "rate-mismatch", "events", str(row.event), "rate", f"{row.rate:g} printed",
            f"{rate:.3g} per 100 from {row.events} in {row.person_years:g} person-years",
        )  # fmt: skip


def exact_limits(
    events: pd.Series[float], person_years: pd.Series[float], level: float = 95.0
) -> tuple[pd.Series[float], pd.Series[float]]:
    """Exact Poisson limits of a rate per 100 person-years (Garwood 1936), to hold printed ones against."""
    alpha = 1 - level / 100
    low = pd.Series(np.where(events > 0, gammaincinv(np.maximum(events, 1e-9), alpha / 2), 0.0), events.index)
    high = pd.Series(gammaincinv(events + 1, 1 - alpha / 2), events.index)
    return 100 * low / person_years, 100 * high / person_years


def _intervals(events: pd.DataFrame) -> Iterator[Finding]:
    """Printed interval of a rate against the exact one; a difference counts from 5 % and 0.05 per 100 at
    either end, which is what rounding to one decimal explains."""
    has = events.dropna(subset=["events", "person_years", "ci_low", "ci_high"])
    has = has[(has["ci_level"].fillna(95) == 95) & (has["person_years"] > 0)]
    low, high = exact_limits(has["events"].astype("float64"), has["person_years"])
    off = ((has["ci_low"] - low).abs() > np.maximum(0.05, 0.05 * low)) | (
        (has["ci_high"] - high).abs() > np.maximum(0.05, 0.05 * high)
    )
    for row, below, above in zip(has[off].itertuples(), low[off], high[off], strict=True):
        printed = f"{row.ci_low:g} to {row.ci_high:g} printed"
        exact = f"{below:.3g} to {above:.3g} (exact, {row.events} in {row.person_years:g} person-years)"
        yield Finding("interval-mismatch", "events", str(row.event), "ci_low", printed, exact)


def _bounds(table: str, key: str, frame: pd.DataFrame, value: str) -> Iterator[Finding]:
    """The estimate lies inside its interval, and the ends are in order."""
    wrong = frame[
        (frame["ci_low"] > frame["ci_high"])
        | (frame[value] < frame["ci_low"])
        | (frame[value] > frame["ci_high"])
    ]
    for row in wrong.to_dict("records"):
        found = f"{row[value]:g} with {row['ci_low']:g} to {row['ci_high']:g}"
        yield Finding("outside-interval", table, row[key], value, found, "an estimate inside its interval")


def _strata(events: pd.DataFrame) -> Iterator[Finding]:
    """A stratum cannot have more events or persons than the whole it is part of."""
    same = ["study", "treatment", "outcome", "counts", "period", "source_id", "locator"]
    whole = events[events["subgroup"].isna()]
    strata = events[events["subgroup"].notna()]
    both = strata.merge(whole, on=same, suffixes=("", "_whole"))
    for column in ("events", "n"):
        wrong = both[(both[column] > both[f"{column}_whole"]).fillna(False)]
        for row in wrong.to_dict("records"):
            yield Finding(
                "stratum-over-total", "events", row["event"], column, f"{row[column]} in a stratum",
                f"at most {row[f'{column}_whole']} (row {row['event_whole']})",
            )  # fmt: skip


def _nothing_said(events: pd.DataFrame) -> Iterator[Finding]:
    said = events[["events", "rate", "rate_printed", "percent", "n", "person_years"]].notna().any(axis=1)
    for row in events[~said].itertuples():
        yield Finding(
            "no-value", "events", str(row.event), "events", "no count, rate or percentage", "the number read"
        )


def _underived(frame: pd.DataFrame) -> Iterator[Finding]:
    table, key = ("events", "event") if "event" in frame.columns else ("effects", "effect")
    for row in frame[(frame["status"] == "derived") & frame["derivation"].isna()].to_dict("records"):
        yield Finding("no-formula", table, row[key], "derivation", "blank", "the formula of a derived value")
