"""Advice on indexes, proved by HypoPG: an index that exists for the planner of one session only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from collectors.index_advice import IndexAdvice, OtherStatement
from collectors.plans import StatementPlan
from monitor.planner.candidates import (
    PAGES,
    Candidate,
    ColumnFacts,
    ExistingIndex,
    TableFacts,
    candidates,
    places,
    size_of,
    widened,
)
from monitor.planner.explain import NoPlan, Planner, Question

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

EXTENSION = "hypopg"
CHEAPER = 0.8
"""Share of its cost that a statement may have left with the index."""
DEARER = 1.1
"""Times its cost that another statement may have with it.

One more index is one more way, and the planner takes the cheapest; so a statement gets dearer only
where it does not look at all ways: above geqo_threshold, or by the hundredth at which it calls two
ways equal."""
ABOUT = 1.1
"""Times the cost with the best candidate at which a narrower one is preferred."""
LONGEST = 2.0
"""Seconds of all trials for one statement; with less time nothing is advised."""
TABLE = """
    select
        c.oid                                                               as relid,
        c.relpages::float8                                                  as pages,
        c.reltuples::float8                                                 as rows,
        c.relkind in ('r', 'm')                                             as is_plain
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1::text::name and c.relname = $2::text::name
"""
COLUMNS = """
    select
        s.attname::text                                                     as name,
        s.n_distinct::float8                                                as n_distinct,
        s.null_frac::float8                                                 as null_frac,
        s.avg_width::float8                                                 as avg_width,
        exists (
            select from pg_catalog.pg_opclass o
            join pg_catalog.pg_am m on m.oid = o.opcmethod
            where m.amname = 'btree'
                and o.opcdefault
                and o.opcintype in ({types})
        )                                                                   as is_indexable,
        coalesce(c.collisdeterministic, true) and exists (
            select from pg_catalog.pg_opclass o
            join pg_catalog.pg_am m on m.oid = o.opcmethod
            join pg_catalog.pg_amproc p
                on p.amprocfamily = o.opcfamily
                and p.amproclefttype = o.opcintype
                and p.amprocrighttype = o.opcintype
                and p.amprocnum = 4
            where m.amname = 'btree'
                and o.opcdefault
                and o.opcintype in ({types})
        )                                                                   as deduplicates
    from pg_catalog.pg_stats s
    join pg_catalog.pg_attribute a on a.attrelid = $3::oid and a.attname = s.attname
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_collation c on c.oid = a.attcollation
    where s.schemaname = $1::text::name and s.tablename = $2::text::name and not s.inherited
""".replace(
    "{types}",
    """
                    coalesce(nullif(t.typbasetype, 0::oid), t.oid),
                    case
                        when t.typname = 'varchar' then 'pg_catalog.text'::regtype::oid
                        when t.typtype = 'e' then 'pg_catalog.anyenum'::regtype::oid
                    end
                """,
)
INDEXES = """
    select
        x.relname::text                                                     as name,
        array(
            select a.attname::text
            from pg_catalog.unnest(i.indkey::int2[]) with ordinality k (attnum, place)
            join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
            where k.place <= i.indnkeyatts
            order by k.place
        )                                                                   as columns,
        array(
            select a.attname::text
            from pg_catalog.unnest(i.indkey::int2[]) k (attnum)
            join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        )                                                                   as stored,
        i.indisunique or exists (
            select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid
        )                                                                   as is_constraint
    from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_am m on m.oid = x.relam
    where i.indrelid = $1::oid
        and i.indisvalid
        and i.indexprs is null
        and (
            i.indpred is null
            or case
                when $2::text is not null
                then pg_catalog.pg_get_expr(i.indpred, i.indrelid)
                    = pg_catalog.format('(%I IS NULL)', $2::text)
            end
        )
        and m.amname = 'btree'
"""
"""Those of all rows, and where a column is named, of the rows in which it is null."""


@dataclass(frozen=True, slots=True)
class Known:
    """A statement whose plan is known, and how it is asked for."""

    question: Question
    plan: StatementPlan


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate, and the cost of the statement with it."""

    candidate: Candidate
    cost: float


