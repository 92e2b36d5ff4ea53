"""Clean-up of a benchmark that is killed: its servers and watchers end with it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SWEEPER = Path(__file__).parents[1] / "tests" / "fixtures" / "sweeper.py"
MARK = "BENCH_FOLDERS"
"""Variable by which the sweeper knows what was started beside a server, such as a watcher."""


@contextmanager
def swept(folder: Path) -> Iterator[None]:
    """End all processes of this folder with the block, or with us, however we end."""
    before = os.environ.get(MARK, "")
    argv = [sys.executable, "-I", "-S", str(SWEEPER), str(folder)]
    # Popen closes the pipe at the end of the block, and the system does if we are killed. Another
    # folder in the environment of the sweeper would be the end of it.
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={}, start_new_session=True
    ):
        os.environ[MARK] = f"{before}:{folder}"
        try:
            yield
        finally:
            os.environ[MARK] = before
