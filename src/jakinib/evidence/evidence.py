"""The evidence base: typed tables from the shipped corpus and from folders of the user's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from jakinib.evidence import package as _package
from jakinib.evidence import tables as _tables
from jakinib.evidence.errors import EvidenceError, UnknownNameError
from jakinib.evidence.overlap import Overlap
from jakinib.evidence.overlap_rules import SHIPPED, covered, relations
from jakinib.evidence.select import ArmTable, EventRow, event_rows, select


@dataclass(frozen=True)
class Evidence:
    """What was published, as typed tables (pandas frames).

    Every table is an attribute (``ev.events``) and an entry (``ev["events"]``). The column ``origin`` says
    where a row comes from: ``"corpus"`` for the shipped corpus, else the name of the folder that was added.
    A blank is missing (not reported); a zero was observed. Frames are shared: copy before you change one.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    folders: tuple[Path, ...]

    def __getitem__(self, table: str) -> pd.DataFrame:
        try:
            return self.tables[table]
        except KeyError:
            raise UnknownNameError("table", table, self.tables) from None

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in _package.schemas():
            raise AttributeError(f"Evidence has no table {name!r}; it has {', '.join(_package.schemas())}")
        return self.tables[name]

    def __str__(self) -> str:
        counts = ", ".join(f"{len(t):,} {name}" for name, t in self.tables.items() if len(t))
        return f"Evidence from {', '.join(f.name for f in self.folders)}: {counts}"

    @cached_property
    def overlap(self) -> Overlap:
        """Which study counts the persons of which other: table ``overlaps`` and what follows from rules."""
        covers = self.covered
        drugs: dict[str, set[str]] = defaultdict(set)
        own: dict[str, set[str]] = defaultdict(set)
        for table in ("arms", "events"):
            frame = self.tables[table][["study", "treatment", "role"]].drop_duplicates()
            for study, treatment, kind in frame.itertuples(index=False):
                drugs[study] |= covers.get(treatment, frozenset())
                if kind == "jak":
                    own[study] |= covers.get(treatment, frozenset())
        classes = self.tables["drugs"].set_index("drug")["drug_class"]
        jak = frozenset(classes.index[classes == "JAK inhibitor"])
        studies = self.tables["studies"]
        trials = set(studies.loc[studies["design"].str.startswith("rct"), "study"])
        given = {study: frozenset(had & jak) for study, had in own.items()}
        return Overlap(
            relations(studies, self.tables["overlaps"], given),
            {study: frozenset(had) for study, had in drugs.items()},
            frozenset(trials & set(self.tables["arms"]["study"])),
            jak,
        )

    @cached_property
    def covered(self) -> dict[str, frozenset[str]]:
        """Treatment -> the drugs that persons counted under it may have had."""
        return covered(self.tables["treatments"], self.tables["drugs"])

    @cached_property
    def withdrawal(self) -> frozenset[str]:
        """Studies that randomised people who had taken the drug before to go on or to stop."""
        studies = self.tables["studies"]
        return frozenset(studies.loc[studies["design"] == "rct-withdrawal", "study"])

    @cached_property
    def names(self) -> dict[str, str]:
        """Key -> name to show, for treatments, outcomes, populations, studies and drugs."""
        shown = {"studies": "name", "populations": "name", "drugs": "name", "outcomes": "label",
                 "treatments": "label"}  # fmt: skip
        frames = [(self[t][_package.primary_key(t)[0]], self[t][column]) for t, column in shown.items()]
        return {key: name for keys, names in frames for key, name in zip(keys, names, strict=True)}

    @cached_property
    def event_rows(self) -> dict[str, list[EventRow]]:
        """The rows of ``events`` by outcome, as selection reads them."""
        return event_rows(self.tables["events"], self.tables["treatments"])

    def row(self, table: str, key: str) -> dict[str, Any]:
        """The row of ``table`` whose primary key is ``key`` (several key columns are joined by ``|``)."""
        frame = self[table]
        keys = _tables.row_keys(table, frame)
        found = frame[(keys == key).to_numpy()]
        if found.empty:
            raise UnknownNameError(f"row of {table}", key, keys)
        return {str(column): value for column, value in found.iloc[0].items()}

    def name(self, kind: str, text: str) -> str:
        """The key of a drug, treatment, population, outcome or study given by key, name, label or brand.

        Raises UnknownNameError with near matches.
        """
        table, columns = _NAMED[kind]
        frame = self[table]
        found = self._names[kind].get(_fold(text))
        if found is None:
            shown = [*frame[kind], *(v for c in columns for v in frame[c].dropna())]
            raise UnknownNameError(kind, text, shown)
        return found

    @cached_property
    def _names(self) -> dict[str, dict[str, str]]:
        index: dict[str, dict[str, str]] = {}
        for kind, (table, columns) in _NAMED.items():
            frame = self[table]
            names: dict[str, str] = {}
            for column in reversed(columns):
                for key, value in zip(frame[kind], frame[column], strict=True):
                    if isinstance(value, str):
                        names |= {_fold(part): key for part in value.split(";")}
            index[kind] = names | {_fold(key): key for key in frame[kind]}
        return index

    def select(
        self,
        outcome: str | Sequence[str],
        *,
        population: str | None = None,
        drug: str | None = None,
        treatment: str | None = None,
        dose: float | None = None,
        study: str | None = None,
        period: str = "controlled",
        subgroup: str | None = None,
        counts: str = "persons",
        pools: bool = False,
    ) -> ArmTable:
        """The arm table that answers one question, overlap resolved.

        See :func:`jakinib.evidence.select.select` for the rules and the parameters.
        """
        return select(
            self,
            outcome,
            population=population,
            drug=drug,
            treatment=treatment,
            dose=dose,
            study=study,
            period=period,
            subgroup=subgroup,
            counts=counts,
            pools=pools,
        )


