"""Folders that appear whole: built beside their place, flushed to disk, then put there in one step.

Whoever is killed at any moment leaves the old folder or the new one. On Linux and macOS two folders change
places in one system call (``renameat2`` with ``RENAME_EXCHANGE``, ``renamex_np`` with ``RENAME_SWAP``).
Where the system has no such call the old folder is renamed first; should the process be killed between the
two renames, the next one puts it back (:func:`recover`).
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2
_DAY = 86_400


def beside(folder: Path) -> Path:
    """A new empty folder beside ``folder``, on the same disk, with a name that no table folder has."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover(folder)
    temp = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.new"
    temp.mkdir()
    return temp


def put(new: Path, folder: Path) -> None:
    """Put the finished folder ``new`` at ``folder``; what was there before is removed."""
    folder = folder.absolute()
    if folder.is_symlink():
        folder = folder.resolve()
    if not folder.exists():
        new.rename(folder)
    elif _exchange(new, folder):
        sync_folder(folder.parent)
        shutil.rmtree(new, ignore_errors=True)
    else:
        old = folder.parent / f".{folder.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    sync_folder(folder.parent)


def recover(folder: Path) -> None:
    """Put back a folder that a killed two-step rename left under its old name, and clear left-overs."""
    old = folder.parent / f".{folder.name}.old"
    if old.is_dir() and not folder.exists():
        old.rename(folder)
    for rest in folder.parent.glob(f".{folder.name}.????????.new"):
        if time.time() - rest.stat().st_mtime > _DAY:  # a younger one may belong to a command that still runs
            shutil.rmtree(rest, ignore_errors=True)


def sync(folder: Path) -> None:
    """Flush every file of ``folder`` and the folder itself to disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system or the disk cannot."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform.startswith("linux"):
            call = libc.renameat2
            done = call(
                _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
            )
        elif sys.platform == "darwin":
            done = libc.renamex_np(os.fsencode(one), os.fsencode(other), ctypes.c_uint(_RENAME_SWAP))
        else:
            return False
    except (AttributeError, OSError, TypeError):  # no such call here
        return False
    return bool(done == 0)
