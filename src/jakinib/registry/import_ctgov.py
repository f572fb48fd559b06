"""Import ClinicalTrials.gov records into a staging folder."""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jakinib.evidence.finding import Finding
from jakinib.registry.ctgov.record import parse
from jakinib.registry.ctgov.rows import convert
from jakinib.registry.files import Document, documents
from jakinib.registry.names import Names, known
from jakinib.registry.outcome_terms import Terms, shipped
from jakinib.registry.staging import Prepared, Stage, Staged, prepare
from jakinib.registry.strict_json import RecordError

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence

SERVICE = "ClinicalTrials.gov API v2"
_TOGETHER = 4  # documents a task
_POOL_FROM = 64  # documents; below that starting processes costs more than it saves


def import_files(
    paths: Iterable[Path], into: Path, evidence: Evidence, progress: Callable[[], None] | None = None
) -> Staged:
    """Stage the records of files, folders and zip archives.

    Parameters
    ----------
    paths
        Where the JSON documents are.
    into
        The staging folder to write; it appears whole, or not at all.
    evidence
        Names that are known (drugs, treatments, populations, studies).
    progress
        Called after each document.

    Returns
    -------
    Staged
        Counts, findings, skipped documents. One bad file is skipped with its finding, never fatal.
    """
    return stage(documents(paths, (".json",)), into, evidence, progress)


def stage(
    found: Iterable[Document | Finding],
    into: Path,
    evidence: Evidence,
    progress: Callable[[], None] | None = None,
) -> Staged:
    """Stage documents that are at hand."""
    names, terms = known(evidence), shipped()
    with Stage(into, SERVICE) as out:
        for one in _all(iter(found), names, terms):
            if isinstance(one, Finding):
                out.skip(one)
            else:
                out.add(one)
            if progress:
                progress()
        return out.result


def one(document: Document, names: Names, terms: Terms) -> Prepared | Finding:
    """One document's rows, or the finding that says why it cannot be read."""
    try:
        record = parse(document.raw, document.name)
        found = convert(record, names, terms)
    except RecordError as error:
        return Finding("not-read", "file", document.name, "", str(error), "a study record")
    about = {
        "version": record.version,
        "results_posted": record.results_date,
        "dataset": record.dataset_date,
        "history_versions": record.history_version,
        "sha256": record.sha256,
        "bytes": record.size,
        "file": record.name,
        "root": record.prefix.rstrip("."),
        **document.about,
    }
    kept = {k: v for k, v in about.items() if v not in ("", None)}
    return prepare(record.id, found.single, kept, found.findings, found.confirm, found.unmapped, found.terms)


_WORKER: dict[str, Any] = {}


def _start(names: Names, terms: Terms) -> None:
    _WORKER["names"], _WORKER["terms"] = names, terms
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)  # a record is a tree without cycles: looking for them costs an eighth


def _work(items: list[Document | Finding]) -> list[Prepared | Finding]:
    return [_read(item, _WORKER["names"], _WORKER["terms"]) for item in items]


def _read(item: Document | Finding, names: Names, terms: Terms) -> Prepared | Finding:
    return one(item, names, terms) if isinstance(item, Document) else item


def _all(found: Iterator[Document | Finding], names: Names, terms: Terms) -> Iterator[Prepared | Finding]:
    """In order; many documents are shared out over the processors, a few at a time, so memory stays level."""
    first = list(islice(found, _POOL_FROM))
    workers = min(os.cpu_count() or 1, 8)
    items = chain(first, found)
    if len(first) < _POOL_FROM or workers < 2:
        yield from (_read(item, names, terms) for item in items)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (names, terms)) as pool:
        waiting: deque[Future[list[Prepared | Finding]]] = deque()
        while some := list(islice(items, _TOGETHER)):
            waiting.append(pool.submit(_work, some))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
