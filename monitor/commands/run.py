"""Run the daemon: watch the servers, and serve metrics and findings over HTTP.

Settings come from flags, PGVIGIL_* variables, a YAML file, and well-known variables
(DATABASE_URL, PG*, DATA_SOURCE_*), in this order of precedence.
"""

import argparse
import asyncio
import os
import sys
from typing import NoReturn

from alerts._catalogue import all_findings
from collectors._catalogue import all_collectors
from monitor import logs
from monitor.commands._base import BadUsage, configured, server_argument, settings_flags
from monitor.config.configuration import Configuration, configuration
from monitor.config.errors import ConfigurationError
from monitor.forked import run_forked
from monitor.own_checks.enrolment import enrol


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="address of the HTTP server")
    described = parser.format_help

    def format_help() -> str:
        # Only now, because the daemon itself never needs these texts.
        from monitor.config.model import settings_type
        from monitor.config.reference_page import options_help

        parser.epilog = options_help(settings_type())
        return described()

    parser.format_help = format_help  # type: ignore[method-assign]


def run(known: argparse.Namespace) -> int:
    from monitor.daemon import Daemon

    try:
        found = read(known)
        enrol(found.checks)
        logs.set_up(found.log_level, found.log_format)

        async def live() -> None:
            await Daemon(found, load=lambda: read(known)).run()

        asyncio.run(live())
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    _leave()


def _leave() -> NoReturn:
    """End the process: sessions and files are closed, so nothing is worth waiting for.

    The interpreter would wait until its background thread has ended its work, which is of no use
    any more, and takes seconds where the machine is short of CPU.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def read(known: argparse.Namespace) -> Configuration:
    """Read the configuration in a copy of the process, which takes the memory for that with it.

    Raises ConfigurationError and BadUsage.
    """
    all_findings(), all_collectors()  # once, and not again in each copy
    return run_forked(
        lambda: configuration(configured(known), os.environ), ConfigurationError, BadUsage
    )
