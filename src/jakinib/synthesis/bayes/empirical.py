"""Published predictive distributions of heterogeneity, as priors of tau2 by comparison and outcome.

Turner et al. (2012), Int J Epidemiol 41:818, and Turner et al. (2015), Stat Med 34:984, Table IV: log-normal
on tau2 of log odds ratios. Rhodes et al. (2015), J Clin Epidemiol 68:52, Table 3: log-Student-t with 5
degrees of freedom on tau2 of standardised mean differences. The values were read in the tables of R's gemtc
(2012) and bayesmeta (2015, Rhodes), which cite those papers. Of Rhodes two cells of non-pharmacological
comparisons contradict the additive structure of that table and were left out, as were its respiratory and
cancer tables.
"""

from __future__ import annotations

_PLACEBO, _ACTIVE = "pharmacological-placebo", "pharmacological-pharmacological"

# (mean, sd) of log(tau2)
_TURNER_2012 = {
    _PLACEBO: {"mortality": (-4.06, 1.45), "semi-objective": (-3.02, 1.85), "subjective": (-2.13, 1.58)},
    _ACTIVE: {"mortality": (-4.27, 1.48), "semi-objective": (-3.23, 1.88), "subjective": (-2.34, 1.62)},
    "nonpharmacological": {
        "mortality": (-3.93, 1.51),
        "semi-objective": (-2.89, 1.91),
        "subjective": (-2.01, 1.64),
    },
}

_OUTCOMES_2015 = (
    "all-cause mortality", "obstetric", "cause-specific mortality or major morbidity", "resource use",
    "surgical success", "withdrawals", "structure", "general physical health", "adverse events", "infection",
    "signs and symptoms", "pain", "quality of life", "mental health", "biological markers",
    "subjective various",
)  # fmt: skip
# -mean and sd of log(tau2), one a row of _OUTCOMES_2015
_TURNER_2015 = {
    _PLACEBO: (
        (3.95, 3.52, 3.71, 2.34, 2.14, 2.99, 2.71, 2.29, 1.87, 2.49, 2.06, 1.83, 2.54, 2.12, 1.77, 2.70),
        (1.34, 1.74, 1.74, 1.74, 1.74, 1.74, 1.74, 1.53, 1.52, 1.52, 1.51, 1.52, 1.54, 1.53, 1.52, 1.52),
    ),
    _ACTIVE: (
        (4.18, 3.75, 3.95, 2.58, 2.37, 3.23, 2.94, 2.53, 2.10, 2.73, 2.29, 2.06, 2.78, 2.35, 2.00, 2.93),
        (1.41, 1.79, 1.79, 1.79, 1.79, 1.79, 1.79, 1.58, 1.58, 1.58, 1.58, 1.58, 1.60, 1.60, 1.58, 1.58),
    ),
    "nonpharmacological-placebo": (
        (4.17, 3.74, 3.93, 2.56, 2.36, 3.21, 2.93, 2.51, 2.10, 2.71, 2.28, 2.05, 2.77, 2.34, 1.99, 2.92),
        (1.55, 1.91, 1.91, 1.91, 1.91, 1.91, 1.92, 1.72, 1.71, 1.71, 1.71, 1.71, 1.73, 1.72, 1.71, 1.71),
    ),
    "nonpharmacological-pharmacological": (
        (2.92, 2.49, 2.68, 1.31, 1.11, 1.96, 1.67, 1.26, 0.84, 1.46, 1.03, 0.80, 1.51, 1.09, 0.74, 1.67),
        (1.02, 1.50, 1.51, 1.50, 1.50, 1.51, 1.51, 1.25, 1.24, 1.24, 1.24, 1.25, 1.27, 1.27, 1.24, 1.25),
    ),
    "nonpharmacological-nonpharmacological": (
        (3.50, 3.08, 3.27, 1.90, 1.69, 2.55, 2.26, 1.85, 1.43, 2.05, 1.61, 1.38, 2.10, 1.67, 1.33, 2.26),
        (1.26, 1.68, 1.68, 1.68, 1.68, 1.68, 1.68, 1.46, 1.45, 1.45, 1.45, 1.45, 1.47, 1.47, 1.45, 1.45),
    ),
}

_OUTCOMES_RHODES = (
    "obstetric", "resource use", "structure", "general health and adverse events", "signs and symptoms",
    "mental health", "biological markers", "subjective various",
)  # fmt: skip
_RHODES = {
    _PLACEBO: (
        (4.13, 2.55, 2.43, 3.16, 3.00, 2.99, 3.41, 2.76),
        (2.34, 2.73, 2.50, 2.50, 2.50, 2.16, 2.83, 2.58),
    ),
    _ACTIVE: (
        (4.40, 2.83, 2.70, 3.44, 3.27, 3.27, 3.68, 3.03),
        (2.31, 2.70, 2.46, 2.44, 2.47, 2.14, 2.78, 2.59),
    ),
    "nonpharmacological": (
        (None, 2.41, 2.29, 3.02, 2.86, None, 3.27, 2.62),
        (None, 2.57, 2.32, 2.27, 2.33, None, 2.66, 2.41),
    ),
}


def _tables() -> dict[str, dict[tuple[str, str], tuple[float, ...]]]:
    found: dict[str, dict[tuple[str, str], tuple[float, ...]]] = {
        "turner2012": {(c, o): v for c, by in _TURNER_2012.items() for o, v in by.items()},
        "turner2015": {},
        "rhodes2015": {("general", "general"): (-3.44, 2.59, 5.0)},
    }
    for c, (means, sds) in _TURNER_2015.items():
        for o, mean, sd in zip(_OUTCOMES_2015, means, sds, strict=True):
            found["turner2015"][c, o] = (-mean, sd)
    for c, (places, scales) in _RHODES.items():
        for o, place, scale in zip(_OUTCOMES_RHODES, places, scales, strict=True):
            if place is not None and scale is not None:
                found["rhodes2015"][c, o] = (-place, scale, 5.0)
    return found


EMPIRICAL = _tables()
MEASURES = {"turner2012": ("OR", "IRR", "HR"), "turner2015": ("OR", "IRR", "HR"), "rhodes2015": ("GEN",)}


def empirical(name: str, words: str) -> tuple[str, tuple[float, ...]]:
    """("lognormal2" or "logt2", its parameters) of ``name(comparison, outcome)``.

    Raises ValueError naming what there is when the setting is not in the published table.
    """
    table = EMPIRICAL[name]
    setting = tuple(word.strip().casefold() for word in words.split(","))
    if len(setting) != 2 or setting not in table:
        comparisons = ", ".join(dict.fromkeys(c for c, _ in table))
        same = [o for c, o in table if c == setting[0]]
        outcomes = ", ".join(same or dict.fromkeys(o for _, o in table))
        raise ValueError(
            f"tau prior {name}({words}) has no published values here; write {name}(comparison, outcome) "
            f"with a comparison of {comparisons} and an outcome of {outcomes}"
        )
    numbers = table[setting]
    return ("lognormal2" if len(numbers) == 2 else "logt2"), numbers
