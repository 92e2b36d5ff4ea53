"""How to see that there is a new configuration, and what of it takes a restart."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from monitor.config.settings import Settings

# They are taken up once, at start.
NEED_A_RESTART = ("listen", "web_config_file", "state_file", "log_level", "log_format")


def needs_a_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """The settings that changed and that only a restart brings into force."""
    return tuple(name for name in NEED_A_RESTART if getattr(old, name) != getattr(new, name))


@dataclass(frozen=True, slots=True)
class Stamp:
    """Equal as long as a file was not written; Kubernetes changes the file behind a link."""

    inode: int
    modified_ns: int
    size: int


def stamps(files: Iterable[Path]) -> dict[Path, Stamp | None]:
    """None for a file that is not there, as in the moment between two versions of it."""
    return {file: _stamp(file) for file in files}


def watched_files(settings: Settings) -> tuple[Path, ...]:
    """The files whose change asks for a reload; secrets are read at every connection anyway."""
    return (settings.config,) if settings.config else ()


def _stamp(file: Path) -> Stamp | None:
    if not file.exists():
        return None
    status = file.stat()
    return Stamp(status.st_ino, status.st_mtime_ns, status.st_size)
