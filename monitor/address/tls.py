"""TLS arguments of asyncpg for libpq's sslmode and related options."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from monitor.address.dsn import AddressError, Options
from monitor.plain_file import read_bytes

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
OPTIONS = (
    *FILES,
    "sslmode",
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)


def mode(options: Options) -> str:
    """Return the effective sslmode; sslrootcert=system requires verify-full."""
    system = options.get("sslrootcert") == "system"
    chosen = options.get("sslmode") or ("verify-full" if system else "prefer")
    if system and chosen != "verify-full":
        raise AddressError(f"sslrootcert=system needs sslmode=verify-full, not {chosen}.")
    if options.get("sslnegotiation") == "direct" and chosen in ("disable", "allow", "prefer"):
        raise AddressError(f"sslnegotiation=direct needs sslmode=require or more, not {chosen}.")
    return chosen


def arguments(options: Options, sockets_only: bool) -> Mapping[str, Any]:
    """Return arguments of asyncpg.connect. Raises OSError if a named file can't be read."""
    if sockets_only or mode(options) == "disable":
        return {"ssl": False, "direct_tls": False}
    for name in FILES:
        if (file := options.get(name)) and file != "system":
            read_bytes(Path(file))
    if options.get("sslrootcert") == "system":
        direct = options.get("sslnegotiation") == "direct"
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
