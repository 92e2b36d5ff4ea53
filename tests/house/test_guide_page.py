"""docs/guide.md: every practice has an answer, and every finding that is named exists."""

import re
from pathlib import Path

import pytest

from alerts._catalogue import all_findings
from monitor.generate.guide_page import GENERATED_END, with_others

PAGE = Path("docs/guide.md")
ROWS = {
    "Principles": 9,
    "Normal forms": 6,
    "Kinds of indexes": 6,
    "Transactions, WAL and replicas": 9,
    "Connections and pools": 10,
    "Schema": 12,
    "Indexes and queries": 14,
    "Migrations": 7,
    "Partitions": 5,
    "Errors, and what they mean": 6,
    "Settings": 7,
    "Where common advice errs": 9,
}
"""Rows of each table: none may get lost."""
COMMANDS = {path.stem.replace("_", "-") for path in Path("monitor/commands").glob("[a-z]*.py")}


def tables() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in PAGE.read_text().partition(GENERATED_END)[0].splitlines():
        if line.startswith("## "):
            rows = found.setdefault(line.removeprefix("## "), [])
        elif line.startswith("| ") and found:
            first, second = line.strip("| ").split(" | ")
            rows.append((first, second))
    return {name: rows[1:] for name, rows in found.items()}


def test_no_row_is_missing() -> None:
    assert {name: len(rows) for name, rows in tables().items()} == ROWS


@pytest.mark.parametrize("name", ROWS)
def test_every_practice_has_an_answer(name: str) -> None:
    """A finding or a command that exists, or the reason why there is none."""
    for practice, answer in tables()[name]:
        named = re.findall(r"`([^`]+)`", answer)
        findings = [one for one in named if re.fullmatch(r"[a-z]+(_[a-z0-9]+)+|deadlocks", one)]
        commands = [one.split()[1] for one in named if one.startswith("pgvigil ")]
        assert set(findings) <= all_findings().keys(), practice
        assert set(commands) <= COMMANDS, practice
        assert findings or commands or "Not judged: " in answer or len(answer) > 30, practice


def test_findings_that_no_practice_names_are_listed_at_the_end() -> None:
    """A new one comes there by itself; a line of the guide takes it away again."""
    text = PAGE.read_text()
    without = text.replace("`index_duplicate`", "one")
    listed = with_others(without).removeprefix(without.partition(GENERATED_END)[0])
    assert "| `index_duplicate` | Two indexes with the same definition" in listed
    assert "index_duplicate" not in with_others(text).partition(GENERATED_END)[2]
