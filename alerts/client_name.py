"""A client in words: who it is, and where it comes from."""

UNNAMED = "no application name"


def session_name(user: str | None, application: str | None) -> str:
    """Return user and application as people call a session: `alice (psql)`."""
    return f"{user} ({application or UNNAMED})"


def client_text(address: str | None, backend_type: str | None = "client backend") -> str | None:
    """Return its address, or what it is where PostgreSQL has none; None is not known."""
    if address:
        return address
    return "local socket" if backend_type in ("client backend", "walsender") else backend_type
