"""Show what can be read and judged with the current privileges, and the missing statements.

Exits with 0 if everything can, 1 if something can't, 2 if a server is unreachable.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator

from alerts._base import State
from alerts.cure import identifier, remark
from alerts.verdicts.verdict import Verdict
from collectors.lock_keys import lock_keys
from monitor.commands._base import server_argument, settings_flags
from monitor.commands._look import looked
from monitor.reports.escape import safe
from monitor.views.overview import ServerView, TargetView
from monitor.views.unfinished import AGAIN, is_unfinished

BLIND = 1
"""Exit status if something can't be judged."""
SHOWN = 10
"""Tables that are named."""
UNREACHABLE = 2
"""Exit status if a server can't be reached."""


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)


def run(known: argparse.Namespace) -> int:
    overview = looked(known)
    for server in overview.servers:
        sys.stdout.write("\n".join(map(safe, examined(server))) + "\n\n")
    for pooler in overview.poolers:
        sys.stdout.write("\n".join(map(safe, examined_pooler(pooler))) + "\n\n")
    if any(not view.up for view in overview.scraped):
        return UNREACHABLE
    servers = overview.servers
    is_blind = any(missing(one) or one.unread or is_unfinished(one) for one in servers)
    return BLIND if is_blind else 0


def examined(server: ServerView) -> Iterator[str]:
    """Yield the lines about one server."""
    if not server.up:
        yield f"{server.name}: not reachable ({server.unreachable})"
        verdict = server.verdicts.get("server_unreachable")
        if verdict and verdict.subjects:
            yield f"  {verdict.subjects[0].evidence.message}"
            yield from (f"  {line}" for line in verdict.subjects[0].evidence.cure)
        return
    yield f"{server.name}: PostgreSQL {server.server_version}, {server.node.role}"
    yield f"  databases visited: {', '.join(server.databases) or 'none'}"
    can = [name for name, verdict in server.verdicts.items() if judgeable(verdict)]
    yield f"  can judge: {', '.join(can) or 'nothing'}"
    for name, reasons in blind(server.verdicts.items()):
        yield f"  can't judge {name}: {reasons}"
    yield from (f"  {line}" for line in dict.fromkeys(one.sentence for one in server.unread))
    for name, wanted in unconfigured(server.verdicts.items()):
        yield f"  not configured for {name}: {wanted}"
    if is_unfinished(server):
        yield f"  {AGAIN}"
    yield from granted_keys(server)
    yield from script(server)


def granted_keys(server: ServerView) -> Iterator[str]:
    """Yield of which tables the keys may be read: an opt-in, and nothing is missing without."""
    if server.snapshot is None or not server.snapshot.has(lock_keys):
        return
    names = sorted(
        f"{key.datname}: {identifier(key.schemaname, key.relname)}"
        for key in server.snapshot.rows(lock_keys)
    )
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    told = ", ".join(names[:SHOWN]) + more if names else "no table (optional: setup-sql --keys-of)"
    yield f"  keys of locked rows are read from: {told}"


def examined_pooler(pooler: TargetView) -> Iterator[str]:
    """Yield the lines about one pooler."""
    if not pooler.up:
        yield f"{pooler.name}: not reachable ({pooler.unreachable})"
        verdict = pooler.verdicts.get("pooler_unreachable")
        if verdict and verdict.subjects:
            yield f"  {verdict.subjects[0].evidence.message}"
            yield from (f"  {line}" for line in verdict.subjects[0].evidence.cure)
        return
    yield f"{pooler.name}: PgBouncer"
    yield f"  servers behind it: {', '.join(pooler.behind) or 'none that is watched'}"
    can = [name for name, verdict in pooler.verdicts.items() if judgeable(verdict)]
    yield f"  can judge: {', '.join(can) or 'nothing'}"
    for name, reasons in blind(pooler.verdicts.items()):
        yield f"  can't judge {name}: {reasons}"
    for name, wanted in unconfigured(pooler.verdicts.items()):
        yield f"  not configured for {name}: {wanted}"


def unconfigured(verdicts: Iterable[tuple[str, Verdict]]) -> Iterator[tuple[str, str]]:
    """Yield the findings that need a setting, and which."""
    for name, verdict in verdicts:
        if settings := dict.fromkeys(one.setting for one in verdict.unjudged if one.setting):
            yield name, ", ".join(settings)


def judgeable(verdict: Verdict) -> bool:
    return verdict.state not in (State.unknown, State.not_applicable)


def blind(verdicts: Iterable[tuple[str, Verdict]]) -> Iterator[tuple[str, str]]:
    for name, verdict in verdicts:
        if verdict.state is State.unknown and not verdict.is_unconfigured:
            yield name, "; ".join(verdict.unjudged_by_reason())


def missing(server: ServerView) -> dict[str | None, dict[str, None]]:
    """Return the missing statements without duplicates, by database (None for any)."""
    found: dict[str | None, dict[str, None]] = {}
    for verdict in server.verdicts.values():
        for unjudged in verdict.unjudged:
            if unjudged.grant:
                found.setdefault(unjudged.database, {})[unjudged.grant] = None
    for one in server.unread:
        if one.grant:
            found.setdefault(one.database, {})[one.grant] = None
    blind = server.verdicts.get("observer_blind")
    for subject in blind.subjects if blind else ():
        evidence = subject.evidence
        if "right" in evidence.facts:  # a missing privilege that no finding has needed yet
            found.setdefault(evidence.database, {}).update(dict.fromkeys(evidence.cure))
    return in_one_place(found)


def in_one_place(
    found: dict[str | None, dict[str, None]],
) -> dict[str | None, dict[str, None]]:
    """Print a statement once: membership of a role anywhere, what names an object in its
    database, where alone it works."""
    anywhere = found.get(None, {})
    somewhere = {s for database, group in found.items() if database is not None for s in group}
    kept = {
        database: {
            statement: None
            for statement in group
            if (
                is_of_role(statement) or statement not in somewhere
                if database is None
                else not (is_of_role(statement) and statement in anywhere)
            )
        }
        for database, group in found.items()
    }
    return {database: group for database, group in kept.items() if group}


def is_of_role(statement: str) -> bool:
    return statement.startswith(("GRANT pg_", "ALTER ROLE "))


def script(server: ServerView) -> Iterator[str]:
    """Yield the missing statements as a script for psql, to be run as a superuser."""
    statements = missing(server)
    if not statements:
        yield "  no grant is missing" if server.unread else "  nothing is missing"
        return
    yield "  run as a superuser:"
    for database, grants in statements.items():
        if database is not None:
            yield "  " + remark(f"in the database {database}")
        yield from (f"  {grant}" for grant in grants)
