"""Catalogue of findings: chapters are known ones, and an id names one finding."""

from collections.abc import Callable
from importlib import import_module, invalidate_caches
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from alerts._catalogue import all_findings, findings_of
from alerts.findings import CHAPTERS

Made = Callable[..., ModuleType]
NUMBERS = count(1)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Make a package of findings from paths such as `locks/deadlocks`."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(*paths: str) -> ModuleType:
        name = f"made_up_findings_{next(NUMBERS)}"
        for path in paths:
            file = tmp_path / name / f"{path}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(f"finding = {path!r}", encoding="utf-8")
        (tmp_path / name / "__init__.py").touch()
        invalidate_caches()
        return import_module(name)

    return make


def test_findings_lie_in_chapters(made: Made) -> None:
    """A name that begins with an underscore is shared by its chapter, and no finding."""
    package = made("waits/io_slow", "backup/archiver_failing", "backup/_files")
    found: dict[str, object] = {
        "archiver_failing": "backup/archiver_failing",
        "io_slow": "waits/io_slow",
    }
    assert dict(findings_of(package)) == found


def test_an_unknown_chapter_is_refused(made: Made) -> None:
    """Else a typing error would make a chapter of its own in docs, rules and dashboards."""
    with pytest.raises(ValueError, match=r"not in CHAPTERS .*\['lokcs'\]"):
        findings_of(made("locks/deadlocks_of_all", "lokcs/another"))


def test_an_id_is_taken_across_chapters(made: Made) -> None:
    """Settings, alerts and links know a finding by its id alone."""
    with pytest.raises(ValueError, match="two findings are called io_slow"):
        findings_of(made("waits/io_slow", "storage/io_slow"))


def test_a_chapter_is_the_folder() -> None:
    chapters = {finding.chapter for finding in all_findings().values()}
    assert chapters <= set(CHAPTERS)
    assert all_findings()["deadlocks"].chapter == "locks"
