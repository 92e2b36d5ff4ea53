"""The HTTP server: on sockets that we bound, without a word in our signals, and soon stopped."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import uvicorn

from monitor.configuration.sentence import ConfigurationError
from monitor.configuration.values import Endpoint
from monitor.exposition.store import Store
from monitor.settings import Settings
from monitor.view import Overview
from monitor.web.app import application

STOP = 2
"""Seconds that a slow client has for the rest of its page once we stop."""
KEEP_ALIVE = 75
"""Seconds; longer than a scrape interval, so that Prometheus keeps its connection."""
CONNECTIONS = 500
"""More at a time are told to come again (503)."""


class Server(uvicorn.Server):
    """Signals are the daemon's; and whoever is still reading when time is up is let go."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


@dataclass(slots=True)
class Web:
    """What the daemon serves, from binding to the end."""

    settings: Settings
    overview: Callable[[], Overview]
    store: Store
    sockets: list[socket.socket] = field(default_factory=list)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        config = uvicorn.Config(
            application(self.overview, self.store, pages=self.settings.pages),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=STOP,
            limit_concurrency=CONNECTIONS,
        )
        self.server = Server(config)

    def bind(self) -> list[str]:
        """The addresses that are now ours. Raises ConfigurationError."""
        try:
            for endpoint in self.settings.listen:
                self.sockets += bound(endpoint, alone=len(self.settings.listen) == 1)
        except ConfigurationError:
            self._close()
            raise
        return [str(Endpoint(*one.getsockname()[:2])) for one in self.sockets]

    async def serve(self) -> None:
        """Until stopped."""
        try:
            await self.server.serve(self.sockets)
        finally:
            self._close()

    async def stop(self) -> None:
        """Ask `serve` to end; it does within a few seconds."""
        self.server.should_exit = True

    def _close(self) -> None:
        while self.sockets:
            self.sockets.pop().close()


def bound(endpoint: Endpoint, *, alone: bool) -> list[socket.socket]:
    """A socket for each address that the host stands for. Raises ConfigurationError.

    `[::]` alone takes IPv4 too; beside others it leaves IPv4 to them.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sockets.append(socket.socket(family, kind, protocol))
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                only = not (alone and endpoint.host == "::")
                sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
            sockets[-1].bind(address)
    except OSError as wrong:
        for one in sockets:
            one.close()
        why = (wrong.strerror or str(wrong)).lower()
        raise ConfigurationError(
            f"Can't listen on {endpoint}: {why}; choose another address with the setting listen"
            " (PGVIGIL_LISTEN, or --listen)."
        ) from None
    return sockets
