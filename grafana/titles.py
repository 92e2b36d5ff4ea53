"""Names and titles of all dashboards, without the library that builds them."""

from collections.abc import Mapping
from pathlib import Path

HOME = "pgvigil"
TITLES: Mapping[str, str] = {
    HOME: "Fleet",
    "pgvigil-server": "Server",
    "pgvigil-locks": "Locks",
    "pgvigil-replication": "Replication",
    "pgvigil-tables": "Tables and indexes",
    "pgvigil-statements": "Statements",
    "pgvigil-itself": "pgvigil itself",
}
"""Titles by name, which is also file name and address. The first one is the start page."""


def committed(name: str) -> str:
    """Return the committed JSON of a dashboard."""
    return (Path(__file__).parent / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
