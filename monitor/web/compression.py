"""Negotiation of gzip compression."""

from collections.abc import Iterator


def accepts_gzip(header: str) -> bool:
    """Return True if an Accept-Encoding header accepts gzip; `q=0` means no, a name precedes *."""
    weights = dict(_weights(header))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weights(header: str) -> Iterator[tuple[str, float]]:
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        given = [p.removeprefix("q=").strip() for p in parameters if p.startswith("q=")]
        yield name, _number(given[0]) if given else 1.0


def _number(text: str) -> float:
    return float(text) if text.replace(".", "", 1).isdecimal() else 0.0
