"""Lag of a server as a metric, measured as the findings measure it."""

from alerts.replication.lag import Certainty, Lag, lag_of_standby
from alerts.replication.link import is_heard
from alerts.replication.stages import backlog_of_standby
from alerts.replication.timeline import TIMELINE
from alerts.snapshot import Snapshot, Unknown
from collectors.standby_lag import StandbyLag
from collectors.wal_position import wal_position


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
    seconds = None if lag.certainty is Certainty.at_least else lag.seconds
    return StandbyLag(seconds, lag.bytes, stages, heard)
