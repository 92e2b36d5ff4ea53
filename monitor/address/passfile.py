"""Password file of libpq: one line host:port:database:user:password for each login."""

import re
import stat
from collections.abc import Sequence
from pathlib import Path

from monitor.plain_file import read_text

FIELD = r"((?:\\.|[^:\\])*)"
LINE = re.compile(":".join([FIELD] * 5) + "(?::.*)?")


def objection(file: Path) -> str | None:
    """Return why libpq would ignore this file, in one sentence; None if it is fine or absent."""
    if not file.exists():
        return None
    if not file.is_file():
        return f"The password file {file} is ignored: it is not a plain file."
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"The password file {file} is ignored: others can read it, it needs mode 0600."
    return None


def password(file: Path, logins: Sequence[tuple[str, ...]]) -> str | None:
    """Return the password of the first line that matches a login (host, port, database, user)."""
    if not file.exists() or objection(file):
        return None
    lines = filter(None, map(LINE.fullmatch, read_text(file).splitlines()))
    known = [[re.sub(r"\\(.)", r"\1", field) for field in line.groups()] for line in lines]
    for *fields, secret in known:
        for login in logins:
            if all(field in ("*", value) for field, value in zip(fields, login, strict=True)):
                return secret
    return None
