"""HTTP connection that checks the client certificate and enforces time limits."""

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from monitor.web.headers import NO_CONTENT, fixed_headers
from monitor.web.security.policy import Security

HEAD = 10.0
"""Seconds in which a whole request must arrive, without the TLS handshake."""
STALLED = 60.0
"""Seconds in which the client must read an answer that is larger than the buffers."""
CONNECTIONS = 600
"""Above this number, connections are closed at once; below it, the server can answer 503."""


class HttpConnection(H11Protocol):
    """Connection that is aborted if the client neither sends its request nor reads the answer."""

    def __init__(self, config: Config, state: ServerState, security: Security) -> None:
        super().__init__(config, state, {})
        self.security = security
        self._head: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        certificate: dict[str, Any] | None = transport.get_extra_info("peercert")
        if len(self.connections) > CONNECTIONS or not self.security.admits(certificate):
            transport.abort()
        else:
            self._head = self.loop.call_later(HEAD, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect_the_rest()
        else:
            self._head = _without(self._head)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, or has headers that are too large for the parser."""
        fixed = fixed_headers(NO_CONTENT) | dict(self.security.policy.headers)
        headers = [(name.encode(), value.encode()) for name, value in fixed.items() if value]
        headers += [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        response = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (response, h11.Data(data=msg.encode("ascii")), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        begun, _ = self.conn.trailing_data
        if begun and self.conn.their_state is h11.IDLE:
            self._expect_the_rest()

    def _expect_the_rest(self) -> None:
        if self._head is None and not self.transport.is_closing():
            self._head = self.loop.call_later(HEAD, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        self._stalled = _without(self._stalled)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head, self._stalled = _without(self._head), _without(self._stalled)
        super().connection_lost(exc)


def _without(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
