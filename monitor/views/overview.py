"""What the daemon shows: one immutable picture of every watched server, for pages and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts.snapshot import ServerIdentity
from alerts.verdicts.verdict import Verdict
from monitor.polling.lock_queues import Queues
from monitor.views.lock_tree import NOTHING_KNOWN, LockView


@dataclass(frozen=True, slots=True)
class CollectorView:
    """How one collector fares on one server. Times are unix seconds; None: never yet."""

    name: str
    lane: str
    pace: float
    """Seconds between rounds as they are now, stretched where the load budget demands it."""
    last_success: float | None = None
    duration: float | None = None
    """Seconds of the last round."""
    rows: int | None = None
    left_out: int = 0
    """Rows that became no series of their own."""
    duplicates: int = 0
    """Samples not served because a series with the same labels was there already."""
    error: str | None = None
    """Why the last round brought nothing; None after a success."""


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """The queues for locks, over a while."""

    interval: float
    """Seconds between two looks as they are now."""
    remembered: int
    most: Queues
    waiting_seconds: float
    chain_seconds: float
    fan_in_seconds: float


@dataclass(frozen=True, slots=True)
class ServerView:
    """One watched server as it is known now."""

    name: str
    node: ServerIdentity
    up: bool = False
    """The warm session answers."""
    unreachable: str | None = None
    """Why the warm session does not answer (refused, timeout, slots_full, auth …); None when up."""
    can_connect: bool | None = None
    connect_failure: str | None = None
    """Why a new session could not be opened, as one word; None when it could."""
    timeline: int | None = None
    server_version: str | None = None
    """As PostgreSQL prints it: 18.1."""
    sessions: int = 0
    server_time: float = 0.0
    """Seconds that this server has spent on our queries since we watch it."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """By finding; every finding is here, judged or not."""
    collectors: tuple[CollectorView, ...] = ()
    databases: tuple[str, ...] = ()
    """Databases that are watched."""
    locks: LockView = NOTHING_KNOWN
    queues: QueueNumbers | None = None
    """None before the first look at the locks."""

    @property
    def looked_at(self) -> bool:
        """Whether a first answer came, or why none does is known."""
        asked = (c.last_success is not None or c.error is not None for c in self.collectors)
        return self.unreachable is not None or any(asked)


@dataclass(frozen=True, slots=True)
class Overview:
    """All servers, and the daemon itself."""

    at: float
    servers: tuple[ServerView, ...] = ()
    started: float = 0.0
    state_error: str | None = None
    """Why the state file is not written; None while it is, or where none is wanted."""
    reload_ok: bool = True
    reloaded: float = 0.0
    notices: tuple[str, ...] = ()
    """What a person should know, a sentence each; lines below it are for who wants to know all."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """The limits in force, by finding; one that is not here has its defaults."""
    stopping: bool = False
    """The daemon is on its way out and wants no new visitors."""
