"""Guard of the login: the password goes to no server that asks for it in a way we don't allow.

asyncpg answers whatever the server asks for, a password in clear included. So the messages of the
login are read first.
"""

import os
import ssl
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from monitor.address import AuthRule

HEADER = 5
"""Bytes of the type and the length before each message."""
LONGEST = 30_000
"""Bytes of a message before the login is done, as libpq limits them."""
AUTHENTICATION, ERROR = b"R"[0], b"E"[0]
DONE, SASL, SASL_FINAL = 0, 10, 12
METHODS = {3: "password", 5: "md5", 7: "gss", 9: "sspi", SASL: "scram-sha-256"}
"""By the code of the server's request."""


class LoginRefused(Exception):
    """We refuse to log in; the message is one sentence without its full stop."""


@dataclass(slots=True)
class LoginGate:
    """Messages of the server, let through whole and in order until the login is done."""

    rule: AuthRule
    is_trusted: bool
    """Whether only the right server can read what we send."""
    done: bool = False
    _asked: int | None = None
    _proved: bool = False
    _waiting: bytearray = field(default_factory=bytearray)

    def let_through(self, data: bytes) -> bytes:
        """Return what may be answered now. Raises LoginRefused."""
        self._waiting += data
        end = 0
        while not self.done and len(self._waiting) - end >= HEADER:
            length = int.from_bytes(self._waiting[end + 1 : end + HEADER], "big")
            if not 4 <= length <= LONGEST:
                raise LoginRefused("the server does not speak PostgreSQL's protocol")
            if len(self._waiting) - end < length + 1:
                break
            self._check(self._waiting[end], self._waiting[end + HEADER : end + 1 + length])
            end += length + 1
        if self.done:
            end = len(self._waiting)
        passed = bytes(self._waiting[:end])
        del self._waiting[:end]
        return passed

    def _check(self, kind: int, body: bytearray) -> None:
        if kind == ERROR:
            self.done = True
        elif kind == AUTHENTICATION:
            self._check_request(int.from_bytes(body[:4], "big"))

    def _check_request(self, code: int) -> None:
        if code in METHODS:
            self._asked = code
            self._check_method(METHODS[code])
        elif code == SASL_FINAL:
            self._proved = True
        elif code == DONE:
            if self._asked is None:
                self._check_method("none")
            if self._asked == SASL and not self._proved:
                raise LoginRefused("the server did not prove that it knows the password")
            self.done = True

    def _check_method(self, method: str) -> None:
        if method not in self.rule.allowed:
            asks = "asks for no authentication" if method == "none" else f"asks for {method}"
            raise LoginRefused(f"the server {asks}, which require_auth does not allow")
        if method == "password" and not (self.is_trusted or self.rule.names_password):
            raise LoginRefused(
                "the server asks for the password in clear over a connection without verified TLS,"
                " so it was not sent"
            )


def is_verified(transport: Any) -> bool:
    tls = transport.get_extra_info("ssl_object")
    return tls is not None and tls.context.verify_mode == ssl.CERT_REQUIRED


def is_private(socket: str | None) -> bool:
    """Return True if only the server's owner can have made the socket; in /tmp, any user can."""
    if socket is None:
        return False
    with suppress(OSError):
        return not os.stat(os.path.dirname(socket)).st_mode & stat.S_IWOTH
    return False
