"""Check of a migration: parse it, clone the schema, trace it, ask the live server, judge."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from alerts.migrations.kind import blocks, grows_with
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Relation, Traced
from alerts.migrations.verdict import FileVerdict, judged
from alerts.migrations.week_facts import WeekFacts
from alerts.plans.week import hour_of
from monitor.config.servers import WatchedServer
from monitor.migrations.catalogue import schema_of
from monitor.migrations.clone import load
from monitor.migrations.dump import DumpFailure, dumped
from monitor.migrations.given_server import ScratchRefused, given_server, left_behind
from monitor.migrations.live_facts import LiveFacts
from monitor.migrations.live_names import LiveNames
from monitor.migrations.parsing import parsed_aside
from monitor.migrations.progress import silent
from monitor.migrations.remembered import NotRemembered, remembered
from monitor.migrations.scratch import Scratch, scratch_server
from monitor.migrations.script import pieces
from monitor.migrations.trace import Tracer
from monitor.migrations.watching import watch
from monitor.postgres.errors import ConnectFailure, QueryFailure
from monitor.postgres.first_question import Identity
from monitor.postgres.session import Session

DEADLINE = 10.0
MOST_STATEMENTS = 100_000


class CheckFailure(Exception):
    """The check could not be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Request of the command, from its arguments."""

    script: str
    server: WatchedServer | None
    database: str | None = None
    schema: str | None = None
    """Script of the schema; None asks the live server for it."""
    seconds: float = 5.0
    """For which its traffic is counted."""
    scratch: str | None = None
    """DSN of a server for the clone; None starts one on this machine."""
    environ: Mapping[str, str] = field(default_factory=dict)
    daemon: str | None = None
    """Address of the daemon that watches the server."""
    state_file: Path | None = None
    """Of the daemon, where this machine has it."""
    tell: Callable[[str], None] = silent
    """Told how far the check is."""


async def checked(wanted: Wanted) -> FileVerdict:
    """Judge the script. Raises CheckFailure, LaunchError and ParserMissing."""
    wanted.tell("reading the file")
    cut = await asyncio.to_thread(lambda: list(pieces(wanted.script)))
    if len(cut) > MOST_STATEMENTS:
        raise CheckFailure(f"the files have more than {MOST_STATEMENTS:,} statements.")
    wanted.tell(f"parsing {len(cut):,} statements")
    statements = await parsed_aside(cut)
    if wanted.server is None:
        return await _without_server(wanted, statements)
    session = await _session(wanted.server, wanted.database)
    try:
        facts = LiveFacts(session)
        schema, note = wanted.schema or "", ""
        wanted.tell("reading the schema")
        if wanted.schema is None:
            schema, note = await _schema(wanted.server, session, statements)
        roles = await facts.roles()
        made = _scratch(wanted, session.identity, roles)
        major, of_server = session.identity.version // 10000, await facts.of_server()
        names = LiveNames(major, frozenset(roles), of_server, await facts.zone())
        traces, lacking, left = await _traced(made, wanted, schema, statements, names, bool(note))
        wanted.tell(f"counting the traffic for {wanted.seconds:g} s")
        try:
            live = await facts.of(wanted.server.name, _touched(traces), wanted.seconds)
        except QueryFailure as failure:  # what was traced is worth more than nothing
            untold = f"The live server did not tell sizes and traffic: {failure.message}"
            told = ". ".join(filter(None, (note, left, untold)))
            return replace(judged(traces, None, lacking), note=told)
        week, forgotten = await _week(wanted, wanted.server, session.identity)
    except QueryFailure as failure:
        raise CheckFailure(f"{wanted.server.name} does not answer: {failure.message}") from None
    finally:
        await session.close()
    if week is not None:
        live = replace(live, observed=(*live.observed, *week.observed))
    wanted.tell(f"judging {len(statements):,} statements")
    verdict = judged(traces, live, lacking, week, hour_of(time.time()))
    told = ". ".join(filter(None, (note, left)))
    return replace(verdict, note=told, why_no_week=forgotten)


async def _week(
    wanted: Wanted, server: WatchedServer, identity: Identity
) -> tuple[WeekFacts | None, str]:
    """Return what a daemon remembers, or why nothing is known."""
    try:
        return await remembered(wanted.daemon, wanted.state_file, server, identity), ""
    except NotRemembered as why:
        return None, str(why)


async def watched_until_over(
    script: str, server: WatchedServer, database: str | None, tell: Callable[[str], None]
) -> bool:
    """Watch a migration on the live server; return whether it hurt. Raises CheckFailure."""
    session = await _session(server, database)
    try:
        return await watch(session, script, tell)
    except QueryFailure as failure:
        raise CheckFailure(f"{server.name} does not answer: {failure.message}") from None
    finally:
        await session.close()


async def _without_server(wanted: Wanted, statements: Sequence[Statement]) -> FileVerdict:
    made = _scratch(wanted, None, ())
    traces, lacking, left = await _traced(
        made, wanted, wanted.schema or "", statements, LiveNames()
    )
    wanted.tell(f"judging {len(statements):,} statements")
    return replace(judged(traces, None, lacking), note=left)


def _scratch(
    wanted: Wanted, live: Identity | None, roles: Sequence[str]
) -> AbstractAsyncContextManager[Scratch]:
    if wanted.scratch is None:
        return scratch_server(roles)
    return given_server(wanted.scratch, wanted.environ, live, roles)


async def _session(server: WatchedServer, database: str | None) -> Session:
    try:
        return await Session.open(server.address, database or server.named, DEADLINE, DEADLINE)
    except ConnectFailure as failure:
        raise CheckFailure(f"{server.name} does not answer: {failure}") from None


async def _schema(
    server: WatchedServer, session: Session, statements: Sequence[Statement]
) -> tuple[str, str]:
    """Return the schema as a script, and what is to be said about where it comes from."""
    try:
        return await dumped(server.address, session.identity.database), ""
    except DumpFailure as failure:
        names = [name for statement in statements for name in statement.tables]
        note = f"pg_dump can't read the schema ({failure}); the catalogue told what the file names"
        return await schema_of(session, names), note


async def _traced(
    made: AbstractAsyncContextManager[Scratch],
    wanted: Wanted,
    schema: str,
    statements: Sequence[Statement],
    live: LiveNames,
    in_part: bool = False,
) -> tuple[list[Traced], tuple[str, ...], str]:
    """Return the traces, what the clone lacks, and what an earlier check has left behind."""
    try:
        async with made as scratch:
            wanted.tell("making the copy")
            loaded = await load(scratch, schema, wanted.script)
            tracer = await Tracer.start(scratch, in_part or bool(loaded.lacking), live)
            try:
                traces = await tracer.run(statements, wanted.tell)
            finally:
                tracer.close()
            return traces, loaded.lacking, left_behind(scratch)
    except ScratchRefused as wrong:
        raise CheckFailure(str(wrong)) from None


def _touched(traces: Sequence[Traced]) -> list[Relation]:
    """Return the live tables whose facts are needed, once each."""
    found: dict[Relation, None] = {}
    for traced in traces:
        found |= dict.fromkeys((*blocks(traced), *grows_with(traced)))
        found |= dict.fromkeys(held.table for held in traced.locks)
    return list(found)
