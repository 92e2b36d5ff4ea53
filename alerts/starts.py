"""Starts of a server: clean ones, those after a crash, and promotions, over restarts of ours.

A crash of one backend ends every session, but not the postmaster: its start stays, and the
checkpointer's moves. After a start that had to recover, the statistics begin anew with it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors.activity import activity
from collectors.server import Server, server

KEPT = 20
"""Number of starts that are remembered."""
SAME = 1.0
"""Seconds by which the clocks of two nodes may differ."""
LATE = 10.0
"""Seconds after the postmaster from which a checkpointer is not its first one."""
EARLY_CHECKPOINTER = 150000
"""From this version on the checkpointer starts before recovery, not after it."""
RECOVERY = 600.0
"""Seconds from a start in which recovery has reset the statistics."""


class StartKind(StrEnum):
    """Kind of a start."""

    restart = "restart"
    """Started after a clean stop."""
    unclean = "unclean"
    """Started without one: a crash, a kill, a power failure, an immediate stop."""
    backend_crash = "backend_crash"
    """One process crashed or was killed, and the postmaster started all others anew."""
    promotion = "promotion"
    """A standby became the primary, or another node took over the address."""
    another_cluster = "another_cluster"
    """Another cluster answers at the address: after pg_upgrade, or because the address moved."""


KINDS = frozenset(StartKind)
UNHARMED = (StartKind.restart, StartKind.another_cluster)
"""Starts that take nothing from the tables of the cluster."""


@dataclass(frozen=True, slots=True)
class Start:
    at: float
    """Unix seconds, by the server's clock."""
    kind: StartKind
    standby: bool = False
    before: str | None = None
    """The system identifier of the cluster that answered before, where it was another one."""

    @property
    def loses_statistics(self) -> bool:
        """Whether tables have no counts of dead and changed rows since then."""
        return self.kind not in UNHARMED

    @property
    def empties_unlogged(self) -> bool:
        return self.kind not in UNHARMED


@dataclass(frozen=True, slots=True)
class StartLog:
    """The starts that were seen, the oldest first."""

    starts: tuple[Start, ...] = ()
    clock: float | None = None
    """The server's clock at its newest answer, in unix seconds."""

    def within(self, seconds: float) -> tuple[Start, ...]:
        """Return the starts of so long until now."""
        if self.clock is None:
            return ()
        return tuple(start for start in self.starts if self.clock - start.at <= seconds)


@dataclass(frozen=True, slots=True)
class Standing:
    """Last known state of the server that answers."""

    postmaster: float
    checkpointer: float | None
    recovering: bool
    timeline: int | None
    clock: float

    def pack(self) -> Json:
        return [self.postmaster, self.checkpointer, self.recovering, self.timeline, self.clock]

    @classmethod
    def unpack(cls, stored: Json) -> "Standing | None":
        """Read it as it was put, or as it came out of the state file; None of anything else."""
        match stored:
            case [
                int() | float() as postmaster,
                int() | float() | None as checkpointer,
                bool(recovering),
                int() | None as timeline,
                int() | float() as clock,
            ]:
                return cls(postmaster, checkpointer, recovering, timeline, clock)
            case _:
                return None


