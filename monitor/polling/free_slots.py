"""Whether a server has a slot left, by what is known of its sessions and its settings."""

from alerts.connections import client_sessions, usable_slots
from alerts.snapshot import ServerIdentity
from collectors.activity import activity
from collectors.settings import settings
from monitor.polling.answers import Answers


def slots_taken(facts: Answers) -> bool:
    """Whether an ordinary role would be refused now, as far as is known."""
    snapshot = facts.snapshot(ServerIdentity(""), 0)
    if not (snapshot.has(activity) and snapshot.has(settings)):
        return False
    return len(client_sessions(snapshot.rows(activity))) >= usable_slots(snapshot)
