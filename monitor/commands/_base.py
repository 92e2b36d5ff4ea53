"""Shared parts of commands: flags for settings, and the error for bad usage."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config.errors import ConfigurationError
from monitor.own_checks.enrolment import enrol

if TYPE_CHECKING:
    from monitor.config.settings import Settings

USAGE = 2
"""Exit status for bad usage or configuration; `check` has its own."""


class BadUsage(Exception):
    """Wrong usage of a command; the message is one sentence."""


def settings_flags(parser: argparse.ArgumentParser) -> None:
    """Add --config, --dsn and --set."""
    parser.add_argument("--config", metavar="FILE", help="a YAML file with settings")
    parser.add_argument("--dsn", metavar="DSN", help="the server: postgresql://user@host/database")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="assignments",
        help="any other setting, such as findings.index_unused.window=7d; may be repeated",
    )


def server_argument(parser: argparse.ArgumentParser) -> None:
    """Add the address of the server, which can be given without --dsn."""
    parser.add_argument("address", nargs="?", metavar="DSN", help="the same as --dsn DSN")


def settings_of(known: argparse.Namespace) -> "Settings":
    """Load the settings and enrol own checks. Raises BadUsage."""
    try:
        settings = configured(known)
        enrol(settings.checks)
        return settings
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None


def checks_flag(parser: argparse.ArgumentParser) -> None:
    """Add --checks, for commands without settings."""
    parser.add_argument(
        "--checks",
        metavar="FOLDER",
        default=os.environ.get("PGVIGIL_CHECKS"),
        help="folder with checks of your own (default: PGVIGIL_CHECKS)",
    )


def enrol_checks(known: argparse.Namespace) -> None:
    """Enrol own checks. Raises BadUsage."""
    try:
        enrol(Path(known.checks) if known.checks else None)
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None


def configured(known: argparse.Namespace) -> "Settings":
    """Load the settings. Raises ConfigurationError."""
    # Only now, because the daemon does this in a copy of itself.
    from monitor.config.load import load
    from monitor.config.model import settings_type

    flags = assigned(known.assignments)
    if address := getattr(known, "address", None):
        if known.dsn is not None:
            raise BadUsage("the server is given twice: as DSN and with --dsn.")
        flags["dsn"] = address
    for name in ("config", "dsn", "listen"):
        value = getattr(known, name, None)
        if value is not None:
            flags[name] = value
    return load(flags, os.environ, settings_type())


def assigned(assignments: Sequence[str]) -> dict[str, str]:
    flags = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise BadUsage(f"--set takes NAME=VALUE, not {text!r}.")
        flags[name.strip()] = value
    return flags
