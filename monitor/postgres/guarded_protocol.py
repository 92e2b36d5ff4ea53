"""Protocol of asyncpg behind our guards: of the login, of sizes, and of text that is not UTF-8.

asyncpg has no hook for them, so its protocols get subclasses. They are put in place for the whole
process; `guarding` says which methods are allowed while a session is opened.
"""

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg.connect_utils
import asyncpg.protocol

from alerts import raw_text
from monitor.address import ANY_METHOD, AuthRule, HostPasswords
from monitor.postgres import server_messages
from monitor.postgres.login_guard import LoginGate, LoginRefused, is_private, is_verified
from monitor.postgres.server_messages import ServerMessages, Shutdown, TooLarge

_rule: ContextVar[AuthRule] = ContextVar("auth_rule", default=ANY_METHOD)


@contextmanager
def guarding(rule: AuthRule) -> Iterator[None]:
    """Apply the rule to the sessions that are opened in this context."""
    token = _rule.set(rule)
    try:
        yield
    finally:
        _rule.reset(token)


class GuardedProtocol(asyncpg.protocol.Protocol):
    """asyncpg's protocol behind the guards."""

    def __init__(
        self, addr: Any, connected: "asyncio.Future[Any]", params: Any, record: Any, loop: Any
    ) -> None:
        if isinstance(params.password, HostPasswords):
            params = params._replace(password=params.password.at(addr))
        super().__init__(addr, connected, params, record, loop)
        self._socket = addr if isinstance(addr, str) else None
        self._connected = connected
        # An attempt that was cancelled fails too, and then asks for no answer.
        connected.add_done_callback(_retrieved)
        self._is_raw = raw_text.is_raw(f"{params.database}{params.user}")
        self._gate: LoginGate | None = None
        self._wire: Any = None
        self._messages = ServerMessages()
        self.octets = 0
        """Bytes that have come."""
        self.arrived = 0.0
        """Monotonic time of the last of them."""
        self.kept: bytearray | None = None
        """Where the messages of an answer are kept whose rows asyncpg discards."""

    @property
    def trips(self) -> int:
        """How often something was asked and answered."""
        return self._messages.trips

    @property
    def farewell(self) -> asyncpg.PostgresError | None:
        """The error that ended the session; asyncpg drops it if it comes between two queries."""
        if not self._messages.farewell:
            return None
        error = asyncpg.PostgresError.new(server_messages.fields_of(self._messages.farewell))
        assert isinstance(error, asyncpg.PostgresError)
        return error

    @property
    def shutdown(self) -> Shutdown | None:
        """How the server is being stopped, if it said so as it ended the session."""
        return self._messages.shutdown

    @property
    def socket(self) -> Any:
        """The socket under the connection; None before there is one."""
        return self._wire.get_extra_info("socket") if self._wire else None

    @property
    def certificate(self) -> bytes | None:
        """The certificate of the server, as DER; None without TLS."""
        tls = self._wire.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls else None

    def connection_made(self, transport: Any) -> None:
        self._wire = transport
        trusted = is_verified(transport) or is_private(self._socket)
        self._gate = LoginGate(_rule.get(), trusted)
        super().connection_made(RawStartUp(transport) if self._is_raw else transport)

    def connection_lost(self, exc: Exception | None) -> None:
        # The server may refuse our certificate only after the handshake, by an alert of TLS.
        if isinstance(exc, ssl.SSLError) and not self._connected.done():
            self._connected.set_exception(exc)
        super().connection_lost(exc)

    def data_received(self, data: Any) -> None:
        self.octets += len(data)
        self.arrived = time.monotonic()
        try:
            if self._gate:
                data = self._gate.let_through(data)
                if self._gate.done:
                    self._gate = None
            data = self._messages.taken(bytes(data))
        except LoginRefused as refused:
            if not self._connected.done():
                self._connected.set_exception(refused)
            self._wire.abort()
            return
        except TooLarge as reason:
            super().data_received(reason.before + server_messages.error(str(reason)))
            self._wire.abort()
            return
        if data:
            if self.kept is not None:
                self.kept += data
            super().data_received(data)


def _retrieved(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()


class GuardedUpgrade(asyncpg.connect_utils.TLSUpgradeProto):
    """asyncpg's question for TLS; an attempt that is cancelled while it connects may fail, too."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.on_data.add_done_callback(_retrieved)


class RawStartUp:
    """Transport whose first message names a database or a role by bytes that are not UTF-8."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._is_first = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: Any) -> None:
        if self._is_first:
            self._is_first = False
            body = raw_text.encode(bytes(data[4:]).decode("utf-8"))
            data = (len(body) + 4).to_bytes(4, "big") + body
        self._transport.write(data)


asyncpg.protocol.Protocol = GuardedProtocol  # type: ignore[misc, assignment]
asyncpg.connect_utils.TLSUpgradeProto = GuardedUpgrade  # type: ignore[misc]
