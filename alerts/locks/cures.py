"""How a lock is got back from whoever holds it."""

from alerts.cure import cancel, literal, remark, terminate
from alerts.locks.graph import Holder
from alerts.locks.scene import LockScene
from collectors.activity import Session


def release(scene: LockScene, root: Holder) -> tuple[str, ...]:
    """Ends what holds a lock, as gently as it can be ended."""
    session = scene.sessions.get(root)
    if session is None:
        gid = next((lock.gid for lock in scene.locks.get(root, ()) if lock.gid), None)
        return finish_prepared(gid) if gid else (remark("It ended while we looked; look again."),)
    if session.backend_type == "startup":
        return (
            remark("Replay of WAL holds the lock, for a transaction of the primary: end it there."),
        )
    return stop(session)


def stop(session: Session) -> tuple[str, ...]:
    """Cancels what is running; what is idle in a transaction can only be terminated."""
    start, began = session.backend_start_text or "", session.xact_start_text
    end = terminate(session.pid, start, began)
    if session.state == "idle":
        return (
            remark("It is idle and has kept an advisory lock, which only the session itself can"),
            remark("unlock. Ask its owner first, for a leader keeps one on purpose; then end it:"),
            end,
        )
    if not (session.state or "").startswith("idle"):
        return (
            remark("Stops its statement, whose work is rolled back; the session lives."),
            *_about_autovacuum(session),
            cancel(session.pid, start, began),
            remark(f"If that does not help within half a minute: {end}"),
        )
    return (
        remark("What it did in this transaction is rolled back. Cancelling would do nothing:"),
        remark("it is idle, and can only be terminated."),
        end,
    )


def finish_prepared(gid: str) -> tuple[str, ...]:
    """Rolls a prepared transaction back, in its database."""
    return (
        remark("Ask its transaction manager first: if it decided to commit, COMMIT PREPARED it."),
        f"ROLLBACK PREPARED {literal(gid)};",
    )


def _about_autovacuum(session: Session) -> tuple[str, ...]:
    if session.backend_type != "autovacuum worker":
        return ()
    return (remark("To prevent wraparound it will come back: let it finish if you can."),)
