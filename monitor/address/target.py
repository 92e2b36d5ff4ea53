"""Target of an address: its hosts, ports, user and database, after checking every option."""

import getpass
import os.path
from dataclasses import dataclass
from pathlib import Path

from monitor.address import passfile, tls
from monitor.address.auth_rule import ANY_METHOD, AuthRule, auth_rule
from monitor.address.dsn import AddressError, Options
from monitor.address.host_passwords import HostPasswords, place_of

DEFAULT_PORT = "5432"
# The socket folders of Debian and of PostgreSQL itself, then TCP.
DEFAULT_HOSTS = "/var/run/postgresql,/tmp,localhost"
# psql's default is a database with the name of the role, which a monitoring role seldom has.
DEFAULT_DATABASE = "postgres"

CHOICES = {
    "sslmode": tls.MODES,
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": tls.VERSIONS,
    "ssl_max_protocol_version": tls.VERSIONS,
    "gssencmode": ("disable", "prefer"),
    # asyncpg can't bind a login to the TLS channel.
    "channel_binding": ("disable", "prefer"),
    "gsslib": ("gssapi", "sspi"),
    "target_session_attrs": (
        "any",
        "primary",
        "standby",
        "read-write",
        "read-only",
        "prefer-standby",
    ),
}

USED = {"host", "hostaddr", "port", "user", "password", "passfile", "dbname", "service"}
USED |= {
    "require_auth",
    "servicefile",
    "sysconfdir",
    "options",
    "target_session_attrs",
    "krbsrvname",
    "gsslib",
}
USED |= set(tls.OPTIONS)
# pgvigil sets its own deadlines, keep-alives and application name; asyncpg has no choice for the
# others.
IGNORED = {"connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval"}
IGNORED |= {"keepalives_count", "tcp_user_timeout", "application_name", "client_encoding"}
IGNORED |= {"fallback_application_name", "channel_binding", "gssencmode", "gssdelegation"}
IGNORED |= {"load_balance_hosts", "sslcompression", "sslsni", "sslcertmode"}
IGNORED |= {"min_protocol_version", "max_protocol_version"}


@dataclass(frozen=True, slots=True)
class ResolvedAddress:
    """A resolved address. Hosts and ports have the same length."""

    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    user: str
    database: str
    sslmode: str
    target_session_attrs: str
    auth_rule: AuthRule = ANY_METHOD
    warnings: tuple[str, ...] = ()
    """One sentence each."""
    direct_tls: bool = False
    """Whether TLS begins at once, which servers before 17 do not understand."""
    has_certificate: bool = False
    """Whether we show one of our own by TLS."""

    @property
    def name(self) -> str:
        """host:port of the first host; a socket is shown as folder:port."""
        host = "localhost" if self.hosts == tuple(DEFAULT_HOSTS.split(",")) else self.hosts[0]
        return f"[{host}]:{self.ports[0]}" if ":" in host else f"{host}:{self.ports[0]}"

    @property
    def sockets_only(self) -> bool:
        return are_sockets(self.hosts)


def are_sockets(hosts: tuple[str, ...]) -> bool:
    return all(host.startswith("/") for host in hosts)


def target_of(options: Options) -> ResolvedAddress:
    """Check every option and resolve the address. Raises AddressError."""
    for name, value in options.items():
        if name not in USED | IGNORED:
            raise AddressError(f"The address has an option that is not supported: {name}.")
        if name in CHOICES and value not in CHOICES[name]:
            raise AddressError(f"{name} is {value!r}, but must be {' or '.join(CHOICES[name])}.")
    hosts = _hosts(options)
    return ResolvedAddress(
        hosts,
        _ports(options.get("port") or DEFAULT_PORT, len(hosts)),
        options.get("user") or _system_user(),
        options.get("dbname") or DEFAULT_DATABASE,
        tls.mode(options),
        options.get("target_session_attrs") or "any",
        auth_rule(options.get("require_auth")),
        _warnings(options),
        tls.is_direct(options, are_sockets(hosts)),
        tls.has_certificate(options, are_sockets(hosts)),
    )


def password_of(
    options: Options, target: ResolvedAddress, database: str
) -> str | HostPasswords | None:
    """Return the configured password, or else that of the password file, by host where they
    differ: no host is sent the password of another."""
    if options.get("password"):
        return options["password"]
    names = (options.get("host") or options.get("hostaddr") or DEFAULT_HOSTS).split(",")
    found = {
        place_of(host, port): passfile.password(
            passfile_of(options),
            # psql looks up its default socket as localhost; which folder that is, we don't know.
            [
                (looked_up, str(port), database, target.user)
                for looked_up in ((name, "localhost") if name.startswith("/") else (name,))
            ],
        )
        for host, name, port in zip(target.hosts, names, target.ports, strict=False)
    }
    passwords = set(found.values())
    return HostPasswords(found) if len(passwords) > 1 else passwords.pop()


def _hosts(options: Options) -> tuple[str, ...]:
    named, numbers = options.get("host"), options.get("hostaddr")
    if named and numbers and named != numbers and tls.mode(options) == "verify-full":
        raise AddressError("With sslmode=verify-full, set only host, not hostaddr.")
    hosts = tuple(host.strip() for host in (numbers or named or DEFAULT_HOSTS).split(","))
    if any(host.startswith("@") for host in hosts):
        raise AddressError("A socket in the abstract namespace (host=@…) is not supported.")
    return tuple(host or "localhost" for host in hosts)


def _ports(written: str, hosts: int) -> tuple[int, ...]:
    ports = [port.strip() or DEFAULT_PORT for port in written.split(",")]
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise AddressError("The port of the address is not a number from 1 to 65535.")
    if len(ports) not in (1, hosts):
        raise AddressError(f"The address has {hosts} hosts, but {len(ports)} ports.")
    return tuple(int(port) for port in ports) * (hosts // len(ports))


def _warnings(options: Options) -> tuple[str, ...]:
    objection = None if options.get("password") else passfile.objection(passfile_of(options))
    return (objection,) if objection else ()


def passfile_of(options: Options) -> Path:
    """Return the password file, which need not exist."""
    return Path(options.get("passfile") or os.path.expanduser("~/.pgpass"))


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise AddressError("The address names no user, and the process has no user name.") from None