@dataclass(slots=True)
class Adviser:
    """Tries indexes in one session; nothing of them is left when it ends."""

    connection: "Connection"
    login: str
    schema: str | None
    """Of the extension, quoted; None: it is not there."""
    now: Callable[[], float]
    ran_out: bool = False
    """Whether the time was over before all was tried, so that another trial may find more."""

    async def advise(self, one: Known, others: Sequence[Known], at: float) -> IndexAdvice | None:
        """Return the best index for a statement; None if there is none that is worth it."""
        if self.schema is None:
            return None
        until = self.now() + LONGEST
        best: tuple[Tried, TableFacts] | None = None
        for node in places(one.plan):
            facts = await table_facts(self.connection, node.schemaname or "", node.relname or "")
            if facts is None or facts.pages < PAGES:
                continue
            tried = await self._try_all(one, candidates(node, facts), until)
            self.ran_out |= self.now() > until
            chosen = choose(tried, one.plan.cost, facts)
            if chosen and (best is None or chosen.cost < best[0].cost):
                best = chosen, facts
        if best is None:
            return None
        chosen, facts = best
        found = await self._others(chosen.candidate, others, until)
        is_hurt = any(other.cost_after > DEARER * other.cost_before for other in found)
        self.ran_out |= self.now() > until
        if is_hurt or self.ran_out:  # what could not be tried might get dearer
            return None
        candidate, plan = chosen.candidate, one.plan
        return IndexAdvice(
            userid=plan.userid,
            dbid=plan.dbid,
            query_id=plan.query_id,
            datname=plan.datname,
            schemaname=candidate.schemaname,
            relname=candidate.relname,
            columns=candidate.columns,
            included=candidate.included,
            null_column=candidate.null_column,
            cost_before=plan.cost,
            cost_after=chosen.cost,
            size_bytes=size_of(candidate, facts),
            advised_at=at,
            widens=widened(candidate, facts),
            others=tuple(found),
        )

    async def _try_all(self, one: Known, wanted: Sequence[Candidate], until: float) -> list[Tried]:
        found = []
        for candidate in wanted:
            if self.now() > until:
                break
            cost = await self._cost_with(candidate, one.question)
            if cost is not None:
                found.append(Tried(candidate, cost))
        return found

    async def _cost_with(self, candidate: Candidate, question: Question) -> float | None:
        """Return the cost of a statement with an index that does not exist."""
        functions = f"{self.schema}.hypopg"
        await self.connection.fetch(f"select {functions}_create_index($1)", candidate.definition)
        try:
            return await self._cost(question)
        finally:
            await self.connection.fetch(f"select {functions}_reset()")

    async def _cost(self, question: Question) -> float | None:
        try:
            async with Planner(self.connection, question, self.login) as planner:
                return float((await planner.plan())["Total Cost"])
        except NoPlan:
            return None

    async def _others(
        self, candidate: Candidate, others: Sequence[Known], until: float
    ) -> list[OtherStatement]:
        found = []
        table = candidate.schemaname, candidate.relname
        for other in others:
            if not any((node.schemaname, node.relname) == table for node in other.plan.nodes):
                continue
            if self.now() > until:
                break
            before = await self._cost(other.question)
            if before is None:  # it can't be planned now, with or without an index
                continue
            after = await self._cost_with(candidate, other.question)
            plan = other.plan
            key = plan.userid, plan.dbid, plan.query_id
            found.append(OtherStatement(*key, before, inf if after is None else after))
        return found


def choose(tried: Sequence[Tried], before: float, facts: TableFacts) -> Tried | None:
    """Return one of the candidates that are about as good as the best one.

    One that replaces an existing index comes first, as there are no more indexes then; else the
    narrowest one.
    """
    good = [one for one in tried if one.cost <= CHEAPER * before]
    if not good:
        return None
    limit = ABOUT * min(one.cost for one in good)
    return min(
        (one for one in good if one.cost <= limit),
        key=lambda one: (
            widened(one.candidate, facts) is None,
            *one.candidate.width,
            one.candidate.null_column is None,
            one.cost,
        ),
    )


async def table_facts(connection: "Connection", schema: str, table: str) -> TableFacts | None:
    """Return what is known of a table; None where no index of its own can be made."""
    row = await connection.fetchrow(TABLE, schema, table)
    if row is None or not row["is_plain"] or row["rows"] <= 0:
        return None
    columns = await connection.fetch(COLUMNS, schema, table, row["relid"])
    indexes = await connection.fetch(INDEXES, row["relid"], None)
    return TableFacts(
        row["pages"],
        row["rows"],
        {one["name"]: _column(one) for one in columns},
        tuple(
            ExistingIndex(one["name"], tuple(one["columns"]), one["is_constraint"])
            for one in indexes
        ),
    )


def _column(row: Any) -> ColumnFacts:
    return ColumnFacts(
        row["n_distinct"],
        row["null_frac"],
        row["avg_width"],
        row["is_indexable"],
        row["deduplicates"],
    )


async def is_done(connection: "Connection", advice: IndexAdvice) -> bool:
    """Whether an index exists now that serves all that the advised one would."""
    row = await connection.fetchrow(TABLE, advice.schemaname, advice.relname)
    if row is None:
        return False
    found = await connection.fetch(INDEXES, row["relid"], advice.null_column)
    wanted, count = {*advice.columns, *advice.included}, len(advice.columns)
    return any(
        tuple(one["columns"][:count]) == advice.columns and wanted <= {*one["stored"]}
        for one in found
    )


def with_cost(advice: IndexAdvice, cost: float, at: float) -> IndexAdvice:
    """Return an advice that was followed, with what the statement costs now."""
    return replace(advice, cost_after=cost, done_at=at)
