"""Free slots: whether a server has one left, by its known sessions and settings."""

from alerts.connections import client_sessions, usable_slots
from alerts.snapshot import ServerIdentity, Snapshot
from collectors.activity import activity
from collectors.settings import settings
from monitor.polling.answers import Answers


def slots_taken(answers: Answers) -> bool:
    """Whether an ordinary role would be refused now; False where that is not known."""
    snapshot = Snapshot(ServerIdentity(""), 0, answers.newest)
    if not (snapshot.has(activity) and snapshot.has(settings)):
        return False
    return len(client_sessions(snapshot.rows(activity))) >= usable_slots(snapshot)
