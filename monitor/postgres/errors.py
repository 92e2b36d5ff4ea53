"""Errors of PostgreSQL and of the network, translated to a cause; no other module catches them.

asyncpg's errors come from four families: PostgresError (whatever the server says), its
InterfaceError (the connection is closed or in a wrong state), TimeoutError and OSError.
"""

import errno
import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from collectors.connection import Cause
from monitor.address import AddressError, ResolvedAddress
from monitor.plain_file import reason
from monitor.postgres import tls_failure
from monitor.postgres.login_guard import LoginRefused
from monitor.reading import ReadFailure


@dataclass(eq=False)
class ConnectFailure(Exception):
    """A session could not be opened; `cause` is one word for messages and metrics."""

    cause: Cause
    message: str
    sqlstate: str | None = None

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class QueryFailure(ReadFailure):
    """A query failed. `sqlstate` is None if the server did not answer."""

    sqlstate: str | None = None

    def __post_init__(self) -> None:
        state = self.sqlstate or ""
        self.refused = state[:2] in ("42", "3F") or state == "0A000"
        self.unanswered = self.sqlstate in (None, "57014")


BY_SQLSTATE = {
    "08003": Cause.other,  # asyncpg's own: the server ended the connection without a word
    "28P01": Cause.auth,
    "28000": Cause.auth,
    "3D000": Cause.no_database,
    "57P05": Cause.idle_timeout,
}
# By the routine in the error, where the SQLSTATE alone does not tell; messages are translated.
BY_ROUTINE = {
    ("28000", "auth_failed"): Cause.not_identified,
    ("28000", "InitializeSessionUserId"): Cause.no_role_or_login,
    # Said also for a missing entry of pg_hba.conf, which it names then in any language.
    ("28000", "ClientAuthentication"): Cause.tls,
    ("42501", "CheckMyDatabase"): Cause.no_connect,
    ("55000", "CheckMyDatabase"): Cause.database_closed,
    ("55000", "InitPostgres"): Cause.database_closed,
}
LIBRARY = {"internal_load_library", "incompatible_module_error"}
"""Routines that load a library, with whatever SQLSTATE."""
# Both have the same SQLSTATE and the same routine.
NO_LOGIN = re.compile(r"not permitted to log in")
NO_ROLE = re.compile(r"does not exist")
# SQLSTATE 53300 is the same for all.
FULL = {
    "InitializeSessionUserId": Cause.role_full,
    "CheckMyDatabase": Cause.database_full,
}
STARTING_UP = (
    (re.compile(r"starting up"), Cause.starting),
    (re.compile(r"shutting down"), Cause.stopping),
    (re.compile(r"recovery|not accepting|not yet accepting|consistent"), Cause.recovery),
)
SEVERAL = re.compile(r"\[Errno (\d+)\]")
"""asyncio's words for a name with several addresses, none of which could be reached."""
WORDLESS = re.compile(r"connection was closed in the middle|unexpected connection_lost")
"""asyncpg's words for a connection that ends before anything was said."""
NO_TLS = re.compile(r"rejected SSL upgrade")
"""asyncpg's words for a server that listens, but does not offer TLS."""
OF_TLS = re.compile(r"SSL|certificate")
"""asyncpg's words for what is wrong on our side, such as no root certificate to verify with."""
POOLER = re.compile(r"unsupported startup parameter|no such database|pgbouncer", re.IGNORECASE)


