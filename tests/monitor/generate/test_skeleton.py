"""Skeletons in a copy of the tree: clean, working, tested; nothing that exists is overwritten."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors._base import Scope
from monitor.generate.skeleton import LONGEST, MARK, NameRefused, write_collector, write_finding
from tests.fixtures.tree_copy import ROOT, run_module, tree_copy

FINDING, COLLECTOR, OF_DATABASES = "vacuum_example", "spaces_example", "tables_example"
REVIEW = "names_example"


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with two findings and two collectors made new."""
    copy = tree_copy(tmp_path_factory.mktemp("copy"))

    write_finding(copy, FINDING, "vacuum")
    write_finding(copy, REVIEW, "schema", "keyless_tables")
    write_collector(copy, COLLECTOR)
    write_collector(copy, OF_DATABASES, Scope.database)
    return copy


def made(copy: Path) -> list[str]:
    return [
        str(path.relative_to(copy))
        for name in (FINDING, REVIEW, COLLECTOR, OF_DATABASES)
        for path in copy.rglob(f"*{name}.py")
    ]


def results(copy: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    tests = [path for path in made(copy) if path.startswith("tests/")]
    assert len(tests) == 4
    return run_module(copy, "pytest", "-q", "-p", "no:cacheprovider", *tests, *more)


@pytest.mark.parametrize("command", [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)])
def test_style_and_types_are_clean(extended: Path, command: tuple[str, ...]) -> None:
    done = run_module(extended, *command, *made(extended))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_longest_name_keeps_lines_short(extended: Path, tmp_path: Path) -> None:
    """With the longest chapter, too."""
    shutil.copy2(extended / "pyproject.toml", tmp_path)
    name = "x" * LONGEST
    written = write_finding(tmp_path, name, "availability")
    written += write_finding(tmp_path, "z" * LONGEST, "availability", "functional_dependencies")
    written += write_collector(tmp_path, name)
    written += write_collector(tmp_path, "y" * LONGEST, Scope.database)
    long = [path for path in written if max(map(len, path.read_text().splitlines())) > 100]
    assert long == []


@pytest.mark.versions(18)
def test_its_tests_pass_and_can_fail(extended: Path, version: int) -> None:
    """On a real server; then the judge is broken, and they say so."""
    done = results(extended, "-k", f"pg{version} or limits or unknown")
    assert done.returncode == 0, done.stdout
    assert "12 passed" in done.stdout
    judge = extended / f"alerts/findings/vacuum/{FINDING}.py"
    text = judge.read_text(encoding="utf-8")
    broken = text.replace(">= limits", "< limits")
    assert broken != text
    judge.write_text(broken, encoding="utf-8")
    done = results(extended, "-k", "limits")
    judge.write_text(text, encoding="utf-8")
    assert done.returncode == 1, done.stdout


def test_it_is_a_finding_of_its_chapter(extended: Path) -> None:
    """Query, settings and rule follow from the files alone."""
    program = (
        "from alerts._catalogue import all_findings as f; from monitor.generate import files;"
        f"print(f()['{FINDING}'].chapter, 'PgvigilVacuumExample' in files.rules_page(),"
        f" '{COLLECTOR}' in files.metrics(), 'findings.{FINDING}.lasts' in files.settings_page())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=extended, capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "vacuum True True True\n", done.stderr


@pytest.mark.parametrize(
    ("name", "chapter", "why"),
    [
        ("deadlocks", "indexes", "there is a finding"),
        ("daemon_gone", "observer", "finding or watchdog"),
        ("new_one", "lokcs", "no chapter; chapters are availability, sessions, locks"),
        ("New", "locks", "no name"),
        ("_new", "locks", "no name"),
        ("new__one", "locks", "no name"),
        ("../new", "locks", "no name"),
        ("class", "locks", "no name"),
        ("x" * (LONGEST + 1), "locks", "no name"),
        ("copy", "locks", "no settings can be called"),
        ("model_new", "locks", "no settings can be called"),
    ],
)
def test_other_names_are_refused(tmp_path: Path, name: str, chapter: str, why: str) -> None:
    with pytest.raises(NameRefused, match=why):
        write_finding(tmp_path, name, chapter)
    assert list(tmp_path.iterdir()) == []


def test_a_collector_that_exists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NameRefused, match="there is a collector called activity"):
        write_collector(tmp_path, "activity")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reads", ["no_such_collector", "activity"])
def test_a_review_needs_a_collector_of_relations(tmp_path: Path, reads: str) -> None:
    with pytest.raises(NameRefused, match="no collector of relations"):
        write_finding(tmp_path, "new_one", "schema", reads)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Where one of the files exists, none is written."""
    runbook = tmp_path / "alerts/findings/locks/new_one.md"
    runbook.parent.mkdir(parents=True)
    runbook.write_text("by hand", encoding="utf-8")
    with pytest.raises(NameRefused, match=r"new_one\.md exists"):
        write_finding(tmp_path, "new_one", "locks")
    assert runbook.read_text(encoding="utf-8") == "by hand"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [runbook]


def test_a_known_chapter_is_left_alone(tmp_path: Path) -> None:
    """Only the first finding of a chapter brings its `__init__.py`."""
    first = write_finding(tmp_path, "one_more", "waits")
    second = write_finding(tmp_path, "two_more", "waits")
    assert [path.name for path in (*first, *second)].count("__init__.py") == 1


def test_nothing_is_left_to_fill_in() -> None:
    """What is committed is finished."""
    templates = ROOT / "monitor" / "generate"
    unfinished = [
        path
        for folder in ("collectors", "alerts", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md")
        and "node_modules" not in path.parts
        and MARK in path.read_text(encoding="utf-8")
    ]
    assert unfinished == []
    assert all(MARK in path.read_text() for path in (templates / "skeletons").iterdir())
