"""Walsenders whose connection is lost, beside the one with which its standby has connected again.

A walsender that is stopped, or that sends into a dead network, stays in pg_stat_replication until
it notices: its row stands still for as long, and says nothing about the standby. Behind a slot
there is none, as the slot is refused to the new connection.
"""

from collections import defaultdict
from collections.abc import Iterable

from collectors.replication import Receiver

STATUS = 30.0
"""Seconds between two replies of a standby that is well: at the latest when it is asked for one,
after half of wal_sender_timeout."""
LATE = 3.0
"""Seconds within which a standby replies to WAL that another one has flushed."""
Identity = tuple[str | None, str | None, str | None]


def without_leftovers(receivers: Iterable[Receiver]) -> list[Receiver]:
    """Return the receivers without those that a newer one of the same standby replaces.

    Each replaces one at most: of two standbys with the same name, both can be lost.
    """
    rows = list(receivers)
    equals = defaultdict[Identity, list[Receiver]](list)
    for row in rows:
        if row.slot_name is None and row.connected_seconds is not None:
            equals[row.usename, row.application_name, row.client_addr].append(row)
    leftovers: set[int] = set()
    for alike in equals.values():
        if len(alike) > 1:
            leftovers |= _leftovers(alike)
    return [row for row in rows if row.pid not in leftovers]


def _leftovers(alike: list[Receiver]) -> set[int]:
    """Return the pids of the connections that were silent when a newer one began."""
    found, taken = set[int](), set[int]()
    for old in sorted(alike, key=_age, reverse=True):
        for new in sorted(alike, key=_age, reverse=True):
            if new.pid not in taken and _replaces(new, old):
                found.add(old.pid)
                taken.add(new.pid)
                break
    return found


def _age(row: Receiver) -> float:
    return row.connected_seconds or 0.0


def _replaces(new: Receiver, old: Receiver) -> bool:
    """Compare the replies with each other: both are stamped by the clock of the same host."""
    if _age(new) >= _age(old) or None in (new.reply_time, old.reply_time):
        return False
    if (new.replay_lsn or 0) < (old.replay_lsn or 0):  # a standby never goes back
        return False
    apart = (new.reply_time or 0.0) - (old.reply_time or 0.0)
    return _is_silent(new, old, apart) and apart + STATUS >= _age(new)


def _is_silent(new: Receiver, old: Receiver, apart: float) -> bool:
    """Whether a connection is silent that would have replied if it lived.

    Two living standbys without WAL to confirm reply at different times, so that takes long to tell.
    """
    owes_reply = (new.flush_lsn or 0) > (old.flush_lsn or 0)
    return apart > (LATE if owes_reply else STATUS)
