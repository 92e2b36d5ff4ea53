"""Configuration: handed over by a copy of the process, it is the same."""

import argparse
import os
from pathlib import Path

import pytest

from monitor.cli import needed_commands, parser_for
from monitor.commands._base import BadUsage, configured
from monitor.commands.run import read
from monitor.config.configuration import configuration
from monitor.config.errors import ConfigurationError

FILE = """
servers:
  a:
    dsn: postgresql://u:secret@a/shop
    databases: {include: shop_*, exclude: [shop_old]}
    plans: {user: planner}
  b: {dsn: host=b, user_file: USER_FILE, cluster: main}
poolers: {p: {dsn: "host=p user=stats"}}
paces: {fast: 2s}
findings: {index_unused: {window: 7d}}
mute: [{finding: index_unused, why: known, until: 2099-01-01}]
listen: 127.0.0.1:0
"""


def asked(*arguments: str) -> argparse.Namespace:
    known = ("run", *arguments)
    return parser_for(needed_commands(known)).parse_args(known)


def test_it_comes_whole_from_the_copy(tmp_path: Path) -> None:
    """Secrets, limits and mutes are in it; equal plans keep their sessions after a reload."""
    file = tmp_path / "pgvigil.yaml"
    (tmp_path / "user").write_text("u")
    file.write_text(FILE.replace("USER_FILE", str(tmp_path / "user")))
    known = asked("--config", str(file))
    found = read(known)
    assert found == configuration(configured(known), os.environ) == read(known)
    assert [plan.name for plan in found.servers] == ["a", "b"]
    assert [plan.name for plan in found.poolers] == ["p"]
    assert found.servers[0].target.address.connect_arguments()["password"]() == "secret"
    assert found.servers[0].target.visits("shop_1")
    assert not found.servers[0].target.visits("shop_old")
    assert found.limits["index_unused"].window.days == 7  # type: ignore[attr-defined]
    assert found.file == file


def test_errors_are_those_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean paces\.fast"):
        read(asked("--dsn", "host=a user=u", "--set", "paces.fasst=1s"))
    with pytest.raises(BadUsage, match="given twice"):
        read(asked("host=a", "--dsn", "host=a"))
