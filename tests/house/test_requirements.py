"""What a machine lacks is said loudly, and where everything is required it is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tool

HOUSE = Path(__file__).parents[2]
NEEDY = "def test_needy(tool):\n    tool('no-such-program')\n"


@pytest.fixture
def needy(tmp_path: Path) -> Path:
    """A project of one test that needs a program which no machine has."""
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['tests.fixtures.requirements']\n")
    (tmp_path / "test_needy.py").write_text(NEEDY)
    return tmp_path


def run(project: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", project, *flags, project],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_tool_is_named(needy: Path) -> None:
    """The run passes, and its last lines name what was left out and how to get it."""
    done = run(needy)
    assert done.returncode == 0
    assert "LEFT OUT" in done.stdout
    assert "no-such-program (apt-get install no-such-program): 1 test" in done.stdout


def test_missing_tool_fails_where_all_is_required(needy: Path) -> None:
    """With --require-all nothing can be left out."""
    done = run(needy, "--require-all")
    assert done.returncode == 1
    assert "needs no-such-program" in done.stdout


def test_setup_without_python_is_one_sentence(tmp_path: Path) -> None:
    """Where no usable Python is found, set-up says so in one sentence and exits with 2."""
    script = tmp_path / ".ci" / "setup"
    script.parent.mkdir()
    script.write_text((HOUSE / ".ci" / "setup").read_text())
    done = subprocess.run(
        ["bash", script],
        env={**os.environ, "PYTHON": "/bin/false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "needs Python >= 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()
