"""Doing of an active session: its wait event or none, its statement, and whose it is."""

from collections.abc import Iterable, Iterator
from sys import intern
from typing import NamedTuple

from collectors.activity import UNTOLD, Session

CPU = "CPU"
"""Type and name of what PostgreSQL calls no wait event: the session runs, or waits for a core."""
OTHER = "other"
Event = tuple[str, str]
"""Type and name of a wait event."""
NO_WAIT: Event = (CPU, CPU)
OTHERS: Event = (OTHER, OTHER)


class Doing(NamedTuple):
    """One kind of work; sessions that do the same are counted together."""

    wait_event_type: str
    wait_event: str
    query_id: int | None
    usename: str | None
    application_name: str | None
    datname: str | None

    @property
    def event(self) -> Event:
        return self.wait_event_type, self.wait_event


def active(rows: Iterable[Session]) -> Iterator[Session]:
    """Yield the sessions that work for a client, or clean up.

    Processes that wait for work (`Activity`) are left out, and so are those that send WAL: they
    are busy for as long as a standby is connected. We are too. Without track_activities the wait
    event alone tells: a session that does nothing waits for its client.
    """
    for row in rows:
        is_untold = row.state == UNTOLD and row.wait_event_type != "Client"
        if (
            (row.state == "active" or is_untold)
            and row.wait_event_type != "Activity"
            and row.backend_type != "walsender"
            and not row.is_self
        ):
            yield row


def doing_of(row: Session) -> Doing:
    """Return what a session does. Equal names are one object, as many sessions share them."""
    return Doing(
        intern(row.wait_event_type or CPU),
        intern(row.wait_event or CPU),
        row.query_id,
        _shared(row.usename),
        _shared(row.application_name),
        _shared(row.datname),
    )


def _shared(name: str | None) -> str | None:
    return None if name is None else intern(name)
