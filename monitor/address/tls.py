"""TLS arguments of asyncpg for libpq's sslmode and related options."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from monitor.address import tls_files
from monitor.address.dsn import AddressError, Options

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
OPTIONS = (
    *tls_files.DEFAULTS,
    "sslmode",
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)


def mode(options: Options) -> str:
    """Return the effective sslmode: sslrootcert=system needs verify-full. Raises AddressError."""
    system = options.get("sslrootcert") == tls_files.SYSTEM
    chosen = options.get("sslmode") or ("verify-full" if system else "prefer")
    if system and chosen != "verify-full":
        raise AddressError(f"sslrootcert=system needs sslmode=verify-full, not {chosen}.")
    if options.get("sslnegotiation") == "direct" and chosen in ("disable", "allow", "prefer"):
        raise AddressError(f"sslnegotiation=direct needs sslmode=require or more, not {chosen}.")
    least, most = (options.get(f"ssl_{end}_protocol_version") for end in ("min", "max"))
    if least and most and VERSIONS.index(least) > VERSIONS.index(most):
        raise AddressError(f"ssl_min_protocol_version is {least}, above the maximum, {most}.")
    return chosen


def is_used(options: Options, sockets_only: bool) -> bool:
    """Whether TLS may be used at all."""
    return not sockets_only and mode(options) != "disable"


def is_direct(options: Options, sockets_only: bool) -> bool:
    """Whether TLS begins at once, without asking the server for it, as 17 and later can."""
    return is_used(options, sockets_only) and options.get("sslnegotiation") == "direct"


def has_certificate(options: Options, sockets_only: bool) -> bool:
    """Whether we have a certificate of our own to show."""
    return is_used(options, sockets_only) and tls_files.found(options, "sslcert") is not None


def arguments(options: Options, sockets_only: bool) -> Mapping[str, Any]:
    """Return arguments of asyncpg.connect. Raises AddressError, or OSError for a file."""
    if not is_used(options, sockets_only):
        return {"ssl": False, "direct_tls": False}
    tls_files.check(options)
    if options.get("sslrootcert") == tls_files.SYSTEM:
        direct = is_direct(options, sockets_only)
        return {"ssl": _system_context(options), "direct_tls": direct}
    # asyncpg applies libpq's fallbacks and default files only to options inside a DSN.
    chosen = {name: options[name] for name in OPTIONS if options.get(name)}
    chosen["sslmode"] = mode(options)
    return {"dsn": "postgresql:?" + urlencode(chosen, quote_via=quote)}


def _system_context(options: Options) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    if options.get("sslcert"):
        password = options.get("sslpassword", "")
        context.load_cert_chain(options["sslcert"], options.get("sslkey"), lambda: password)
    return context
