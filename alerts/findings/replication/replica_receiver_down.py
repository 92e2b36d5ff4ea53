"""A standby that receives nothing gets older every second, and can't take over without a loss."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.client_name import client_text
from alerts.cure import ACTIVITY, equals, remark
from alerts.history.unchanged import Unchanged
from alerts.limits import FIXED, BaseLimits
from alerts.replication import cures
from alerts.replication.lag import lag_of_standby
from alerts.replication.link import (
    GRACE,
    HEARD,
    MESSAGE,
    REPLAYED,
    Silence,
    is_fed_from_archive,
    is_upstream_hidden,
    silence_of,
)
from alerts.replication.timeline import TIMELINE
from alerts.replication.watched import unwatched
from alerts.replication.wording import also, lag_facts, link_facts
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import activity
from collectors.replication import Receiver, replication
from collectors.settings import settings
from collectors.wal_position import wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver

REPLIES = Unchanged(replication, "reply_time")
"""By the receiver's own clock: only whether it changes counts."""

HIDDEN = (
    "it receives nothing, and whether primary_conninfo is set is hidden from our role: grant it"
    " pg_read_all_settings"
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    silent: Annotated[Duration, FIXED] = timedelta(seconds=60)
    """Time without a message; a restarted receiver is back within seconds."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if snapshot.row(wal_position).in_recovery:
        yield from of_standby(snapshot, limits.silent.total_seconds())
    yield from of_receivers(snapshot, limits.silent.total_seconds())


def of_standby(snapshot: Snapshot, patience: float) -> Iterator[Outcome]:
    silence, link = silence_of(snapshot), snapshot.row(wal_receiver)
    if silence is None:
        if is_upstream_hidden(link) and not is_fed_from_archive(snapshot, link):
            yield Unjudged(HIDDEN, subject=snapshot.node.server)
        return
    if silence.seconds >= patience:
        yield disconnected(snapshot, snapshot.row(wal_receiver), silence)
    yield Unjudged(  # until it has held, it is not healthy either
        f"nothing was received from upstream for {duration_text(silence.seconds)}",
        subject=snapshot.node.server,
    )


def of_receivers(snapshot: Snapshot, patience: float) -> Iterator[Outcome]:
    """Judge standbys that are not watched, by their replies; an idle one replies every 10 s."""
    replies = snapshot.of(REPLIES)
    for receiver in unwatched(snapshot):
        reply = replies.get((receiver.pid, receiver.backend_start_text))
        if reply and reply.seconds >= patience:
            yield speechless(receiver, reply.seconds)
        elif reply and reply.seconds > GRACE and owes_reply(receiver):
            yield Unjudged(
                f"WAL was sent to {receiver.name}, which has not replied for"
                f" {duration_text(reply.seconds)}",
                subject=receiver.name,
            )


def owes_reply(receiver: Receiver) -> bool:
    """Return True if it was sent WAL that it has not confirmed; it does so as soon as it came."""
    sent, written = receiver.sent_lsn, receiver.write_lsn
    return sent is not None and written is not None and sent > written


def disconnected(snapshot: Snapshot, link: WalReceiver, silence: Silence) -> Evidence:
    server, lag = snapshot.node.server, lag_of_standby(snapshot)
    what = "has no WAL receiver" if link.pid is None else "receives nothing from upstream"
    how_long = (
        f"for {duration_text(silence.seconds)}"
        if silence.seen
        else "since pgvigil started to watch it"
    )
    return Evidence(
        subject=server,
        severity=Severity.critical,
        value=silence.seconds,
        message=f"{server} {what}: nothing was received {how_long}{also(lag)}.",
        facts={
            "state": "disconnected" if link.pid is None else "hung",
            "silent_seconds": silence.seconds,
            "receiver_pid": link.pid,
            **lag_facts(lag),
            **link_facts(link),
        },
        cure=hung(snapshot, link.pid) if link.pid else cures.reconnect(snapshot, link),
        check=(
            "SELECT pid, status, sender_host, last_msg_receipt_time"
            " FROM pg_catalog.pg_stat_wal_receiver;"
        ),
    )


def hung(snapshot: Snapshot, pid: int) -> tuple[str, ...]:
    """Return steps for a receiver whose process is there; it can't be ended by SQL."""
    return (
        remark(f"1. On {snapshot.node.server}: is process {pid} stopped (state T in ps)? Then run"),
        remark(f"   kill -CONT {pid}. Ending it does no harm: kill -TERM {pid}; a new one starts."),
        remark("2. Does the network to its upstream lose packets? Look at Send-Q in ss -tn."),
        remark("3. On its upstream: is the walsender of this standby stopped?"),
    )


def speechless(receiver: Receiver, seconds: float) -> Evidence:
    name = receiver.name
    return Evidence(
        subject=name,
        severity=Severity.critical,
        value=seconds,
        message=(
            f"{name} has not replied for {duration_text(seconds)},"
            " although its connection is still open here."
        ),
        facts={
            "state": receiver.state,
            "silent_seconds": seconds,
            "client": client_text(receiver.client_addr),
            "slot": receiver.slot_name,
            "sync_state": receiver.sync_state,
            "walsender_pid": receiver.pid,
        },
        cure=(
            remark(f"1. Check on {name}: does it run, is its process 'walreceiver' stopped, and"),
            remark("   does the network between the two lose packets?"),
            remark("2. If it is well, end its connection here; it connects again at once:"),
            remark(
                f"SELECT pg_catalog.pg_terminate_backend(pid) FROM {ACTIVITY}"
                f" WHERE {equals('pid', receiver.pid)};"
            ),
            remark(f"3. If that has no effect: is process {receiver.pid} on this server stopped"),
            remark(f"   (state T in ps)? Then run kill -CONT {receiver.pid}. Never kill -9: that"),
            remark("   restarts the whole server."),
        ),
        check=(
            "SELECT pid, state, reply_time FROM pg_catalog.pg_stat_replication"
            f" WHERE {equals('pid', receiver.pid)};"
        ),
    )


finding = Finding(
    title="Replica receives nothing",
    severities=(Severity.critical,),
    reads=(wal_position, replication),
    consults=(wal_receiver, activity, settings),
    history=(TIMELINE, HEARD, MESSAGE, REPLAYED, REPLIES),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    alerted_by=AlertedBy.subject,
    hold=timedelta(seconds=3),
)
