"""Progress of a check, which steps without news do not stop."""

import threading
from io import StringIO

from monitor.migrations.progress import LogLines, Repeated


def test_a_long_step_is_told_again() -> None:
    told: list[str] = []
    thrice = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        if len(told) == 3:
            thrice.set()

    progress = Repeated(tell, pace=0.001)
    progress("making the copy")
    assert thrice.wait(60)
    progress.end()
    assert set(told) == {"making the copy"}
    assert not progress.thread.is_alive()


def test_nothing_is_told_before_there_is_anything() -> None:
    told: list[str] = []
    progress = Repeated(told.append, pace=0.001)
    progress.end()
    assert not told


def test_lines_of_a_log() -> None:
    log = StringIO()
    line = LogLines(log, pace=0.0)
    line("parsing 3 statements")
    line.end()
    assert log.getvalue() == "parsing 3 statements ...\n"
