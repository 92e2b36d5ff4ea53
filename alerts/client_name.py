"""Names of clients: user, application and address."""

UNNAMED = "no application name"


def session_name(user: str | None, application: str | None) -> str:
    """Return user and application of a session: `alice (psql)`."""
    return f"{user} ({application or UNNAMED})"


def client_text(address: str | None, backend_type: str | None = "client backend") -> str | None:
    """Return the address; without one, `local socket` or the backend type; None if unknown."""
    if address:
        return address
    return "local socket" if backend_type in ("client backend", "walsender") else backend_type
