"""The daemon starts without what it never uses: each module costs memory in every sidecar."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from alerts._base import Evidence, Severity
from collectors import _shared_methods
from collectors._catalogue import all_collectors
from collectors.roles import DatabaseRole

UNWANTED = {
    *("rich", "sqlite3"),
    *("jinja2", "markdown_it", "postgast", "shtab", "grafana"),
    *("pydantic", "pydantic_core", "pydantic_settings", "yaml"),
    *("monitor.reports", "monitor.demo", "monitor.migrations", "monitor.generate"),
}
START = """
import sys
from monitor.cli import needed_commands, parser_for
from monitor.commands.run import read
arguments = ["run", "--dsn", "host=nowhere"]
found = read(parser_for(needed_commands(arguments)).parse_args(arguments))
from monitor.daemon import Daemon
Daemon(found, load=lambda: found)
print(*sys.modules)
"""


def test_the_daemon_imports_nothing_that_it_does_without() -> None:
    said = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert "monitor.daemon" in said.stdout.split()
    assert UNWANTED & set(said.stdout.split()) == set()


def evidence() -> Evidence:
    return Evidence(
        subject="a",
        severity=Severity.info,
        value=1,
        message="It is so.",
        facts={},
        cure=(),
        check="",
    )


def test_rows_and_evidence_are_frozen_and_shown_by_shared_methods() -> None:
    """They behave as `dataclass` made them."""
    all_collectors()
    one = evidence()
    assert type(one).__setattr__ is DatabaseRole.__setattr__
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'subject'"):
        one.subject = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'subject'"):
        del one.subject
    assert repr(one).startswith("Evidence(subject='a', severity=<Severity.info: 'info'>, value=1,")
    assert one == evidence() != replace(one, subject="b")


def test_methods_written_by_hand_stay() -> None:
    @dataclass(frozen=True, slots=True)
    class Secret:
        text: str

        def __repr__(self) -> str:
            return "Secret(…)"

    _shared_methods._share(Secret)
    assert repr(Secret("x")) == "Secret(…)"
    with pytest.raises(FrozenInstanceError):
        Secret("x").text = "y"  # type: ignore[misc]
