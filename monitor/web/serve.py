"""HTTP server: binds its own sockets, leaves signals to the daemon, and stops quickly."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import Server

from monitor.config.endpoint import Endpoint
from monitor.config.errors import ConfigurationError
from monitor.exposition.store import Store
from monitor.views.overview import Overview
from monitor.web.app import application
from monitor.web.security.connection import HttpConnection
from monitor.web.security.guard import LARGEST_HEAD, Guard
from monitor.web.security.policy import Security

STOP = 2
"""Seconds that a slow client has to read the rest of its page at shutdown."""
BACKLOG = 64
"""Connections that wait to be accepted. asyncio accepts that many in a row, and out of descriptors
it also fails that many times."""
KEEP_ALIVE = 75
"""Seconds; longer than a scrape interval, so that Prometheus keeps its connection."""
HANDSHAKE = 10.0
"""Time limit of a TLS handshake, in seconds."""
LOOK = 2.0
"""Seconds between checks for changed certificates or passwords."""


class WebServer(Server):
    """uvicorn server that handles no signals, and aborts the remaining connections at the end."""

    def __init__(self, config: Config, security: Security) -> None:
        super().__init__(config)
        self.security = security
        self.servers = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen like uvicorn, but with our connection class and a deadline for handshakes."""
        await self.lifespan.startup()
        loop, secure = asyncio.get_running_loop(), self.security.context
        for one in sockets or ():
            self.servers += [
                await loop.create_server(
                    lambda: HttpConnection(self.config, self.server_state, self.security),
                    sock=one,
                    backlog=self.config.backlog,
                    ssl=secure,
                    ssl_handshake_timeout=HANDSHAKE if secure else None,
                )
            ]
        self.started = True

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
    """The daemon's HTTP service: bind, serve, stop."""

    listen: Sequence[Endpoint]
    overview: Callable[[], Overview]
    store: Store
    web_config_file: Path | None = None
    pages: bool = True
    """Whether pages with evidence are served."""
    sockets: list[socket.socket] = field(default_factory=list)
    security: Security = field(init=False)
    server: WebServer = field(init=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        self.security = Security(self.web_config_file)
        site = application(self.overview, self.store, pages=self.pages)
        guard = Guard(site, self.security)
        self.server = WebServer(self._config(guard), self.security)
        guard.connections = self.server.server_state.connections

    def _config(self, site: ASGIApp) -> Config:
        return Config(
            site,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=STOP,
            backlog=BACKLOG,
            h11_max_incomplete_event_size=LARGEST_HEAD,
        )

    def bind(self) -> list[str]:
        """Bind the sockets and return their addresses. Raises ConfigurationError."""
        try:
            for endpoint in self.listen:
                self.sockets += bound(endpoint, alone=len(self.listen) == 1)
        except ConfigurationError:
            self._close()
            raise
        return [str(Endpoint(*one.getsockname()[:2])) for one in self.sockets]

    async def serve(self) -> None:
        """Serve until stopped."""
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch_files())
                await self.server.serve(self.sockets)
                watching.cancel()
        finally:
            self._close()

    async def _watch_files(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.security.look()

    async def stop(self) -> None:
        """Ask `serve` to end, which takes a few seconds."""
        self.server.should_exit = True

    def _close(self) -> None:
        while self.sockets:
            self.sockets.pop().close()


def bound(endpoint: Endpoint, *, alone: bool) -> list[socket.socket]:
    """Bind a socket for each address of the host. Raises ConfigurationError.

    `[::]` alone also accepts IPv4; with other endpoints it accepts only IPv6.
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
