"""Folder of own checks: each file becomes a collector and a finding; a broken one is told."""

import re
from dataclasses import dataclass
from pathlib import Path

from alerts._base import AlertedBy, AnyFinding, Reach
from alerts.own_check import Wording, broken_finding, own_finding, statements
from collectors._base import AnyCollector
from collectors._own_check import own_collector
from monitor.config.errors import ConfigurationError
from monitor.own_checks.front_matter import FrontMatter, WrongCheck, divided
from monitor.plain_file import read_text, reason

MOST_FILES = 200
LONGEST_FILE = 64 * 1024
LONGEST_NAME = 40
RUNBOOK = "This check has no runbook: write one beside it, into {name}.md.\n"


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """A check: its finding, and its collector unless the file is broken."""

    finding: AnyFinding
    collector: AnyCollector | None = None


def read_folder(folder: Path) -> list[OwnCheck]:
    """Read all checks of a folder. Raises ConfigurationError if it can't be listed."""
    try:
        files = sorted(path for path in folder.iterdir() if is_check(path))
    except OSError as wrong:
        raise ConfigurationError(
            f"The checks in {folder} can't be read: {reason(wrong)}."
        ) from None
    if len(files) > MOST_FILES:
        raise ConfigurationError(f"The folder {folder} has more than {MOST_FILES} checks.")
    found: dict[str, OwnCheck] = {}
    for path in files:
        name = id_of(path)
        while name in found:  # two files whose names differ in signs only
            name += "_"
        found[name] = read_check(path, name, taken=name != id_of(path))
    return list(found.values())


def is_check(path: Path) -> bool:
    return path.suffix == ".sql" and not path.name.startswith(".")


def id_of(path: Path) -> str:
    """Return the id of a file: that of `orders-wait.sql` is check_orders_wait."""
    stem = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    return f"check_{stem[:LONGEST_NAME] or 'unnamed'}"


def read_check(path: Path, name: str, taken: bool = False) -> OwnCheck:
    """Return the check of a file; whatever is wrong with it is its own finding's reason."""
    try:
        if taken:
            raise WrongCheck("another file has the same name but for signs or capitals")
        about, query = divided(_text(path))
        return _made(name, path, about, query)
    except WrongCheck as wrong:
        told = f"the check {path.name} can't be used: {wrong}"
        return OwnCheck(broken_finding(name, f"Own check {path.stem[:LONGEST_NAME]}", told))


def _text(path: Path) -> str:
    try:
        text = read_text(path)
    except OSError as wrong:
        raise WrongCheck(f"it can't be read: {reason(wrong)}") from None
    if len(text) > LONGEST_FILE:
        raise WrongCheck(f"it is longer than {LONGEST_FILE >> 10} kB")
    return text


def _made(name: str, path: Path, about: FrontMatter, query: str) -> OwnCheck:
    title = about.title or path.stem.replace("_", " ").replace("-", " ")[:80].capitalize()
    cure = statements(about.cure) if isinstance(about.cure, str) else about.cure
    timeout = about.timeout.total_seconds() if about.timeout else None
    collector = own_collector(name, title, query, about.pace, about.database, about.on, timeout)
    finding = own_finding(
        name,
        title,
        collector,
        Wording(about.severity, about.message, cure),
        about.runbook or _runbook(path),
        unit=about.unit or "",
        kind=about.kind,
        on=about.on,
        hold=about.hold,
        scope=Reach.database if about.database else Reach.server,
        alerted_by=AlertedBy.subject,
    )
    return OwnCheck(finding, collector)


def _runbook(path: Path) -> str:
    beside = path.with_suffix(".md")
    try:
        return read_text(beside)
    except OSError:
        return RUNBOOK.format(name=path.stem)
