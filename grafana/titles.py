"""The names of all dashboards, known without the library that builds them."""

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
"""By name, which is file name and address. The first one is where people begin."""


def committed(name: str) -> str:
    """The JSON of a dashboard as it ships."""
    return (Path(__file__).parent / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
