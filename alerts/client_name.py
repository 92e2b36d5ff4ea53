"""Where a session comes from, in words: PostgreSQL has no address for those of its own machine."""


def client_text(address: str | None, backend_type: str | None = "client backend") -> str | None:
    """Its address, or what it is instead of somebody from elsewhere; None is not known."""
    if address:
        return address
    return "local socket" if backend_type in ("client backend", "walsender") else backend_type
