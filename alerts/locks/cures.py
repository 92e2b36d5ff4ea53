"""Cures that release a lock."""

from alerts.cure import cancel, literal, remark, terminate
from alerts.locks.graph import Holder
from alerts.locks.scene import LockScene
from collectors.activity import Session


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
    if session.backend_type == "startup":
        return (remark("WAL replay holds the lock for the primary: end its transaction there."),)
    return stop(session)


def stop(session: Session) -> tuple[str, ...]:
    """Cancel a running statement; terminate a session that is idle in a transaction."""
    start, began = session.backend_start_text or "", session.xact_start_text
    end = terminate(session.pid, start, began)
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
            *_about_autovacuum(session),
            cancel(session.pid, start, began),
            remark(f"If that does not help within half a minute: {end}"),
        )
    return (
        remark("The work of this transaction is rolled back. Cancelling would have no effect:"),
        remark("the session is idle, and can only be terminated."),
        end,
    )


def finish_prepared(gid: str) -> tuple[str, ...]:
    """Return statements that roll back a prepared transaction, in its database."""
    return (
        remark("Ask its transaction manager first: if it decided to commit, run COMMIT PREPARED."),
        f"ROLLBACK PREPARED {literal(gid)};",
    )


def _about_autovacuum(session: Session) -> tuple[str, ...]:
    if session.backend_type != "autovacuum worker":
        return ()
    return (remark("If it prevents wraparound, it will start again: let it finish if possible."),)