@contextmanager
def connecting() -> Iterator[None]:
    """Translate all errors while opening a session to ConnectFailure."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise ConnectFailure(_cause(error), _sentence(error), error.sqlstate) from None
    except ssl.SSLError as error:
        raise ConnectFailure(Cause.tls, tls_failure.sentence(error)) from None
    except LoginRefused as error:
        raise ConnectFailure(Cause.auth_method, str(error)) from None
    except AddressError as error:
        raise ConnectFailure(Cause.address, str(error)) from None
    except TimeoutError:
        raise ConnectFailure(Cause.timeout, "no answer within the deadline") from None
    except OSError as error:
        raise ConnectFailure(_network_cause(error), _sentence(error)) from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise ConnectFailure(_refusal(error), _sentence(error)) from None


@contextmanager
def negotiating(target: ResolvedAddress) -> Iterator[None]:
    """Tell why a server may end the connection without a word: it reads what it does not expect."""
    try:
        yield
    except (ConnectionResetError, BrokenPipeError, asyncpg.ConnectionDoesNotExistError):
        if target.direct_tls:
            raise ConnectFailure(Cause.tls, tls_failure.NOT_DIRECT) from None
        if target.has_certificate:  # its alert may be lost as the connection is reset
            raise ConnectFailure(Cause.tls, tls_failure.NOT_ACCEPTED) from None
        raise


@contextmanager
def asking_first(farewell: Callable[[], asyncpg.PostgresError | None]) -> Iterator[None]:
    """Translate all errors after the login, until a session is ours, to ConnectFailure.

    `farewell` returns what the server said as it ended the session.
    """
    with connecting():
        try:
            yield
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as met:
            error = farewell() or met
            if isinstance(error, asyncpg.InterfaceError):
                raise
            if (error.sqlstate or "").startswith("57P"):
                raise error from None
            # A statement timeout counts the time between two messages of ours, too.
            is_late = error.sqlstate == "57014"
            cause = Cause.timeout if is_late else Cause.first_question
            raise ConnectFailure(cause, _sentence(error), error.sqlstate) from None
        except QueryFailure as failure:
            cause = Cause.timeout if failure.unanswered else Cause.first_question
            raise ConnectFailure(cause, failure.message, failure.sqlstate) from None


@contextmanager
def querying() -> Iterator[None]:
    """Translate all errors while running a query to QueryFailure."""
    try:
        yield
    except asyncpg.PostgresError as error:
        lost = str(error.sqlstate)[:3] in ("57P", "08P", "080", "Non")
        raise QueryFailure(_sentence(error), lost=lost, sqlstate=error.sqlstate) from None
    except TimeoutError:
        raise QueryFailure("no answer within the deadline", lost=True) from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise QueryFailure(_sentence(error), lost=True) from None


def _cause(error: asyncpg.PostgresError) -> Cause:
    text, state, routine = str(error), error.sqlstate or "", str(error.server_source_function)
    if error.server_source_function is None and POOLER.search(text):
        return Cause.pooler  # only PostgreSQL tells a routine; a role may be called pgbouncer
    if state == "57P03":
        return next((cause for words, cause in STARTING_UP if words.search(text)), Cause.recovery)
    if state == "28000" and "pg_hba.conf" in text:
        return Cause.pg_hba
    if state == "53300":
        return FULL.get(routine, Cause.slots_full)
    if routine in LIBRARY:
        return Cause.no_library
    cause = BY_ROUTINE.get((state, routine), BY_SQLSTATE.get(state))
    if cause is Cause.no_role_or_login:
        return _of_role(text)
    return cause or (Cause.stopping if state.startswith("57P") else Cause.refused)


def _of_role(text: str) -> Cause:
    if NO_LOGIN.search(text):
        return Cause.no_login
    return Cause.no_role if NO_ROLE.search(text) else Cause.no_role_or_login


def _network_cause(error: OSError) -> Cause:
    if error.filename:
        return Cause.address  # a file that the address names: a password, a certificate
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return Cause.absent
    if type(error).__name__ == "gaierror":
        return Cause.unresolved
    if isinstance(error, FileExistsError | PermissionError):
        return Cause.address
    if _errno(error) == errno.ECONNREFUSED:
        return Cause.absent
    if NO_TLS.search(str(error)):
        return Cause.tls
    return Cause.absent if isinstance(error, ConnectionError) else Cause.other


def _errno(error: OSError) -> int | None:
    """Return the number of the error; of several, that of a refusal, or else the last."""
    numbers = [error.errno] if error.errno else [int(n) for n in SEVERAL.findall(str(error))]
    if errno.ECONNREFUSED in numbers:
        return errno.ECONNREFUSED
    return numbers[-1] if numbers else None


def _refusal(error: Exception) -> Cause:
    return Cause.tls if OF_TLS.search(str(error)) else Cause.other


def _sentence(error: BaseException) -> str:
    """Return the first line of the message: the rest may contain a statement."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} can't be read: {reason(error)}"
    if isinstance(error, OSError) and (number := _errno(error)):
        # Error numbers of the resolver are negative, and have their own texts.
        return os.strerror(number) if number > 0 else str(error.strerror)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "no host of the address has the role that target_session_attrs asks for"
    if NO_TLS.search(str(error)):
        return "the server does not offer TLS, which sslmode asks for"
    if WORDLESS.search(str(error)) or isinstance(error, ConnectionResetError):
        return "the server closed the connection without a word"
    if isinstance(error, asyncpg.InternalClientError):
        return "the connection was closed in the middle of an answer"
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
