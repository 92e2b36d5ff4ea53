"""Advice about a pooler: lines for its ini file, and commands for its console."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alerts.cure import remark

WORD = re.compile(r"[a-z_][a-z0-9_]*\Z")
CONSOLE = remark("On the console of the pooler, as a user of admin_users:")
RELOAD = "RELOAD;"
"""Clients stay; PgBouncer reads its ini file again."""


def console(*commands: str) -> tuple[str, ...]:
    """Return commands with the place where they are run."""
    return (CONSOLE, *commands)


def ini(*lines: str, section: str = "pgbouncer") -> tuple[str, ...]:
    """Return lines for the ini file; a RELOAD puts them in force and drops no client."""
    return (*in_section(section, *lines), *console(RELOAD))


@dataclass(frozen=True, slots=True)
class IniLine:
    """A setting in the ini file: for all, or in the line of a database or a user."""

    setting: str
    section: str = "pgbouncer"
    owner: str | None = None
    """Name of the database or user; None for all."""


def changed(lines: Iterable[tuple[IniLine, int | str]]) -> Iterator[str]:
    """Yield lines of the ini file with these values, and the RELOAD that puts them in force."""
    known = list(lines)
    for_all = [f"{one.setting} = {value}" for one, value in known if one.owner is None]
    if for_all:
        yield from in_section("pgbouncer", *for_all)
    for one, value in known:
        if one.owner is not None:
            yield remark(f"In pgbouncer.ini, below [{one.section}], in the line of {one.owner}:")
            yield f"--   {one.setting}={value}"
    yield from console(RELOAD)


def restart(*lines: str) -> tuple[str, ...]:
    """Return lines that need a restart, in the ways that lose no query."""
    return (
        *in_section("pgbouncer", *lines),
        remark("Then restart PgBouncer. A restart drops all clients; with so_reuseport = 1 a"),
        remark("second process can take over first."),
    )


def in_section(section: str, *lines: str) -> Iterator[str]:
    yield remark(f"In pgbouncer.ini, below [{section}]:")
    yield from (f"--   {line}" for line in lines)


def quoted(database: str) -> str:
    """Quote a database's name for the console."""
    return database if WORD.match(database) else '"{}"'.format(database.replace('"', '""'))
