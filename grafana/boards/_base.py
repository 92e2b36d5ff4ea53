"""The vocabulary of a dashboard, known without the library that builds panels."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grafana.panels import Panel

Rows = Mapping[str, Callable[[], "Iterable[Panel]"]]
"""Rows of panels by title."""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. Its file's name is its name and address."""

    title: str
    about: str
    place: int
    """Position in lists of dashboards; the smallest is the start page."""
    rows: Callable[[], Rows]
    """Imports the panels only when they are built: users have no library for that."""
    of_poolers: bool = False
    """Whether it offers poolers to choose from, instead of servers and their databases."""
