"""Requests to public registries: answers kept on disk, one request a second, patient with a busy service.

An interrupted import goes on where it stopped: what was answered is in the cache and is not asked for again.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from jakinib.evidence.errors import EvidenceError
from jakinib.registry.strict_json import MAX_BYTES, RecordError

if TYPE_CHECKING:
    import httpx

DAY = 86_400.0
_AGENT = "jakinib (evidence on JAK inhibitors; polite client, 1 request a second)"


class UnreachableError(EvidenceError):
    """A service cannot be reached. ``address`` says what to download with another machine."""

    def __init__(self, address: str, why: str, remedy: str = "") -> None:
        self.address = address
        super().__init__(
            f"{address}: {why}. Without network: download this address with a browser, keep the file in a "
            f"folder, and import the folder{remedy or ' (--folder)'}"
        )


class Answer(NamedTuple):
    """Raw bytes of an answer, the address, and when the service gave it (which may be earlier: the cache)."""

    raw: bytes
    url: str
    retrieved: str
    status: int


def cache_folder() -> Path:
    """Where answers are kept: ``JAKINIB_CACHE``, or the user's cache folder."""
    if named := os.environ.get("JAKINIB_CACHE"):
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "jakinib"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "jakinib" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jakinib"


class Client:
    """A polite client; use as a context manager.

    Parameters
    ----------
    cache
        Folder of the cache; by default :func:`cache_folder`.
    keep
        Seconds for which an answer counts as fresh.
    every
        Least number of seconds between two requests (not between answers from the cache).
    attempts
        How often a request is tried when the service is busy (429, 5xx) or the connection breaks.
    wait
        First pause before another try, in seconds; it doubles. A ``Retry-After`` of the service counts more.
    """

    def __init__(
        self,
        cache: Path | None = None,
        keep: float = DAY,
        every: float = 1.0,
        attempts: int = 5,
        wait: float = 1.0,
    ) -> None:
        self.cache = cache or cache_folder()
        self.keep, self.every, self.attempts, self.wait = keep, every, attempts, wait

    def __enter__(self) -> Client:
        import httpx
        from hishel import SqliteStorage
        from hishel.httpx import CacheTransport

        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            storage = SqliteStorage(database_path=self.cache / "http.db", default_ttl=self.keep)
        except (OSError, sqlite3.Error) as error:
            raise EvidenceError(
                f"{self.cache}: cannot keep a cache there ({error}); set JAKINIB_CACHE"
            ) from None
        self._http = httpx.Client(
            transport=CacheTransport(_polite(httpx.HTTPTransport(), self.every), storage=storage),
            timeout=httpx.Timeout(30, connect=10),
            headers={"User-Agent": _AGENT},
            follow_redirects=False,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, url: str, params: Mapping[str, str] | None = None, missing: bool = False) -> Answer:
        """The answer to a request, from the cache when it is fresh.

        Parameters
        ----------
        url, params
            Address and query.
        missing
            True: HTTP 404 is an answer ("confirmed: there is none") and is returned.

        Raises
        ------
        UnreachableError
            No connection, or still busy after all attempts: says what to download.
        RecordError
            The service says that the address is wrong (4xx), or answers more than a record has.
        """
        import httpx
        import stamina

        def again(error: Exception) -> bool | float:
            if isinstance(error, httpx.HTTPStatusError):
                code = error.response.status_code
                after = error.response.headers.get("Retry-After", "")
                if code in (429, 503) and after.isascii() and after.isdigit():
                    return float(min(int(after), 120))
                return code == 429 or code >= 500
            return isinstance(error, httpx.TransportError) and not isinstance(
                error, httpx.UnsupportedProtocol
            )

        address = str(httpx.URL(url, params=params)) if params else url
        try:
            for attempt in stamina.retry_context(
                on=again,
                attempts=self.attempts,
                timeout=None,
                wait_initial=self.wait,
                wait_max=60 * self.wait,
                wait_jitter=self.wait / 4,
            ):
                with attempt:
                    return self._once(address, missing)
        except httpx.HTTPStatusError as error:
            code = error.response.status_code
            if code == 429 or code >= 500:
                raise UnreachableError(
                    address, f"the service answers {code} after {self.attempts} tries"
                ) from None
            raise RecordError(f"{address}: the service answers {code}; is the id right?") from None
        except httpx.TransportError as error:
            raise UnreachableError(address, f"no connection ({type(error).__name__})") from None
        raise AssertionError("unreachable")  # retry_context either returns or raises

    def _once(self, address: str, missing: bool) -> Answer:
        with self._http.stream("GET", address) as response:
            if not (response.status_code == 200 or (missing and response.status_code == 404)):
                response.raise_for_status()  # 4xx, 5xx; a redirect too
            raw = bytearray()
            for piece in response.iter_bytes():
                raw += piece
                if len(raw) > MAX_BYTES:
                    raise RecordError(f"{address}: the answer is larger than {MAX_BYTES:,} bytes; not read")
            when = _date(response.headers.get("Date", ""))  # kept in the cache with the answer
        return Answer(bytes(raw), address, when.isoformat(timespec="seconds"), response.status_code)


def _date(header: str) -> datetime:
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except (TypeError, ValueError):
        return datetime.now(UTC)


def _polite(inner: httpx.BaseTransport, every: float) -> httpx.BaseTransport:
    """A transport that waits so that requests are ``every`` seconds apart (it sits behind the cache)."""
    import httpx

    class Polite(httpx.BaseTransport):
        last = -1e9

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            pause = self.last + every - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            self.last = time.monotonic()
            return inner.handle_request(request)

        def close(self) -> None:
            inner.close()

    return Polite()
