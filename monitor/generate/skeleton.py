"""Skeletons of a new collector or finding: files that work, with marks where to fill in."""

import re
from collections.abc import Mapping
from dataclasses import fields
from keyword import iskeyword
from pathlib import Path
from string import Template

from pydantic import BaseModel

from alerts._catalogue import all_findings
from alerts.findings import CHAPTERS
from alerts.prometheus.rulebook import all_watchdogs
from collectors._base import Scope
from collectors._catalogue import all_collectors

TEMPLATES = Path(__file__).parent / "skeletons"
MARK = "FILL IN"
"""What stands wherever a person must write; a test keeps it out of everything committed."""
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST = 36
"""Letters of a name; with more, lines of the skeleton would be too long."""


class NameRefused(ValueError):
    """A name that can't be taken; the message is one clear sentence."""


def write_collector(root: Path, name: str, scope: Scope = Scope.server) -> list[Path]:
    """Write a collector and its test below `root`. Raises NameRefused, and writes nothing then."""
    _well_formed(name)
    if name in all_collectors():
        raise NameRefused(f"there is a collector called {name}")
    template = "collector.py" if scope is Scope.server else "collector_of_databases.py"
    return _write(
        root,
        {
            f"collectors/{name}.py": template,
            f"tests/collectors/test_{name}.py": f"test_{template}",
        },
        {"name": name, "Row": _camel(name)},
    )


def write_finding(root: Path, name: str, chapter: str, reads: str | None = None) -> list[Path]:
    """Write a finding, its runbook and its test below `root`. Raise NameRefused and write nothing
    otherwise.

    `reads` names a collector of relations that it reviews; by default it is about sessions.
    """
    _well_formed(name)
    if chapter not in CHAPTERS:
        raise NameRefused(f"{chapter!r} is no chapter; chapters are {', '.join(CHAPTERS)}")
    if name in all_findings() or name in all_watchdogs():
        raise NameRefused(f"there is a finding or watchdog called {name}")
    if hasattr(BaseModel, name) or name.startswith("model_"):
        raise NameRefused(f"no settings can be called findings.{name}: take another name")
    row = _row_of(reads) if reads else ""
    template = "finding_of_relations.py" if reads else "finding.py"
    folder = f"alerts/findings/{chapter}"
    files = {
        f"{folder}/{name}.py": template,
        f"{folder}/{name}.md": "finding.md",
        f"tests/findings/{chapter}/test_{name}.py": f"test_{template}",
    }
    if not (root / folder).exists():
        files = {f"{folder}/__init__.py": "chapter.py", **files}
    title = name.replace("_", " ").capitalize()
    words = {"name": name, "chapter": chapter, "Chapter": chapter.capitalize(), "title": title}
    return _write(root, files, words | {"collector": reads or "", "Row": row})


def _row_of(reads: str) -> str:
    """Return the name of the rows of a collector of relations. Raises NameRefused."""
    collector = all_collectors().get(reads)
    names = {field.name for field in fields(collector.row)} if collector else set()
    if collector is None or not names >= {"datname", "schemaname", "relname"}:
        raise NameRefused(
            f"{reads!r} is no collector of relations (with datname, schemaname and relname)"
        )
    return collector.row.__name__


def _well_formed(name: str) -> None:
    if not NAME.fullmatch(name) or iskeyword(name) or len(name) > LONGEST:
        raise NameRefused(
            f"{name!r} is no name: lower-case words joined by underscores,"
            f" at most {LONGEST} letters"
        )


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _write(root: Path, files: Mapping[str, str], words: Mapping[str, str]) -> list[Path]:
    taken = [path for path in files if (root / path).exists()]
    if taken:
        raise NameRefused(f"{taken[0]} exists")
    for path, template in files.items():
        text = Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8"))
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("x", encoding="utf-8") as file:
            file.write(text.substitute(words))
    return [root / path for path in files]
