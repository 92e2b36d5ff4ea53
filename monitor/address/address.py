"""Address of a server as configured, resolved again at each connection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.address import tls
from monitor.address.dsn import Options, parse
from monitor.address.environment import VARIABLES, from_environment, from_service
from monitor.address.host_passwords import HostPasswords
from monitor.address.target import ResolvedAddress, passfile_of, password_of, target_of
from monitor.address.text import TextOrFile

AS_STORED = {"client_encoding": "SQL_ASCII"}
"""Texts arrive as they are stored: a conversion fails on text that is invalid in its encoding."""


@dataclass(frozen=True, slots=True)
class Address:
    """Server and login as configured; compared by that text. Nothing is cached.

    The precedence is that of libpq: user and password, then the connection string, then its
    service, then the PG* variables. Its methods raise AddressError, or OSError for a file.
    """

    dsn: TextOrFile | None = None
    user: TextOrFile | None = None
    password: TextOrFile | None = None
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        dsn: str | TextOrFile | None,
        environ: Mapping[str, str],
        user: TextOrFile | None = None,
        password: TextOrFile | None = None,
    ) -> "Address":
        text = TextOrFile(dsn) if isinstance(dsn, str) else dsn
        return cls(text, user, password, tuple(sorted(from_environment(environ).items())))

    def target(self) -> ResolvedAddress:
        """Resolve the address now."""
        return target_of(self._options())

    def named_database(self) -> str | None:
        """Return the database that the address, its service or a variable names; None if none."""
        return self._options().get("dbname") or None

    def connect_arguments(
        self, database: str | None = None, server_settings: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return keyword arguments for asyncpg.connect, with the current secrets."""
        options = self._options()
        target = target_of(options)
        database = database or target.database
        password = password_of(options, target, database)
        start_up = {"options": options["options"]} if options.get("options") else {}
        start_up |= AS_STORED
        return {
            "host": list(target.hosts),
            "port": list(target.ports),
            "user": target.user,
            # As a callable: asyncpg then does not search for one, and a traceback shows none.
            "password": lambda: password,
            "database": database,
            "target_session_attrs": target.target_session_attrs,
            "server_settings": {**start_up, **(server_settings or {})},
            **tls.arguments(options, target.sockets_only),
            **{name: options[name] for name in ("krbsrvname", "gsslib") if name in options},
        }

    def variables(self, database: str) -> dict[str, str]:
        """Return the PG* variables with which a program of PostgreSQL connects there."""
        options = dict(self._options())
        target = target_of(options)
        for name in ("service", "servicefile", "application_name", "client_encoding"):
            options.pop(name, None)
        if target.sockets_only:  # a build without TLS refuses even what it would not use
            options = {name: text for name, text in options.items() if name not in tls.OPTIONS}
        options |= {
            "user": target.user,
            "dbname": database,
            "port": ",".join(map(str, target.ports)),
        }
        if "hostaddr" not in options:
            options["host"] = ",".join(target.hosts)
        password = password_of(options, target, database)
        if isinstance(password, HostPasswords):
            options["passfile"] = str(passfile_of(options))  # the program finds that of each host
        elif password:
            options["password"] = password
        return {name: options[key] for name, key in VARIABLES.items() if options.get(key)}

    def _options(self) -> Options:
        environment = dict(self.environment)
        written = parse(_read(self.dsn))
        written = {key: value for key, value in written.items() if value}
        login = {"user": _read(self.user), "password": _read(self.password)}
        service = from_service({**environment, **written})
        given = {key: value for key, value in login.items() if value}
        return {**environment, **service, **written, **given}


def _read(text: TextOrFile | None) -> str:
    return (text and text.read()) or ""
