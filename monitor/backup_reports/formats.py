"""Formats of backup reports: JSON of pgBackRest, WAL-G and Barman, into rows.

The files are another program's, so nothing about them is taken for granted: what is missing or of
another type is left out, and texts are cut.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from collectors.backup_reports import Backup, BackupReport

KEPT = 200
"""Backups of one stanza, the newest; older ones change no verdict."""
STANZAS = 50
"""Stanzas or servers of one report."""
LONGEST = 100
"""Characters of a text that are kept."""
LATEST = 2.0**33
"""Unix seconds of the year 2242; what is later is no time."""
NOT_UNDERSTOOD = "it is not the JSON of such a report"
NOT_ALL = (
    "it does not list all backups: let the job write what info --output=json prints, without --set"
    " and --detail-level"
)
ONE_BACKUP = (
    "it shows one backup and not all of them: let the job write what list-backups prints, not"
    " show-backup"
)


class NotUnderstood(Exception):
    """The content is no report of that tool."""


def parse(tool: str, content: bytes, written: float) -> tuple[BackupReport, ...]:
    """Return the reports in a file; one with the problem if it can't be understood."""
    try:
        told = json.loads(content)
        return tuple(FORMATS[tool](told, written))
    except (ValueError, RecursionError, NotUnderstood):
        return (BackupReport(tool, "", written, NOT_UNDERSTOOD, is_readable=False),)


def _pgbackrest(told: Any, written: float) -> Iterator[BackupReport]:
    stanzas = _items(told)[:STANZAS]
    if not stanzas:
        yield BackupReport("pgbackrest", "", written, "no stanza exists in the repository")
    for stanza in stanzas:
        clusters = {
            (_whole(db.get("repo-key")), _whole(db.get("id"))): _identifier(db.get("system-id"))
            for db in _items(stanza.get("db"))
        }
        problem = _of_repositories(stanza) or _problem(_mapping(stanza.get("status")))
        name, listed = _text(stanza.get("name")), _items(stanza.get("backup"))
        if "backup" not in stanza or any("database-ref" in one for one in listed):
            yield BackupReport("pgbackrest", name, written, NOT_ALL, is_readable=False)
            continue
        backups = [_of_pgbackrest(one, clusters) for one in listed]
        yield BackupReport("pgbackrest", name, written, problem, backups=_newest(backups))


def _problem(status: Mapping[str, Any]) -> str | None:
    code = _whole(status.get("code"))
    return None if code in (0, None) else _text(status.get("message")) or f"code {code}"


def _of_repositories(stanza: Mapping[str, Any]) -> str | None:
    """Return what is wrong in which repository; of several, the stanza says that they differ."""
    repositories = _items(stanza.get("repo"))
    if len(repositories) < 2:
        return None
    wrong = (
        f"repo{_whole(one.get('key')) or '?'}: {problem}"
        for one in repositories
        if (problem := _problem(_mapping(one.get("status"))))
    )
    return ", ".join(wrong)[:LONGEST] or None


def _of_pgbackrest(
    told: Mapping[str, Any], clusters: Mapping[tuple[int | None, int | None], str | None]
) -> Backup:
    of = _mapping(told.get("database"))
    return Backup(
        label=_text(told.get("label")),
        kind=_text(told.get("type")),
        finished=_moment(_mapping(told.get("timestamp")).get("stop")),
        failed=told.get("error") is True,
        system_identifier=clusters.get((_whole(of.get("repo-key")), _whole(of.get("id")))),
    )


def _wal_g(told: Any, written: float) -> Iterator[BackupReport]:
    backups = [
        Backup(
            label=_text(one.get("backup_name")),
            kind="incremental" if "_D_" in _text(one.get("backup_name")) else "full",
            finished=_first_moment(one, "finish_time", "time", "modified"),
            failed=False,
            system_identifier=_identifier(one.get("system_identifier")),
        )
        for one in _items(told)
    ]
    yield BackupReport("wal-g", "", written, backups=_newest(backups))


