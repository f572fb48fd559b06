"""The arm table: one row an arm in, checked arrays out.

Columns: ``study``, ``treatment``, ``events`` (persons with at least one event) with ``n`` (persons) and/or
``person_years``. Contrast rows (``study``, ``treatment``, ``reference``, ``measure``, ``estimate`` with
``ci_low`` and ``ci_high``, or ``se``) may stand beside them where a source prints only an estimate; a row is
a contrast row when its ``reference`` is filled. A column ``persons_of`` may name the groups of people that a
row counts (separated by ``;``): rows of two studies that share one are refused wherever studies are put
together. Every other column is carried along untouched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]  # of floats; scipy's stubs widen the dtype
Ints = npt.NDArray[np.intp]

RATIO_MEASURES = ("OR", "RR", "IRR", "HR")
DIFFERENCE_MEASURES = ("RD", "IRD", "AS", "MD", "GEN")
_NUMBERS = ("events", "n", "person_years")
_CONTRAST_NUMBERS = ("estimate", "ci_low", "ci_high", "se")
PERSONS = "persons_of"
_Z975 = 1.959963984540054


class ArmTableError(ValueError):
    """An arm table that cannot be analysed: which row and column, what was found, what would be right.

    Attributes: ``row`` (counted from 1, header not counted; None when the whole table is meant), ``column``,
    ``found``, ``remedy``.
    """

    def __init__(self, found: str, remedy: str, *, row: int | None = None, column: str | None = None) -> None:
        self.row, self.column, self.found, self.remedy = row, column, found, remedy
        places = [f"row {row}"] if row is not None else []
        places += [f"column '{column}'"] if column is not None else []
        super().__init__(f"arm table{', ' if places else ''}{', '.join(places)}: {found}. {remedy}.")


@dataclass(frozen=True)
class Contrasts:
    """Contrast rows: ``theta`` and ``se`` on the scale of analysis (log for ratio measures).

    ``study``, ``treatment`` and ``reference`` index ``ArmTable.studies`` and ``ArmTable.treatments``;
    ``row`` is the position in the table that was read, from 1. All arrays have shape (contrasts,).
    """

    study: Ints
    treatment: Ints
    reference: Ints
    measure: tuple[str, ...]
    theta: Floats
    se: Floats
    row: Ints

    def __len__(self) -> int:
        return len(self.measure)


@dataclass(frozen=True)
class ArmTable:
    """A checked arm table.

    ``studies`` and ``treatments`` are the labels in order of first appearance; ``study``, ``treatment``
    (indices into them), ``events``, ``n``, ``person_years`` and ``row`` (position in the table that was
    read, from 1) have shape (arms,). ``n`` and ``person_years`` are NaN where not given, never both.
    ``extra`` holds every other column, one value an arm. Contrast rows stand in ``contrasts``.
    """

    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    study: Ints
    treatment: Ints
    events: Floats
    n: Floats
    person_years: Floats
    row: Ints
    contrasts: Contrasts
    extra: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    #: the people that each row read counts, contrast rows included: position, study, groups
    persons: tuple[tuple[int, int, frozenset[str]], ...] = ()

    def __len__(self) -> int:
        return len(self.study)

    @cached_property
    def counts(self) -> tuple[str, ...]:
        """What ``events`` counts in each arm: ``"persons"`` (the default) or ``"events"``."""
        return tuple(_counts(self.extra, i) for i in range(len(self)))

    def population(self, studies: Sequence[int] | None = None) -> tuple[str, ...]:
        """The distinct populations of the arms (of the given studies), in order; empty when not stated."""
        values = self.extra.get("population")
        if values is None:
            return ()
        keep = range(len(self)) if studies is None else np.flatnonzero(np.isin(self.study, list(studies)))
        return tuple(dict.fromkeys(str(values[i]) for i in keep if not _blank(values[i])))

    def merged(self) -> ArmTable:
        """One arm a study and treatment: events, persons and person-years of the arms that share both added.

        A sum is known only where every part is known. ``counts`` must agree within the merged arms; extra
        columns keep the first arm's value where all agree and become None where not.
        """
        groups: dict[tuple[int, int], list[int]] = {}
        for i, key in enumerate(zip(self.study.tolist(), self.treatment.tolist(), strict=True)):
            groups.setdefault(key, []).append(i)
        if len(groups) == len(self):
            return self
        for members in groups.values():
            if len({self.counts[i] for i in members}) > 1:
                raise ArmTableError(
                    f"arms of {self._name(members[0])} count persons in one row and events in another",
                    "Keep one kind of count; a count of persons and a count of events are never added",
                    row=int(self.row[members[1]]),
                    column="counts",
                )
        first = np.array([members[0] for members in groups.values()], dtype=np.intp)
        members_of = list(groups.values())
        extra = {}
        for name, values in self.extra.items():
            merged = np.empty(len(groups), dtype=object)
            merged[:] = [
                values[m[0]] if all(same(values[i], values[m[0]]) for i in m) else None
                for m in groups.values()
            ]
            extra[name] = merged
        return replace(
            self,
            study=self.study[first],
            treatment=self.treatment[first],
            row=self.row[first],
            extra=extra,
            events=np.array([self.events[m].sum() for m in members_of]),
            n=np.array([self.n[m].sum() for m in members_of]),
            person_years=np.array([self.person_years[m].sum() for m in members_of]),
        )

    def _name(self, i: int) -> str:
        return f"study '{self.studies[self.study[i]]}', treatment '{self.treatments[self.treatment[i]]}'"

    def require_distinct_arms(self) -> None:
        """Raise ArmTableError when a study holds two arms of one treatment."""
        seen: dict[tuple[int, int], int] = {}
        for i, key in enumerate(zip(self.study.tolist(), self.treatment.tolist(), strict=True)):
            if key in seen:
                several = self._differing(seen[key], i)
                raise ArmTableError(
                    f"{self._name(i)} is already in row {self.row[seen[key]]}{several}",
                    "Keep one row a study and treatment, give the arms different treatment names, "
                    "or ask for their sum with merge_arms=True",
                    row=int(self.row[i]),
                    column="treatment",
                )
            seen[key] = i

    def require_distinct_persons(self, rows: Sequence[int] | None = None) -> None:
        """Raise ArmTableError when two studies (of the rows at these positions) count the same people."""
        seen: dict[str, tuple[int, int]] = {}
        for row, study, groups in self.persons:
            if rows is not None and row not in rows:
                continue
            for group in groups:
                first, other = seen.setdefault(group, (row, study))
                if other != study:
                    raise ArmTableError(
                        f"study '{self.studies[study]}' counts people whom study '{self.studies[other]}' in "
                        f"row {first} counts too ({group})",
                        "Keep one of the two: nobody is counted twice in one estimate",
                        row=row,
                        column=PERSONS,
                    )

    def _differing(self, i: int, j: int) -> str:
        names = [name for name, v in self.extra.items() if str(v[i]) != str(v[j]) and name != "row"]
        return f" (the rows differ in {', '.join(names)})" if names else ""


def read_arms(data: Any, *, merge_arms: bool = False, distinct: bool = True) -> ArmTable:
    """Read and check an arm table.

    ``data``: a pandas, polars, pyarrow or any other dataframe that speaks the narwhals or PyCapsule
    protocol, a mapping of column name to values, or an ``ArmTable``. ``merge_arms``: add up arms of one
    study that carry the same treatment; without it, and with ``distinct``, such arms are refused.

    A study with a single arm is legal here (it has a rate); comparisons list it among what they left out.

    Raises ArmTableError (a ValueError) naming row, column, what was found and what would be right: a missing
    column, text where a number belongs, a negative or fractional count, more events than persons,
    person-years of zero or less, a blank where a value must be, two arms of one treatment in one study, two
    studies that count the same people (column ``persons_of``).
    """
    table = data if isinstance(data, ArmTable) else _parse(_columns(data))
    if merge_arms:
        table = table.merged()
    if distinct:
        table.require_distinct_arms()
        table.require_distinct_persons()
    return table


def _parse(columns: dict[str, npt.NDArray[Any]]) -> ArmTable:
    for name in ("study", "treatment"):
        _require(columns, name)
    rows = len(columns["study"])
    for name, values in columns.items():
        if len(values) != rows:
            raise ArmTableError(
                f"{len(values)} values, but 'study' has {rows}",
                "Give every column one value a row",
                column=name,
            )
    if rows == 0:
        raise ArmTableError("no rows", "Give at least one arm; did the selection match nothing?")
    labels = {name: _labels(columns[name], name) for name in ("study", "treatment")}
    is_contrast = np.zeros(rows, dtype=bool)
    if "reference" in columns:
        is_contrast = np.array([not _blank(v) for v in columns["reference"]])
    arms = np.flatnonzero(~is_contrast)
    if len(arms):
        _require(columns, "events")
        if "n" not in columns and "person_years" not in columns:
            raise ArmTableError(
                "neither 'n' nor 'person_years' is there",
                "Add 'n' (persons), 'person_years', or both; columns found: " + ", ".join(columns),
            )

    study_names, study = _index(labels["study"])
    reference_labels = [
        str(columns["reference"][i]) if c else labels["treatment"][i] for i, c in enumerate(is_contrast)
    ]
    treatment_names, both = _index([*labels["treatment"], *reference_labels])
    treatment, reference = both[:rows], both[rows:]

    numbers = {
        name: _numbers(columns[name], name, arms) if name in columns else np.full(len(arms), math.nan)
        for name in _NUMBERS
    }
    keep_out = {"study", "treatment", *_NUMBERS, "reference", "measure", *_CONTRAST_NUMBERS}
    extra = {name: values[arms] for name, values in columns.items() if name not in keep_out}
    _check_arms(numbers, arms, extra, labels)
    return ArmTable(
        studies=study_names,
        treatments=treatment_names,
        study=study[arms],
        treatment=treatment[arms],
        row=arms + 1,
        persons=_persons(columns, study),
        contrasts=_contrasts(columns, np.flatnonzero(is_contrast), study, treatment, reference, labels),
        extra=extra,
        **numbers,
    )


def _persons(
    columns: Mapping[str, npt.NDArray[Any]], study: Ints
) -> tuple[tuple[int, int, frozenset[str]], ...]:
    cells = columns.get(PERSONS, ())
    return tuple(
        (i + 1, int(study[i]), frozenset(g.strip() for g in str(cell).split(";") if g.strip()))
        for i, cell in enumerate(cells)
        if not _blank(cell)
    )


def _columns(data: Any) -> dict[str, npt.NDArray[Any]]:
    if isinstance(data, Mapping):
        return {str(name): _array(values) for name, values in data.items()}
    import narwhals as nw

    try:
        frame = nw.from_native(data)
    except TypeError:
        frame = _from_capsule(data)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    return {column.name: _array(column.to_numpy()) for column in frame.iter_columns()}


def _from_capsule(data: Any) -> Any:
    import narwhals as nw

    if hasattr(data, "__arrow_c_stream__"):
        for backend in ("pyarrow", "polars", "pandas"):
            try:
                return nw.from_arrow(data, backend=backend)
            except ImportError:
                continue
        raise ArmTableError(
            "an Arrow stream, but neither pyarrow nor polars is installed", "Install one, or pass pandas"
        )
    raise ArmTableError(
        f"a {type(data).__name__}",
        "Pass a pandas, polars or pyarrow dataframe, or a mapping of column name to values",
    )


def _array(values: Any) -> npt.NDArray[Any]:
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values
    items = list(values)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _require(columns: Mapping[str, Any], name: str) -> None:
    if name not in columns:
        raise ArmTableError(
            "the column is missing",
            f"Add '{name}'; columns found: {', '.join(columns) or 'none'}",
            column=name,
        )


def _blank(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")  # asked first: NA != NA has no truth value
        or bool(value != value)  # NaN
    )


def same(one: Any, other: Any) -> bool:
    """Do two cells of an extra column agree? Two blanks do, of whatever kind (pandas' NA refuses ``==``)."""
    if _blank(one) or _blank(other):
        return _blank(one) and _blank(other)
    return bool(one == other)


def _labels(values: npt.NDArray[Any], column: str) -> list[str]:
    for i, value in enumerate(values):
        if _blank(value):
            raise ArmTableError("blank", f"Name the {column} of this row", row=i + 1, column=column)
    return [str(v) for v in values]


def _index(labels: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    position: dict[str, int] = {}
    index = np.array([position.setdefault(label, len(position)) for label in labels], dtype=np.intp)
    return tuple(position), index


def _numbers(values: npt.NDArray[Any], column: str, rows: Ints) -> Floats:
    """Floats of the given rows, NaN where blank."""
    values = values[rows]
    if values.dtype.kind in "iuf":
        return values.astype(float)
    out = np.empty(len(values))
    for i, value in enumerate(values):
        if _blank(value):
            out[i] = math.nan
            continue
        try:
            if isinstance(value, str | bytes | bool | np.bool_):
                raise TypeError
            out[i] = float(value)
        except (TypeError, ValueError):
            raise ArmTableError(
                f"{value!r} is not a number",
                "Give a number, or leave the cell blank if it was not reported",
                row=int(rows[i]) + 1,
                column=column,
            ) from None
    return out


def _check_arms(
    numbers: dict[str, Floats], rows: Ints, extra: dict[str, npt.NDArray[Any]], labels: dict[str, list[str]]
) -> None:
    events, n, person_years = (numbers[name] for name in _NUMBERS)

    def refuse(bad: npt.NDArray[np.bool_], column: str, found: str, remedy: str) -> None:
        if not bad.any():
            return
        i = int(np.flatnonzero(bad)[0])
        where = f"study '{labels['study'][rows[i]]}', treatment '{labels['treatment'][rows[i]]}'"
        values = {name: f"{numbers[name][i]:g}" for name in _NUMBERS}
        raise ArmTableError(
            f"{found.format(**values)} ({where})", remedy, row=int(rows[i]) + 1, column=column
        )

    refuse(
        np.isnan(events),
        "events",
        "blank",
        "Not reported is not zero: fill in the count, or leave the row out and say so",
    )
    refuse(np.isinf(events), "events", "{events} is not a count", "Give a whole number of 0 or more")
    refuse(events < 0, "events", "{events} is negative", "Give a whole number of 0 or more")
    refuse(
        events != np.floor(events), "events", "{events} is not whole", "Give the number of persons counted"
    )
    refuse(
        np.isnan(n) & np.isnan(person_years),
        "n",
        "blank, and so is 'person_years'",
        "Fill in the number of persons, the person-years, or both",
    )
    refuse(np.isinf(n) | (n < 1), "n", "{n} persons", "Give a whole number of 1 or more, or leave it blank")
    refuse(~np.isnan(n) & (n != np.floor(n)), "n", "{n} is not whole", "Give the number of persons")
    refuse(
        np.isinf(person_years) | (person_years <= 0),
        "person_years",
        "{person_years} person-years",
        "Give a positive time at risk, or leave it blank if it was not reported",
    )
    too_many = events > n
    if too_many.any():
        too_many &= np.array([_counts(extra, i) == "persons" for i in range(len(events))])
    refuse(
        too_many,
        "events",
        "{events} persons with an event among {n}",
        "Correct the count or the size; if events rather than persons were counted, "
        "say so in a column 'counts' with the value 'events'",
    )
    for i in range(len(events) if "counts" in extra else 0):
        _counts(extra, i, int(rows[i]) + 1)


def _counts(extra: Mapping[str, npt.NDArray[Any]], i: int, row: int | None = None) -> str:
    value = extra["counts"][i] if "counts" in extra else None
    if _blank(value):
        return "persons"
    if str(value) not in ("persons", "events"):
        raise ArmTableError(
            f"{str(value)!r}",
            "Write 'persons' (with at least one event) or 'events'",
            row=row,
            column="counts",
        )
    return str(value)


def _contrasts(
    columns: dict[str, npt.NDArray[Any]],
    rows: Ints,
    study: Ints,
    treatment: Ints,
    reference: Ints,
    labels: dict[str, list[str]],
) -> Contrasts:
    if len(rows):
        _require(columns, "measure")
        _require(columns, "estimate")
    nan = np.full(len(rows), math.nan)
    estimate, low, high, se = (
        _numbers(columns[name], name, rows) if name in columns else nan for name in _CONTRAST_NUMBERS
    )
    measures, theta, errors = [], np.empty(len(rows)), np.empty(len(rows))
    seen: dict[tuple[int, int, int, str], int] = {}
    for i, row in enumerate(rows):
        where = f" (study '{labels['study'][row]}')"

        def refuse(column: str, found: str, remedy: str, row: int = int(row) + 1, where: str = where) -> None:
            raise ArmTableError(found + where, remedy, row=row, column=column)

        measure = "" if _blank(columns["measure"][row]) else str(columns["measure"][row]).upper()
        if measure not in RATIO_MEASURES + DIFFERENCE_MEASURES:
            refuse(
                "measure",
                f"{measure or 'blank'} is not a measure",
                "Write one of " + ", ".join(RATIO_MEASURES + DIFFERENCE_MEASURES),
            )
        if treatment[row] == reference[row]:
            refuse("reference", "the treatment is its own reference", "Name the other treatment")
        pair = sorted((int(treatment[row]), int(reference[row])))
        key = (int(study[row]), pair[0], pair[1], measure)
        if key in seen:
            refuse("reference", f"the comparison is already in row {seen[key]}", "Keep one")
        seen[key] = int(row) + 1
        ratio = measure in RATIO_MEASURES
        values = {"estimate": estimate[i], "ci_low": low[i], "ci_high": high[i]}
        for name, value in values.items():
            if math.isinf(value) or (ratio and value <= 0):
                refuse(
                    name, f"{value:g} is not a {measure}", "Give a positive, finite number on the scale read"
                )
        if math.isnan(estimate[i]):
            refuse("estimate", "blank", "Fill in the estimate, or leave the row out")
        scale = math.log if ratio else float
        theta[i] = scale(estimate[i])
        if not math.isnan(se[i]):
            if not 0 < se[i] < math.inf:
                refuse("se", f"{se[i]:g}", "Give a positive standard error (of the log for a ratio measure)")
            errors[i] = se[i]
        elif math.isnan(low[i]) or math.isnan(high[i]):
            refuse(
                "se",
                "blank, and so is 'ci_low' or 'ci_high'",
                "Give 'se', or both limits of the 95 % interval",
            )
        elif not low[i] <= estimate[i] <= high[i] or low[i] == high[i]:
            refuse(
                "ci_low",
                f"{low[i]:g} to {high[i]:g} does not hold the estimate {estimate[i]:g}",
                "Correct the estimate or its 95 % interval",
            )
        else:
            errors[i] = (scale(high[i]) - scale(low[i])) / (2 * _Z975)
        measures.append(measure)
    return Contrasts(
        study=study[rows],
        treatment=treatment[rows],
        reference=reference[rows],
        measure=tuple(measures),
        theta=theta,
        se=errors,
        row=rows + 1,
    )
