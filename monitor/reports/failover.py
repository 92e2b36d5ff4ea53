"""Candidates of a failover as a table of text: the best first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from alerts.findings.replication.failover_readiness import Limits
from alerts.replication.link import is_heard
from alerts.replication.nodes import is_standby
from alerts.replication.readiness import Readiness, loss_text, of_receiver, readiness_of
from alerts.replication.watched import unwatched
from alerts.snapshot import ServerIdentity, Snapshot, Unknown
from alerts.units import bytes_text
from collectors._base import Role
from collectors.connection import connection
from collectors.replication import replication
from collectors.wal_position import wal_position
from monitor.reports.escape import safe
from monitor.views.wording import silence

Seen = tuple[Snapshot, Limits]
NONE = "No standby was found: nothing can take over.\n"
READY = {True: "yes", None: "unknown", False: "no"}
"""Words for whether a candidate is ready, the best first."""
LOSS_UNKNOWN = "what would be lost is not known"
NO_PRIMARY = ": its primary is not watched, or does not answer while the standby is still connected"
NOTE = (
    "Not judged: pg_hba.conf, certificates, how clients find the new primary, and whether the old"
    " primary is really stopped."
)


def candidates(servers: Sequence[Seen]) -> list[Readiness]:
    """Judge every standby: those that are watched, and those that only their upstream knows."""
    found: list[Readiness] = []
    down = [one.node for one, _ in servers if not one.has(wal_position)]
    for snapshot, limits in servers:
        try:
            if snapshot.node.role is Role.standby:
                found.append(_of_standby(snapshot, limits, down))
            if snapshot.has(replication) and snapshot.has(wal_position):
                others = filter(is_standby, unwatched(snapshot))
                found += [of_receiver(snapshot, receiver) for receiver in others]
        except Unknown as unknown:
            found.append(_unread(snapshot.node.server, unknown.reason))
    return sorted(found, key=_order)


def _of_standby(snapshot: Snapshot, limits: Limits, down: Sequence[ServerIdentity]) -> Readiness:
    """Judge a standby beside these servers, which don't answer.

    With a dead primary the loss is unknown for all standbys, and that is no reason against any of
    them. But only a primary that is watched is known to be dead.
    """
    one = readiness_of(snapshot, limits.lost.total_seconds(), limits.lost_bytes)
    is_dead = not is_heard(snapshot) and any(_may_lead(other, snapshot.node) for other in down)
    if one.lost_bytes is not None or (is_dead and not one.primary):
        return one
    why = LOSS_UNKNOWN if one.primary else LOSS_UNKNOWN + NO_PRIMARY
    return replace(one, doubts=(*one.doubts, why))


def _may_lead(other: ServerIdentity, standby: ServerIdentity) -> bool:
    """Whether a server that does not answer may be the primary of the standby."""
    return other.role is not Role.standby and other.cluster in (None, standby.cluster)


def _unread(server: str, reason: str) -> Readiness:
    return Readiness(server, None, (), None, None, None, None, (), (), doubts=(reason,))


def _order(one: Readiness) -> tuple[int, int, int, str]:
    """The best first: it has the most WAL, and the least to replay."""
    return (
        list(READY).index(one.is_ready),
        -(one.received_lsn or 0),
        one.to_replay_bytes or 0,
        one.candidate,
    )


def silent_servers(servers: Sequence[Seen]) -> list[str]:
    """Return a sentence about each server that does not answer."""
    standing = ((one, one.row(connection)) for one, _ in servers if one.has(connection))
    return [
        safe(f"{one.node.server} does not answer: {silence(one, row.cause)}") + "\n"
        for one, row in standing
        if not row.up
    ]


def failover_table(found: Sequence[Readiness]) -> str:
    """Return the table, with the reasons of each candidate below its line."""
    if not found:
        return NONE
    lines = [("candidate", "ready", "received up to", "lost now", "to replay first", "primary")]
    lines += [
        (
            one.candidate,
            READY[one.is_ready],
            _position(one.received_lsn),
            loss_text(one.lost_bytes, one.lost_seconds),
            "unknown" if one.to_replay_bytes is None else bytes_text(one.to_replay_bytes),
            one.primary or "unknown",
        )
        for one in found
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for number, line in enumerate(lines):
        text.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
        if number:
            text += _reasons(found[number - 1])
    return "".join(safe(line.rstrip()) + "\n" for line in (*text, "", NOTE))


def _position(lsn: int | None) -> str:
    """Return a position as PostgreSQL prints it: 0/3000148."""
    return "unknown" if lsn is None else f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def _reasons(one: Readiness) -> Iterator[str]:
    for reason in one.blockers:
        yield f"    not ready: {reason}"
    for reason in one.doubts:
        yield f"    not known: {reason}"
    for reason in one.breaks:
        yield f"    breaks: {reason}"
    if one.subscribed and one.lost_bytes != 0:
        named = ", ".join(one.subscribed)
        yield f"    lost for good: what is lost of {named}; no publisher sends it again"
    for reason in one.unknown:
        yield f"    unknown: {reason}"
