"""Escaping of control characters, so that object names can't control the terminal."""


def safe(text: str) -> str:
    """Replace control characters by visible escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
