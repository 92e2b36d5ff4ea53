"""Cures for a lagging standby, by the cause of its lag."""

from alerts.cure import ACTIVITY, cancel, remark, terminate
from alerts.replication.conflict import Conflict
from collectors.activity import Session
from collectors.replication import Receiver
from collectors.wal_receiver import WalReceiver

RESUME = "SELECT pg_catalog.pg_wal_replay_resume();"


def reconnect(server: str, link: WalReceiver) -> tuple[str, ...]:
    slot = f" and that slot {link.slot_name} exists" if link.slot_name else ""
    return (
        remark(f"On {server}: its log shows why upstream can't be reached."),
        remark(f"Check that upstream runs, that its pg_hba.conf allows the standby{slot}."),
        remark(
            "If upstream has moved: ALTER SYSTEM SET primary_conninfo = 'host=... user=...';"
            " then SELECT pg_catalog.pg_reload_conf();"
        ),
        remark(
            "If the log says 'requested WAL segment has already been removed', rebuild it with"
            " pg_basebackup."
        ),
        remark("Do not promote it while the old primary may still accept writes."),
    )


def resume(server: str) -> tuple[str, ...]:
    return (
        remark(f"On {server}, after asking the person who paused it:"),
        remark(
            "If its log says that a setting is lower than on the primary, increase that setting and"
            " restart instead: resuming would shut the standby down."
        ),
        RESUME,
    )


def clear(server: str, conflict: Conflict) -> tuple[str, ...]:
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
            f"{name} has the WAL but has not replayed it. Check there, or watch that server too:"
        ),
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
