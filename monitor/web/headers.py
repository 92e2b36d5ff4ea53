"""Security headers of every response."""

import base64
import hashlib

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_CONTENT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of responses that are one sentence of plain text."""


def content_policy(styles: str, script: str) -> str:
    """Return a Content-Security-Policy that allows only this style and script, and no frames."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(styles)}'",
            f"script-src '{_hash(script)}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def fixed_headers(policy: str) -> dict[str, str]:
    """Return the headers that every response has, with its Content-Security-Policy."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


class Headers:
    """Middleware that sets the same headers on every response."""

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self.app = app
        self.fixed = fixed_headers(policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.fixed)
            await send(message)

        await self.app(scope, receive, with_headers)
