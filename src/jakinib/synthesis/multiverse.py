"""The same data through every applicable method: ``jk.multiverse``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jakinib.synthesis.analysis import analyse, choose
from jakinib.synthesis.arms import read_arms
from jakinib.synthesis.bayes.priors import Priors
from jakinib.synthesis.methods import METHODS
from jakinib.synthesis.pairs import LOG_MEASURES, MEASURE_NAMES
from jakinib.synthesis.pairwise import Pairwise, result
from jakinib.synthesis.result import json_ready, number
from jakinib.synthesis.select_pairs import select_pairs

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

# every way that is in use: method and its options, in words
ANALYSES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Mantel-Haenszel", "mh", {}),
    ("Peto", "peto", {}),
    ("inverse variance, common", "iv-ee", {}),
    ("DerSimonian-Laird", "iv-dl", {}),
    ("DerSimonian-Laird, 0.5 added to every study", "iv-dl", {"add_to": "all", "drop_double_zero": False}),
    ("REML", "iv-reml", {}),
    ("REML, Hartung-Knapp", "iv-reml", {"ci": "hk"}),
    ("REML, Hartung-Knapp with safeguard", "iv-reml", {"ci": "hk-adhoc"}),
    ("Paule-Mandel, Hartung-Knapp with safeguard", "iv-pm", {"ci": "hk-adhoc"}),
    ("Sidik-Jonkman, Hartung-Knapp", "iv-sj", {"ci": "hk"}),
    ("exact conditional, common", "cm.el", {"effects": "common"}),
    ("exact conditional, random", "cm.el", {}),
    ("approximate conditional, random", "cm.al", {}),
    ("exact, fixed study intercepts, common", "um.fs", {"effects": "common"}),
    ("exact, fixed study intercepts, random", "um.fs", {}),
    ("exact, random study intercepts, random", "um.rs", {}),
    ("beta-binomial", "beta-binomial", {}),
    ("penalised logistic (Firth)", "firth", {}),
    ("Bayesian, tau ~ half-normal(0.5)", "bayes", {}),
    ("Bayesian, tau ~ half-normal(1)", "bayes", {"priors": Priors("halfnormal(1)")}),
    (
        "Bayesian, tau as in Turner 2015 (drug v placebo, adverse events)",
        "bayes",
        {"priors": Priors("turner2015(pharmacological-placebo, adverse events)")},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Universe:
    """One analysis: what it is called, and its result."""

    label: str
    result: Pairwise

    @property
    def verdict(self) -> str:
        """Where the interval lies: ``below``, ``above`` or ``includes`` no difference, or ``none``."""
        null = 1.0 if self.result.measure in LOG_MEASURES else 0.0
        low, high = self.result.ci_low, self.result.ci_high
        if math.isnan(low) or math.isnan(high):
            return "none"
        return "below" if high < null else "above" if low > null else "includes"


@dataclass(frozen=True)
class Multiverse:
    """Every analysis of one comparison, sorted by estimate; ``sentence`` says whether the method matters."""

    treatment: str
    reference: str
    measure: str
    level: float
    analyses: tuple[Universe, ...]
    sentence: str

    def table(self) -> pd.DataFrame:
        """One row an analysis."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "analysis": u.label,
                    "method": u.result.method,
                    "effects": u.result.effects,
                    "ci": u.result.ci,
                    "estimate": u.result.estimate,
                    "ci_low": u.result.ci_low,
                    "ci_high": u.result.ci_high,
                    "p": u.result.p,
                    "tau2": u.result.tau2,
                    "k": u.result.k,
                    "verdict": u.verdict,
                    "left_out": "; ".join(study for study, _ in u.result.left_out),
                    "notes": "; ".join(u.result.notes),
                }
                for u in self.analyses
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = json_ready(self)
        return ready

    def __str__(self) -> str:
        width = max((len(u.label) for u in self.analyses), default=0)
        lines = [
            f"{self.treatment} v {self.reference}, {MEASURE_NAMES[self.measure]}, "
            f"{100 * self.level:g} % intervals"
        ]
        for u in self.analyses:
            r = u.result
            lines.append(
                f"  {u.label:<{width}}  {number(r.estimate):>8} ({number(r.ci_low)} to {number(r.ci_high)})"
                f"  {r.k} studies"
            )
        return "\n".join([*lines, self.sentence])

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """Estimates with intervals, sorted, the line of no difference dashed."""
        import altair as alt

        log = self.measure in LOG_MEASURES
        frame = self.table()
        shown = frame["ci_low"].map(math.isfinite) & frame["ci_high"].map(math.isfinite)
        if log:
            shown &= frame["ci_low"] > 0
        scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
        base = alt.Chart(frame[shown]).encode(y=alt.Y("analysis:N", sort=None, title=None))
        title = f"{MEASURE_NAMES[self.measure]}, {100 * self.level:g} % CI"
        null = alt.Chart(alt.InlineData(values=[{"null": 1.0 if log else 0.0}]))
        return alt.layer(
            null.mark_rule(strokeDash=[3, 3]).encode(x=alt.X("null:Q", scale=scale)),
            base.mark_rule().encode(x=alt.X("ci_low:Q", scale=scale, title=title), x2="ci_high:Q"),
            base.mark_point(filled=True, size=50).encode(
                x=alt.X("estimate:Q", scale=scale),
                tooltip=["analysis:N", "estimate:Q", "ci_low:Q", "ci_high:Q"],
            ),
        )


