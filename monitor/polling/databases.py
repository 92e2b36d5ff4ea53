"""Databases: which ones of a server are watched, and what is known of those that can't be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from alerts.cure import identifier
from alerts.raw_text import printable_grant
from collectors._base import Absence, AnyCollector
from collectors._catalogue import of_databases
from monitor.address.target import DEFAULT_DATABASE
from monitor.config.servers import WatchedServer
from monitor.polling.answers import Answers
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.round_log import RoundLog
from monitor.postgres.session import Session

DISCOVERY = """
    select
        datname::text                                                            as name,
        has_database_privilege(oid, 'connect')                                   as may_connect,
        case
            when datconnlimit = -2 then 'is invalid, as its DROP DATABASE was interrupted'
            when not datallowconn then 'takes no sessions (datallowconn is off)'
            when datistemplate then 'is a template'
        end                                                                      as obstacle,
        datistemplate                                                            as is_template
    from pg_catalog.pg_database
    order by datname
"""
UNSEEN = Absence("not visited yet")


@dataclass(slots=True)
class Databases:
    """The databases of one server."""

    target: WatchedServer
    answers: Answers
    round_log: RoundLog
    pacing: Pacing
    privileges: PrivilegeChecks
    names: tuple[str, ...] = ()
    """Those that are watched and that we may connect to."""
    closed: frozenset[str] = field(default_factory=frozenset)
    """Those that are watched, but can't be connected to."""
    obstacles: Mapping[str, str] = field(default_factory=dict)
    """Why others are not watched: invalid ones, and those that take no sessions."""
    tried: dict[str, float] = field(default_factory=dict)
    """When each was last visited, or could not be reached, in unix seconds."""

    async def discover(self, session: Session, deadline: float) -> None:
        """Learn which databases there are. Raises ReadFailure."""
        found = await session.fetch(DISCOVERY, deadline)
        open_ones = [r for r in found if r["obstacle"] is None and self.target.visits(r["name"])]
        self.obstacles = {
            r["name"]: r["obstacle"]
            for r in found
            if r["obstacle"] and not r["is_template"] and self.target.visits(r["name"])
        }
        wanted = {r["name"]: r["may_connect"] for r in open_ones}
        for gone in set(self.names) - wanted.keys():
            self._forget(gone)
        self.names = tuple(name for name, may_connect in wanted.items() if may_connect)
        closed = wanted.keys() - set(self.names)
        role = identifier(session.identity.role)
        for name in closed:
            grant = printable_grant(f"GRANT CONNECT ON DATABASE {identifier(name)} TO {role};")
            self.mark_absent(name, Absence("no right to connect", grant), of_databases())
        obstacles = {r["name"]: r["obstacle"] for r in found}
        for name, who in self._named(bool(wanted)).items():
            if name not in wanted:
                why = f"{who} the database {name}, which "
                why += obstacles.get(name) or "does not exist"
                self.mark_absent(name, Absence(why), of_databases())
                closed = {*closed, name}
        self.closed = frozenset(closed)

    def _named(self, has_some: bool) -> Mapping[str, str]:
        """Return the databases that the settings name, and where they do."""
        target = self.target
        names = target.included if not (has_some and target.shares_patterns) else ()
        named = dict.fromkeys(names, "databases.include names")
        if target.named != DEFAULT_DATABASE and target.visits(target.named):
            named[target.named] = "the address names"
        return named

    def expect_all(self) -> None:
        """Say of databases that were never visited that they are missing."""
        for collector in of_databases():
            self.answers.mark_unvisited(collector, self.names, UNSEEN)

    def mark_absent(self, database: str, why: Absence, collectors: Iterable[AnyCollector]) -> None:
        """Say of these collectors why nothing comes from that database."""
        for collector in collectors:
            self.answers.mark_absent(collector, database, why)

    def longest_unvisited_first(self) -> Iterable[str]:
        """In the order of a walk: one that ends early leaves none out for ever."""
        return sorted(self.names, key=self._last_visit)

    def _last_visit(self, database: str) -> float:
        """Unix seconds when it was last asked anything, or could not be; 0 if never."""
        asked = (self.round_log.of(c, database).asked for c in of_databases())
        return max(self.tried.get(database, 0.0), *(at or 0.0 for at in asked))

    def _forget(self, database: str) -> None:
        self.round_log.drop(database)
        self.tried.pop(database, None)
        self.privileges.forget(database)
        for collector, home in list(self.pacing.homes.items()):
            if home == database:
                self.pacing.lives_in(collector, None)
