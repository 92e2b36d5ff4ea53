"""Detection of a changed configuration file, and the settings that need a restart."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from monitor.config.configuration import Configuration

# These settings are read only once, at start.
NEED_A_RESTART = (
    "listen",
    "web_config_file",
    "pages",
    "state_file",
    "subjects_shown",
    "legacy_metrics",
    "log_level",
    "log_format",
)


def needs_a_restart(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Return the names of changed settings that only take effect after a restart."""
    return tuple(name for name in NEED_A_RESTART if getattr(old, name) != getattr(new, name))


@dataclass(frozen=True, slots=True)
class Stamp:
    """State of a file: equal stamps mean an unchanged file. The inode is needed because
    Kubernetes replaces the file behind a symbolic link."""

    inode: int
    modified_ns: int
    size: int


def stamps(files: Iterable[Path]) -> dict[Path, Stamp | None]:
    """Return the stamp of each file; None while a file is absent, as it is during a replacement."""
    return {file: _stamp(file) for file in files}


def watched_files(configuration: Configuration) -> tuple[Path, ...]:
    """Return the files whose change triggers a reload; secrets are read at each connection."""
    return (configuration.file,) if configuration.file else ()


def _stamp(file: Path) -> Stamp | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return Stamp(status.st_ino, status.st_mtime_ns, status.st_size)
