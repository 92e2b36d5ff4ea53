"""Enrolment of own checks in the catalogues: at start, and when their files have changed."""

from pathlib import Path
from typing import TYPE_CHECKING

import alerts._catalogue
import collectors._catalogue

if TYPE_CHECKING:
    from monitor.own_checks.folder import OwnCheck


def enrol(folder: Path | None) -> None:
    """Add the checks of a folder to the catalogues, or none. Raises ConfigurationError."""
    checks = _read(folder) if folder else []
    collectors._catalogue.enrol(check.collector for check in checks if check.collector)
    alerts._catalogue.enrol(check.finding for check in checks)


def files_of(folder: Path | None) -> tuple[Path, ...]:
    """Return the files of a folder of checks, with their runbooks; none while it is absent."""
    try:
        found = sorted(folder.iterdir()) if folder else []
    except OSError:
        return ()
    return tuple(one for one in found if one.suffix in (".sql", ".md") and one.name[0] != ".")


def _read(folder: Path) -> "list[OwnCheck]":
    from monitor.own_checks.folder import read_folder  # with YAML, which most do without

    return read_folder(folder)
