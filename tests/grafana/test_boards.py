"""Catalogue of dashboards: one more is a file of its own."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module, invalidate_caches
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from grafana.boards._catalogue import all_boards, boards_of

Made = Callable[..., ModuleType]
NUMBERS = count(1)
MADE_UP = """
from grafana.boards._base import Board

board = Board(title="Made up", about="", place={place}, rows=dict)
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Make a package of dashboards from their names and places."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**places: int) -> ModuleType:
        folder = tmp_path / f"made_up_boards_{next(NUMBERS)}"
        folder.mkdir()
        (folder / "__init__.py").touch()
        for name, place in places.items():
            text = MADE_UP.format(place=place)
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        invalidate_caches()
        return import_module(folder.name)

    return make


def test_a_file_is_a_dashboard(made: Made) -> None:
    """Under its own name, at its place; the start page is that of the fleet."""
    found = boards_of(made(waits=75, wal=35, fleet=10))
    assert list(found) == ["pgvigil", "pgvigil-wal", "pgvigil-waits"]


def test_a_place_is_taken_once(made: Made) -> None:
    """Else their order would be that of chance."""
    with pytest.raises(ValueError, match="two dashboards have the place 30"):
        boards_of(made(waits=30, wal=30))


def test_titles_are_known_without_the_library() -> None:
    """Users list dashboards, and have nothing that could build them."""
    program = "import sys, grafana.titles; print('grafana_foundation_sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
    assert len(all_boards()) >= 7
