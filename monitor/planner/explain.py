"""EXPLAIN of one statement of pg_stat_statements, the same way on all versions, never ANALYZE.

The text is parsed under a name by the protocol, which refuses a second statement in it. With
plan_cache_mode = force_generic_plan the values of its parameters don't matter, so EXPLAIN EXECUTE
is given NULLs. EXPLAIN (GENERIC_PLAN) exists from 16 on only, and by the simple protocol only.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from alerts.cure import identifier
from monitor.planner import foreign_code
from monitor.planner.text import names

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

SECONDS = 2.0
"""Of the server's own time limit."""
LOCK_MILLISECONDS = 10
"""A table that is locked is left for another time."""
BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY;"
    " SET LOCAL plan_cache_mode = force_generic_plan;"
    f" SET LOCAL statement_timeout = {SECONDS * 1000:.0f};"
    f" SET LOCAL lock_timeout = {LOCK_MILLISECONDS};"
    " SET LOCAL max_parallel_workers_per_gather TO DEFAULT"
)
OF_THE_ROLE = """
    select
        pg_catalog.split_part(one, '=', 1)                                  as name,
        pg_catalog.substr(one, pg_catalog.strpos(one, '=') + 1)             as value
    from (
        select distinct on (pg_catalog.split_part(c, '=', 1)) c as one
        from pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) c
        where s.setrole in (0::oid, $1::oid) and s.setdatabase in (
            0::oid,
            (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
        )
        order by pg_catalog.split_part(c, '=', 1), s.setrole = 0::oid, s.setdatabase = 0::oid
    ) known
"""
"""A setting of a role in a database wins over that of the role, and that over the database's."""
DEFAULT_PATH = "select s.boot_val from pg_catalog.pg_settings s where s.name = 'search_path'"
WORDS = """
    work_mem hash_mem_multiplier effective_cache_size random_page_cost seq_page_cost cpu_tuple_cost
    cpu_index_tuple_cost cpu_operator_cost default_statistics_target join_collapse_limit
    from_collapse_limit geqo geqo_threshold geqo_effort geqo_pool_size geqo_generations
    geqo_selection_bias geqo_seed constraint_exclusion cursor_tuple_fraction
    max_parallel_workers_per_gather parallel_setup_cost parallel_tuple_cost
    min_parallel_table_scan_size min_parallel_index_scan_size
"""
OF_THE_PLANNER = frozenset(WORDS.split())
UNREADABLE = """
    select pg_catalog.format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_locks l
    join pg_catalog.pg_class c on c.oid = l.relation
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where l.pid = pg_catalog.pg_backend_pid()
        and l.locktype = 'relation'
        and l.database =
            (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and not has_table_privilege(c.oid, 'select')
    order by c.relkind <> 'v', c.oid
    limit 1
"""
# The policies that hold for all roles are the login's, too.
OTHER_ROWS = """
    select pg_catalog.format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_locks l
    join pg_catalog.pg_class c on c.oid = l.relation
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_roles r on r.oid = $1::oid
    where l.pid = pg_catalog.pg_backend_pid()
        and l.locktype = 'relation'
        and l.database =
            (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
        and c.relrowsecurity
        and (
            r.rolsuper
            or r.rolbypassrls
            or not c.relforcerowsecurity and pg_has_role(r.oid, c.relowner, 'usage')
            or exists (
                select from pg_catalog.pg_policy p
                where p.polrelid = c.oid and p.polroles <> '{0}'::oid[]
            )
        )
    order by c.oid
    limit 1
"""
CLOSED = """
    select n.nspname::text from pg_catalog.pg_namespace n
    where n.nspname = any ($1::text[]::name[]) and not has_schema_privilege(n.oid, 'usage')
    order by n.nspname
    limit 1
"""
AGAIN = "run `pgvigil setup-sql --plans` again"
SAFE_PATH = "select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)"
NOT_LISTED = frozenset({"pg_catalog", "pg_temp"})
REFUSED = "42501"
NOT_FOUND = "42P01"
NO_LOCK = "55P03"
TOO_LONG = "57014"
REASONS = {
    TOO_LONG: "planning takes too long",
    NO_LOCK: "one of its tables is locked",
    NOT_FOUND: "one of its tables is not found by the search_path of its role",
    "42883": "a function or operator is not found by the search_path of its role, or needs values",
    "42P18": "the type of a value can't be told from its text",
    "42601": "its text alone is no statement",
    "42803": "its text alone groups by a value",
    "0A000": "the server prepares no such statement",
}