# what a name may be given by: table and the columns that hold other names
_NAMED = {
    "drug": ("drugs", ["name", "brands"]),
    "treatment": ("treatments", ["label"]),
    "population": ("populations", ["name"]),
    "outcome": ("outcomes", ["name", "label"]),
    "study": ("studies", ["name", "registry_id"]),
    "source_id": ("sources", []),
}


def _fold(text: str) -> str:
    return text.strip().lower().replace("-", " ").replace("_", " ")


def load(*folders: str | Path, corpus: bool = True) -> Evidence:
    """Load the shipped corpus and add the folders given; without the corpus when ``corpus`` is False.

    A folder holds CSV files named and shaped as the corpus's tables (``events.csv``, ``arms.csv`` ...); it
    may hold only some of them. Its rows may refer to rows of the corpus.

    Raises EvidenceError when a file cannot be read as its table: it names file, line, column and remedy.
    """
    shipped = [(SHIPPED, _package.corpus_folder())] if corpus else []
    sources = [*shipped, *((f.name, f) for f in map(_folder, folders))]
    frames: dict[str, pd.DataFrame] = {}
    for table in _package.schemas():
        parts = [(origin, f) for origin, folder in sources if (f := folder / f"{table}.csv").is_file()]
        read = [_tables.read(table, path, origin) for origin, path in parts] or [_tables.empty(table)]
        frames[table] = read[0] if len(read) == 1 else pd.concat(read, ignore_index=True)
    return Evidence(frames, tuple(folder for _, folder in sources))


def _folder(folder: str | Path) -> Path:
    path = Path(folder)
    if not path.is_dir():
        raise EvidenceError(f"no folder {str(folder)!r}; give a folder with CSV tables such as events.csv")
    strange = [p.name for p in path.glob("*.csv") if p.stem not in _package.schemas()]
    if strange:
        raise EvidenceError(
            f"{path.name}/{strange[0]}: no such table; tables are {', '.join(_package.schemas())}"
        )
    if not any((path / f"{t}.csv").is_file() for t in _package.schemas()):
        raise EvidenceError(
            f"{path.name}: holds no table; expected files such as events.csv, studies.csv, arms.csv"
        )
    return path
