"""Console of PgBouncer: commands over the simple query protocol, as asyncpg reads no rows of it.

asyncpg logs in, with TLS, SCRAM, md5 and our guards, and sends a command as it stands; it only
discards the rows. So the messages of the answer are kept on their way through its protocol.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from collectors.pooler_connection import PoolerCause
from monitor.address import Address
from monitor.background import in_background
from monitor.deadline import within
from monitor.pgbouncer.answer import Record, records
from monitor.pgbouncer.failure import ConsoleFailure, asking, opening
from monitor.plain_file import read_text
from monitor.postgres.guarded_protocol import guarding
from monitor.postgres.session import wire
from monitor.postgres.session_settings import START_UP
from monitor.reading import ReadFailure

DATABASE = "pgbouncer"
"""The name of the console among the pooler's databases."""
BANNER = "PgBouncer"
GRACE = 1.0
"""Seconds that a connection is given to close politely."""
LONG = 32 << 10
"""Bytes of an answer from which it is read in the background."""
LARGEST = 8 << 20
"""Bytes of an answer; a console with ten thousand clients sends a third of it."""


@dataclass(slots=True)
class Console:
    """An open connection to a console. One command at a time; a second one waits."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    version: str
    """As it names itself: PgBouncer 1.18.0."""
    descriptor_limit: int | None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    gave_up: bool = False
    """A command was not answered in time: the connection is of no more use."""

    @classmethod
    async def open(cls, address: Address, deadline: float) -> "Console":
        """Log in and make sure that PgBouncer answers. Raises ConsoleFailure."""
        with opening():
            connection = await _connect(address, deadline)
            limit = _descriptor_limit(wire(connection).socket)
        console = cls(connection, "", limit)
        try:
            [record] = await console.ask("SHOW VERSION", deadline)
            console.version = str(next(iter(record.values())))
        except ReadFailure as failure:
            connection.terminate()
            if failure.unanswered:
                raise ConsoleFailure(PoolerCause.timeout, failure.message) from None
            raise ConsoleFailure(PoolerCause.not_a_pooler, failure.message) from None
        except BaseException:
            connection.terminate()
            raise
        if not console.version.startswith(BANNER):
            connection.terminate()
            raise ConsoleFailure(PoolerCause.not_a_pooler, f"it is {console.version[:60]!r}")
        return console

    async def ask(self, command: str, deadline: float) -> list[Record]:
        """Return the rows of a command. Raises ReadFailure; past the deadline it is lost."""
        async with self.turn:
            protocol = wire(self.connection)
            protocol.kept = kept = bytearray()
            try:
                with asking():
                    await within(deadline, self.connection.execute(command))
                    if len(kept) > LARGEST:
                        raise ReadFailure(f"the answer is longer than {LARGEST >> 20} MiB")
                    # Many rows must not hold the loop.
                    is_long = len(kept) > LONG
                    content = bytes(kept)
                    return await in_background(records, content) if is_long else records(content)
            except ReadFailure as failure:
                self.gave_up = self.gave_up or failure.lost
                raise
            finally:
                protocol.kept = None

    @property
    def certificate(self) -> bytes | None:
        """What the pooler showed when the connection was opened, as DER; None without TLS."""
        return wire(self.connection).certificate

    @property
    def lost(self) -> bool:
        return self.gave_up or self.connection.is_closed()

    async def close(self) -> None:
        """Politely if the pooler lets us, and then in any case."""
        if not self.connection.is_closed():
            if not self.gave_up:
                with contextlib.suppress(Exception):
                    await asyncio.shield(self.connection.close(timeout=GRACE))
            self.connection.terminate()


async def _connect(address: Address, deadline: float) -> "asyncpg.Connection[asyncpg.Record]":
    with guarding(address.target().auth_rule):
        arguments: dict[str, Any] = address.connect_arguments(DATABASE, START_UP)
        # It refuses what it does not know, and our session needs none of it.
        arguments["server_settings"].pop("options", None)
        return await within(
            deadline,
            asyncpg.connect(**arguments, timeout=10 * deadline),
            discard=asyncpg.Connection.terminate,
        )


def _descriptor_limit(connected: socket.socket | None) -> int | None:
    """Return how many files the process at the other end of a Unix socket may open."""
    if connected is None or connected.family != socket.AF_UNIX:
        return None
    with contextlib.suppress(OSError, ValueError, AttributeError):
        size = struct.calcsize("3i")
        told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid = struct.unpack("3i", told)[0]
        for line in read_text(Path(f"/proc/{pid}/limits")).splitlines():
            if line.startswith("Max open files"):
                return int(line.split()[3])
    return None
