"""Looks at hand-made sessions, one after the other, as the recorder of waits learns them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.waits.history import WAITS, WaitsView
from collectors._base import Answer, Role
from collectors.activity import Session, activity
from tests.fixtures.session_rows import AT, IDLE, seen

BUSY = replace(IDLE, state="active", wait_event_type=None, wait_event=None, query_id=7)


def at_event(kind: str, name: str, count: int, **traits: object) -> list[Session]:
    """`count` active sessions at a wait event."""
    one = replace(BUSY, wait_event_type=kind, wait_event=name, **traits)  # type: ignore[arg-type]
    return [replace(one, pid=1000 + n) for n in range(count)]


def running(count: int, **traits: object) -> list[Session]:
    """`count` active sessions without a wait event."""
    return [replace(BUSY, pid=2000 + n, **traits) for n in range(count)]  # type: ignore[arg-type]


def watched(rows: Sequence[Session], moments: Iterable[float]) -> Recorder:
    """A recorder that saw the same sessions at each of these times, in seconds from `AT`."""
    recorder = Recorder((WAITS,))
    for moment in moments:
        recorder.record(activity, Answer(tuple(rows), AT + moment))
    return recorder


def seen_for(
    rows: Sequence[Session],
    *answers: object,
    seconds: int = 400,
    role: Role = Role.primary,
    each: Callable[[int], float] = float,
) -> Snapshot:
    """A snapshot after the same sessions were seen each second."""
    recorder = watched(rows, (each(n) for n in range(seconds + 1)))
    snapshot = seen((activity, rows), *answers, role=role)  # type: ignore[arg-type]
    at = AT + each(seconds)
    known = {one: replace(answer, at=at) for one, answer in snapshot.answers.items()}
    return replace(snapshot, at=at, answers=known, histories=recorder.views(at))


def view_of(recorder: Recorder, at: float = AT) -> WaitsView:
    view = recorder.view(WAITS, at)
    assert view is not None
    return view
