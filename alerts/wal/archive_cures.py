"""Steps for an archiver that archives nothing."""

from alerts.cure import remark
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.wal.server_settings import text_of
from collectors.settings import settings

CHECK = (
    "SELECT archived_count, last_archived_wal, last_archived_time, failed_count, last_failed_wal,"
    " last_failed_time FROM pg_catalog.pg_stat_archiver;"
)
DO_NOT = (
    remark("Don't delete files from pg_wal or its archive_status: the server could not start, or"),
    remark("the archive would have a gap. Don't set archive_command to /bin/true to get rid of"),
    remark("them either: that is the same gap, and no backup of before can be rolled over it."),
)


def way_of(snapshot: Snapshot) -> str:
    """Return the name of the setting by which this server archives."""
    if not snapshot.has(settings):
        return "archive_command"
    return "archive_library" if text_of(snapshot, "archive_library") else "archive_command"


def repair(snapshot: Snapshot, file: str | None) -> tuple[str, ...]:
    """Return how to find out why archiving a file fails, and what follows."""
    way = way_of(snapshot)
    tried = f" for the file {file}" if file else ""
    return (
        remark("1. The server's log says why, after 'archive command failed' or 'archiving'."),
        remark(
            f"2. Run the {way} by hand{tried}, as the operating system's user of the server, in its"
        ),
        remark("   data directory. Common: a full or unmounted target, rights, expired keys, DNS."),
        remark("3. Repair that. The archiver tries again within a minute; nothing has to restart."),
        remark(f"4. If {way} itself is wrong, change it:"),
        *change(snapshot, way, "'…'"),
        *DO_NOT,
    )


def unblock(snapshot: Snapshot) -> tuple[str, ...]:
    """Return how to deal with an archiver that neither succeeds nor fails."""
    way = way_of(snapshot)
    return (
        remark("1. On the server: ps shows what 'postgres: archiver' does, and its child process."),
        remark(
            f"2. A child that hangs: find out what it waits for (target, network, lock in {way}"
        ),
        remark("   itself), then end that child process, not the archiver: it is tried again."),
        remark("3. No child: the log says why. No archiver: it is started again within a minute."),
        remark("4. If it works but is too slow, archive in parallel, or compress less."),
        *DO_NOT,
    )


def configure(snapshot: Snapshot) -> tuple[str, ...]:
    """Return how to give the archiver something to do."""
    return (
        remark("archive_mode is on, but nothing says where to: all WAL is kept until it does."),
        *change(snapshot, "archive_command", "'…'"),
        remark("If there shall be no archive, archive_mode = off takes a restart."),
        *DO_NOT,
    )
