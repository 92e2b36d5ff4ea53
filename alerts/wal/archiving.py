"""Archiving of WAL: which server of a cluster does it."""

from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.archiver import archiver


def archives(snapshot: Snapshot) -> bool:
    """Whether it is that server's trade: a standby archives only with archive_mode = always."""
    is_standby = snapshot.node.role is Role.standby
    return not (is_standby and snapshot.has(archiver)) or snapshot.row(archiver).is_archiving
