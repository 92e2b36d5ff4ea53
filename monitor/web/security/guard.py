"""Guard of the application: authentication, rate limit, and limits on requests."""

from collections.abc import Collection, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.web.headers import NO_CONTENT, fixed_headers
from monitor.web.security.policy import Policy, Security

OPEN = frozenset({"/healthz", "/readyz", "/-/healthy", "/-/ready"})
"""Probes need no password, because the kubelet has none."""
LONGEST_URL = 2048
LARGEST_HEAD = 16 * 1024
"""Bytes of all headers of a request together."""
CONNECTIONS = 500
"""From this number of open connections on, only probes are answered."""


class Guard:
    """Middleware that applies the current policy to each request."""

    def __init__(self, app: ASGIApp, security: Security) -> None:
        self.app, self.security = app, security
        self.connections: Collection[object] = ()
        """The open ones; the HTTP server fills it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        policy = self.security.policy

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _put(MutableHeaders(scope=message), policy.headers)
            await send(message)

        refusal = malformed(scope) or await self._kept_out(scope, policy)
        await (refusal or self.app)(scope, receive, with_headers)

    async def _kept_out(self, scope: Scope, policy: Policy) -> Response | None:
        if scope["path"] in OPEN:
            return None
        if len(self.connections) >= CONNECTIONS:
            close = {"Connection": "close", "Retry-After": "10"}
            return _refusal(503, "Too many connections are open; try again later.", close)
        if policy.rate and not policy.rate.take():
            return _refusal(429, "Too many requests; try again later.")
        header = Headers(scope=scope).get("authorization")
        if policy.passwords and not await policy.passwords.right(header):
            asked = {"WWW-Authenticate": 'Basic realm="pgvigil", charset="UTF-8"'}
            return _refusal(401, "User and password are required.", asked)
        return None


def malformed(scope: Scope) -> Response | None:
    """Refuse requests that no client needs to read pages; the connection is closed."""
    headers, close = Headers(scope=scope), {"Connection": "close"}
    if headers.get("content-length", "0").strip("0") or "transfer-encoding" in headers:
        return _refusal(413, "A request must not have a body.", close)
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_URL:
        return _refusal(414, f"The URL is longer than {LONGEST_URL} bytes.", close)
    if sum(len(name) + len(value) for name, value in headers.raw) > LARGEST_HEAD:
        return _refusal(431, f"The headers are longer than {LARGEST_HEAD} bytes.", close)
    return None


def _refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{sentence}\n", status, fixed_headers(NO_CONTENT) | (headers or {}))


def _put(headers: MutableHeaders, wanted: Iterable[tuple[str, str]]) -> None:
    """Set the headers; a blank value removes one, as in other exporters."""
    for name, value in wanted:
        if value.strip():
            headers[name] = value
        elif name in headers:
            del headers[name]