def _barman(told: Any, written: float) -> Iterator[BackupReport]:
    if not isinstance(told, dict):
        raise NotUnderstood
    servers = [name for name in told if not name.startswith("_")]  # others: messages of the tool
    said = _error_of_barman(told.get("_ERROR"))
    if not servers:
        problem = f"it says: {said}" if said else "it lists no server"
        yield BackupReport("barman", "", written, problem, is_readable=False)
    for name in servers[:STANZAS]:
        if "backup_id" in _mapping(told[name]):  # of show-backup
            yield BackupReport("barman", _text(name), written, ONE_BACKUP, is_readable=False)
            continue
        listed = _items(told[name])
        if any("backup_id" not in one for one in listed):
            raise NotUnderstood
        rows = sorted(listed, key=lambda one: _text(one.get("backup_id")))
        found = tuple(_of_barman(one) for one in rows)
        # Without backups beside an error, it is not known whether there are any.
        is_known = bool(found) or said is None
        yield BackupReport("barman", _text(name), written, said, is_known, found[-KEPT:])


def _error_of_barman(told: Any) -> str | None:
    if not told:
        return None
    return _text(told[0] if isinstance(told, list) else told) or "an error"


def _of_barman(told: Mapping[str, Any]) -> Backup:
    """Read what Barman tells; what still waits for WAL can't be restored yet.

    Nor can what is being copied from another Barman, or has a state that is not known here.
    """
    status = _text(told.get("status")).upper()
    ended = told.get("end_time_timestamp") or told.get("end_time")
    return Backup(
        label=_text(told.get("backup_id")),
        kind=_text(told.get("backup_type")) or "full",
        finished=_moment(ended) if status in ("DONE", "") else None,
        failed=status == "FAILED",
    )


FORMATS: Mapping[str, Callable[[Any, float], Iterator[BackupReport]]] = {
    "pgbackrest": _pgbackrest,
    "wal-g": _wal_g,
    "barman": _barman,
}


def _newest(backups: list[Backup]) -> tuple[Backup, ...]:
    return tuple(sorted(backups, key=lambda one: one.finished or 0.0)[-KEPT:])


def _items(told: Any) -> list[Mapping[str, Any]]:
    """Return a list's objects. Raises NotUnderstood if it is no list, or has anything else in it.

    Nothing at all, as before the first backup, is an empty list.
    """
    if told is None:
        return []
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise NotUnderstood
    return told


def _mapping(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, dict) else {}


def _text(told: Any) -> str:
    if not isinstance(told, str):
        return ""
    return "".join(c for c in told[: 2 * LONGEST] if c.isprintable())[:LONGEST]


def _whole(told: Any) -> int | None:
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def _identifier(told: Any) -> str | None:
    """Return a system identifier, which is a number of 64 bits."""
    number = _whole(told)
    if number is not None and 0 < number < 2**64:
        return str(number)
    return told if isinstance(told, str) and told.isdecimal() and len(told) <= 20 else None


def _first_moment(told: Mapping[str, Any], *names: str) -> float | None:
    """Return the first that is a time; a time that is not known may be of the year 1."""
    return next((at for name in names if (at := _moment(told.get(name)))), None)


def _moment(told: Any) -> float | None:
    """Return unix seconds: from a number, a number as text, or an ISO time."""
    if isinstance(told, bool) or told is None:
        return None
    try:
        seconds = float(told) if isinstance(told, (int, float, str)) else None
    except (ValueError, OverflowError):
        seconds = _iso(told)
    return seconds if seconds is not None and 0 < seconds < LATEST else None


def _iso(told: Any) -> float | None:
    """Read `2026-03-01T02:55:00.123Z`; a time without a zone is UTC. Others say too little."""
    if not isinstance(told, str):
        return None
    try:
        moment = datetime.fromisoformat(told[:64])
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
