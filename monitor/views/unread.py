"""Collectors that are not read on a server, with the reason; no matter if a finding needs them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from alerts.cure import identifier
from alerts.plural import plural
from alerts.raw_text import printable_grant
from alerts.runway.sequence_trends import may_end
from collectors._base import Absence, AnyCollector, Scope
from collectors._columns import column
from collectors.sequences import sequences
from monitor.polling.answers import Answers
from monitor.polling.databases import Databases
from monitor.postgres.first_question import Identity


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that is not read."""

    database: str | None
    reason: str
    grant: str | None = None
    """The statement that would allow it."""
    collectors: tuple[str, ...] = ()
    """Those that miss it."""
    late: bool = False
    """Whether the server did not answer in time."""

    @property
    def sentence(self) -> str:
        """What is not read there, and why."""
        what = ", ".join(self.collectors) or "anything"
        return f"can't read {what}{f' in {self.database}' if self.database else ''}: {self.reason}"


def unread(answers: Answers, databases: Databases, identity: Identity | None) -> tuple[Unread, ...]:
    """Return every gap once, with the collectors that have it."""
    gaps: dict[Unread, list[str]] = {}
    for collector, where, why in _absences(answers):
        database = where
        if collector.extension and where is None and identity:
            # Its statement is for the database in which the extension is asked.
            database = databases.pacing.homes.get(collector, identity.database)
        if not why.expected and not _is_optional(collector, why):
            gap = Unread(database, why.reason, printable_grant(why.grant), late=why.late)
            gaps.setdefault(gap, []).append(collector.name)
    found = [replace(gap, collectors=tuple(names)) for gap, names in gaps.items()]
    for name, obstacle in databases.obstacles.items():
        found.append(Unread(name, f"the database {name} {obstacle}"))
    return (*found, *_sequences(answers, identity.role if identity else "pgvigil"))


def _is_optional(collector: AnyCollector, why: Absence) -> bool:
    """Whether only a right is missing of which the findings that need it tell themselves."""
    return why.grant is not None and any(need.is_optional for need in collector.needs)


def _absences(answers: Answers) -> Iterator[tuple[AnyCollector, str | None, Absence]]:
    for collector, why in answers.absent.items():
        if collector.sql:
            yield collector, None, why
    for collector, by_database in answers.absent_in.items():
        if collector.scope is Scope.database:
            for database, why in by_database.items():
                yield collector, database, why


def _sequences(answers: Answers, role: str) -> Iterator[Unread]:
    """Yield those that sequence_exhaustion misses: what never ends need not be read."""
    answer = answers.newest.get(sequences)
    hidden: dict[tuple[str, str], int] = {}
    if answer is None or all(column(answer.rows, "may_read")):
        return
    for row in answer.rows:
        if not row.may_read and may_end(row):
            schema = row.datname, row.schemaname
            hidden[schema] = hidden.get(schema, 0) + 1
    for (database, schemaname), count in hidden.items():
        name = identifier(schemaname)
        yield Unread(
            database,
            f"{plural(count, 'sequence')} in schema {name} can't be read",
            printable_grant(
                f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {name} TO {identifier(role)};"
            ),
            (sequences.name,),
        )
