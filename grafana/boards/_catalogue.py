"""Catalogue of dashboards: a file's name is the dashboard's name, with `pgvigil-` before it."""

from functools import cache
from types import ModuleType

import grafana.boards
from collectors._catalogue import discover
from grafana.boards._base import Board

HOME = "pgvigil"
"""Name of the start page, whose file is `fleet.py`."""


@cache
def all_boards() -> dict[str, Board]:
    """Return every dashboard by its name, in the order of their places."""
    return boards_of(grafana.boards)


def boards_of(package: ModuleType) -> dict[str, Board]:
    """Return the dashboards of a package by name. Raise ValueError if two have one place."""
    found = {_name(name): module.board for name, module in discover(package).items()}
    places = [board.place for board in found.values()]
    if twice := sorted({place for place in places if places.count(place) > 1}):
        raise ValueError(f"two dashboards have the place {twice[0]}")
    return dict(sorted(found.items(), key=lambda item: item[1].place))


def _name(module: str) -> str:
    return HOME if module == "fleet" else f"{HOME}-{module}"
