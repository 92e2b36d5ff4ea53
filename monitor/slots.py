"""Whether a server has a slot left, by what is known of its sessions and its settings."""

from alerts.findings.connection_saturation import usable
from alerts.idle_sessions import client_sessions
from alerts.snapshot import Node
from collectors.activity import activity
from collectors.settings import settings
from monitor.facts import Facts


def slots_taken(facts: Facts) -> bool:
    """Whether an ordinary role would be refused now, as far as is known."""
    snapshot = facts.snapshot(Node(""), 0)
    if not (snapshot.has(activity) and snapshot.has(settings)):
        return False
    return len(client_sessions(snapshot.rows(activity))) >= usable(snapshot)
