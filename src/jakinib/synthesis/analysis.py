"""One path from two groups a study to every number of a pairwise result, for one data set or a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jakinib.synthesis.arms import Floats
from jakinib.synthesis.inference import (
    Heterogeneity,
    Interval,
    heterogeneity,
    interval,
    prediction,
    predictive,
)
from jakinib.synthesis.methods import METHODS
from jakinib.synthesis.pairs import LOG_MEASURES, MEASURES, Fit, Pairs

ADD_TO = ("only0", "if0all", "all", "none")


@dataclass(frozen=True)
class Choices:
    """What to do: checked once, then used for any number of data sets."""

    measure: str
    method: str
    effects: str
    ci: str
    level: float
    add: float
    add_to: str
    drop_double_zero: bool
    priors: Any = None

    @property
    def log_scale(self) -> bool:
        return self.measure in LOG_MEASURES


@dataclass(frozen=True)
class Analysis:
    """Everything on the scale of analysis; arrays of the shape of the batch."""

    fit: Fit
    interval: Interval
    heterogeneity: Heterogeneity
    prediction_low: Floats
    prediction_high: Floats


def choose(
    measure: str,
    method: str,
    effects: str | None = None,
    ci: str | None = None,
    level: float = 0.95,
    add: float = 0.5,
    add_to: str = "only0",
    drop_double_zero: bool = True,
    priors: Any = None,
) -> Choices:
    """Check the choices against one another; raises ValueError saying what would be right."""
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not one of {', '.join(METHODS)}")
    known = METHODS[method]
    if measure not in MEASURES:
        raise ValueError(f"measure {measure!r} is not one of {', '.join(MEASURES)}")
    if measure not in known.measures:
        fitting = ", ".join(name for name, m in METHODS.items() if measure in m.measures)
        raise ValueError(
            f"method {method!r} has no {measure}; it gives {', '.join(known.measures)}. "
            f"For {measure}: {fitting}"
        )
    if effects is not None and effects not in known.effects:
        raise ValueError(f"method {method!r} has effects {' or '.join(known.effects)}, not {effects!r}")
    if ci is not None and ci not in known.ci:
        raise ValueError(f"method {method!r} has ci {', '.join(known.ci)}, not {ci!r}")
    if not 0 < level < 1:
        raise ValueError(f"level {level!r} is not between 0 and 1; 0.95 means a 95 % interval")
    if add_to not in ADD_TO:
        raise ValueError(f"add_to {add_to!r} is not one of {', '.join(ADD_TO)}")
    if not (add >= 0 and np.isfinite(add)):
        raise ValueError(f"add {add!r} is not a number of 0 or more")
    if not known.takes_correction and (add, add_to, drop_double_zero) != (0.5, "only0", True):
        raise ValueError(
            f"method {method!r} uses the counts as they are; add, add_to and drop_double_zero belong to "
            "inverse variance (iv-...)"
        )
    if method == "bayes":
        if priors is None and measure not in LOG_MEASURES:
            raise ValueError(f"the prior of {measure} depends on its unit: give priors=jk.Priors(...)")
        if priors is not None:
            priors.check(measure)
    elif priors is not None:
        raise ValueError(f"method {method!r} takes no priors; they belong to bayes")
    return Choices(
        measure=measure,
        method=method,
        effects=effects or known.effects[0],
        ci=ci or known.ci[0],
        level=level,
        add=add,
        add_to=add_to,
        drop_double_zero=drop_double_zero,
        priors=priors,
    )


def analyse(pairs: Pairs, choices: Choices) -> Analysis:
    """Fit, interval, heterogeneity and prediction for ``pairs`` of shape (..., k)."""
    method = METHODS[choices.method]
    options: dict[str, Any] = dict(method.options)
    if method.takes_correction:
        options |= {
            "add": choices.add,
            "add_to": choices.add_to,
            "drop_double_zero": choices.drop_double_zero,
        }
    if choices.priors is not None:
        options["priors"] = choices.priors
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = method.fit(pairs, choices.measure, effects=choices.effects, **options)
        limits = interval(fit, choices.ci, choices.level)
        spread = heterogeneity(fit, choices.level, choices.ci)
    if choices.ci == "credible":
        low, high = predictive(fit, choices.level)
    elif fit.tau2 is None:
        low = high = np.full(np.shape(fit.theta), np.nan)
    else:
        low, high = prediction(fit.theta, limits.se, fit.tau2, fit.k, choices.level)
    return Analysis(fit, limits, spread, low, high)
