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

    from jakinib.synthesis.network.shared import SharedNodes


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
        others = [t for t in self.treatments if t != reference]
        position = {t: i for i, t in enumerate(component.treatments)} if component else {}
        inside = [i for i, t in enumerate(others) if t in position]
        columns: dict[str, Any] = {name: np.full(len(others), value) for name, value in _EMPTY.items()}
        notes = ["" if t in position else self._apart(t, reference) for t in others]
        if component is not None:
            a = np.array([position[others[i]] for i in inside], dtype=np.intp)
            found, why = self._columns(component, a, np.full(len(a), position[reference], dtype=np.intp))
            for name, values in found.items():
                columns[name][inside] = values
            for i, note in zip(inside, why, strict=True):
                notes[i] = note
        return pd.DataFrame(
            {"treatment": others, "reference": [reference] * len(others), **columns, "note": notes}
        )

    def table(self) -> pd.DataFrame:
        """``effects()`` against the network's reference."""
        return self.effects()

    def comparisons(self) -> pd.DataFrame:
        """All pairs of treatments within each component, a row a pair; columns as in ``effects``."""

        columns: dict[str, list[Any]] = {name: [] for name in ("treatment", "reference", *_EMPTY, "note")}
        for component in self.components:
            a, b = np.triu_indices(len(component.treatments), 1)
            names = component.treatments
            found, why = self._columns(component, a, b)
            for name, values in found.items():
                columns[name] += values.tolist()
            columns["treatment"] += [names[i] for i in a]
            columns["reference"] += [names[j] for j in b]
            columns["note"] += why
        return _frame(columns)

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
        columns: dict[str, list[Any]] = {
            name: [] for name in ("component", "treatment", "score", "rank", "kind", "note")
        }
        for number_, component in enumerate(self.components):
            probability = self._rank_probability(component, lower_is_better)
            score = component.fit.scores(lower_is_better) if probability is None else sucra(probability)
            T = len(score)
            order = np.argsort(-score, kind="stable")
            score = score[order]
            columns["component"] += [number_] * T
            columns["treatment"] += [component.treatments[i] for i in order]
            columns["score"] += score.tolist()
            columns["rank"] += (1 + (T - 1) * (1 - score)).tolist()
            columns["kind"] += ["p_score" if probability is None else "sucra"] * T
            columns["note"] += np.where(
                np.isnan(score), "no finite comparison with some treatments", ""
            ).tolist()
        frame = _frame(columns)
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

        read, z = self.choices.read, _quantile(self.level)
        parts = []
        for component in self.components:
            found = component.fit.split()
            if found is None:
                continue
            columns: dict[str, Any] = {
                "treatment": [component.treatments[i] for i in found.a],
                "reference": [component.treatments[i] for i in found.b],
                "studies": found.studies,
            }
            for kind in ("direct", "indirect", "network"):
                theta, margin = getattr(found, kind), z * getattr(found, f"se_{kind}")
                low, high = (
                    found.limits(kind, self.level) if found.limits else (theta - margin, theta + margin)
                )
                columns |= {kind: read(theta), f"{kind}_low": read(low), f"{kind}_high": read(high)}
            columns |= {
                "share_direct": found.share,
                "difference": found.difference,
                "se": found.se_difference,
                "p": found.p,
                "note": _why_no_split(columns["direct"], columns["indirect"]),
            }
            parts.append(pd.DataFrame(columns))
        if len(parts) == 1:
            return parts[0]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_SPLIT_COLUMNS)

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

    def meta_regression(self, covariate: str, slopes: str = "shared") -> pd.DataFrame:
        """Slopes of the effects on a column of the arm table (method "iv" or "exact").

        ``covariate``: a numeric column of the arm table, one value a study. The effect of every treatment
        against the reference changes by its slope for each unit: one slope for all ("shared"), or one a
        treatment, normal about their mean ("exchangeable").

        The first row is the shared slope or the mean; with exchangeable slopes a row a treatment follows,
        drawn towards the mean. Columns: covariate, treatment (empty in the first row), slope, se (scale of
        analysis), ratio (the slope as a factor for a ratio measure), p (likelihood ratio for a shared slope
        on the exact likelihood, else Wald's), tau2 (between studies, beside the slopes), s2 (between slopes;
        NaN where shared), studies, note (why a slope is NaN). Raises ValueError where the column is missing,
        or not one number in a study that is used.
        """
        import pandas as pd

        from jakinib.synthesis.network.regression import slopes as fit_slopes

        if self.method not in ("iv", "exact") or self.main is None:
            raise ValueError(
                "meta-regression needs method='iv' or 'exact' and a reference that studies inform on"
            )
        if slopes not in ("shared", "exchangeable"):
            raise ValueError(f"slopes {slopes!r} is not one of shared, exchangeable")
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
        x = np.array([values.get(data.studies[s], math.nan) for s in data.study])
        bad = np.unique(data.study[~np.isfinite(x)]).tolist()
        if bad:
            raise ValueError(
                f"{covariate!r} of study {data.studies[bad[0]]!r} is not one number for all its arms"
            )
        at = data.treatments.index(self.reference)
        tau2 = self.choices.options.get("tau2", "reml")
        apart = slopes == "exchangeable"
        found = fit_slopes(data, self.main.fit, self.method, tau2, x - x.mean(), at, apart)
        names = ["", *(t for t in data.treatments if t != self.reference)] if apart else [""]
        rows = [
            {
                "covariate": covariate,
                "treatment": name,
                "slope": math.nan if found is None else float(found.slope[i]),
                "se": math.nan if found is None else float(found.se[i]),
                "ratio": math.nan if found is None else float(self.choices.read(found.slope[i])),
                "p": math.nan if found is None else float(found.p[i]),
                "tau2": math.nan if found is None or self.model == "common" else found.tau2,
                "s2": math.nan if found is None else found.s2,
                "studies": self.k,
                "note": "the studies do not tell a slope" if found is None else "",
            }
            for i, name in enumerate(names)
        ]
        return pd.DataFrame(rows)

    def doses(self, doses: Mapping[str, tuple[str, float]], curve: str = "linear") -> SharedNodes:
        """The network with one dose-response curve within each drug (method "iv" or "exact").

        ``doses``: treatment to (drug, dose in any unit of that drug); a treatment not named stays a node of
        its own, and the reference is dose 0 of every drug. ``curve``: "linear", the effect grows by the same
        for each unit of dose; "emax", Emax dose / (ED50 + dose) for a drug with two doses or more; or
        "exchangeable", doses normal about the mean of their drug. Raises ValueError for a treatment that is
        not in the network, or a dose that is not above 0.
        """
        if curve not in ("linear", "emax", "exchangeable"):
            raise ValueError(f"curve {curve!r} is not one of linear, emax, exchangeable")
        drug = {t: name for t, (name, _) in doses.items()}
        return self._shared(drug, {t: float(x) for t, (_, x) in doses.items()}, curve)

    def classes(self, classes: Mapping[str, str], exchangeable: bool = True) -> SharedNodes:
        """The network with class effects: members of a class equal, or exchangeable about its mean.

        ``classes``: treatment to class; others stay nodes of their own. Method "iv" or "exact".
        """
        kind = "exchangeable class" if exchangeable else "class"
        return self._shared(dict(classes), dict.fromkeys(classes, 1.0), kind)

    def _shared(self, group: dict[str, str], dose: dict[str, float], kind: str) -> SharedNodes:
        from dataclasses import replace

        from jakinib.synthesis.network.dose_class import fit_shared
        from jakinib.synthesis.network.nodes import nodes

        if self.main is None:
            raise ValueError(f"no study informs on {self.reference!r}: there is no network to put a model on")
        checked = nodes(self.main.treatments, self.reference, group, dose)
        if kind == "exchangeable":  # the dose itself says nothing there
            found = fit_shared(self, replace(checked, dose=1.0 * (checked.dose > 0)), kind)
            return replace(found, nodes=checked)
        return fit_shared(self, checked, kind)

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

    def _columns(self, component: Component, a: Ints, b: Ints) -> tuple[dict[str, Any], list[str]]:
        """What ``effects`` says of a v b, each of the shape of ``a``, and the notes."""
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
        why = [
            self._why(component, found, i, names[j], names[k])
            for i, (j, k) in enumerate(zip(a, b, strict=True))
        ]
        return columns, why

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


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    import pandas as pd

    # of empty lists pandas would make numbers
    return pd.DataFrame(columns) if columns["treatment"] else pd.DataFrame(columns=list(columns))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def _why_no_split(direct: Floats, indirect: Floats) -> Any:
    without = np.where(np.isfinite(direct), "no indirect evidence", "not estimable")
    return np.where(np.isfinite(indirect), "", without)


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
