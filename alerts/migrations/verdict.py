"""Verdict of a migration: of each statement, and one of the whole file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alerts.migrations.advice import Advice, Level
from alerts.migrations.backfill import backfills, batches_together, stops_early
from alerts.migrations.best_hour import HourChoice, hour_choice
from alerts.migrations.duration import MOMENT, Duration, Range, duration
from alerts.migrations.kind import Kind, blocks, grows_with, kind
from alerts.migrations.live import LiveServer, LiveTable, OldestHolder, Traffic
from alerts.migrations.lock_mode import Blocked, LockMode
from alerts.migrations.rows import refused_by_rows
from alerts.migrations.safer import lock_timeout_missing, may_leave_invalid, safer
from alerts.migrations.space import NOTABLE, space_advice, why_unknown
from alerts.migrations.standbys import on_standbys
from alerts.migrations.traced import Failure, Relation, Traced
from alerts.migrations.usage import still_named
from alerts.migrations.versions import too_new
from alerts.migrations.way_back import way_back
from alerts.migrations.week_facts import WeekFacts
from alerts.units import duration_text

LONG_WAIT = 5.0
"""Seconds that a transaction is open from which on waiting for its lock is worth a word."""
NOTICED = 1.0
"""Seconds of blocked statements that an application notices."""
LONG = (Kind.scan, Kind.rewrite, Kind.index_build, Kind.data)
"""Kinds whose time may grow with the table."""
UNENDED = Advice(
    "The file ends within this transaction: without a COMMIT all of it is rolled back.",
    level=Level.caution,
)
UNSEEN = (
    "Not known: for how long, as our role may not see the transactions of others; a member of"
    " pg_read_all_stats may."
)
EXITS = {Level.safe: 0, Level.unknown: 1, Level.caution: 1, Level.danger: 2}


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of the statement on one table."""

    relation: Relation
    blocked: Blocked
    table: LiveTable | None = None
    """None: the live server was not asked, or has no such table."""

    @property
    def per_second(self) -> float | None:
        """Statements a second that would wait."""
        traffic: Traffic | None = self.table.traffic if self.table else None
        if traffic is None:
            return None
        return traffic.writes + (traffic.reads if self.blocked is Blocked.all else 0.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One statement, judged."""

    traced: Traced
    kind: Kind
    effects: tuple[Effect, ...]
    """On tables whose sessions have to wait."""
    duration: Duration
    held: Duration
    """How long the locks are held: until the transaction ends."""
    level: Level
    advice: tuple[Advice, ...] = ()
    failure: Failure | None = None
    """Why it will fail."""
    way_back: str | None = None
    writes_bytes: int | None = None
    """What it writes anew: to disk while it runs, and about as much as WAL."""

    @property
    def blocked(self) -> Blocked:
        found = {effect.blocked for effect in self.effects}
        return Blocked.all if Blocked.all in found else next(iter(found), Blocked.none)


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """All statements of the files, and the verdict of the whole."""

    verdicts: tuple[Verdict, ...]
    live: LiveServer | None
    lacking: tuple[str, ...] = ()
    """What the clone lacks."""
    note: str = ""
    """Where the schema comes from, if not from pg_dump."""
    week: WeekFacts | None = None
    why_no_week: str = "no daemon was asked"
    hours: HourChoice | None = None
    """None where no hour is known, or where it makes no difference."""
    why_no_space: str | None = None
    """Why it is not known how much space is free, where that matters."""
    waits: bool = False
    """Whether it waits for locks, or for older transactions."""

    @property
    def level(self) -> Level:
        return max((verdict.level for verdict in self.verdicts), default=Level.unknown)

    @property
    def exit_status(self) -> int:
        return EXITS[self.level]


def judged(
    traces: Sequence[Traced],
    live: LiveServer | None,
    lacking: tuple[str, ...] = (),
    week: WeekFacts | None = None,
    hour: int = 0,
) -> FileVerdict:
    """Judge all statements of a file; `hour` of the week is now."""
    lengths = [duration(traced, live) for traced in traces]
    filled_partly = False
    needed, after = _needed(traces, live), _long_after(traces)
    verdicts = []
    for n, traced in enumerate(traces):
        verdict = _one(traced, lengths[n], _held(traces, lengths, n), live, after[n])
        more = (
            space_advice(verdict.writes_bytes, needed[n], live, week),
            batches_together(traces, n, live),
        )
        for one in filter(None, more):
            level = max(verdict.level, one.level)
            verdict = replace(verdict, advice=(*verdict.advice, one), level=level)
        if filled_partly and _sets_not_null(traced):
            verdict = _after_a_bad_backfill(verdict)
        filled_partly = filled_partly or stops_early(traced.statement)
        verdicts.append(verdict)
    if verdicts and (last := verdicts[-1]).traced.block and not last.traced.statement.transaction:
        level = max(last.level, UNENDED.level)
        verdicts[-1] = replace(last, advice=(*last.advice, UNENDED), level=level)
    waiting = [v for v in verdicts if v.effects or v.traced.statement.is_concurrent]
    choice = None
    if week is not None and waiting:
        blocked = dict.fromkeys(e.relation for v in waiting for e in v.effects)
        held = max(v.held.range.high if v.held.range else 0.0 for v in waiting)
        choice = hour_choice(week, hour, blocked, held)
    written = (max(v.writes_bytes or 0, n) for v, n in zip(verdicts, needed, strict=True))
    return FileVerdict(
        tuple(verdicts),
        live,
        lacking,
        week=week,
        hours=choice,
        why_no_space=why_unknown(week) if max(written, default=0) >= NOTABLE else None,
        waits=bool(waiting),
    )


def _needed(traces: Sequence[Traced], live: LiveServer | None) -> list[int]:
    """Return the bytes that each statement needs, with those of its transaction before it:
    the old files are kept until the end of it."""
    found: list[int] = []
    for n, traced in enumerate(traces):
        before = found[-1] if n and traced.block and traces[n - 1].block == traced.block else 0
        found.append(before + (_disk(traced, live) or 0))
    return found


def _one(
    traced: Traced, length: Duration, held: Duration, live: LiveServer | None, after: Traced | None
) -> Verdict:
    failure = _failure(traced, live)
    effects = tuple(
        Effect(relation, who, live.tables.get(relation) if live else None)
        for relation, who in blocks(traced).items()
    )
    verdict = Verdict(
        traced,
        kind(traced),
        effects,
        length,
        held,
        Level.safe,
        failure=failure,
        way_back=way_back(traced.statement),
        writes_bytes=_written(traced, live),
    )
    advice = tuple(_advice(verdict, live))
    if after and verdict.blocked is not Blocked.none:
        advice += (_keeps_lock(after, verdict),)
    levels = (_level(verdict, live), *(one.level for one in advice))
    return replace(verdict, advice=advice, level=max(levels))


def _failure(traced: Traced, live: LiveServer | None) -> Failure | None:
    if live and (why := too_new(traced.statement, live.major)):
        return Failure("42601", why)
    return traced.failure


def _held(traces: Sequence[Traced], lengths: Sequence[Duration], at: int) -> Duration:
    """Return how long the locks of a statement are held: in a transaction, until its end."""
    block = traces[at].block
    if block is None:
        return lengths[at]
    total = Range(0.0, 0.0)
    for n in range(at, len(traces)):
        traced, length = traces[n], lengths[n]
        if traced.block != block:
            break
        if length.range is None:
            reason = f"statement {traced.statement.number} of its transaction: {length.reason}"
            return Duration(None, reason)
        total = total + (length.range if kind(traced) is not Kind.instant else Range(0.0, 0.0))
    return Duration(Range(total.low, max(total.high, MOMENT)))


def _long_after(traces: Sequence[Traced]) -> list[Traced | None]:
    """Return for each statement the next one of its transaction that may take long.

    From the end: a file may have a hundred thousand statements in one transaction.
    """
    found: list[Traced | None] = [None] * len(traces)
    for n in range(len(traces) - 2, -1, -1):
        then = traces[n + 1]
        if traces[n].block is not None and then.block == traces[n].block:
            is_long = kind(then) in LONG and not then.statement.transaction
            found[n] = then if is_long else found[n + 1]
    return found


def _keeps_lock(after: Traced, verdict: Verdict) -> Advice:
    short = verdict.held.range is not None and verdict.held.range.high <= NOTICED
    return Advice(
        f"Its lock is held while line {after.statement.line} of the same transaction runs"
        f" ({kind(after)}): COMMIT in between.",
        level=Level.safe if short else Level.danger,
    )


def _advice(verdict: Verdict, live: LiveServer | None) -> Iterator[Advice]:
    traced = verdict.traced
    if verdict.failure is not None:
        return
    if missing := lock_timeout_missing(traced, live, verdict.blocked):
        yield missing
    if left := may_leave_invalid(traced, live):
        yield left
    if verdict.blocked is not Blocked.none or verdict.kind is Kind.rewrite:
        yield from safer(traced, live)
    if traced.emptied:
        names = ", ".join(map(str, traced.emptied))
        yield Advice(f"It removes all rows of {names}.", level=Level.caution)
    yield from _removed(traced, live)
    yield from backfills(traced, live)
    yield from refused_by_rows(traced, live)
    yield from still_named(traced, live)
    yield from _waits(verdict, live)
    yield from on_standbys(verdict.traced, verdict.held, live)


def _removed(traced: Traced, live: LiveServer | None) -> Iterator[Advice]:
    """What DROP removes, where the live server has rows of it."""
    statement = traced.statement
    if live is None or statement.node != "DropStmt":
        return
    kind_of = statement.body.get("removeType")
    names = {name.name for name in statement.tables}
    if kind_of == "OBJECT_SCHEMA":
        names = {one["String"]["sval"] for one in statement.body.get("objects", ())}
    of_tables = kind_of in ("OBJECT_TABLE", "OBJECT_SCHEMA", "OBJECT_MATVIEW")
    gone: list[LiveTable] = []
    beside: list[LiveTable] = []
    for held in traced.locks:
        if (
            held.index is None
            and held.mode is LockMode.AccessExclusive
            and held.table in live.tables
        ):
            word = held.table.schema if kind_of == "OBJECT_SCHEMA" else held.table.name
            (gone if of_tables and word in names else beside).append(live.tables[held.table])
    if filled := [table for table in gone if table.rows != 0]:
        yield Advice(f"It removes {_shown(filled)} with all rows.", level=Level.caution)
    if beside and statement.body.get("behavior") == "DROP_CASCADE":
        told = f"CASCADE removes what depends on it in {_shown(beside)}: columns with their values,"
        yield Advice(f"{told} or constraints, or views.", level=Level.caution)


def _shown(tables: Sequence[LiveTable]) -> str:
    more = f" and {len(tables) - 5} more" if len(tables) > 5 else ""
    return ", ".join(str(table.relation) for table in tables[:5]) + more


def _waits(verdict: Verdict, live: LiveServer | None) -> Iterator[Advice]:
    """What the statement itself has to wait for."""
    if live is None:
        return
    if verdict.traced.statement.is_concurrent:
        oldest = max(_awaited(verdict.traced, live), key=lambda one: one.seconds, default=None)
        if oldest and oldest.seconds >= LONG_WAIT:
            yield Advice(
                "It waits for older transactions; the oldest that it must wait for has been open"
                f" for {duration_text(oldest.seconds)} ({_who(oldest)})."
            )
        elif live.sessions_hidden:
            yield Advice(f"It waits for older transactions. {UNSEEN}", level=Level.unknown)
    for effect in verdict.effects:
        wanted = max(_modes(verdict.traced, effect.relation), default=LockMode.AccessExclusive)
        holder = effect.table.holder(wanted) if effect.table else None
        if holder and holder.seconds >= LONG_WAIT:
            yield Advice(
                f"It would wait for a transaction that has used {effect.relation} for"
                f" {duration_text(holder.seconds)} ({_who(holder)}), with everything behind it.",
                level=Level.caution if verdict.traced.lock_timeout else Level.danger,
            )
        elif effect.table and effect.table.is_hidden(wanted):
            yield Advice(
                f"It would wait for a transaction that uses {effect.relation} now. {UNSEEN}",
                level=Level.unknown,
            )


def _awaited(traced: Traced, live: LiveServer) -> Iterator[OldestHolder]:
    """Yield what CONCURRENTLY waits for: snapshots of the database, and users of its tables.

    To build an index it waits for who writes to the table, to drop or replace one for all.
    """
    builds = traced.statement.node == "IndexStmt"
    if live.oldest and (builds or traced.statement.node == "ReindexStmt"):
        yield live.oldest
    for held in traced.locks:
        table = live.tables.get(held.table)
        mode = LockMode.Share if builds else LockMode.AccessExclusive
        if table and (holder := table.holder(mode)):
            yield holder


def _modes(traced: Traced, relation: Relation) -> Iterator[LockMode]:
    return (held.mode for held in traced.locks if held.table == relation)


def _who(holder: OldestHolder) -> str:
    return f"pid {holder.pid}, {holder.state}" if holder.pid else "a prepared transaction"


def _written(traced: Traced, live: LiveServer | None) -> int | None:
    """Return the bytes that a rewrite or an index build writes anew, where sizes are known."""
    if live is None:
        return None
    total = 0
    for relation in dict.fromkeys((*traced.rewritten, *traced.rebuilt)):
        table = live.tables.get(relation)
        if table is None or table.whole is None or table.bytes is None:
            return None
        total += table.whole if relation in traced.rewritten else table.bytes // 5
    return total or None


def _disk(traced: Traced, live: LiveServer | None) -> int | None:
    """Return the bytes that it needs at once: a build sorts its index on disk, too."""
    written = _written(traced, live)
    if written is None or live is None:
        return None
    return written + sum(
        (live.tables[table].bytes or 0) // 5
        for table in traced.rebuilt
        if table not in traced.rewritten and table in live.tables
    )


def _level(verdict: Verdict, live: LiveServer | None) -> Level:
    """Judge the statement by whom it blocks, and for how long."""
    if verdict.failure is not None:
        return Level.danger
    if verdict.kind is Kind.unknown:
        # Code that did this much on a clone without rows does at least as much there.
        seen = grows_with(verdict.traced) and verdict.blocked is not Blocked.none
        return Level.danger if seen else Level.unknown
    if verdict.blocked is Blocked.none:
        return Level.safe
    if verdict.held.range is None:
        return Level.danger if _is_long(verdict) else Level.unknown
    if verdict.held.range.high <= NOTICED:
        timed = verdict.traced.lock_timeout or (live and live.lock_timeout)
        return Level.safe if timed else Level.caution
    quiet = all(effect.per_second == 0 for effect in verdict.effects)
    return Level.caution if quiet else Level.danger


def _is_long(verdict: Verdict) -> bool:
    """Whether it is long by its kind, although the seconds are not known."""
    kinds = (Kind.scan, Kind.rewrite, Kind.index_build)
    return verdict.kind in kinds and bool(grows_with(verdict.traced))


def _sets_not_null(traced: Traced) -> bool:
    return any(action.kind == "AT_SetNotNull" for action in traced.statement.actions)


def _after_a_bad_backfill(verdict: Verdict) -> Verdict:
    advice = Advice(
        "SET NOT NULL will fail: the backfill before it stops before all rows are filled.",
        level=Level.danger,
    )
    return replace(verdict, level=Level.danger, advice=(*verdict.advice, advice))
