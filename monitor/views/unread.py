"""What of a server is not read, and why: whether or not a finding needs it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from alerts.cure import identifier
from collectors._base import Absence, AnyCollector, Scope
from collectors._columns import column
from collectors.sequences import sequences
from monitor.polling.answers import Answers
from monitor.polling.databases import Databases

NO_USAGE = re.compile(r"permission denied for schema (.+)")


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that is not read."""

    database: str | None
    reason: str
    grant: str | None = None
    """The statement that would allow it."""
    collectors: tuple[str, ...] = ()
    """Those that miss it."""


def unread(answers: Answers, databases: Databases, role: str) -> tuple[Unread, ...]:
    """Return every gap once, with the collectors that have it."""
    gaps: dict[Unread, list[str]] = {}
    for collector, database, why in _absences(answers):
        if not why.expected:
            gap = Unread(database, why.reason, why.grant or _grant(why.reason, role))
            gaps.setdefault(gap, []).append(collector.name)
    found = [Unread(g.database, g.reason, g.grant, tuple(names)) for g, names in gaps.items()]
    for name, obstacle in databases.obstacles.items():
        found.append(Unread(name, f"the database {name} {obstacle}"))
    return (*found, *_sequences(answers, role))


def _absences(answers: Answers) -> Iterator[tuple[AnyCollector, str | None, Absence]]:
    for collector, why in answers.absent.items():
        if collector.sql:
            yield collector, None, why
    for collector, by_database in answers.absent_in.items():
        if collector.scope is Scope.database:
            for database, why in by_database.items():
                yield collector, database, why


def _grant(reason: str, role: str) -> str | None:
    """Return the grant for an extension in a schema that the role can't reach."""
    found = NO_USAGE.search(reason)
    return f"GRANT USAGE ON SCHEMA {identifier(found[1])} TO {identifier(role)};" if found else None


def _sequences(answers: Answers, role: str) -> Iterator[Unread]:
    answer = answers.newest.get(sequences)
    hidden: dict[tuple[str, str], int] = {}
    if answer is None or all(column(answer.rows, "may_read")):
        return
    for row in answer.rows:
        if not row.may_read:
            schema = row.datname, row.schemaname
            hidden[schema] = hidden.get(schema, 0) + 1
    for (database, schemaname), count in hidden.items():
        name = identifier(schemaname)
        yield Unread(
            database,
            f"{count} sequence{'s' if count > 1 else ''} in schema {name} can't be read",
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {name} TO {identifier(role)};",
            (sequences.name,),
        )
