"""The unit is one that systemd takes, and leaves pgvigil nothing that it does not need."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.requirements import Tool

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "pgvigil.service"
PGVIGIL = Path(sys.executable).with_name("pgvigil")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with the program where it is on this machine."""
    text = UNIT.read_text()
    assert "/opt/pgvigil/bin/pgvigil" in text
    file = tmp_path / UNIT.name
    file.write_text(text.replace("/opt/pgvigil/bin/pgvigil", str(PGVIGIL)))
    return file


def analyze(tool: Tool, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("systemd-analyze"), *arguments], capture_output=True, text=True, check=False
    )


def test_systemd_takes_the_unit(unit: Path, tool: Tool) -> None:
    """Every directive is known, and the program can be run."""
    done = analyze(tool, "verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_unknown_directive_is_noticed(unit: Path, tool: Tool) -> None:
    """The judge of the test above does judge."""
    unit.write_text(unit.read_text().replace("LockPersonality=", "LockPersonalty="))
    assert "LockPersonalty" in analyze(tool, "verify", "--man=no", unit).stderr


def test_unit_is_hardened(unit: Path, tool: Tool) -> None:
    """By systemd's own reckoning of 0 (safe) to 10 (exposed) it stays at or below 1.5."""
    done = analyze(tool, "security", "--offline=true", "--threshold=15", unit)
    assert done.returncode == 0, done.stdout[-300:]
