"""Watch of a migration while it runs on the live server: a line whenever something changes."""

import asyncio
from collections.abc import Callable, Mapping

from alerts.migrations.running import Running, Watched, plain, watched
from monitor.migrations.script import pieces
from monitor.postgres.session import Session

PACE = 1.0
"""Seconds between looks."""
GONE = 3
"""Looks in a row without the migration after which it is over."""
DEADLINE = 5.0
LONGEST = 100_000
"""Characters of a statement that are read."""
SESSIONS = f"""
    select
        pid, backend_start::text as backend_start, xact_start::text as xact_start,
        coalesce(state, '') as state,
        coalesce(date_part('epoch', clock_timestamp() - case
            when state = 'active' then query_start else state_change end), 0) as seconds,
        left(query, {LONGEST}) as query,
        coalesce(length(query) > {LONGEST} or octet_length(query) > (
            select setting::int8 - 5 from pg_catalog.pg_settings
            where name = 'track_activity_query_size'
        ), false) as is_cut,
        case when wait_event_type = 'Lock' then pg_catalog.pg_blocking_pids(pid) else '{{}}' end
            as blockers
    from pg_catalog.pg_stat_activity
    where state <> 'idle' and backend_type = 'client backend'
        and pid <> pg_catalog.pg_backend_pid()
"""  # noqa: S608
PROGRESS = """
    select pid, phase, blocks_done as done, blocks_total as total
    from pg_catalog.pg_stat_progress_create_index
    union all
    select pid, phase, heap_blks_scanned, heap_blks_total from pg_catalog.pg_stat_progress_cluster
"""


async def watch(session: Session, script: str, tell: Callable[[str], None]) -> bool:
    """Watch until the migration is over; return whether it hurt other sessions.

    It begins when a statement of the script is seen. Raises QueryFailure.
    """
    lines = statement_lines(script)
    hurt, seen, absent, last = False, False, 0, ""
    advised: tuple[str, ...] = ()
    tell("Waiting for a statement of the migration.")
    while absent < GONE:
        found = await look(session, lines)
        seen = seen or bool(found)
        absent = 0 if found or not seen else absent + 1
        for one in found:
            hurt = hurt or one.hurts
            if one.sentence != last:
                tell(one.sentence)
                last = one.sentence
            if one.advice and one.advice != advised:
                advised = one.advice
                for statement in one.advice:
                    tell(f"  cancel it: {statement}")
        await asyncio.sleep(PACE)
    tell("It is over.")
    return hurt


def statement_lines(script: str) -> Mapping[str, int]:
    """Return the line of each statement by its text; tools may send the whole file as one."""
    found = {plain(piece.text): piece.line for piece in pieces(script) if not piece.is_psql}
    if whole := plain(script):
        found.setdefault(whole, 1)
    return found


async def look(session: Session, lines: Mapping[str, int]) -> list[Watched]:
    """Find the sessions of the migration now."""
    rows = await session.fetch(SESSIONS, DEADLINE)
    sessions = [
        Running(
            row["pid"],
            row["backend_start"],
            row["xact_start"],
            row["state"],
            max(0.0, row["seconds"]),
            row["query"] or "",
            tuple(row["blockers"]),
            row["is_cut"],
        )
        for row in rows
    ]
    if all(one.line_in(lines) is None for one in sessions):
        return []
    progress = {
        row["pid"]: _progress(row["phase"], row["done"], row["total"])
        for row in await session.fetch(PROGRESS, DEADLINE)
    }
    return watched(sessions, lines, progress)


def _progress(phase: str, done: int | None, total: int | None) -> str:
    share = f" ({done / total:.0%})" if done and total else ""
    return f"{phase}{share}"
