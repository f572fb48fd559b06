"""Files to import, one after the other: single files, folders, and archives that are read without
unpacking."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from jakinib.evidence.finding import Finding, shown
from jakinib.registry.strict_json import MAX_BYTES

_RATIO = 200  # an honest JSON or XML file shrinks to a tenth; a bomb to a thousandth


class Document(NamedTuple):
    """Raw bytes, the name they had, and what is known of where they came from (address, time)."""

    name: str
    raw: bytes
    about: dict[str, str] = {}  # noqa: RUF012 - never written to


def documents(paths: Iterable[Path], suffixes: tuple[str, ...]) -> Iterator[Document | Finding]:
    """The documents of files, folders and zip archives; what cannot be read is a finding, and the rest goes
    on.

    Parameters
    ----------
    paths
        Files are taken as they are; of folders, the files with one of ``suffixes`` and ``.zip``, in order of
        name, sub-folders included. Symbolic links out of a folder are not followed.
    suffixes
        Such as ``(".json",)``.
    """
    for path in paths:
        if path.is_dir():
            root = path.resolve()
            for inner in sorted(p for p in path.rglob("*") if p.suffix.lower() in (*suffixes, ".zip")):
                if inner.is_symlink() and not inner.resolve().is_relative_to(root):
                    yield _skipped(inner.name, "a link out of the folder", "the file itself")
                elif inner.is_file():
                    yield from _file(inner, suffixes)
        elif path.exists():
            yield from _file(path, suffixes)
        else:
            yield _skipped(path.name, "no such file", "a file or folder that exists")


def _file(path: Path, suffixes: tuple[str, ...]) -> Iterator[Document | Finding]:
    try:
        size = path.stat().st_size
        if path.suffix.lower() == ".zip":
            yield from _archive(path, suffixes)
        elif size > MAX_BYTES:
            yield _skipped(path.name, f"{size:,} bytes", f"at most {MAX_BYTES:,}")
        else:
            yield Document(path.name, path.read_bytes())
    except OSError as error:
        yield _skipped(path.name, error.strerror or str(error), "a file that can be read")


def _archive(path: Path, suffixes: tuple[str, ...]) -> Iterator[Document | Finding]:
    """Members are read into memory one by one; nothing is unpacked, so no name can lead anywhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = f"{path.name}/{member.filename}"
                parts = PurePosixPath(member.filename.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts:
                    yield _skipped(name, "a name that leads out of the archive", "a plain member name")
                elif member.is_dir() or not member.filename.lower().endswith(suffixes):
                    continue
                elif (
                    member.file_size > MAX_BYTES
                    or member.file_size > _RATIO * max(member.compress_size, 1) + 4096
                ):
                    yield _skipped(
                        name, f"{member.file_size:,} bytes from {member.compress_size:,}", "no bomb"
                    )
                else:
                    with archive.open(member) as file:
                        raw = file.read(MAX_BYTES + 1)
                    yield (
                        Document(name, raw)
                        if len(raw) <= MAX_BYTES
                        else _skipped(name, "too large", "a record")
                    )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        yield _skipped(path.name, f"not a readable archive ({error})", "a zip file")
    except Exception as error:  # zlib and lzma raise their own kinds for damaged members
        yield _skipped(path.name, f"damaged archive ({type(error).__name__})", "a zip file")


def _skipped(name: str, found: str, expected: str) -> Finding:
    return Finding("not-read", "file", shown(name, 120).strip("'"), "", found, expected)
