"""Failures on the clone: which of them the live server would meet too, and which only the clone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg

from alerts.migrations.statement import DATA, Statement, parts
from alerts.migrations.traced import Failure, Traced
from monitor.migrations.live_names import LiveNames
from monitor.migrations.scratch import Scratch
from monitor.postgres.server_messages import TOO_LARGE

MAY_NOT = "42501"
ABSENT = ("42P01", "42704", "42883", "42703", "3F000")
THERE = ("42P07", "42701", "42710", "42723", "42P06")
"""Objects that are there already."""
NO_OBJECT = "42704"
NO_FUNCTION = "42883"
BUILD_LACKS = "not supported by this build"
OF_A_SERVER = re.compile(r'(database|tablespace) "(.*)" does not exist')
SHOWN = 10
"""Names that are listed where one is wrong."""
NO_COLLATION = re.compile(r'collation "[^"]*" for encoding')
"""A collation of the system; the messages of our own server are in English."""
BY_ROWS = ("21", "22", "23", "P0")
"""Classes of errors that depend on rows, which the clone has none of."""
BAD_VALUE = "22023"
"""Of a setting or an option, mostly."""
LOST = "08"
"""Class of errors of the session itself: it was ended, or has returned more than is read."""
TIMED_OUT = ("25P03", "25P04")
"""Limits of a transaction's time: between statements it waits for us."""
UNSAFE_VALUE = "55P04"
"""Of an enum, in the transaction that has added it."""
REFUSED_ANYWHERE = re.compile(
    r"cannot detach partitions concurrently"
    r"|.* (?:pending trigger events|used by active queries in this session)$"
)
"""What the schema or the transaction itself refuses."""
NO_UNIQUE_INDEX = re.compile(r"cannot refresh materialized view .* concurrently$")
"""Nor does the live server have one, if nothing of its schema is lacking here."""
OWNED_SEQUENCE = "cannot change owner of sequence"
"""Of a sequence that a column owns, unless the new owner is the present one."""
INTERNAL = "XX"
"""Class of errors of the server itself, which another version may not have."""
RUNS_CODE = {
    "DoStmt": "a DO block may do more where there are rows, which the clone has none of",
    "CallStmt": "a procedure may do more where there are rows, which the clone has none of",
}


