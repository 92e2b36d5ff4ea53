"""Certificate that the server showed in the TLS handshake of our own session."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge


@dataclass(frozen=True, slots=True)
class Certificate:
    """Certificate that the newest session has seen; it is renewed each hour."""

    is_shown: bool
    """Whether our session uses TLS; over a socket it never does."""
    expires: float | None
    """Unix seconds; None if none is shown, or it can't be read."""


certificate = Collector(
    row=Certificate,
    lane=Lane.normal,
    metrics=(
        gauge(
            "pg_certificate_not_after_timestamp_seconds",
            "Time when the certificate of the server expires; absent without TLS.",
            "expires",
        ),
    ),
)
