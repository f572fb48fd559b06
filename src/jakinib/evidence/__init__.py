"""The evidence room: load, check and select what was published.

``jakinib.evidence`` names both this room and the function that loads it, so the module is callable:
``jk.evidence("my-folder")`` is :func:`jakinib.evidence.evidence.load`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jakinib.evidence.evidence import Evidence


class _Room(ModuleType):
    def __call__(self, *folders: str | Path) -> Evidence:
        from jakinib.evidence.evidence import load

        return load(*folders)


sys.modules[__name__].__class__ = _Room
