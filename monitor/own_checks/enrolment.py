"""Enrolment of own checks in the catalogues, once, before anything reads those."""

from pathlib import Path

import alerts._catalogue
import collectors._catalogue
from monitor.own_checks.folder import read_folder


def enrol(folder: Path | None) -> None:
    """Add the checks of a folder to the catalogues, or none. Raises ConfigurationError."""
    checks = read_folder(folder) if folder else []
    collectors._catalogue.enrol(check.collector for check in checks if check.collector)
    alerts._catalogue.enrol(check.finding for check in checks)
