"""Lag of a server as a metric, measured as the findings measure it."""

from alerts.replication.lag import Certainty, Lag, lag_of_standby
from alerts.replication.link import is_heard, upstream_of
from alerts.replication.stages import backlog_of_standby
from alerts.replication.timeline import INTERNAL, TIMELINE
from alerts.snapshot import Snapshot, Unknown
from collectors.standby_lag import StandbyLag
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver

POLLS = 2.0
"""Seconds by which the metric may be wrong: two polls of the fast lane."""


def lag_of(snapshot: Snapshot) -> StandbyLag | None:
    """Return the lag; None before the server has told its position."""
    if not snapshot.has(wal_position) or TIMELINE not in snapshot.histories:
        return None
    if not snapshot.row(wal_position).in_recovery:
        return StandbyLag(0.0, 0)
    heard = is_heard(snapshot)
    unknown = StandbyLag(None, None, heard=heard)
    try:
        lag = lag_of_standby(snapshot)
        stages = {str(stage): n for stage, n in backlog_of_standby(snapshot).stages.items()}
    except Unknown:
        return unknown
    if not isinstance(lag, Lag):
        return unknown
    seconds = None if _is_doubtful(snapshot, lag) else lag.seconds
    return StandbyLag(seconds, None if _is_silent(snapshot) else lag.bytes, stages, heard)


def _is_doubtful(snapshot: Snapshot, lag: Lag) -> bool:
    """Whether the seconds may be wrong by more than two polls."""
    if lag.certainty is Certainty.at_least:
        return True
    if not lag.bytes:
        return _is_silent(snapshot)
    return lag.bytes < INTERNAL and lag.seconds > POLLS and _is_paused_alone(snapshot)


def _is_paused_alone(snapshot: Snapshot) -> bool:
    """Whether what is not replayed may be what an idle primary writes; otherwise replay has stopped
    at a transaction."""
    if upstream_of(snapshot) is not None or not snapshot.has(wal_receiver):
        return False
    return snapshot.row(wal_receiver).pause_state != "not paused"


def _is_silent(snapshot: Snapshot) -> bool:
    """Whether upstream may have written more than the standby has heard of.

    The link of an idle primary is silent for half of wal_receiver_timeout, as a hung one is. Only
    a watched primary tells which it is.
    """
    silent = snapshot.row(wal_position).silent_seconds
    return upstream_of(snapshot) is None and silent is not None and silent > POLLS
