"""Pages already made, kept while there is room: the evidence does not change while it is served."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class Kept:
    """Least recently used bytes by address, at most ``limit`` bytes together."""

    def __init__(self, limit: int = 32_000_000) -> None:
        self.limit = limit
        self.size = 0
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, address: str) -> bytes | None:
        with self._lock:
            if address in self._held:
                self._held.move_to_end(address)
            return self._held.get(address)

    def put(self, address: str, page: bytes) -> None:
        with self._lock:
            self.size += len(page) - len(self._held.pop(address, b""))
            self._held[address] = page
            while self.size > self.limit:
                self.size -= len(self._held.popitem(last=False)[1])
