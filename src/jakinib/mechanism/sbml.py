"""SBML models of signalling pathways: read safely, simulated with libRoadRunner.

Any SBML model can be put in the place of the shipped ones. A file from outside is checked before any engine
sees it: size, encoding, no document type or entity, no include, no model definition kept elsewhere.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from jakinib.mechanism.errors import MechanismError, unknown

MAX_BYTES = 2_000_000
MAX_REACTIONS = 2_000
_ENGINES = Lock()  # an engine holds the state of one run; web requests come in threads


@dataclass(frozen=True, eq=False)
class SbmlModel:
    """A model and its compiled engine. Make one with :func:`read_sbml` or :func:`shipped_model`."""

    name: str
    text: str = field(repr=False)
    species: tuple[str, ...]
    parameters: tuple[str, ...]
    variables: tuple[str, ...]
    engine: Any = field(repr=False)

    def simulate(
        self,
        times: ArrayLike,
        settings: Mapping[str, float] | None = None,
        *,
        initial: Mapping[str, float] | None = None,
        start: float | None = None,
        stops: Sequence[float] = (),
        changes: Sequence[tuple[float, Mapping[str, float]]] = (),
        columns: Sequence[str] | None = None,
        rtol: float = 1e-9,
        atol: float = 1e-12,
    ) -> pd.DataFrame:
        """Time courses: a row a time, columns ``time`` and the species and rule variables.

        Parameters
        ----------
        times : increasing, in the model's unit of time; values before ``start`` are refused
        settings : parameter -> value for the whole run
        initial : species -> concentration at the start, over the model's own
        start : time the run begins at (the first of ``times`` otherwise)
        stops : times at which something in the model switches; the integrator starts anew there
        changes : (time, settings) applied at that time, in order
        columns : what to return; all species and rule variables otherwise
        rtol, atol : tolerances of the integrator (CVODE)

        Raises MechanismError for a name the model does not have or a run that the integrator cannot finish.
        """
        wanted = np.atleast_1d(np.asarray(times, dtype=np.float64))
        begin = float(wanted[0]) if start is None else float(start)
        if np.any(np.diff(wanted) <= 0) or wanted[0] < begin or not np.all(np.isfinite(wanted)):
            raise MechanismError(f"times must be finite, increasing and not before the start ({begin:g})")
        names = list(columns) if columns is not None else [*self.species, *self.variables]
        for name in [*(settings or {}), *(n for _, c in changes for n in c)]:
            if name not in self.parameters:
                raise unknown(f"parameter of model {self.name}", name, self.parameters)
        for name in [*names, *(initial or {})]:
            if name not in (*self.species, *self.variables, *self.parameters):
                raise unknown(f"variable of model {self.name}", name, [*self.species, *self.variables])
        with _ENGINES:
            return self._run(
                wanted, begin, names, settings or {}, initial or {}, stops, changes, (rtol, atol)
            )

    def _run(
        self,
        wanted: NDArray[np.float64],
        begin: float,
        names: list[str],
        settings: Mapping[str, float],
        initial: Mapping[str, float],
        stops: Sequence[float],
        changes: Sequence[tuple[float, Mapping[str, float]]],
        tolerances: tuple[float, float],
    ) -> pd.DataFrame:
        rr = self.engine
        rr.resetToOrigin()
        rtol, atol = tolerances
        rr.integrator.relative_tolerance = rtol
        rr.integrator.absolute_tolerance = atol
        rr.integrator.maximum_num_steps = 100_000
        for name, value in settings.items():
            rr[name] = float(value)
        rr.reset()
        for name, value in settings.items():
            rr[name] = float(value)
        for name, value in initial.items():
            rr[f"[{name}]"] = float(value)
        selections = ["time", *(f"[{n}]" if n in self.species else n for n in names)]
        cuts = {begin, float(wanted[-1])} | {float(t) for t in stops} | {float(t) for t, _ in changes}
        edges = sorted(c for c in cuts if begin <= c <= wanted[-1])
        out = np.full((len(wanted), len(selections)), np.nan)
        by_time: dict[float, dict[str, float]] = {}
        for at, change in changes:
            by_time.setdefault(float(at), {}).update(change)
        try:
            for left, right in zip(edges, edges[1:] or edges, strict=False):
                for name, value in by_time.get(left, {}).items():
                    rr[name] = float(value)
                inside = (wanted >= left) & (wanted <= right) & np.isnan(out[:, 0])
                if left == right:
                    out[inside] = [rr[s] for s in selections]
                    continue
                rr.model.setTime(left)
                grid = np.unique(np.concatenate([[left, right], wanted[inside]]))
                result = np.asarray(rr.simulate(times=grid.tolist(), selections=selections))
                out[inside] = result[np.searchsorted(grid, wanted[inside])]
        except RuntimeError as error:
            raise MechanismError(f"model {self.name}: the simulation failed ({_first_line(error)})") from None
        if not np.all(np.isfinite(out)):
            raise MechanismError(f"model {self.name}: the simulation gave values that are not finite")
        return pd.DataFrame(out, columns=["time", *names])

    def value(self, parameter: str) -> float:
        """The value of a parameter as the model was read."""
        if parameter not in self.parameters:
            raise unknown(f"parameter of model {self.name}", parameter, self.parameters)
        with _ENGINES:
            self.engine.resetToOrigin()
            return float(self.engine[parameter])


def read_sbml(source: str | Path) -> SbmlModel:
    """A model from a file, checked first.

    Raises MechanismError if the file is missing, larger than 2 MB, not UTF-8, not well-formed, not SBML,
    holds a document type, entity or include, keeps a model definition elsewhere, or cannot be compiled.
    """
    path = Path(source)
    if not path.is_file():
        raise MechanismError(f"{path} is not a file")
    if path.stat().st_size > MAX_BYTES:
        raise MechanismError(f"{path.name}: {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MechanismError(f"{path.name}: SBML must be UTF-8 text") from None
    return compile_sbml(text, path.stem)


@cache
def shipped_model(name: str) -> SbmlModel:
    """One of the models that come with the library, by the name of its file."""
    folder = files("jakinib") / "mechanism" / "models"
    known = sorted(p.name.removesuffix(".xml") for p in folder.iterdir() if p.name.endswith(".xml"))
    if name not in known:
        raise unknown("signalling model", name, known)
    return compile_sbml((folder / f"{name}.xml").read_text(encoding="utf-8"), name)


def compile_sbml(text: str, name: str) -> SbmlModel:
    """Check SBML text and compile it. Raises MechanismError as :func:`read_sbml` does."""
    check_sbml(text, name)
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    try:
        engine = roadrunner.RoadRunner(text)
    except (RuntimeError, ValueError) as error:
        raise MechanismError(f"{name}: the SBML cannot be compiled ({_first_line(error)})") from None
    model = engine.model
    species = tuple(model.getFloatingSpeciesIds()) + tuple(model.getBoundarySpeciesIds())
    every = tuple(model.getGlobalParameterIds())
    rules = set(_rule_variables(text))
    variables = tuple(p for p in every if p in rules)
    return SbmlModel(name, text, species, tuple(p for p in every if p not in rules), variables, engine)


def check_sbml(text: str, name: str) -> None:
    """MechanismError if the text is not SBML that is safe to hand to an engine."""
    if len(text.encode()) > MAX_BYTES:
        raise MechanismError(f"{name}: more than {MAX_BYTES:,} bytes")
    declared = re.match(r"\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)", text)
    if declared and declared[1].lower() not in ("utf-8", "us-ascii", "ascii"):
        raise MechanismError(f"{name}: encoding {declared[1]} is not read; save it as UTF-8")
    if re.search(r"<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", text, re.IGNORECASE):
        raise MechanismError(f"{name}: a document type or entity declaration is not read")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise MechanismError(f"{name}: not well-formed XML ({error})") from None
    if not re.fullmatch(r"\{http://www\.sbml\.org/sbml/level[123][^}]*\}sbml", root.tag):
        raise MechanismError(f"{name}: not SBML (the root element is {root.tag.rsplit('}', 1)[-1]!r})")
    reactions = 0
    for element in root.iter():
        tag = str(element.tag).rsplit("}", 1)[-1]
        if "XInclude" in str(element.tag) or tag == "externalModelDefinition":
            raise MechanismError(f"{name}: includes of other files are not read")
        reactions += tag == "reaction"
    if reactions > MAX_REACTIONS:
        raise MechanismError(f"{name}: {reactions:,} reactions; at most {MAX_REACTIONS:,} are compiled")
    if not any(str(e.tag).endswith("}model") for e in root):
        raise MechanismError(f"{name}: no model in the SBML")


def _rule_variables(text: str) -> list[str]:
    root = ET.fromstring(text)
    return [
        e.get("variable", "")
        for e in root.iter()
        if str(e.tag).rsplit("}", 1)[-1] in ("assignmentRule", "rateRule")
    ]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
