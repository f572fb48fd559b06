"""``jk.network``: many treatments compared at once, and the result a reader can check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from jakinib.synthesis.arms import Floats, Ints, read_arms
from jakinib.synthesis.network.data import NORMAL, NetworkData, select
from jakinib.synthesis.network.edges import edges
from jakinib.synthesis.network.fit import Comparisons, NetworkFit
from jakinib.synthesis.network.methods import METHODS
from jakinib.synthesis.network.ranking import CAUTION, sucra
from jakinib.synthesis.network.tau2 import ESTIMATORS
from jakinib.synthesis.pairs import LOG_MEASURES, MEASURE_NAMES, MEASURES
from jakinib.synthesis.result import LeftOut, json_ready, number, p_text

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


@dataclass(frozen=True)
class Choices:
    """What to do: checked once, then used for any number of networks."""

    measure: str
    method: str
    effects: str
    level: float
    options: dict[str, Any]

    @property
    def log_scale(self) -> bool:
        return self.measure in LOG_MEASURES

    def read(self, values: Floats) -> Floats:
        """From the scale of analysis to the scale people read."""
        with np.errstate(over="ignore"):
            return np.exp(values) if self.log_scale else np.asarray(values, dtype=float)


@dataclass(frozen=True)
class Component:
    """A connected part of the network: ``data`` (only its treatments and studies) and the ``fit`` to it."""

    data: NetworkData
    fit: NetworkFit

    @property
    def treatments(self) -> tuple[str, ...]:
        return self.data.treatments

    @property
    def studies(self) -> tuple[str, ...]:
        return self.data.studies

    @property
    def events(self) -> int:
        return int(np.nansum(self.data.events))


@dataclass(frozen=True)
class Network:
    """A network meta-analysis.

    ``components``: every connected part, the largest first, each analysed by itself; treatments of different
    parts are never compared. ``isolated``: (treatment, reason) of those without an informative study.
    ``left_out``: (study, reason). ``notes``: whatever a reader must know, and the reason of every NaN.
    ``tau2``, ``q`` (with ``q_df``, ``q_p``), ``i2``, ``k`` (studies), ``events``, ``log_likelihood`` are
    those of the component of ``reference``; NaN where the method has none.
    """

    measure: str
    method: str
    model: str
    level: float
    reference: str
    components: tuple[Component, ...]
    isolated: tuple[tuple[str, str], ...]
    left_out: tuple[LeftOut, ...]
    populations: tuple[str, ...]
    notes: tuple[str, ...]
    choices: Choices = field(repr=False)
    data: NetworkData = field(repr=False)
    extra: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    # -- the component of the reference ------------------------------------------------------------

    @property
    def treatments(self) -> tuple[str, ...]:
        """All treatments, isolated ones included, by name."""
        return self.data.treatments

    @cached_property
    def main(self) -> Component | None:
        """The component that holds the reference; None when no study informs on it."""
        return self._component(self.reference)

    @property
    def _number(self) -> int:
        return next((i for i, c in enumerate(self.components) if c is self.main), -1)

    def _component(self, treatment: str) -> Component | None:
        return next((c for c in self.components if treatment in c.treatments), None)

    @property
    def k(self) -> int:
        return len(self.main.studies) if self.main else 0

    @property
    def events(self) -> int:
        return self.main.events if self.main else 0

    @property
    def tau2(self) -> float:
        return self.main.fit.tau2 if self.main else math.nan

    @property
    def log_likelihood(self) -> float:
        return self.main.fit.log_likelihood if self.main else math.nan

    @cached_property
    def _decomposition(self) -> Any:
        return self.main.fit.decomposition() if self.main else None

    @property
    def q(self) -> float:
        return self._decomposition.total.q if self._decomposition else math.nan

    @property
    def q_df(self) -> int:
        return self._decomposition.total.df if self._decomposition else 0

    @property
    def q_p(self) -> float:
        return self._decomposition.total.p if self._decomposition else math.nan

    @property
    def i2(self) -> float:
        """Percent of Q beyond its degrees of freedom (Higgins & Thompson 2002)."""
        if not self.q_df or math.isnan(self.q):
            return math.nan
        return 100 * max(0.0, (self.q - self.q_df) / self.q) if self.q > 0 else 0.0

    # -- tables ------------------------------------------------------------------------------------

    def effects(self, reference: str | None = None) -> pd.DataFrame:
        """Every other treatment against ``reference`` (the network's own when not given).

        Columns: treatment, reference, estimate, ci_low, ci_high (on the scale people read), theta, se, p (on
        the scale of analysis), prediction_low, prediction_high (the effect in a new study), studies (direct
        comparisons with the reference), note. A treatment that is not connected with the reference has NaN
        and a note that says so.
        """
        import pandas as pd

        reference = self._known(reference or self.reference)
        component = self._component(reference)
        rows = []
        others = [t for t in self.treatments if t != reference]
        if component is not None:
            position = {t: i for i, t in enumerate(component.treatments)}
            inside = [t for t in others if t in position]
            a = np.array([position[t] for t in inside], dtype=np.intp)
            b = np.full(len(inside), position[reference], dtype=np.intp)
            values = dict(zip(inside, self._rows(component, a, b), strict=True))
        else:
            values = {}
        for t in others:
            if t in values:
                rows.append({"treatment": t, "reference": reference, **values[t]})
            else:
                rows.append(
                    {"treatment": t, "reference": reference, **_EMPTY, "note": self._apart(t, reference)}
                )
        columns = ["treatment", "reference", *_EMPTY, "note"]
        return pd.DataFrame(rows, columns=columns)

    def table(self) -> pd.DataFrame:
        """``effects()`` against the network's reference."""
        return self.effects()

    def comparisons(self) -> pd.DataFrame:
        """All pairs of treatments within each component, a row a pair; columns as in ``effects``."""
        import pandas as pd

        rows = []
        for component in self.components:
            a, b = np.triu_indices(len(component.treatments), 1)
            names = component.treatments
            for i, j, values in zip(a.tolist(), b.tolist(), self._rows(component, a, b), strict=True):
                rows.append({"treatment": names[i], "reference": names[j], **values})
        return pd.DataFrame(rows, columns=["treatment", "reference", *_EMPTY, "note"])

    def league(self) -> pd.DataFrame:
        """League table as text: row treatment against column treatment, estimate (interval)."""
        import pandas as pd

        names = list(self.treatments)
        at = {name: i for i, name in enumerate(names)}
        cells = np.full((len(names), len(names)), "not connected", dtype=object)
        np.fill_diagonal(cells, "-")
        for component in self.components:
            a, b = np.triu_indices(len(component.treatments), 1)
            place = np.array([at[name] for name in component.treatments])
            found = component.fit.compare(a, b, self.level)
            for row, column, sign, low, high in (
                (a, b, 1.0, found.low, found.high),
                (b, a, -1.0, found.high, found.low),
            ):
                values = (self.choices.read(sign * x).tolist() for x in (found.theta, low, high))
                cells[place[row], place[column]] = [_cell(*v) for v in zip(*values, strict=True)]
        return pd.DataFrame(cells, index=names, columns=names)

    def ranking(self, lower_is_better: bool = True) -> pd.DataFrame:
        """Treatments of each component by P-score (SUCRA from rank probabilities for a Bayesian fit).

        Columns: component, treatment, score (0 to 1), rank (mean rank). ``frame.attrs["caution"]`` says what
        a rank does not say.
        """
        import pandas as pd

        rows = []
        for number_, component in enumerate(self.components):
            probability = self._rank_probability(component, lower_is_better)
            fit = component.fit
            if probability is None:
                score = fit.scores(lower_is_better)
                name = "p_score"
            else:
                score, name = sucra(probability), "sucra"
            T = len(score)
            for i in np.argsort(-score, kind="stable"):
                rows.append(
                    {
                        "component": number_,
                        "treatment": component.treatments[i],
                        "score": float(score[i]),
                        "rank": float(1 + (T - 1) * (1 - score[i])),
                        "kind": name,
                        "note": "no finite comparison with some treatments" if np.isnan(score[i]) else "",
                    }
                )
        frame = pd.DataFrame(rows, columns=["component", "treatment", "score", "rank", "kind", "note"])
        frame.attrs["caution"] = CAUTION
        return frame

    def _rank_probability(self, component: Component, lower_is_better: bool) -> Any:
        ranks = getattr(component.fit, "rank_probability", None)
        return None if ranks is None else ranks(lower_is_better)

    def rank_probabilities(self, lower_is_better: bool = True) -> pd.DataFrame:
        """Probability of each rank (columns 1, 2, ...) of each treatment of the main component (Bayesian)."""
        import pandas as pd

        found = self._rank_probability(self._bayesian("rank probabilities"), lower_is_better)
        treatments = self.main.treatments if self.main else ()
        return pd.DataFrame(found, index=list(treatments), columns=list(range(1, len(treatments) + 1)))

    def loo(self) -> pd.DataFrame:
        """Bayesian leave-one-study-out: study, elpd (log predictive density given the others), pareto_k.

        By importance: above 0.7 a value is not to be trusted, ``without(study)`` is exact.
        """
        import pandas as pd

        component = self._bayesian("leave-one-study-out densities")
        fit: Any = component.fit
        elpd, k = fit.loo()
        return pd.DataFrame({"study": component.studies, "elpd": elpd, "pareto_k": k})

    def sensitivity(self) -> pd.DataFrame:
        """Effects against the reference under other priors of tau (Bayesian, random effects).

        The fit's points re-weighted where they carry the other prior, else a new fit. Columns: prior, tau2
        (median), log_evidence, treatment, estimate, ci_low, ci_high, theta, se.
        """
        import pandas as pd

        component = self._bayesian("sensitivity to the prior")
        fit: Any = component.fit
        at = component.treatments.index(self.reference)
        others = [i for i in range(len(component.treatments)) if i != at]
        a, b = np.array(others, dtype=np.intp), np.full(len(others), at, dtype=np.intp)
        rows = []
        for other in fit.sensitivity():
            found = other.compare(a, b, self.level)
            for i, t in enumerate(others):
                read = self.choices.read(np.array([found.theta[i], found.low[i], found.high[i]]))
                rows.append(
                    {
                        "prior": other.priors.tau,
                        "tau2": other.tau2,
                        "log_evidence": other.posterior.log_evidence,
                        "treatment": component.treatments[t],
                        **dict(zip(("estimate", "ci_low", "ci_high"), read.tolist(), strict=True)),
                        "theta": float(found.theta[i]),
                        "se": float(found.se[i]),
                    }
                )
        return pd.DataFrame(rows)

    def _bayesian(self, what: str) -> Component:
        if self.method != "bayes" or self.main is None:
            raise ValueError(f"{what} need method='bayes' and a reference that studies inform on")
        return self.main

    def split(self) -> pd.DataFrame:
        """Direct against indirect evidence, a row a direct comparison.

        Columns: treatment, reference, studies, direct, indirect, network (each on the scale people read, with
        ``_low`` and ``_high``), share_direct, difference (direct - indirect on the scale of analysis), se, p,
        note. Indirect and difference are NaN, with the note, where all evidence is direct. A Bayesian network
        is fitted once more for each comparison, with posterior means and equal-tailed intervals.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for component in self.components:
            found = component.fit.split()
            if found is None:
                continue
            names = component.treatments
            z = _quantile(self.level)
            given = found.limits and {
                k: found.limits(k, self.level) for k in ("direct", "indirect", "network")
            }
            for e in range(len(found.a)):
                row: dict[str, Any] = {
                    "treatment": names[found.a[e]],
                    "reference": names[found.b[e]],
                    "studies": int(found.studies[e]),
                }
                for kind in ("direct", "indirect", "network"):
                    theta = float(getattr(found, kind)[e])
                    margin = z * float(getattr(found, f"se_{kind}")[e])
                    limits = [side[e] for side in given[kind]] if given else [theta - margin, theta + margin]
                    low_high = self.choices.read(np.array([theta, *limits]))
                    row |= dict(zip((kind, f"{kind}_low", f"{kind}_high"), low_high.tolist(), strict=True))
                row |= {
                    "share_direct": float(found.share[e]),
                    "difference": float(found.difference[e]),
                    "se": float(found.se_difference[e]),
                    "p": float(found.p[e]),
                    "note": _why_no_split(row),
                }
                rows.append(row)
        return pd.DataFrame(rows, columns=_SPLIT_COLUMNS)

    def inconsistency(self) -> pd.DataFrame:
        """Q decomposed, a row a source: total, within designs, between designs (common and random)."""
        import pandas as pd

        rows = []
        for number_, component in enumerate(self.components):
            parts = component.fit.decomposition()
            if parts is None:
                continue
            for name in ("total", "heterogeneity", "inconsistency", "inconsistency_random"):
                test = getattr(parts, name)
                if not math.isnan(test.q):
                    rows.append(
                        {"component": number_, "source": name, "q": test.q, "df": test.df, "p": test.p}
                    )
        return pd.DataFrame(rows, columns=["component", "source", "q", "df", "p"])

    def contributions(self) -> pd.DataFrame:
        """Share of each direct comparison (columns) in each network estimate (rows) of the main component."""
        import pandas as pd

        found = self.main.fit.contribution() if self.main else None
        if self.main is None or found is None:
            return pd.DataFrame()
        pairs, shares = found
        names = self.main.treatments
        a, b = np.triu_indices(len(names), 1)
        return pd.DataFrame(
            shares,
            index=[f"{names[i]} v {names[j]}" for i, j in zip(a, b, strict=True)],
            columns=[f"{names[i]} v {names[j]}" for i, j in zip(pairs.a, pairs.b, strict=True)],
        )

    def meta_regression(self, covariate: str) -> pd.DataFrame:
        """A slope of the effects on a column of the arm table, shared by all treatments (method "exact").

        ``covariate``: a numeric column of the arm table, one value a study. The effect of every treatment
        against the reference changes by the slope for each unit. One row: covariate, slope, se (scale of
        analysis), ratio (the slope as a factor for a ratio measure), p (likelihood ratio), tau2, studies,
        note (why the slope is NaN, where it is). Raises ValueError where the column is missing, or not one
        number in a study that is used.
        """
        import pandas as pd

        from jakinib.synthesis.network.exact_split import meta_regression

        if self.method != "exact" or self.main is None:
            raise ValueError("meta-regression needs method='exact' and a reference that studies inform on")
        if covariate not in self.extra:
            raise ValueError(
                f"no column {covariate!r} in the arm table; it has {', '.join(self.extra) or 'none'}"
            )
        values = {}
        for study, value in self.extra[covariate].items():
            try:
                values[study] = float(value)
            except (TypeError, ValueError):
                values[study] = math.nan
        data = self.main.data
        fit: Any = self.main.fit
        x = np.array([values.get(data.studies[s], math.nan) for s in data.study])
        bad = np.unique(data.study[~np.isfinite(x)]).tolist()
        if bad:
            raise ValueError(
                f"{covariate!r} of study {data.studies[bad[0]]!r} is not one number for all its arms"
            )
        at = data.treatments.index(self.reference)
        found = meta_regression(fit.exact, fit.best, x - x.mean(), at, fit.random)
        row = {
            "covariate": covariate,
            "slope": found.estimate,
            "se": found.se,
            "ratio": float(self.choices.read(np.array(found.estimate))),
            "p": found.p,
            "tau2": found.tau2,
            "studies": self.k,
            "note": "the studies do not tell a slope" if math.isnan(found.estimate) else "",
        }
        return pd.DataFrame([row])

    def doses(self, doses: Mapping[str, tuple[str, float]]) -> pd.DataFrame:
        """The network with a linear dose within drug: the effect grows by the same for each unit of dose.

        ``doses``: treatment to (drug, dose in any unit of that drug); a treatment not named stays a node of
        its own, and the reference is dose 0 of every drug. Only for ``method="iv"``, at its tau2.

        Columns: treatment, group (the drug), reference, estimate, ci_low, ci_high, theta, se, slope, slope_se
        (per unit of dose, on the scale of analysis). ``frame.attrs``: ``q``, ``df``, ``p`` of the misfit of
        straight lines, ``s2``. Raises ValueError for a treatment that is not in the network.
        """
        drug = {t: name for t, (name, _) in doses.items()}
        return self._second_stage(drug, {t: float(x) for t, (_, x) in doses.items()}, exchangeable=False)

    def classes(self, classes: Mapping[str, str], exchangeable: bool = True) -> pd.DataFrame:
        """The network with class effects: members of a class equal, or exchangeable about its mean.

        ``classes``: treatment to class; others stay nodes of their own. Columns as in ``doses``, with slope
        the mean of the class; ``frame.attrs["s2"]`` is the variance between members (restricted likelihood;
        NaN where members are taken as equal), ``q``, ``df``, ``p`` test that they are equal.
        """
        return self._second_stage(dict(classes), dict.fromkeys(classes, 1.0), exchangeable)

    def _second_stage(
        self, group: dict[str, str], dose: dict[str, float], exchangeable: bool
    ) -> pd.DataFrame:
        import pandas as pd

        from jakinib.synthesis.network.second_stage import fit, linear_doses

        if self.method != "iv" or self.main is None:
            raise ValueError("dose and class effects need method='iv' and a reference that studies inform on")
        names = self.main.treatments
        for t, x in dose.items():
            if t not in names or t == self.reference:
                raise ValueError(
                    f"{t!r} is not a treatment that can be compared with {self.reference!r}; "
                    f"these are {', '.join(n for n in names if n != self.reference)}"
                )
            if not (math.isfinite(x) and x > 0):
                raise ValueError(f"dose {x!r} of {t!r} is not a number above 0")
        at = names.index(self.reference)
        label = [group.get(t) for t in names]
        B, columns = linear_doses(label, np.array([dose.get(t, 0.0) for t in names]), at)
        members = np.array([float(x is not None) for x in label]) if exchangeable else None
        found = fit(self.main.fit.theta, self.main.fit.covariance, B, at, members)
        z = _quantile(self.level)
        rows = []
        for i, t in enumerate(names):
            if i == at:
                continue
            k = None if (own := label[i]) is None else columns.index(own)
            theta, se = float(found.theta[i]), float(found.se[i])
            low_high = self.choices.read(np.array([theta, theta - z * se, theta + z * se]))
            rows.append(
                {"treatment": t, "group": label[i] or "", "reference": self.reference}
                | dict(zip(("estimate", "ci_low", "ci_high"), low_high.tolist(), strict=True))
                | {"theta": theta, "se": se}
                | {
                    "slope": math.nan if k is None else float(found.coefficients[k]),
                    "slope_se": math.nan if k is None else math.sqrt(found.covariance[k, k]),
                }
            )
        frame = pd.DataFrame(rows)
        frame.attrs |= {"s2": found.s2, "q": found.q, "df": found.df, "p": found.p}
        return frame

    def funnel(self) -> pd.DataFrame:
        """Comparison-adjusted funnel (Chaimani et al. 2013): each study's contrast less its pair's mean.

        A row a study and pair of its arms: study, treatment, reference, theta (of the study), centred (less
        the inverse-variance mean of all studies of that pair), se. A pair with one study is at 0 and says
        nothing. Pairs are ordered by name; Chaimani et al. order them by a reader's guess of the direction
        of bias. Only for ``method="iv"``.
        """
        import pandas as pd

        if self.method != "iv":
            raise ValueError("the comparison-adjusted funnel needs study estimates: method='iv'")
        rows = []
        for component in self.components:
            fit: Any = component.fit
            pairs = edges(np.isfinite(fit.v))
            s, i, j = pairs.study, pairs.first, pairs.second
            theta, variance = fit.y[s, i] - fit.y[s, j], fit.v[s, i] + fit.v[s, j]
            mean = pairs.sum(theta / variance) / pairs.sum(1 / variance)
            for k in range(len(s)):
                rows.append(
                    {
                        "study": component.data.studies[s[k]],
                        "treatment": component.treatments[i[k]],
                        "reference": component.treatments[j[k]],
                        "theta": float(theta[k]),
                        "centred": float(theta[k] - mean[pairs.edge[k]]),
                        "se": math.sqrt(variance[k]),
                    }
                )
        return pd.DataFrame(rows, columns=["study", "treatment", "reference", "theta", "centred", "se"])

    def funnel_figure(self) -> alt.LayerChart | alt.FacetChart:
        """The comparison-adjusted funnel: standard error downwards, with the 95 % lines about 0."""
        from jakinib.synthesis.network.figures import funnel

        return funnel(self)

    def without(self, studies: str | Sequence[str]) -> Network:
        """The same analysis without one study or several."""
        gone = {studies} if isinstance(studies, str) else set(studies)
        unknown = gone - set(self.data.studies)
        if unknown:
            raise ValueError(f"no study {', '.join(sorted(map(repr, unknown)))} in the network")
        keep = np.array([s not in gone for s in self.data.studies])
        left_out = [LeftOut(s, "left out on request") for s in self.data.studies if s in gone]
        before = [x for x in self.left_out if x.study not in self.data.studies]
        return analyse(
            self.data.keep_studies(keep),
            self.choices,
            self.reference,
            left_out=[*before, *left_out],
            populations=self.populations,
            notes=(),
            extra=self.extra,
        )

    def leave_one_out(self) -> pd.DataFrame:
        """Effects against the reference with each study left out in turn (column ``without``)."""
        import pandas as pd

        frames = []
        for name in self.data.studies:
            if self.main is None or name not in self.main.studies:
                continue
            frame = self.without(name).effects()
            frame.insert(0, "without", name)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def edges(self) -> pd.DataFrame:
        """Direct comparisons: treatment, reference, studies, events and size of the two arms together."""
        import pandas as pd

        rows = []
        for number_, component in enumerate(self.components):
            data = component.data
            pairs = edges(data.presence)
            events = data.dense(np.nan_to_num(data.events))
            size = data.dense(np.nan_to_num(data.denominator))
            s, i, j = pairs.study, pairs.first, pairs.second
            total_events, total_size = (
                pairs.sum(events[s, i] + events[s, j]),
                pairs.sum(size[s, i] + size[s, j]),
            )
            for e in range(len(pairs.a)):
                rows.append(
                    {
                        "component": number_,
                        "treatment": data.treatments[pairs.a[e]],
                        "reference": data.treatments[pairs.b[e]],
                        "studies": int(pairs.studies[e]),
                        "events": int(total_events[e]),
                        "size": float(total_size[e]),
                    }
                )
        return pd.DataFrame(
            rows, columns=["component", "treatment", "reference", "studies", "events", "size"]
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; a number that is not finite is None (``note`` and ``notes`` say why).

        ``split`` is None for a Bayesian network, which is fitted again for each comparison: ``split()``.
        """
        fit = self.main.fit if self.main else None
        bayesian = self.method == "bayes" and fit is not None
        ready: dict[str, Any] = json_ready(
            {
                "measure": self.measure,
                "method": self.method,
                "model": self.model,
                "options": {
                    k: str(v) if not isinstance(v, int | float | str) else v
                    for k, v in self.choices.options.items()
                },
                "level": self.level,
                "reference": self.reference,
                "treatments": self.treatments,
                "components": [
                    {"treatments": c.treatments, "studies": c.studies, "events": c.events, "tau2": c.fit.tau2}
                    for c in self.components
                ],
                "isolated": [{"treatment": t, "reason": r} for t, r in self.isolated],
                "k": self.k,
                "events": self.events,
                "tau2": self.tau2,
                "tau2_low": fit.tau2_low if fit else math.nan,
                "tau2_high": fit.tau2_high if fit else math.nan,
                "i2": self.i2,
                "q": self.q,
                "q_df": self.q_df,
                "q_p": self.q_p,
                "log_likelihood": self.log_likelihood,
                "effects": self.effects().to_dict("records"),
                "comparisons": self.comparisons().to_dict("records"),
                "ranking": self.ranking().to_dict("records"),
                "ranking_caution": CAUTION,
                "rank_probabilities": self.rank_probabilities().to_dict("split") if bayesian else None,
                "loo": self.loo().to_dict("records") if bayesian else None,
                "split": None if bayesian else self.split().to_dict("records"),
                "inconsistency": self.inconsistency().to_dict("records"),
                "left_out": list(self.left_out),
                "populations": self.populations,
                "notes": self.notes,
            }
        )
        return ready

    def __str__(self) -> str:
        method = METHODS[self.method]
        percent = f"{100 * self.level:g} %"
        lines = [
            f"Network of {len(self.treatments)} treatments, {MEASURE_NAMES[self.measure]}: {method.title}, "
            f"{self.model} effect{'s' * (self.model == 'random')}",
        ]
        if len(self.components) > 1:
            lines.append(
                f"  {len(self.components)} parts without a common comparator, each analysed by itself: "
                + "; ".join(", ".join(c.treatments) for c in self.components)
            )
        interval = self.main.fit.interval if self.main else "none"
        lines.append(
            f"  against {self.reference}: {self.k} studies, {self.events} events; "
            f"{percent} interval: {interval}"
        )
        frame = self.effects()
        width = max((len(t) for t in frame["treatment"]), default=0)
        for row in _records(frame):
            text = f"  {row['treatment']:<{width}}  {_cell(row['estimate'], row['ci_low'], row['ci_high'])}"
            if not math.isnan(row["prediction_low"]):
                text += f"  new study {number(row['prediction_low'])} to {number(row['prediction_high'])}"
            lines.append(text + (f"  [{row['note']}]" if row["note"] else ""))
        if not math.isnan(self.tau2) and self.main is not None:
            fit = self.main.fit
            span = "" if math.isnan(fit.tau2_low) else f" ({number(fit.tau2_low)} to {number(fit.tau2_high)})"
            lines.append(f"  tau2 {number(self.tau2)}{span}")
        tests = [r for r in _records(self.inconsistency()) if r["component"] == self._number]
        for name, text in _SOURCES:
            for r in (r for r in tests if r["source"] == name):
                lines.append(f"  {text} {number(r['q'])} on {r['df']} df, {p_text(r['p'])}")
        ranks = self.ranking()
        if len(ranks):
            order = ", ".join(
                f"{r['treatment']} {r['score']:.2f}"
                for r in _records(ranks)
                if r["component"] == self._number
            )
            lines.append(f"  fewer events first ({ranks['kind'][0].replace('_', '-')}): {order}")
            lines.append(f"    {CAUTION}")
        lines += [f"  not in the network: {t}: {reason}" for t, reason in self.isolated]
        lines += [f"  left out: {study}: {reason}" for study, reason in self.left_out]
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    def figure(self) -> alt.LayerChart | alt.FacetChart:
        """Forest plot of every treatment against the reference."""
        from jakinib.synthesis.network.figures import forest

        return forest(self)

    def network_figure(self) -> alt.LayerChart | alt.FacetChart:
        """The network: treatments as nodes, direct comparisons as lines as thick as they have studies."""
        from jakinib.synthesis.network.figures import graph

        return graph(self)

    # -- inside ------------------------------------------------------------------------------------

    def _known(self, treatment: str) -> str:
        if treatment not in self.treatments:
            raise ValueError(
                f"reference {treatment!r} is not in the network; it has {', '.join(self.treatments)}"
            )
        return treatment

    def _apart(self, treatment: str, reference: str) -> str:
        for name in (treatment, reference):
            for isolated, reason in self.isolated:
                if isolated == name:
                    return f"{name}: {reason}"
        return f"no chain of studies connects it with {reference}"

    def _rows(self, component: Component, a: Ints, b: Ints) -> list[dict[str, Any]]:
        found: Comparisons = component.fit.compare(a, b, self.level)
        read = self.choices.read
        direct = component.data.presence[:, a] & component.data.presence[:, b]
        columns = {
            "estimate": read(found.theta),
            "ci_low": read(found.low),
            "ci_high": read(found.high),
            "theta": found.theta,
            "se": found.se,
            "p": found.p,
            "prediction_low": read(found.prediction_low),
            "prediction_high": read(found.prediction_high),
            "studies": direct.sum(axis=0),
        }
        names = component.treatments
        return [
            {name: values[i].item() for name, values in columns.items()}
            | {"note": self._why(component, found, i, names[a[i]], names[b[i]])}
            for i in range(len(a))
        ]

    def _why(self, component: Component, found: Comparisons, i: int, a: str, b: str) -> str:
        theta = float(found.theta[i])
        if math.isnan(theta):
            return f"not estimable: {a} and {b} both without a finite estimate"
        if math.isinf(theta):
            low, high = (b, a) if theta > 0 else (a, b)
            return f"no finite estimate: the studies show no events under {low} to set against {high}"
        if math.isnan(found.se[i]) and math.isnan(found.low[i]):
            return "no standard error: the covariance this method estimates is not positive on these counts"
        if not math.isfinite(found.se[i]) or math.isinf(found.low[i]) or math.isinf(found.high[i]):
            return "the data do not bound the estimate on one side"
        if not math.isnan(component.fit.tau2) and math.isnan(found.prediction_low[i]):
            return "no prediction interval: no degrees of freedom for heterogeneity"
        return ""


_EMPTY = dict.fromkeys(
    ("estimate", "ci_low", "ci_high", "theta", "se", "p", "prediction_low", "prediction_high"), math.nan
) | {"studies": 0}
_SOURCES = (
    ("total", "Q"),
    ("heterogeneity", "  within designs"),
    ("inconsistency", "  between designs (inconsistency)"),
)
_SPLIT_COLUMNS = [
    "treatment",
    "reference",
    "studies",
    *(f"{kind}{end}" for kind in ("direct", "indirect", "network") for end in ("", "_low", "_high")),
    "share_direct",
    "difference",
    "se",
    "p",
    "note",
]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def _why_no_split(row: dict[str, Any]) -> str:
    if math.isfinite(row["indirect"]):
        return ""
    return "no indirect evidence" if math.isfinite(row["direct"]) else "not estimable"


def _cell(estimate: float, low: float, high: float) -> str:
    if math.isnan(estimate):
        return "not estimable"
    return f"{number(estimate)} ({number(low)} to {number(high)})"


def choose(measure: str, method: str, effects: str | None, level: float, options: dict[str, Any]) -> Choices:
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
    if not 0 < level < 1:
        raise ValueError(f"level {level!r} is not between 0 and 1; 0.95 means a 95 % interval")
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in known.options:
            takers = ", ".join(m for m, x in METHODS.items() if name in x.options)
            raise ValueError(f"method {method!r} takes no {name}; it belongs to {takers}")
    if given.get("tau2", "dl") not in ESTIMATORS:
        raise ValueError(f"tau2 {given['tau2']!r} is not one of {', '.join(ESTIMATORS)}")
    add = given.get("add", 0.5)
    if not (add >= 0 and math.isfinite(add)):
        raise ValueError(f"add {add!r} is not a number of 0 or more")
    return Choices(measure, method, effects or known.effects[0], level, given)


def network(
    arms: Any,
    measure: str = "OR",
    method: str = "iv",
    effects: str | None = None,
    reference: str | None = None,
    *,
    tau2: str | None = None,
    level: float = 0.95,
    add: float | None = None,
    priors: Any = None,
    merge_arms: bool = False,
) -> Network:
    """Compare every treatment of an arm table with every other over all its studies.

    ``measure``: OR, RR, RD, AS, IRR, IRD from counts; HR, MD, GEN from printed estimates. ``method``: a name
    in ``methods.METHODS``. ``effects``: "common" or "random", the method's default when not given.
    ``reference``: the treatment others are shown against (any result can be shown against any other);
    when not given, the one called placebo, else the one in most studies (the result says which).
    ``tau2``: "reml" (default), "dl" or "ml", for ``method="iv"``. ``add``: continuity correction of "iv"
    (default 0.5). ``priors``: ``Priors`` of a Bayesian fit. ``merge_arms``: add up several arms of one
    treatment within a study.

    A legal arm table always gives a result: what cannot be estimated is NaN with its reason. Parts of the
    network without a common comparator are each analysed and never bridged. Raises ArmTableError for a
    table that is not legal and ValueError for choices that do not go together.
    """
    choices = choose(measure, method, effects, level, {"tau2": tau2, "add": add, "priors": priors})
    table = read_arms(arms, merge_arms=merge_arms)
    known = METHODS[method]
    if len(table.treatments) < 2:
        raise ValueError(f"the arm table has one treatment ({table.treatments[0]!r}); a network needs two")
    if reference is not None and reference not in table.treatments:
        raise ValueError(
            f"reference {reference!r} is not in the arm table; it has {', '.join(table.treatments)}"
        )
    selected = select(table, measure, mixed=known.mixed, estimates=known.estimates)
    return analyse(
        selected.data,
        choices,
        reference,
        left_out=selected.left_out,
        populations=selected.populations,
        notes=selected.notes,
        extra=selected.by_study(),
    )


def analyse(
    data: NetworkData,
    choices: Choices,
    reference: str | None,
    *,
    left_out: Sequence[LeftOut] = (),
    populations: tuple[str, ...] = (),
    notes: Sequence[str] = (),
    extra: dict[str, dict[str, Any]] | None = None,
) -> Network:
    """Fit every connected component of what the method can use."""
    method = METHODS[choices.method]
    add = {"add": choices.options["add"]} if "add" in choices.options else {}
    usable, without = method.informative(data, choices.measure, **add)
    used = data.keep_arms(usable)
    notes = list(notes)
    if reference is None:
        reference = _reference(used if len(used.studies) else data)
        notes.insert(0, f"no reference was named; {reference!r} was taken")
    components, isolated = [], []
    for members, studies in used.components():
        if len(members) < 2:
            name = data.treatments[members[0]]
            seen = bool((data.treatment == members[0]).any())
            reason = (
                "its studies carry no information for this method"
                if seen
                else "no study that can be used compares it with another treatment"
            )
            isolated.append((name, reason))
            continue
        part = used.keep_studies(studies).with_treatments(members)
        named = {"reference": reference} if method.takes_reference else {}
        fit = method.fit(part, choices.measure, choices.effects, **choices.options, **named)
        components.append(Component(part, fit))
        notes += [f"{note}{_where(components, used)}" for note in fit.notes]
    if not components:
        notes.append(f"not estimable: no study carries information on the {MEASURE_NAMES[choices.measure]}")
    if (data.kind == NORMAL).any() and choices.method != "iv":
        notes.append("printed estimates enter with a normal likelihood")
    return Network(
        measure=choices.measure,
        method=choices.method,
        model=choices.effects,
        level=choices.level,
        reference=reference,
        components=tuple(components),
        isolated=tuple(isolated),
        left_out=(*left_out, *without),
        populations=populations,
        notes=tuple(dict.fromkeys(notes)),
        choices=choices,
        data=data,
        extra=extra or {},
    )


def _where(components: list[Component], used: NetworkData) -> str:
    part = components[-1]
    return "" if len(part.studies) == len(used.studies) else f" ({', '.join(part.treatments)})"


def _reference(data: NetworkData) -> str:
    for name in data.treatments:
        if name.casefold().strip() == "placebo":
            return name
    counts = np.bincount(data.treatment, minlength=len(data.treatments))
    return data.treatments[int(np.argmax(counts))]
