"""Work in a forked copy: its result or its error comes back, and its memory does not."""

import os
import signal
import threading
from pathlib import Path

import pytest

from monitor import forked
from monitor.forked import run_forked


def test_the_result_comes_from_another_process() -> None:
    assert run_forked(os.getpid) != os.getpid()
    assert run_forked(lambda: b"x" * 1_000_000) == b"x" * 1_000_000  # more than a pipe holds


def test_an_expected_error_is_raised_here() -> None:
    def fails() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        run_forked(fails, LookupError)


def test_an_error_that_nobody_expects_is_that_of_the_original() -> None:
    """So its traceback tells where it happened."""
    here = os.getpid()

    def fails() -> None:
        raise ZeroDivisionError(os.getpid())

    with pytest.raises(ZeroDivisionError, match=str(here)):
        run_forked(fails, LookupError)


def test_a_copy_that_is_killed_or_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()
    monkeypatch.setattr(forked, "LONGEST", 0.2)

    def killed() -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    def hangs() -> int:
        if os.getpid() != here:
            signal.pause()
        return os.getpid()

    assert run_forked(killed) == here
    assert run_forked(hangs) == here


def test_a_result_that_can_not_be_handed_over_is_made_here() -> None:
    assert run_forked(threading.Lock).acquire()


def test_no_copy_and_no_open_file_is_left() -> None:
    before = left()
    run_forked(os.getpid)
    assert left() == before


def left() -> tuple[int, str]:
    task = Path(f"/proc/self/task/{threading.get_native_id()}")
    return len(os.listdir("/proc/self/fd")), (task / "children").read_text()
