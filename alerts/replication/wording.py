"""Wording of lag: how far behind, and the facts of a standby's link."""

from alerts._base import Unjudged
from alerts.replication.lag import Certainty, Lag
from alerts.units import bytes_text, duration_text
from collectors.wal_receiver import WalReceiver

Facts = dict[str, float | int | str | bool | None]


def distance(lag: Lag) -> str:
    """Return how far behind it is: `40 s and 16 MB behind db1`."""
    how = "" if lag.certainty is Certainty.exactly else f"{lag.certainty} "
    return f"{how}{duration_text(lag.seconds)} and {bytes_text(lag.bytes)} behind {lag.reference}"


def also(lag: Lag | Unjudged) -> str:
    """Return the lag as the end of a sentence, if there is any."""
    return f"; it is {distance(lag)}" if isinstance(lag, Lag) and lag.bytes else ""


def lag_facts(lag: Lag | Unjudged) -> Facts:
    if isinstance(lag, Unjudged):
        return {"unknown_because": lag.reason}
    return {
        "behind_seconds": lag.seconds,
        "behind_bytes": lag.bytes,
        "certainty": lag.certainty,
        "against": lag.reference,
    }


def link_facts(link: WalReceiver) -> Facts:
    return {
        "upstream": link.upstream_host,
        "upstream_port": link.upstream_port,
        "slot": link.slot_name,
        "apply_delay_seconds": link.apply_delay_seconds,
    }