def multiverse(
    arms: Any,
    measure: str = "OR",
    reference: str | None = None,
    *,
    treatment: str | None = None,
    methods: Sequence[str] | None = None,
    level: float = 0.95,
    merge_arms: bool = False,
) -> Multiverse:
    """Every applicable analysis of one comparison, each with its own exclusions.

    ``arms, measure, reference, treatment, level, merge_arms``: as in ``pairwise``. ``methods``: keep only
    these method names. An analysis without an interval stays in the table and is not counted.

    Raises ArmTableError for a table that is not legal, ValueError when no analysis applies.
    """
    unknown = [name for name in methods or () if name not in METHODS]
    if unknown:
        raise ValueError(f"method {unknown[0]!r} is not one of {', '.join(METHODS)}")
    chosen = [
        (label, method, options)
        for label, method, options in ANALYSES
        if measure in METHODS[method].measures
        and (methods is None or method in methods)
        # a prior of an effect of unknown unit must be named
        and (method != "bayes" or measure in LOG_MEASURES)
    ]
    if not chosen:
        raise ValueError(f"no analysis of {measure} among {', '.join(methods or METHODS)}")
    selected = select_pairs(read_arms(arms, merge_arms=merge_arms), measure, treatment, reference)
    analyses = []
    for label, method, options in chosen:
        choices = choose(measure, method, level=level, **options)
        analyses.append(Universe(label, result(selected, choices, analyse(selected.pairs, choices))))
    analyses.sort(key=lambda u: (math.isnan(u.result.estimate), u.result.estimate))
    return Multiverse(
        treatment=selected.treatment,
        reference=selected.reference,
        measure=measure,
        level=level,
        analyses=tuple(analyses),
        sentence=_sentence(analyses, measure),
    )


def _sentence(analyses: Sequence[Universe], measure: str) -> str:
    verdicts = [u.verdict for u in analyses if u.verdict != "none"]
    if not verdicts:
        return "No analysis gives an interval: the data do not estimate this comparison."
    estimates = [u.result.estimate for u in analyses if math.isfinite(u.result.estimate)]
    silent = len(analyses) - len(verdicts)
    rest = "" if not silent else f" {silent} give{'s' * (silent == 1)} no interval (see the notes of each)."
    studies = analyses[0].result.studies
    if measure in LOG_MEASURES and all(s.events == 0 and s.reference_events == 0 for s in studies):
        return (
            f"No event was seen in either group: what interval there is, in {_all(len(verdicts))}, comes "
            f"from a prior or from what was added to the counts, not from the data.{rest}"
        )
    span = f"; estimates from {number(min(estimates))} to {number(max(estimates))}" if estimates else ""
    null = "1" if measure in LOG_MEASURES else "0"
    one = {"below": f"lies below {null}", "above": f"lies above {null}", "includes": f"includes {null}"}
    several = {"below": f"lie below {null}", "above": f"lie above {null}", "includes": f"include {null}"}
    counts = {v: verdicts.count(v) for v in one if v in verdicts}
    if len(counts) == 1:
        return (
            f"The conclusion does not depend on the method: in {_all(len(verdicts))} the interval "
            f"{one[next(iter(counts))]}{span}.{rest}"
        )
    parts = ", ".join(f"{n} {(one if n == 1 else several)[v]}" for v, n in counts.items())
    return f"The conclusion depends on the method: of {len(verdicts)} intervals {parts}{span}.{rest}"


def _all(n: int) -> str:
    return "the one analysis with an interval" if n == 1 else f"all {n} analyses with an interval"
