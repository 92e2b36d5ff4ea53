"""What may be shown on a terminal: object names are data, and data commands no terminal."""


def safe(text: str) -> str:
    """Control characters, an escape sequence's among them, as visible text."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
