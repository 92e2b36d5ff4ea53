"""Start a deliberately sick PostgreSQL, light load on it, and watch it.

A throw-away PostgreSQL 18 (`pip install 'pgvigil[demo]'`) with a shop in it, and on top of it the
ordinary daemon. Nothing outside of one temporary folder is touched, and Ctrl-C removes it again.
"""

import argparse

from monitor.commands._base import BadUsage, assigned
from monitor.config.errors import ConfigurationError

ANYWHERE = "127.0.0.1:0"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="where HTTP is served (127.0.0.1:19187)"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="assignments",
        help="any other setting, such as findings.index_unused.window=1h; may be repeated",
    )
    parser.add_argument(
        "--once", action="store_true", help="print the first complete judgement, and end"
    )
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="with --once"
    )


def run(known: argparse.Namespace) -> int:
    # The daemon has no use for the demo, and the other commands have none for the daemon.
    from monitor.demo.binaries import LaunchError
    from monitor.demo.start import demo

    flags = assigned(known.assignments)
    listen = known.listen or (ANYWHERE if known.once else None)
    if listen:
        flags["listen"] = listen
    try:
        return demo(flags, known.format if known.once else None)
    except (LaunchError, ConfigurationError) as wrong:
        raise BadUsage(str(wrong)) from None
