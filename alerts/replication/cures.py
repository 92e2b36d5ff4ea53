"""Cures for a lagging standby, by the cause of its lag."""

from alerts.cure import ACTIVITY, cancel, remark, terminate
from alerts.replication.replay_conflict import ReplayConflict
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


def wait(server: str, stage: str) -> tuple[str, ...]:
    if stage == "network":
        return (remark(f"WAL reaches {server} too slowly: check the network and upstream."),)
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


def find(name: str) -> tuple[str, ...]:
    return (
        remark(f"Check on {name}: does it run, and what does its log say about its upstream?"),
        remark(
            "If it was removed on purpose, drop its slot, which retains WAL until the disk is full:"
        ),
        remark(
            "SELECT slot_name, wal_status FROM pg_catalog.pg_replication_slots WHERE NOT active;"
        ),
    )


def _stop(session: Session) -> str:
    """Terminate an idle session, which has no statement to cancel; cancel the others."""
    stop = cancel if session.state == "active" else terminate
    return stop(session.pid, session.backend_start_text or "", session.xact_start_text)
