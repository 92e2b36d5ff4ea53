"""Scenes of the demo: a chapter's own files, played without a word elsewhere."""

from collections.abc import Callable
from importlib import import_module, invalidate_caches
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from monitor.demo.scenes import _catalogue
from monitor.demo.scenes._catalogue import chapters_of, planted, scenes, scripts

Made = Callable[..., ModuleType]
NUMBERS = count(1)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Make a package of scenes from the names of its files."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(*files: str) -> ModuleType:
        name = f"made_up_scenes_{next(NUMBERS)}"
        (tmp_path / name).mkdir()
        for file in ("__init__.py", *files):
            text = 'PLANTED = ("slow",)' if file.endswith(".py") else "SELECT 1;"
            (tmp_path / name / file).write_text(text, encoding="utf-8")
        invalidate_caches()
        return import_module(name)

    return make


def test_a_new_chapter_is_played(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its module and its SQL are enough; chapters come in their order."""
    found = chapters_of(made("waits.py", "storage.py", "waits.sql"))
    monkeypatch.setattr(_catalogue, "chapters", lambda: found)
    assert list(found) == ["storage", "waits"]
    assert (planted(), scenes(), scripts()) == (("slow",), (), ("SELECT 1;",))


def test_an_unknown_chapter_is_refused(made: Made) -> None:
    with pytest.raises(ValueError, match=r"not in CHAPTERS .*\['lokcs'\]"):
        chapters_of(made("lokcs.py"))


def test_sql_alone_is_refused(made: Made) -> None:
    """Nobody would wait for what it makes ill."""
    with pytest.raises(ValueError, match=r"without its module: \['waits'\]"):
        chapters_of(made("storage.py", "waits.sql"))


def test_the_demo_has_scenes() -> None:
    assert {act.__name__ for act in scenes()} >= {"growing_pool", "opposite_order"}
    assert len(scripts()) >= 2