@dataclass(slots=True)
class FailureReader:
    """Reads the failures of one file, by what its statements before have done."""

    scratch: Scratch
    live: LiveNames
    lacking: bool
    """Whether the clone is known to be incomplete."""
    gap: Statement | None = None
    """The first one that did not run as it will on the live server."""
    hidden: Statement | None = None
    """The first one that may do more than the file shows: psql runs what it returns, or it can't
    be read."""
    made_roles: set[str] = field(default_factory=set)
    """By statements of the file, which the clone may not run."""
    made_beside: set[str] = field(default_factory=set)
    """Names of databases and tablespaces that the file makes, which the clone may not either."""

    def expect(self, statement: Statement) -> None:
        """Take note of what it makes outside of its database, before it runs."""
        self.made_beside.update(made_beside(statement))
        self.made_roles.update(roles_made(statement))

    def learn(self, traced: Traced) -> None:
        """Take note of a statement whose effects are not all known."""
        statement = traced.statement
        if traced.unknown and not traced.by_rows:
            self.note_gap(statement)
        if self.hidden is None and (statement.unread or statement.follows):
            self.hidden = statement

    def note_gap(self, statement: Statement) -> None:
        """Take note that from here on the session may not be as it will be there."""
        self.gap = self.gap or statement

    def read(self, statement: Statement, wrong: asyncpg.PostgresError) -> Traced:
        """Tell apart what fails anywhere from what only the clone can't do."""
        state, told = str(wrong.sqlstate), str(wrong).splitlines()[0]
        if state == NO_OBJECT and (role := self._role_lacking(statement)):
            return Traced(statement, unknown=f"the clone's server has no role {role}")
        if lacks := OF_A_SERVER.fullmatch(told):
            return self._without(statement, state, told, *lacks.groups())
        if reason := self._of_the_clone(statement, state, told):
            return Traced(statement, unknown=reason)
        if state.startswith(BY_ROWS) and (state != BAD_VALUE or runs_on_rows(statement)):
            return Traced(
                statement, unknown=f"it fails on a clone without rows: {told}", by_rows=True
            )
        return Traced(statement, failure=Failure(state, told))

    def _of_the_clone(self, statement: Statement, state: str, told: str) -> str | None:
        """Return why it may fail on the clone alone; None where it fails anywhere."""
        if self.gap and state in (*ABSENT, *THERE):
            why = f"line {self.gap.line} may change that, and did not run as it will there"
            return f"{told}, but {why}"
        if state == NO_FUNCTION and self.live.major not in (None, self.scratch.major):
            there = f"PostgreSQL {self.live.major} may have what {self.scratch.major} lacks"
            return f"{there}: {told}"
        if state == TOO_LARGE:
            return f"what it returns is not read to the end: {told}"
        if state.startswith((LOST, INTERNAL)) or state in TIMED_OUT:
            return f"the clone may be the reason: {told}"
        if BUILD_LACKS in told or NO_COLLATION.search(told):
            return f"the clone's server lacks it: {told}"
        if OWNED_SEQUENCE in told:
            return f"owners are not those of the live server on the clone: {told}"
        if state == MAY_NOT:
            return f"the clone may not do it: {told}"
        if self.lacking and state in ABSENT:
            return f"the clone lacks it: {told}"
        if self._fails_anywhere(state, told):
            return None
        if state.startswith("5") or statement.node == "CreateExtensionStmt":
            return f"the clone can't do it: {told}"
        return None

    def _fails_anywhere(self, state: str, told: str) -> bool:
        """Whether a failure of a class that is mostly the clone's own is not."""
        if state == UNSAFE_VALUE or REFUSED_ANYWHERE.match(told):
            return True
        return not self.lacking and bool(NO_UNIQUE_INDEX.match(told))

    def _without(self, statement: Statement, state: str, told: str, what: str, name: str) -> Traced:
        """Tell apart a database or tablespace that only the clone's server lacks."""
        there = self.live.of_server.get(what)
        if self.hidden:
            why = f"line {self.hidden.line} may make it, and did not run as it will there"
            return Traced(statement, unknown=f"{told}, but {why}")
        if there is None or name in there or name in self.made_beside:
            return Traced(statement, unknown=f"the clone is on a server of its own: {told}")
        names = ", ".join(sorted(there)[:SHOWN]) + (", ..." if len(there) > SHOWN else "")
        return Traced(statement, failure=Failure(state, f"{told} (there are: {names})"))

    def _role_lacking(self, statement: Statement) -> str | None:
        """Return a role that only the clone lacks, or may lack."""
        there = self.live.roles
        for role in roles_named(statement):
            if role not in self.scratch.roles and (
                there is None or role in there or role in self.made_roles
            ):
                return role
        return None


def runs_on_rows(statement: Statement) -> bool:
    """Whether rows may decide what it does."""
    return statement.node in DATA or statement.node in RUNS_CODE


def roles_named(statement: Statement) -> Iterator[str]:
    """Yield the roles that the statement names."""
    for found in parts(statement.tree, "RoleSpec"):
        if name := found.get("rolename"):
            yield name


def roles_made(statement: Statement) -> Iterator[str]:
    """Yield the role that the statement makes."""
    if statement.node == "CreateRoleStmt" and (name := statement.body.get("role")):
        yield name


def made_beside(statement: Statement) -> Iterator[str]:
    """Yield the name of the database or tablespace that the statement makes, or renames to."""
    names = {"CreateTableSpaceStmt": "tablespacename", "CreatedbStmt": "dbname"}
    word = names.get(statement.node, "newname" if statement.node == "RenameStmt" else "")
    if name := statement.body.get(word):
        yield name
