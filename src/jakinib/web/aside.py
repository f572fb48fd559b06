"""Slow answers, one at a time in a process of their own: no other reader waits for them."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from importlib import import_module
from pathlib import Path
from queue import Queue
from typing import Any

HOME = Path(__file__).parents[2]
WAIT_S = 0.2  # a reader waits so long for an answer that may be quick
LIMIT_S = 90  # an answer that takes longer is given up
MOST_WAITING = 8


class NotReadyError(Exception):
    """The answer is being computed: ask again."""


class TookTooLongError(Exception):
    """The answer took longer than ``LIMIT_S``, or too many are waited for."""


class Aside:
    """Calls by key; the last ``keep`` answers are kept, also those that were given up."""

    def __init__(self, keep: int = 64) -> None:
        self.keep = keep
        self._asked: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._waiting: Queue[tuple[Future[Any], str, tuple[Any, ...]]] = Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, key: Hashable, function: Callable[..., Any], *given: Any) -> Any:
        """``function(*given)``, a public function of a module and what can be pickled.

        Raises NotReadyError, TookTooLongError, or ValueError with what the function raised.
        """
        with self._lock:
            future = self._asked.get(key)
            if future is None:
                if self._waiting.qsize() >= MOST_WAITING:
                    raise TookTooLongError("too many slow analyses are waited for; ask again in a while")
                future = Future()
                self._asked[key] = future
                self._waiting.put((future, f"{function.__module__}:{function.__name__}", given))
                while len(self._asked) > self.keep:
                    self._asked.popitem(last=False)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, daemon=True)
                    self._thread.start()
        try:
            return future.result(WAIT_S)
        except NotYet:
            if future.done():
                raise
            raise NotReadyError from None

    def _work(self) -> None:
        while True:
            future, name, given = self._waiting.get()
            try:
                future.set_result(_in_a_process(name, given))
            except BaseException as error:
                future.set_exception(error)


def _in_a_process(name: str, given: tuple[Any, ...]) -> Any:
    job = pickle.dumps((name, given))
    command = [sys.executable, "-m", "jakinib.web.aside"]
    where = os.pathsep.join([str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])])  # this very code
    env = {**os.environ, "PYTHONPATH": where}
    try:
        done = subprocess.run(command, input=job, capture_output=True, timeout=LIMIT_S, env=env)
    except subprocess.TimeoutExpired:
        raise TookTooLongError(f"it took longer than {LIMIT_S} s") from None
    if done.returncode:
        logging.getLogger(__name__).error("%s: %s", name, done.stderr.decode(errors="replace")[-2000:])
        raise TookTooLongError("it ended without an answer, perhaps for want of memory")
    answer, error = pickle.loads(done.stdout)  # written by the process just started
    if error is not None:
        raise ValueError(error)
    return answer


def _main() -> None:
    """Read one call from standard input, write what it gives; end by itself if nobody waits any more."""
    stop = threading.Timer(LIMIT_S + 5, os._exit, [3])
    stop.daemon = True
    stop.start()
    if hasattr(os, "nice"):
        os.nice(10)
    name, given = pickle.loads(sys.stdin.buffer.read())
    module, _, function = name.partition(":")
    out = sys.stdout.buffer
    sys.stdout = sys.stderr
    answer, error = None, None
    try:
        answer = getattr(import_module(module), function)(*given)
    except Exception as caught:
        error = str(caught)
    out.write(pickle.dumps((answer, error)))


if __name__ == "__main__":
    _main()
