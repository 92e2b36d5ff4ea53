"""Run the daemon: watch the servers, and serve metrics and findings over HTTP.

Settings come from flags, PGVIGIL_* variables, a YAML file, and well-known variables
(DATABASE_URL, PG*, DATA_SOURCE_*), in this order of precedence.
"""

import argparse
import asyncio
import os

from monitor import logs
from monitor.commands._base import (
    BadUsage,
    configured,
    server_argument,
    settings_flags,
    settings_of,
)
from monitor.config.errors import ConfigurationError
from monitor.config.model import settings_type


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="address of the HTTP server")
    described = parser.format_help

    def format_help() -> str:
        # Only now, because the daemon itself never needs these texts.
        from monitor.config.reference_page import options_help

        parser.epilog = options_help(settings_type())
        return described()

    parser.format_help = format_help  # type: ignore[method-assign]


def run(known: argparse.Namespace) -> int:
    settings = settings_of(known)
    logs.set_up(settings.log_level, settings.log_format)

    async def live() -> None:
        from monitor.daemon import Daemon

        await Daemon(settings, load=lambda: configured(known), environ=dict(os.environ)).run()

    try:
        asyncio.run(live())
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    return 0
