"""Connection addresses: libpq's syntax, converted to arguments of asyncpg.

asyncpg parses addresses differently from libpq: it sends libpq's client options to the server,
which refuses them, does not accept `key=value` and ignores PGSERVICE. So addresses are parsed
here, as libpq documents them, and asyncpg gets plain arguments.
"""

from monitor.address.address import Address
from monitor.address.auth_rule import ANY_METHOD, AuthRule
from monitor.address.dsn import AddressError
from monitor.address.host_passwords import HostPasswords
from monitor.address.target import ResolvedAddress
from monitor.address.text import TextOrFile

__all__ = [
    "ANY_METHOD",
    "Address",
    "AddressError",
    "AuthRule",
    "HostPasswords",
    "ResolvedAddress",
    "TextOrFile",
]
