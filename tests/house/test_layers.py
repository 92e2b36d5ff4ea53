"""Imports go one way: monitor, grafana, alerts, collectors."""

import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[2]


def test_imports_go_one_way() -> None:
    """No layer knows the ones above it."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