@dataclass(eq=False)
class NoPlan(Exception):
    """Reason for a statement without a plan."""

    reason: str
    is_denied: bool = False
    """Whether the login lacks a right."""
    grant: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A statement, as its role executes it."""

    userid: int
    user: str
    query: str


class Planner:
    """Asks the planner in one transaction, for as long as the block lasts."""

    def __init__(self, connection: "Connection", question: Question, login: str) -> None:
        self.connection, self.question, self.login = connection, question, login
        self.path = ""
        self.closed: str | None = None
        """A schema of its search_path into which the login may not look."""
        self.unreadable: str | None = None
        """A table of the statement that the login may not read, quoted."""

    async def __aenter__(self) -> "Planner":
        await self.connection.execute(BEGIN)
        await self._be_like_the_role()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.connection.is_closed():
            await self.connection.execute("ROLLBACK")

    async def plan(self) -> dict[str, Any]:
        """Return the plan in the form of EXPLAIN (FORMAT JSON). Raises NoPlan."""
        try:
            return await self._plan()
        except asyncpg.PostgresError as error:
            state = error.sqlstate or ""
            if state.startswith(("57P", "08", "53")):
                raise
            reason = REASONS.get(state) or f"the server refuses it (SQLSTATE {state})"
            if state == REFUSED or (state == NOT_FOUND and self.closed):
                raise self._denied() from None
            raise NoPlan(reason) from None

    async def _plan(self) -> dict[str, Any]:
        await self._go(self.path)
        prepared = await self.connection.prepare(self.question.query)
        await self._refuse()
        # As when it was parsed, else it is parsed again.
        await self._go(self.path)
        nulls = ", ".join(["NULL"] * len(prepared.get_parameters()))
        execute = f"EXECUTE {identifier(prepared.get_name())}" + (f"({nulls})" if nulls else "")
        told = await self.connection.fetchval(f"EXPLAIN (FORMAT JSON, VERBOSE) {execute}")
        await self.connection.execute(SAFE_PATH)
        [found] = json.loads(told)
        plan: dict[str, Any] = found["Plan"]
        return plan

    async def _refuse(self) -> None:
        """Refuse what could run foreign code, and what has another plan for the login."""
        await self.connection.execute(SAFE_PATH)
        known = foreign_code.arguments(names(self.question.query))
        function = await self.connection.fetchval(foreign_code.QUERY, *known)
        self.unreadable = await self.connection.fetchval(UNREADABLE)
        if function is not None:
            raise NoPlan(
                f"the function {identifier(function)} is not built in, and the planner could run it"
            )
        if table := await self.connection.fetchval(OTHER_ROWS, self.question.userid):
            raise NoPlan(f"row security leaves the login other rows of {table} than its role")

    def _denied(self) -> NoPlan:
        role = identifier(self.login)
        if self.unreadable is None and self.closed is not None:
            schema = identifier(self.closed)
            grant = f"GRANT USAGE ON SCHEMA {schema} TO {role};"
            return NoPlan(f"the login may not look into the schema {schema}", True, grant)
        if self.unreadable is None:
            return NoPlan(f"the login may not look into a schema: {AGAIN}", True)
        grant = f"GRANT SELECT ON TABLE {self.unreadable} TO {role};"
        return NoPlan(f"the login may not read {self.unreadable}", True, grant)

    async def _be_like_the_role(self) -> None:
        """Take over how the role finds names, and what it has set for the planner."""
        rows = await self.connection.fetch(OF_THE_ROLE, self.question.userid)
        known = {row["name"]: row["value"] for row in rows}
        path = known.pop("search_path", None) or await self.connection.fetchval(DEFAULT_PATH)
        schemas = search_path(path, self.question.user)
        self.path = ", ".join(map(_quoted, schemas)) or "pg_catalog"
        self.closed = await self.connection.fetchval(CLOSED, schemas)
        for name, value in known.items():
            if name in OF_THE_PLANNER or name.startswith("enable_"):
                await self.connection.fetchval(
                    "select pg_catalog.set_config($1, $2, true)", name, value
                )

    async def _go(self, path: str) -> None:
        await self.connection.fetchval(
            "select pg_catalog.set_config('search_path', $1, true)", path
        )


def search_path(written: str, user: str) -> list[str]:
    """Return the schemas of a role's search_path; pg_catalog comes first, whatever is written."""
    wanted = (_name(one) for one in _listed(written))
    named = [user if one == "$user" else one for one in wanted]
    return [one for one in named if one not in NOT_LISTED]


def _listed(written: str) -> Sequence[str]:
    """Return the elements of a list; a comma may be part of a quoted one."""
    parts, quoted = [""], False
    for letter in written:
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _name(element: str) -> str:
    is_quoted = len(element) > 1 and element[0] == element[-1] == '"'
    return element[1:-1].replace('""', '"') if is_quoted else element.lower()


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
