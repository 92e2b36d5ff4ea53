"""Free slots: whether a server has one left, by its known sessions and settings."""

from dataclasses import dataclass

from alerts.connections import client_sessions, usable_slots
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import AnyAnswer
from collectors.activity import activity
from collectors.settings import settings
from monitor.polling.answers import Answers


@dataclass(slots=True)
class FreeSlots:
    """Free slots of one server; asked at each pulse, so computed once for each answer."""

    answers: Answers
    _of: AnyAnswer | None = None
    _taken: bool = False

    def all_taken(self) -> bool:
        """Whether an ordinary role would be refused now; False where that is not known."""
        answer = self.answers.newest.get(activity)
        if answer is not self._of:
            self._of, self._taken = answer, slots_taken(self.answers)
        return self._taken


def slots_taken(answers: Answers) -> bool:
    """The same, computed anew."""
    snapshot = Snapshot(ServerIdentity(""), 0, answers.newest)
    if not (snapshot.has(activity) and snapshot.has(settings)):
        return False
    return len(client_sessions(snapshot.rows(activity))) >= usable_slots(snapshot)
