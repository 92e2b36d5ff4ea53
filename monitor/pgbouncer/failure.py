"""Failures of the console: errors of PgBouncer and of the network, translated to a cause."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from collectors.connection import Cause
from collectors.pooler_connection import PoolerCause
from monitor.postgres.errors import ConnectFailure, connecting
from monitor.reading import ReadFailure


@dataclass(eq=False)
class ConsoleFailure(Exception):
    """The console could not be opened."""

    cause: PoolerCause
    message: str

    def __str__(self) -> str:
        return self.message


SAME = {
    Cause.absent: PoolerCause.absent,
    Cause.unresolved: PoolerCause.unresolved,
    Cause.timeout: PoolerCause.timeout,
    Cause.stopping: PoolerCause.stopping,
    Cause.auth: PoolerCause.auth,
    Cause.no_password: PoolerCause.auth,
    Cause.auth_method: PoolerCause.auth_method,
    Cause.tls: PoolerCause.tls,
    Cause.address: PoolerCause.address,
}
# PgBouncer uses the SQLSTATE 08P01 for whatever it refuses; its texts are not translated.
BY_TEXT = (
    (re.compile(r"not allowed", re.IGNORECASE), PoolerCause.not_allowed),
    (re.compile(r"shut(ting)? ?down|admin shutdown", re.IGNORECASE), PoolerCause.stopping),
    (re.compile(r"no more connections|too many connections", re.IGNORECASE), PoolerCause.full),
    (re.compile(r"does not speak", re.IGNORECASE), PoolerCause.not_a_pooler),
    (
        re.compile(r"password authentication|auth(entication)? failed|no such user|login failed|"
                   r"login rejected", re.IGNORECASE),
        PoolerCause.auth,
    ),
    (re.compile(r"SSL|TLS"), PoolerCause.tls),
)  # fmt: skip
FOREIGN = re.compile(r"does not speak")
OF_POSTGRES = frozenset(["3D", "28", "42", "57", "53", "55", "58", "XX"])
"""Classes of SQLSTATE that a server of PostgreSQL uses, and PgBouncer does not."""
LOST = re.compile(r"shutdown|terminated|closed|closing", re.IGNORECASE)


@contextmanager
def opening() -> Iterator[None]:
    """Translate all errors while the console is opened to ConsoleFailure."""
    try:
        with connecting():
            yield
    except ConnectFailure as failure:
        raise ConsoleFailure(_cause(failure), failure.message) from None


@contextmanager
def asking() -> Iterator[None]:
    """Translate all errors of a command to ReadFailure."""
    try:
        yield
    except asyncpg.PostgresError as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        unknown = "invalid command" in text
        raise ReadFailure(text, lost=bool(LOST.search(text)), refused=unknown) from None
    except TimeoutError:
        raise ReadFailure("no answer within the deadline", lost=True, unanswered=True) from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise ReadFailure(str(error) or type(error).__name__, lost=True) from None


def _cause(failure: ConnectFailure) -> PoolerCause:
    if failure.sqlstate and failure.sqlstate[:2] in OF_POSTGRES and failure.sqlstate != "28P01":
        return PoolerCause.not_a_pooler
    if failure.cause in SAME:
        is_foreign = FOREIGN.search(failure.message)
        return PoolerCause.not_a_pooler if is_foreign else SAME[failure.cause]
    told = (cause for words, cause in BY_TEXT if words.search(failure.message))
    return next(told, PoolerCause.other)
