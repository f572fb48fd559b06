"""The data package: which tables there are, their columns, types and keys, and where the corpus lies."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

PLACEBO = "placebo"  # its key among the treatments


def corpus_folder() -> Path:
    """The folder of the shipped corpus."""
    with as_file(files("jakinib") / "corpus") as folder:
        return Path(folder)


@cache
def package() -> dict[str, Any]:
    """The descriptor of the data package (``datapackage.json``)."""
    text = (corpus_folder() / "datapackage.json").read_text(encoding="utf-8")
    descriptor: dict[str, Any] = json.loads(text)
    return descriptor


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Table name -> Table Schema."""
    return {r["name"]: r["schema"] for r in package()["resources"]}


def primary_key(table: str) -> list[str]:
    """Column names that together name a row of ``table``."""
    key = schemas()[table]["primaryKey"]
    return [key] if isinstance(key, str) else list(key)


def fields(table: str) -> list[dict[str, Any]]:
    """The columns of ``table``: name, type, description, unit, constraints."""
    columns: list[dict[str, Any]] = schemas()[table]["fields"]
    return columns
