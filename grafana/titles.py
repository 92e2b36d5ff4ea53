"""Names and titles of all dashboards, without the library that builds them."""

from collections.abc import Mapping
from pathlib import Path

from grafana.boards._catalogue import all_boards

TITLES: Mapping[str, str] = {name: board.title for name, board in all_boards().items()}
"""Titles by name, which is also file name and address. The first one is the start page."""


def committed(name: str) -> str:
    """Return the committed JSON of a dashboard."""
    return (Path(__file__).parent / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
