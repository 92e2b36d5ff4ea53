"""Work in a forked copy of the process, so that the memory that it takes goes back afterwards."""

import contextlib
import os
import pickle
import select
import signal
import time
import warnings
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONGEST = 60.0
"""Seconds after which the copy is given up."""


def run_forked(work: Callable[[], T], *errors: type[Exception]) -> T:
    """Return what `work` returns in a copy of this process, or raise the error that it raised.

    What it returns, and those errors, must be picklable. In any other case the work is done
    here: where processes can't be forked, the copy failed, was killed, or took too long.
    """
    said = _said_by_a_copy(work, errors) if hasattr(os, "fork") else b""
    if not said:
        return work()
    found, wrong = pickle.loads(said)
    if wrong is not None:
        raise wrong
    result: T = found
    return result


def _said_by_a_copy(work: Callable[[], object], errors: tuple[type[Exception], ...]) -> bytes:
    """Return the pickled result or error; nothing if there is none."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of other threads, whose locks stay locked in the copy. Ours needs none but
        # those of imports, and is given up if it should wait for one.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            _say(writing, work, errors)
        finally:
            os._exit(0)  # nothing else of the copy ends: no handler, no test, no connection
    os.close(writing)
    try:
        return _heard(reading)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _say(pipe: int, work: Callable[[], object], errors: tuple[type[Exception], ...]) -> None:
    try:
        said = pickle.dumps((work(), None))
    except errors as wrong:
        said = pickle.dumps((None, wrong))
    except BaseException:
        return  # the original does the work again, and fails where it is seen
    with open(pipe, "wb") as file:
        file.write(said)


def _heard(pipe: int) -> bytes:
    """Return what is written until the pipe is closed; nothing if that takes too long."""
    heard, end = b"", time.monotonic() + LONGEST
    while select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return heard
        heard += part
    return b""
