"""What the program tells of itself on the command line."""

import subprocess
import sys

import pytest

from alerts._catalogue import all_findings
from alerts.prometheus.rulebook import all_watchdogs
from monitor.cli import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit, match="0"):
        raise SystemExit(main(arguments))
    return capsys.readouterr().out


def test_help_lists_what_is_of_use_to_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each command, and none for what works in a checkout only."""
    listed = {line.split()[0] for line in said(capsys, "--help").splitlines() if line[:4] == "    "}
    assert {"run", "check", "demo", "setup-sql"} <= listed
    assert not {"render", "new", "changelog"} & listed


def test_help_of_run_ends_with_all_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Made only when it is asked for, after the flags."""
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--help"])
    _, settings = capsys.readouterr().out.split("--set NAME=VALUE, or PGVIGIL_NAME")
    assert "  state_file " in settings


def test_findings_and_watchdogs_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """What watches us is listed below what watches the servers."""
    above, below = said(capsys, "explain").split("Alerts about pgvigil itself:")
    assert [line.split()[0] for line in above.split("\n") if line] == list(all_findings())
    assert [line.split()[0] for line in below.split("\n") if line] == list(all_watchdogs())


def test_a_picture_of_locks_says_why_it_is_empty() -> None:
    """An unreachable server is unknown, not a server without waits."""
    absent = "postgresql://somebody@127.0.0.1:1/postgres"
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "locks", "--dsn", absent],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Unknown: the server does not answer: Connection refused" in done.stdout
    assert (done.returncode, done.stderr) == (2, "")