class Starts(SingleHistory[StartLog]):
    """The starts of a server, from its own times and those of its checkpointer."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (server, activity)

    def recorder(self, memory: Memory, namespace: Namespace) -> "StartsRecorder":
        return StartsRecorder(memory, namespace.of("server.starts"))


STARTS = Starts()


class StartsRecorder:
    """Compares each answer with what memory holds of the one before."""

    def __init__(self, memory: Memory, namespace: Namespace) -> None:
        self.memory, self.namespace = memory, namespace
        self.checkpointer: tuple[str, float] | None = None
        """Its start, as text and as unix seconds."""
        self.log = StartLog(tuple(_starts(memory.get(namespace, "starts"))))

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is activity:
            self._learn_checkpointer(answer)
        elif len(answer.rows) == 1:
            self._learn_server(answer.rows[0])

    def _learn_checkpointer(self, answer: AnyAnswer) -> None:
        text = next(
            (r.backend_start_text for r in answer.rows if r.backend_type == "checkpointer"), None
        )
        if text and (self.checkpointer is None or self.checkpointer[0] != text):
            self.checkpointer = text, datetime.fromisoformat(text).timestamp()

    def _learn_server(self, row: Server) -> None:
        clock = row.postmaster_start + row.postmaster_seconds
        began = self.checkpointer[1] if self.checkpointer else None
        if began is not None and began < row.postmaster_start:
            began = None  # that of the server before: sessions are read more often than this
        before = Standing.unpack(self.memory.get(self.namespace, "standing"))
        now = Standing(row.postmaster_start, began, row.in_recovery, row.timeline, clock)
        if began is None and before and before.postmaster == now.postmaster:
            now = replace(now, checkpointer=before.checkpointer)
        self.memory.put(self.namespace, "standing", now.pack())
        moved, start = self._another_cluster(row, clock), _start_between(before, now, row)
        if moved and start and start.kind is StartKind.restart:
            start = None  # harmless, and said by the other
        # A cluster that is back at its address may have crashed while another one was there.
        found = [one for one in (start, moved) if one is not None]
        starts = self.log.starts
        if found:
            starts = (*starts, *found)[-KEPT:]
            kept: list[Json] = [[s.at, s.kind.value, s.standby, s.before] for s in starts]
            self.memory.put(self.namespace, "starts", kept)
        self.log = StartLog(starts, clock)

    def _another_cluster(self, row: Server, clock: float) -> Start | None:
        """Compare with the cluster that answered last at this address, whichever it was."""
        address, now = self.namespace._replace(cluster=""), row.system_identifier
        before = self.memory.get(address, "system_identifier")
        self.memory.put(address, "system_identifier", now)
        if not isinstance(before, str) or before == now:
            return None
        return Start(clock, StartKind.another_cluster, row.in_recovery, before)

    def restart(self) -> None:
        """Nothing begins anew: a restart is what it tells."""

    def view(self, at: float) -> StartLog:
        return self.log


def _start_between(before: Standing | None, now: Standing, row: Server) -> Start | None:
    """Return what happened between two answers."""
    if before is None or before.postmaster == now.postmaster:
        if crashed := _backend_crash(before, now, row):
            return crashed
        if before and before.recovering and not now.recovering:
            return Start(now.clock, StartKind.promotion)
        return None
    if now.postmaster < before.clock - SAME:
        # It ran already while the one before answered: another node has taken over the address.
        is_failover = not now.recovering and now.timeline != before.timeline
        return Start(now.clock, StartKind.promotion) if is_failover else None
    kind = StartKind.unclean if _has_recovered(now, row) else StartKind.restart
    return Start(now.postmaster, kind, now.recovering)


def _backend_crash(before: Standing | None, now: Standing, row: Server) -> Start | None:
    """Return a crash of a backend: the checkpointer is younger than it was, or could be."""
    began = now.checkpointer
    if began is None:
        return None
    if before and before.checkpointer is not None:
        is_new = began > before.checkpointer + 0.001
    else:
        is_new = row.version_num >= EARLY_CHECKPOINTER and began > now.postmaster + LATE
    return Start(began, StartKind.backend_crash, now.recovering) if is_new else None


def _has_recovered(now: Standing, row: Server) -> bool:
    """Whether the start had to replay WAL; a standby of 14 does that at every start."""
    if row.stats_reset is None or (now.recovering and row.version_num < EARLY_CHECKPOINTER):
        return False
    began = max(now.postmaster, now.checkpointer or 0.0)
    return now.postmaster <= row.stats_reset <= began + RECOVERY


def _starts(stored: Json) -> list[Start]:
    found = []
    for one in stored if isinstance(stored, list) else []:
        match one:
            case [int() | float() as at, str(kind), bool(standby), *more] if kind in KINDS:
                before = more[0] if more and isinstance(more[0], str) else None
                found.append(Start(at, StartKind(kind), standby, before))
    return found
