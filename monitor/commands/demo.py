"""Start a deliberately sick PostgreSQL under light load, and watch it.

A temporary PostgreSQL 18 (`pip install 'pgvigil[demo]'`) with the database of a shop, and the
ordinary daemon. All files are in one temporary folder, which Ctrl-C removes.
"""

import argparse

from monitor.commands._base import BadUsage, assigned
from monitor.config.errors import ConfigurationError

ANYWHERE = "127.0.0.1:0"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="address of HTTP (default 127.0.0.1:19187)"
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
        "--once", action="store_true", help="print the first complete report, and exit"
    )
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="with --once"
    )


def run(known: argparse.Namespace) -> int:
    # Imported here because no other command needs the demo and the daemon.
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
