"""Cures for a lagging standby, by the cause of its lag."""

from alerts.cure import ACTIVITY, cancel, equals, literal, remark, terminate
from alerts.replication.replay_conflict import ReplayConflict
from alerts.replication.stages import Stage
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors.activity import Session
from collectors.replication import Receiver
from collectors.settings import settings
from collectors.wal_receiver import WalReceiver

RESUME = "SELECT pg_catalog.pg_wal_replay_resume();"
TARGETS = (
    "recovery_target",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_xid",
)


def reconnect(snapshot: Snapshot, link: WalReceiver) -> tuple[str, ...]:
    server = snapshot.node.server
    slot = f" and that slot {link.slot_name} exists" if link.slot_name else ""
    return (
        remark(f"On {server}: its log shows why upstream can't be reached."),
        remark(f"Check that upstream runs, that its pg_hba.conf allows the standby{slot}."),
        remark("If upstream has moved, change its address:"),
        *change(snapshot, "primary_conninfo", "'host=... user=...'"),
        remark(
            "If the log says 'requested WAL segment has already been removed', rebuild it with"
            " pg_basebackup."
        ),
        remark("Do not promote it while the old primary may still accept writes."),
    )


def resume(snapshot: Snapshot) -> tuple[str, ...]:
    """Return steps as comments: a pause may be all that keeps a dropped table.

    At a recovery target, resuming would end the recovery and make it a primary.
    """
    server = snapshot.node.server
    first = remark(f"On {server}: don't resume before you know who paused it, and why. It may be")
    rescue = remark("the rescue of a dropped table, which is lost once replay goes on.")
    if target := _target(snapshot):
        return (
            first,
            rescue,
            remark(f"Replay has stopped at its target ({target}). To resume ends the recovery:"),
            remark("the server becomes a primary, or stops, as recovery_target_action says."),
        )
    return (
        first,
        rescue,
        remark("1. Ask the person who paused it; save with pg_dump what is to be rescued."),
        remark(
            "2. Look into its log: 'recovery has paused' with 'insufficient parameter settings'"
        ),
        remark("   means that a setting is lower than on the primary. Increase it and restart;"),
        remark("   to resume would shut the standby down."),
        remark(f"3. If it was paused by hand and is no longer needed: {RESUME}"),
    )


def _target(snapshot: Snapshot) -> str | None:
    """Return the recovery target that is set."""
    rows = snapshot.rows(settings) if snapshot.has(settings) else ()
    return next((row.name for row in rows if row.name in TARGETS and row.setting), None)


def clear(server: str, conflict: ReplayConflict) -> tuple[str, ...]:
    """Stop the sessions that delay replay."""
    stops = tuple(_stop(session) for session in conflict.sessions)
    unknown = () if stops else (remark("The queries that delay replay can't be identified."),)
    return (remark(f"On {server}, these sessions delay replay:"), *stops, *unknown)


def wait(server: str, stage: Stage | None, upstream: str | None) -> tuple[str, ...]:
    """Say what to look at, by the stage where WAL waits. No statement makes it faster."""
    if upstream:
        return (
            remark(f"{upstream}, the upstream of {server}, is behind itself: look there first."),
        )
    if stage is Stage.send:
        return (
            remark("On its upstream: does the walsender run? What does it wait for?"),
            remark(
                f"SELECT pid, state, wait_event_type, wait_event FROM {ACTIVITY}"
                f" WHERE {equals('backend_type', literal('walsender'))};"
            ),
            remark(f"WalSenderWriteData: the network to {server} is full, or it reads nothing."),
        )
    if stage is Stage.receive:
        return (
            remark(f"WAL is sent and does not reach {server}: check the network between them, and"),
            remark(f"whether the process 'walreceiver' on {server} runs."),
        )
    if stage is Stage.flush:
        return (remark(f"The disk of {server} writes WAL too slowly: check its load."),)
    return (
        remark(f"{server} has the WAL but replays it too slowly, in one process: check its disks,"),
        remark(
            "its CPU, and what writes so much on the primary. There is no statement to cure it."
        ),
    )


def look_there(name: str, receiver: Receiver) -> tuple[str, ...]:
    if (receiver.behind(receiver.sent_lsn) or 0) > (receiver.behind(receiver.position) or 0) / 2:
        return (remark(f"Most of it is not sent yet: check the network to {name}."),)
    return (
        remark(
            f"{name} has the WAL but has not replayed it: replay is slow, paused, or delayed on"
        ),
        remark("purpose (recovery_min_apply_delay). Check there, or watch that server too:"),
        remark("SELECT pg_catalog.pg_get_wal_replay_pause_state();"),
        remark(
            f"SELECT pid, state, xact_start, query FROM {ACTIVITY}"
            " WHERE backend_xmin IS NOT NULL ORDER BY xact_start;"
        ),
    )


def _stop(session: Session) -> str:
    """Terminate an idle session, which has no statement to cancel; cancel the others."""
    stop = cancel if session.state == "active" else terminate
    return stop(session.pid, session.backend_start_text or "", session.xact_start_text)
