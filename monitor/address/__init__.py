"""Where a server is and how to log in: what libpq understands, handed to asyncpg.

asyncpg has its own reading of addresses: it sends libpq's client options to the server, which
refuses them, takes no `key=value` form and overlooks PGSERVICE. So everything is read here, as
libpq documents it, and asyncpg is given plain arguments.
"""

from monitor.address.address import Address
from monitor.address.dsn import AddressError
from monitor.address.target import Target
from monitor.address.text import Text

__all__ = ["Address", "AddressError", "Target", "Text"]
