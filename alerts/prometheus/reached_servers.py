"""Servers that a daemon reaches, of all that it watches: one that is lost, or its own network."""

from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.own_metrics import UP
from alerts.prometheus.promql import wherever

LOST = "server_unreachable"
"""The finding of one server."""
AT_LEAST = 3
"""With fewer servers, half of them is one, which has its own alert."""
LATER = "offset 15s"
"""Longer than a daemon needs for its first queries, and as long as the usual time between two
scrapes, within which all servers that were lost at once are known."""
GROUP = ", ".join(SCRAPED_FROM)

# A server that any daemon reaches is reachable.
REACHED = wherever(UP.name)
REACHED_BEFORE = wherever(f"{UP.name} {LATER}")


def watched(reached: str) -> str:
    """Daemons that watch enough servers; the value is their number."""
    return f"count without (server) ({reached}) >= {AT_LEAST}"


def new(alerted: str) -> str:
    """Those of these series that there were not before."""
    return f"({alerted} unless {alerted} {LATER})"


def once_others_are_known(now: str, alerted: str) -> str:
    """The alert of a lost server, but where others are watched only once it is known of these.

    One alert may stand for all of them by then, and inhibits it. `alerted` are its series.
    """
    return f"{now}\nunless ({new(alerted)}\n  and on ({GROUP}) ({watched(REACHED)}))"
