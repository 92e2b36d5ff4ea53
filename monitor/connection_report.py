"""Connection report: how the sessions stand, and what follows where the server does not answer."""

from dataclasses import dataclass

from collectors.connection import Cause, Connection, connection
from monitor.polling.answers import Answers
from monitor.polling.free_slots import FreeSlots
from monitor.polling.runner import CollectorRunner
from monitor.polling.slot_probe import SlotProbe
from monitor.postgres.sessions import Sessions
from monitor.server_events import ServerEvents

FIRST_WORD = 1.5
"""Seconds after which a server that has neither answered nor refused counts as not answering."""


@dataclass(slots=True)
class ConnectionReport:
    """Supplies the rows of the collector `connection`."""

    sessions: Sessions
    answers: Answers
    runner: CollectorRunner
    slots: FreeSlots
    probe: SlotProbe
    events: ServerEvents
    started: float
    """Unix seconds since which the server is watched."""

    @property
    def standing(self) -> Connection | None:
        """The newest row; None before there is anything to say."""
        answer = self.answers.newest.get(connection)
        return answer.rows[0] if answer else None

    async def report(self, now: float, is_due: bool) -> None:
        """What has changed is reported at once, the same again only when it is due."""
        if not self.sessions.tried and now - self.started <= FIRST_WORD:
            return
        await self.sessions.leave_if_stopping()
        standing = self.sessions.connection(now)
        if is_due or standing != self.standing:
            self.runner.supply(connection, (standing,))
        if self.sessions.any is None:
            self.events.forget_answers(_why(standing))
        elif standing.up and (standing.lacks_slots or self.slots.all_taken()):
            await self.probe.make_room(self.sessions.any)
        elif standing.up:
            self.probe.forget()


def _why(standing: Connection) -> str:
    """Return why nothing is known of the server."""
    if standing.cause is Cause.defect and standing.message:
        return standing.message
    told = f": {standing.message}" if standing.message else ""  # not told yet
    return f"the server does not answer{told}"
