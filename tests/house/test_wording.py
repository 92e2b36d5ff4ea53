"""Wording: what users and newcomers read has no phrase that must be read twice."""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PACKAGES = ("collectors", "alerts", "grafana", "monitor", "bench", "pictures")
RIDDLES = r"so many|be it|as it has it|to be had|can but|rules? over|parted by"
PHRASES = re.compile(rf'\b(?:{RIDDLES}|somebody|nobody(?![`"])|everybody|anybody)\b', re.IGNORECASE)
"""Quoted `nobody` is the user of that name. .codespell-words has more words."""
OF_TESTS = re.compile(rf"\b(?:{RIDDLES})\b", re.IGNORECASE)
"""Tests tell stories, in which people without a name may appear."""
TEXTS = ("*.md", "docs/**/*.md", "alerts/**/*.md", "deploy/**/*.y*ml", "monitor/web/templates/*")


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Comments and strings of a Python file, with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], " ".join(token.string.split())


@cache
def loosely(phrases: re.Pattern[str]) -> re.Pattern[str]:
    """The same where a line may break, before the lines of a string are joined."""
    return re.compile(phrases.pattern.replace(" ", r"\s+"), phrases.flags)


def found(path: Path, phrases: re.Pattern[str] = PHRASES) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if not loosely(phrases).search(text):  # reading prose takes a hundred times as long
        return []
    lines = prose(text) if path.suffix == ".py" else enumerate(text.splitlines(), start=1)
    name = path.relative_to(HOUSE)
    return [f"{name}:{n}: {hit[0]}" for n, line in lines if (hit := phrases.search(line))]


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_comments_and_messages(package: str) -> None:
    """Docstrings, comments and messages name the thing and the person they mean."""
    modules = sorted((HOUSE / package).rglob("*.py"))
    assert modules
    assert [hit for module in modules for hit in found(module)] == []


def test_stories_of_tests() -> None:
    """What a test promises is told without riddles too."""
    modules = sorted(set((HOUSE / "tests").rglob("*.py")) - {Path(__file__)})
    assert [hit for module in modules for hit in found(module, OF_TESTS)] == []


@pytest.mark.parametrize("pattern", TEXTS)
def test_documentation_runbooks_and_templates(pattern: str) -> None:
    """So do the documentation, runbooks, manifests and pages."""
    files = sorted(path for path in HOUSE.glob(pattern) if path.is_file())
    assert files
    assert [hit for file in files for hit in found(file)] == []


def test_a_phrase_is_found_in_prose_but_not_in_code() -> None:
    """The check sees docstrings, comments and messages, also over a line break; not identifiers."""
    source = '"""So\nmany rows."""\nnobody = 1  # be it\nsay("rules over it", "`nobody`")\n'
    hits = [line for line, text in prose(source) if PHRASES.search(text)]
    assert hits == [1, 3, 4]
