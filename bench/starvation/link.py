"""Link between pgvigil and a server that delays or drips what the server sends."""

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass

CHUNK = 1400
"""Bytes of one packet."""


@dataclass(frozen=True, slots=True)
class Link:
    """Delay and pace of each packet of the server."""

    delay: float = 0.0
    """Seconds by which it comes later."""
    rate: float = 0.0
    """Bytes a second; 0: as fast as may be."""

    async def serve(self, socket: str) -> asyncio.Server:
        """Forward a port of the loopback to a socket."""

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_unix_connection(socket)
            with suppress(ConnectionError):
                await asyncio.gather(pump(reader, back), self._drip(there, writer))

        return await asyncio.start_server(forward, "127.0.0.1", 0)

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, sent = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

        async def deliver() -> None:
            while True:
                due, data = await sent.get()
                if not data:
                    writer.close()
                    return
                await asyncio.sleep(max(0.0, due - loop.time()))
                writer.write(data)

        delivering = asyncio.ensure_future(deliver())
        free = loop.time()
        while data := await reader.read(CHUNK):
            free = max(free, loop.time()) + (len(data) / self.rate if self.rate else 0.0)
            sent.put_nowait((free + self.delay, data))
        sent.put_nowait((0.0, b""))
        await delivering


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward the client's bytes as they come."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()


async def main(socket: str, delay: str, rate: str) -> None:
    """Serve until killed; the port is the first line of the output."""
    server = await Link(float(delay), float(rate)).serve(socket)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
