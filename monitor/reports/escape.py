"""Escaping of control characters, so that object names can't control the terminal."""

from alerts.raw_text import shown


def safe(text: str) -> str:
    """Replace control characters by visible escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown(text))
