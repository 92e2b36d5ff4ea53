"""Cures that release a lock."""

from alerts.cure import cancel, equals, literal, remark, terminate
from alerts.locks.graph import Holder
from alerts.locks.scene import LockScene
from collectors.activity import UNTOLD, Session
from collectors.exclusive_locks import ExclusiveLock

WRAPAROUND = "to prevent wraparound"
"""Part of what such an autovacuum shows as its query."""


def release(scene: LockScene, root: Holder) -> tuple[str, ...]:
    """Return statements that end the holder of a lock in the least harmful way."""
    session = scene.sessions.get(root)
    if session is None:
        gid = next((lock.gid for lock in scene.locks.get(root, ()) if lock.gid), None)
        return (
            finish_prepared(gid)
            if gid
            else (remark("It ended while the rows were read; check again."),)
        )
    return release_session(session)


def release_session(session: Session) -> tuple[str, ...]:
    """Return statements that end it, or what to do instead where no statement is safe."""
    if session.backend_type == "startup":
        return (remark("WAL replay holds the lock for the primary: end its transaction there."),)
    if may_prevent_wraparound(session):
        return let_it_finish(session)
    if applies_changes(session):
        return let_it_apply(session)
    return stop(session)


def applies_changes(session: Session | ExclusiveLock) -> bool:
    """Whether it is a worker of a subscription."""
    return (session.backend_type or "").startswith("logical replication")


def let_it_apply(session: Session | ExclusiveLock) -> tuple[str, ...]:
    """Return steps as comments: it starts again by itself, or ends the replication for good."""
    of = equals("pid", session.pid)
    return (
        remark(
            f"pid {session.pid} applies the changes of a subscription. Don't cancel it: it begins"
            " again at once, or with disable_on_error its subscription is disabled."
        ),
        remark("1. Find its subscription: SELECT subname, latest_end_time, last_msg_receipt_time"),
        remark(f"   FROM pg_catalog.pg_stat_subscription WHERE {of};"),
        remark("2. It keeps its locks until the publisher has sent the whole transaction: find it"),
        remark("   there, in pg_stat_activity; smaller transactions keep them for less long."),
        remark("3. If the sessions that wait matter more: ALTER SUBSCRIPTION … DISABLE. What the"),
        remark("   publisher writes is then kept there, until it is enabled again."),
    )


def may_prevent_wraparound(session: Session | ExclusiveLock) -> bool:
    """Whether it is an autovacuum that starts again at once, and that the server needs.

    Where its text can't be read, it may be one.
    """
    if session.backend_type != "autovacuum worker":
        return False
    text = session.query or ""
    return not text or text.startswith("<") or WRAPAROUND in text


def let_it_finish(session: Session | ExclusiveLock) -> tuple[str, ...]:
    """Return steps as comments: cancelling it would only start it again."""
    return (
        remark(
            f"pid {session.pid} is an autovacuum to prevent wraparound. Don't cancel it: it starts"
            " again at once, and without it the server stops to accept writes."
        ),
        remark("1. End what waits for it, if that can wait: DDL, LOCK TABLE."),
        remark(
            "2. See how far it is: SELECT phase, heap_blks_scanned, heap_blks_total"
            f" FROM pg_catalog.pg_stat_progress_vacuum WHERE {equals('pid', session.pid)};"
        ),
        remark("3. Repeat the DDL after it, with SET lock_timeout = '2s'."),
    )


def stop(session: Session) -> tuple[str, ...]:
    """Cancel a running statement; terminate a session that is idle in a transaction."""
    start, began = session.backend_start_text or "", session.xact_start_text
    end = terminate(session.pid, start, began)
    if session.state == UNTOLD:
        return (
            remark(
                "What it does is not known (track_activities is off there). If it is idle in its"
            ),
            remark("transaction, to cancel has no effect; its work is rolled back:"),
            end,
        )
    if session.state == "idle":
        return (
            remark("It is idle and holds an advisory lock, which only the session itself can"),
            remark(
                "release. Ask its owner first, it may hold the lock on purpose; then terminate it:"
            ),
            end,
        )
    if not (session.state or "").startswith("idle"):
        return (
            remark("This cancels its statement, whose work is rolled back; the session stays."),
            cancel(session.pid, start, began),
            remark(f"If that does not help within half a minute: {end}"),
        )
    return (
        remark("The work of this transaction is rolled back. Cancelling would have no effect:"),
        remark("the session is idle, and can only be terminated."),
        end,
    )


def finish_prepared(gid: str) -> tuple[str, ...]:
    """Return steps as comments: no query tells whether its other half was committed elsewhere."""
    name = literal(gid)
    return (
        remark("1. Ask its transaction manager whether it decided to commit. It may have done so,"),
        remark("   and to roll back would then lose a part of what was promised."),
        remark(f"2. If it did, in its database: COMMIT PREPARED {name};"),
        remark(f"3. If it did not, or nothing knows it any more: ROLLBACK PREPARED {name};"),
    )
