"""After SIGTERM the process ends once all is closed."""

import os
import signal
import subprocess
import sys

SLOW = """
import sys, time
from monitor import background, daemon
from monitor.cli import main

async def stuck(self):
    background._THREAD.submit(time.sleep, 600)
    print("begun", file=sys.stderr, flush=True)

daemon.Daemon._publish = stuck
sys.exit(main(["run", "--dsn", "host=127.0.0.1 port=1 user=u", "--listen", "127.0.0.1:0"]))
"""


def test_the_end_waits_for_no_calculation() -> None:
    """The background thread is at work for ten minutes yet."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stderr
    try:
        while "begun" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode == 0
    finally:
        process.kill()
