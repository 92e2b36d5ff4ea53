"""Overview: the immutable state of all watched servers, for pages and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Kind
from monitor.polling.lock_queues import Queues
from monitor.views.lock_tree import NOTHING_KNOWN, LockView
from monitor.views.pool_table import PoolLine, ServerSide
from monitor.views.renewal import NOTHING_EXPECTED, Renewal
from monitor.views.unread import Unread
from monitor.views.wait_hour import NOTHING_SEEN, WaitHour


@dataclass(frozen=True, slots=True)
class CollectorView:
    """State of a collector on one server. Times are unix seconds; None means never."""

    name: str
    lane: str
    pace: float
    """Current seconds between queries; the budget may have increased them."""
    last_success: float | None = None
    duration: float | None = None
    """Seconds of the last query."""
    rows: int | None = None
    left_out: int = 0
    """Rows without their own series."""
    is_bounded: bool = False
    """Whether rows can be left out at all."""
    duplicates: int = 0
    """Samples not served because another series has the same labels."""
    error: str | None = None
    """Why the last query failed, or why there is none; None after a success."""
    is_absent: bool = False
    """Whether there is nothing to read: on that version or role, or without an extension."""


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """Maxima and sums of lock queues over recent time."""

    interval: float
    """Current seconds between two queries of the locks."""
    remembered: int
    most: Queues
    waiting_seconds: float
    chain_seconds: float
    fan_in_seconds: float


@dataclass(frozen=True, slots=True)
class ServerView:
    """Current state of one watched server."""

    name: str
    node: ServerIdentity
    up: bool = False
    """Whether the standing session answers."""
    unreachable: str | None = None
    """Why the standing session does not answer (refused, timeout, slots_full, auth …), or None."""
    can_connect: bool | None = None
    connect_failure: str | None = None
    """Why no new session could be opened, as one word; None if it could."""
    timeline: int | None = None
    server_version: str | None = None
    """As PostgreSQL prints it, such as 18.1."""
    sessions: int = 0
    server_time: float = 0.0
    """Seconds that this server took to answer our queries since the daemon started."""
    server_work: float = 0.0
    """Seconds of its own work in that time, an estimate."""
    rounds_left_out: int = 0
    """Rounds that the estimate was not made of, because the machine was busy."""
    stretches: Mapping[str, float] = field(default_factory=dict)
    """The factor by which the pace of each lane is stretched, at most."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """By finding name; contains every finding, judged or not."""
    collectors: tuple[CollectorView, ...] = ()
    databases: tuple[str, ...] = ()
    """Databases that are watched."""
    unread: tuple[Unread, ...] = ()
    """What is not read, whether or not a finding needs it."""
    old: frozenset[str] = frozenset()
    """Findings whose facts are older than their collectors' paces let expect."""
    renewal: Renewal = NOTHING_EXPECTED
    locks: LockView = NOTHING_KNOWN
    snapshot: Snapshot | None = field(default=None, compare=False, repr=False)
    """What is known of it, for what is worked out only when a page asks for it."""
    queues: QueueNumbers | None = None
    """None before the first query of the locks."""
    waits: WaitHour = NOTHING_SEEN

    @property
    def looked_at(self) -> bool:
        """True once a query has succeeded, or the reason for a failure is known."""
        asked = (c.last_success is not None or c.error is not None for c in self.collectors)
        return self.unreachable is not None or any(asked)


@dataclass(frozen=True, slots=True)
class TargetView:
    """View of a target that is no server."""

    kind: Kind
    name: str
    node: ServerIdentity
    """Only its name is set."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    old: frozenset[str] = frozenset()
    """As of a server; here none ever is."""
    up: bool = True
    """Whether it answers."""
    unreachable: str | None = None
    pools: tuple[PoolLine, ...] = ()
    """Of a pooler."""
    behind: tuple[str, ...] = ()
    """The watched servers that a pooler leads to."""
    sides: tuple[ServerSide, ...] = ()
    """How these stand."""

    @property
    def looked_at(self) -> bool:
        """Whether it was asked, or the reason why not is known."""
        return self.up or self.unreachable is not None


Judged = ServerView | TargetView


@dataclass(frozen=True, slots=True)
class Overview:
    """State of all servers and of the daemon itself."""

    at: float
    servers: tuple[ServerView, ...] = ()
    targets: tuple[TargetView, ...] = ()
    """Targets of other kinds that have findings."""
    started: float = 0.0
    state_error: str | None = None
    """Why the state file can't be written; None if it can, or if none is configured."""
    reload_ok: bool = True
    reloaded: float = 0.0
    notices: tuple[str, ...] = ()
    """Messages for users; the first line of each is a summary, the others are details."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """Configured limits by finding; a finding that is not here has its defaults."""
    narrowed_to: str = ""
    """The findings and severities that alone were asked for; empty for all."""
    alone: str | None = None
    """The one server, or other target, that was asked for."""
    stopping: bool = False
    """True while the daemon shuts down."""

    @property
    def poolers(self) -> tuple[TargetView, ...]:
        return tuple(view for view in self.targets if view.kind is Kind.pgbouncer)

    @property
    def scraped(self) -> tuple[Judged, ...]:
        """What has a page of metrics of its own."""
        return (*self.servers, *self.poolers)

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Servers, then targets of other kinds."""
        return (*self.servers, *self.targets)

    def only(self, server: str) -> "Overview":
        """Return the same with one server, or other target, alone."""
        return replace(
            self,
            servers=tuple(view for view in self.servers if view.name == server),
            targets=tuple(view for view in self.targets if view.name == server),
            alone=server,
        )
