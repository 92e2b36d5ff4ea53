"""The three sessions of one server, and the connection state derived from them."""

import asyncio
from dataclasses import dataclass

from collectors.connection import Cause, Connection
from monitor.config.watch_plan import WatchPlan
from monitor.heartbeat import UNSETTLED, Heartbeat
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.server_messages import Shutdown
from monitor.postgres.session import Session
from monitor.postgres.standing import Home, StandingSession

REREAD = 5.0
"""Seconds for which the name of the address is kept; reading and parsing it twice a second costs
more than all else that is known of the connection."""
HUNG = 1.0
"""Seconds without an answer after which a server is hung; it is reported within 3 s."""


@dataclass(slots=True)
class Sessions:
    """At most three sessions: one for the fast lane, one for the server, one for its databases."""

    plan: WatchPlan
    heart: Heartbeat
    connector: Connector
    home: Home
    fast: StandingSession
    wide: StandingSession
    roaming: RoamingSession
    for_plans: Connector | None = None
    """Of the login for plans, which has the turn of the roaming session; None: there is none."""
    down_since: float | None = None
    """Unix seconds since which no standing session answers."""
    shut_down: bool = False
    """Whether the server, which is away, said that it was being shut down in order."""
    refused_since: float | None = None
    """Unix seconds since which no new session could be opened."""
    _named: tuple[float, str, str | None] | None = None
    """Address and user, and when (unix seconds) they were read."""

    @classmethod
    def of(cls, plan: WatchPlan, heart: Heartbeat) -> "Sessions":
        connector = Connector(
            plan.target.address, plan.statement_timeout, plan.connect_deadline, heart
        )
        home = Home()
        return cls(
            plan,
            heart,
            connector,
            home,
            StandingSession(connector, home),
            StandingSession(connector, home),
            RoamingSession(connector),
            _for_plans(plan, heart),
        )

    async def for_lane(self, fast: bool) -> Session:
        """Return the session of the fast lane, or that of the others; each can replace the other.

        Raises ConnectFailure if there is neither.
        """
        mine, other = (self.fast, self.wide) if fast else (self.wide, self.fast)
        try:
            return await mine.get(other.alive, self.roaming)
        except ConnectFailure:
            if other.alive is None:
                raise
            return other.alive

    @property
    def any(self) -> Session | None:
        return self.fast.alive or self.wide.alive

    @property
    def tried(self) -> bool:
        """Whether the server has ever answered an attempt to connect, if only with a refusal."""
        return self.connector.tried

    def silent(self) -> float:
        """Return the seconds for which the fast lane's query has had no answer."""
        session = self.fast.alive or self.wide.alive
        return session.silent if session else 0.0

    def open_now(self) -> int:
        roaming = self.roaming.session
        return sum(
            s is not None and not s.lost for s in (self.fast.session, self.wide.session, roaming)
        )

    def connection(self, now: float) -> Connection:
        """Return the connection state as a row for judges."""
        up, cause, message = self._standing(now)
        self.down_since = None if up else self.down_since or now
        failure = self.connector.failure
        self.shut_down = not up and (self.shut_down or self._says_shut_down(failure))
        self.refused_since = (self.refused_since or now) if failure else None
        address, user = self._address_and_user(now)
        return Connection(
            up=up,
            cause=cause,
            message=message,
            down_seconds=None if self.down_since is None else now - self.down_since,
            can_connect=failure is None if self.connector.tried else None,
            connect_cause=failure.cause if failure else None,
            connect_message=failure.message if failure else None,
            refused_seconds=None if self.refused_since is None else now - self.refused_since,
            address=address,
            user=user,
            sessions=self.open_now(),
            shut_down=self.shut_down,
            observer_starved=self.heart.is_starved
            or (failure is not None and self.connector.in_distress),
        )

    def _says_shut_down(self, failure: ConnectFailure | None) -> bool:
        """By the end of our sessions, or else by the refusal of a new one."""
        for standing in (self.fast, self.wide):
            standing.notice_end()
        said = {self.fast.shutdown, self.wide.shutdown}
        if said & {Shutdown.orderly, Shutdown.immediate}:
            return Shutdown.immediate not in said
        return failure is not None and failure.cause is Cause.stopping

    def _address_and_user(self, now: float) -> tuple[str, str | None]:
        if self._named is None or not 0 <= now - self._named[0] < REREAD:
            self._named = now, *_address_and_user(self.plan)
        return self._named[1:]

    def _standing(self, now: float) -> tuple[bool, Cause | None, str | None]:
        silent = self.silent()
        if silent > HUNG + (UNSETTLED if self.heart.is_unsettled else 0.0):
            return False, Cause.hung, f"a query has not been answered for {silent:.0f} s"
        if self.any:
            return True, None, None
        failure = self.connector.failure
        if failure:
            return False, failure.cause, failure.message
        if now - (self.down_since or now) < HUNG:
            return False, None, None  # the attempt to reconnect is still running
        return False, Cause.timeout, "no answer yet"

    async def drop_silent(self) -> None:
        """Close sessions whose query was not answered in time: their answer would be too old."""
        for standing in (self.fast, self.wide):
            if standing.session and standing.session.gave_up:
                await standing.drop()

    async def leave_if_stopping(self) -> None:
        """Close all sessions to a server that refuses new ones because it is being shut down: a
        smart shutdown waits for them."""
        failure = self.connector.failure
        if failure and failure.cause is Cause.stopping and self.any:
            await self.close()

    async def close(self) -> None:
        """Close all at once, also one that is being used: its answer is not wanted any more."""
        await asyncio.gather(
            self.fast.drop(), self.wide.drop(), self.roaming.give_up(), return_exceptions=True
        )


def _for_plans(plan: WatchPlan, heart: Heartbeat) -> Connector | None:
    address = plan.target.plans
    if address is None:
        return None
    return Connector(address, plan.statement_timeout, plan.connect_deadline, heart)


def _address_and_user(plan: WatchPlan) -> tuple[str, str | None]:
    """Return address and user without secrets; an invalid address is reported elsewhere."""
    try:
        target = plan.target.address.target()
    except (ValueError, OSError):
        return plan.name, None
    return target.name, target.user
