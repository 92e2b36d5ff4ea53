"""Evidence of a lagging standby, by the cause of its lag."""

from alerts._base import Evidence, Severity, Unjudged
from alerts.client_name import client_text
from alerts.cure import equals, since
from alerts.history.last_seen import Disappeared
from alerts.replication import cures
from alerts.replication.lag import Certainty, Lag
from alerts.replication.link import Silence
from alerts.replication.replay_conflict import ReplayConflict
from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text
from collectors.replication import Receiver
from collectors.wal_receiver import WalReceiver

Facts = dict[str, float | int | str | bool | None]


def disconnected(
    snapshot: Snapshot, link: WalReceiver, silence: Silence, lag: Lag | Unjudged
) -> Evidence:
    server = snapshot.node.server
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
        message=f"{server} {what}: nothing was received {how_long}{_also(lag)}.",
        facts={
            "state": "disconnected",
            "silent_seconds": silence.seconds,
            **_facts(lag),
            **_of(link),
        },
        cure=cures.reconnect(snapshot, link),
        check=(
            "SELECT pid, status, sender_host, last_msg_receipt_time"
            " FROM pg_catalog.pg_stat_wal_receiver;"
        ),
    )


def paused(snapshot: Snapshot, link: WalReceiver, lag: Lag | Unjudged) -> Evidence:
    server = snapshot.node.server
    return Evidence(
        subject=server,
        severity=Severity.info,
        value=lag.seconds if isinstance(lag, Lag) else 0.0,
        message=f"Replay is {link.pause_state} on {server}{_also(lag)}.",
        facts={"state": link.pause_state, **_facts(lag), **_of(link)},
        cure=cures.resume(snapshot),
        check=(
            "SELECT pg_catalog.pg_get_wal_replay_pause_state(),"
            " pg_catalog.pg_last_xact_replay_timestamp();"
        ),
    )


def behind(
    server: str, severity: Severity, lag: Lag, link: WalReceiver, conflict: ReplayConflict | None
) -> Evidence:
    stage = _stage(link)
    why = ", because queries delay replay" if conflict else ""
    return Evidence(
        subject=server,
        severity=severity,
        value=lag.seconds,
        message=f"{server} is {_distance(lag)}{why}.",
        facts={
            "state": "conflict" if conflict else "streaming" if link.pid else "disconnected",
            "slow_stage": "conflict" if conflict else stage,
            "conflict": conflict.wait_event if conflict else None,
            **_facts(lag),
            **_of(link),
        },
        cure=cures.clear(server, conflict) if conflict else cures.wait(server, stage),
        check=(
            "SELECT pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn(),"
            f" {since('pg_catalog.pg_last_xact_replay_timestamp()')} AS last_replayed;"
        ),
    )


def receiver_behind(name: str, severity: Severity, lag: Lag, receiver: Receiver) -> Evidence:
    return Evidence(
        subject=name,
        severity=severity,
        value=lag.seconds,
        message=f"{name} is {_distance(lag)} ({receiver.state}{_kept(receiver)}).",
        facts={
            "state": receiver.state,
            "client": client_text(receiver.client_addr),
            "slot": receiver.slot_name,
            "sync_state": receiver.sync_state,
            "unsent_bytes": receiver.behind(receiver.sent_lsn),
            "unwritten_bytes": receiver.behind(receiver.write_lsn),
            "unflushed_bytes": receiver.behind(receiver.flush_lsn),
            **_facts(lag),
        },
        cure=cures.look_there(name, receiver),
        check=f"SELECT * FROM pg_catalog.pg_stat_replication WHERE {equals('pid', receiver.pid)};",
    )


def _kept(receiver: Receiver) -> str:
    return ", it has the WAL but has not replayed it" if receiver.has_received else ""


def lost(name: str, gone: Disappeared) -> Evidence:
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=gone.seconds,
        message=f"{name} has received no WAL from this primary for {duration_text(gone.seconds)}.",
        facts={"state": "lost", "gone_seconds": gone.seconds, "stayed_seconds": gone.stayed},
        cure=cures.find(name),
        check="SELECT application_name, client_addr, state FROM pg_catalog.pg_stat_replication;",
    )


def _distance(lag: Lag) -> str:
    how = "" if lag.certainty is Certainty.exactly else f"{lag.certainty} "
    return f"{how}{duration_text(lag.seconds)} and {bytes_text(lag.bytes)} behind {lag.reference}"


def _also(lag: Lag | Unjudged) -> str:
    return f"; it is {_distance(lag)}" if isinstance(lag, Lag) and lag.bytes else ""


def _stage(link: WalReceiver) -> str:
    """Return where most of the lag is: not received yet, or not replayed yet."""
    if None in (link.latest_end_lsn, link.flushed_lsn, link.replay_lsn):
        return "unknown"
    unreceived = (link.latest_end_lsn or 0) - (link.flushed_lsn or 0)
    return "network" if unreceived > (link.flushed_lsn or 0) - (link.replay_lsn or 0) else "replay"


def _facts(lag: Lag | Unjudged) -> Facts:
    if isinstance(lag, Unjudged):
        return {"unknown_because": lag.reason}
    return {
        "behind_seconds": lag.seconds,
        "behind_bytes": lag.bytes,
        "certainty": lag.certainty,
        "against": lag.reference,
    }


def _of(link: WalReceiver) -> Facts:
    return {
        "upstream": link.upstream_host,
        "upstream_port": link.upstream_port,
        "slot": link.slot_name,
        "apply_delay_seconds": link.apply_delay_seconds,
    }
