"""Up to when a restore could reach: the end of a backup, and the WAL that is kept of what followed.

What an archive has is known by the archiver. What a program has that receives WAL to store it, as
pg_receivewal and Barman do, is known by what it has confirmed. Whether it has all WAL since the
backup is not seen from the server, so that is told beside the end of the backup, and is no proof.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.replication.timeline import known_timeline
from alerts.replication.watched import PASSING
from alerts.snapshot import Snapshot
from alerts.units import moment_text
from alerts.wal.backups import is_on_standby
from collectors._base import Role
from collectors.archiver import archiver
from collectors.backup_reports import Backup
from collectors.replication import Receiver, replication

TEMPORARY = "pg_basebackup_"
"""How the slots begin that a base backup makes for itself."""


@dataclass(frozen=True, slots=True)
class Stored:
    """WAL that a program has stored, as far as it has confirmed that."""

    by: str
    slot: str | None
    until: float | None
    """Unix seconds; None if it was confirmed before anything was watched, or never is."""


def restorable_until(snapshot: Snapshot, backup: Backup) -> float | None:
    """Return up to when a restore of this backup could reach, in unix seconds.

    That is when the last file of WAL was archived, if there is an archive, else the backup's end.
    A standby does not know what its primary archives, and without an answer nothing is known.
    """
    server = primary_of(snapshot) or snapshot
    if not server.has(archiver):
        return None
    row = server.row(archiver)
    archived = row.last_archived_time if row.is_archiving else None
    if archived is None and is_on_standby(server):
        return None
    return max(filter(None, (archived, backup.finished)), default=None)


def primary_of(snapshot: Snapshot) -> Snapshot | None:
    """Return the watched primary of a standby."""
    found = (peer for peer in snapshot.peers if peer.node.role is Role.primary)
    return next(found, None) if is_on_standby(snapshot) else None


def restorable_text(snapshot: Snapshot, backup: Backup) -> str:
    until = restorable_until(snapshot, backup)
    if until is None:
        return ""
    server = primary_of(snapshot) or snapshot
    if server.row(archiver).is_archiving:
        return f" A restore could reach {moment_text(until)}."
    stored = list(stored_wal(server))
    by_itself = f" A restore could reach {moment_text(until)}, the end of the newest good backup"
    return "".join([by_itself, *map(_further, stored), "."])


def _further(stored: Stored) -> str:
    slot = f" by its slot {stored.slot}" if stored.slot else " without a slot"
    when = f" up to {moment_text(stored.until)}" if stored.until else ""
    return (
        f"; and further with the WAL that {stored.by} stores{slot}{when}, if it has all WAL since"
        " then, which is not seen from here"
    )


def stored_until(snapshot: Snapshot) -> float | None:
    """Return up to when WAL is stored by a program that receives it, in unix seconds."""
    server = primary_of(snapshot) or snapshot
    return max((one.until for one in stored_wal(server) if one.until), default=None)


def stored_wal(snapshot: Snapshot) -> Iterator[Stored]:
    """Yield the programs that receive WAL of this server to store it.

    A base backup receives the WAL of its own time only.
    """
    for row in snapshot.rows(replication) if snapshot.has(replication) else ():
        if row.replay_lsn is None and row.state == "streaming" and not _passes(row):
            yield Stored(row.name, row.slot_name, _confirmed(snapshot, row))


def _passes(row: Receiver) -> bool:
    is_own = (row.slot_name or "").startswith(TEMPORARY)
    return is_own or row.application_name in PASSING or row.slot_type == "logical"


def _confirmed(snapshot: Snapshot, row: Receiver) -> float | None:
    """Return when this server wrote what comes next; now, if the program has everything."""
    timeline = known_timeline(snapshot)
    if row.flush_lsn is None or timeline is None:
        return None
    passed = timeline.passed(row.flush_lsn)
    if passed is None:
        return snapshot.at
    return snapshot.at - passed.seconds if passed.exact else None
