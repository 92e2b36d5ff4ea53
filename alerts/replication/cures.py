"""What to do about a standby that is behind, by what holds it up."""

from alerts.cure import ACTIVITY, cancel, remark, terminate
from alerts.replication.conflict import Conflict
from collectors.activity import Session
from collectors.replication import Receiver
from collectors.wal_receiver import WalReceiver

RESUME = "SELECT pg_catalog.pg_wal_replay_resume();"


def reconnect(server: str, link: WalReceiver) -> tuple[str, ...]:
    slot = f" and that slot {link.slot_name} exists" if link.slot_name else ""
    return (
        remark(f"On {server}: its log says why upstream cannot be reached."),
        remark(f"Check that upstream runs, that pg_hba.conf lets the standby in{slot}."),
        remark(
            "Upstream has moved: ALTER SYSTEM SET primary_conninfo = 'host=... user=...';"
            " then SELECT pg_catalog.pg_reload_conf();"
        ),
        remark("'requested WAL segment has already been removed': rebuild with pg_basebackup."),
        remark("Do not promote it while the old primary may still take writes."),
    )


def resume(server: str) -> tuple[str, ...]:
    return (
        remark(f"On {server}, once whoever paused it agrees:"),
        remark(
            "If its log says that a setting is lower than on the primary, raise that setting and"
            " restart instead: resuming would shut it down."
        ),
        RESUME,
    )


def clear(server: str, conflict: Conflict) -> tuple[str, ...]:
    """Stops what is in the way of replay."""
    stops = tuple(_stop(session) for session in conflict.sessions)
    unknown = () if stops else (remark("The queries in the way can't be told apart from others."),)
    return (remark(f"On {server}, these keep replay from going on:"), *stops, *unknown)


def wait(server: str, stage: str) -> tuple[str, ...]:
    if stage == "network":
        return (remark(f"WAL reaches {server} too slowly: look at the network and at upstream."),)
    return (
        remark(f"{server} has the WAL and replays too slowly, by one process: look at its disks,"),
        remark("at its CPU, and at what writes so much on the primary. No statement helps here."),
    )


def look_there(name: str, receiver: Receiver) -> tuple[str, ...]:
    if (receiver.behind(receiver.sent_lsn) or 0) > (receiver.behind(receiver.position) or 0) / 2:
        return (remark(f"Most of it has not even been sent: look at the network to {name}."),)
    return (
        remark(f"{name} has the WAL and does not replay it. Look there, or let it be watched too:"),
        remark("SELECT pg_catalog.pg_get_wal_replay_pause_state();"),
        remark(
            f"SELECT pid, state, xact_start, query FROM {ACTIVITY}"
            " WHERE backend_xmin IS NOT NULL ORDER BY xact_start;"
        ),
    )


def find(name: str) -> tuple[str, ...]:
    return (
        remark(f"Look on {name}: does it run, and what does its log say about its upstream?"),
        remark("Taken away on purpose: drop its slot, or it keeps WAL until the disk is full:"),
        remark(
            "SELECT slot_name, wal_status FROM pg_catalog.pg_replication_slots WHERE NOT active;"
        ),
    )


def _stop(session: Session) -> str:
    """An idle session has no statement to cancel."""
    stop = cancel if session.state == "active" else terminate
    return stop(session.pid, session.backend_start_text or "", session.xact_start_text)
