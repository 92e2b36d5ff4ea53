"""A text written in place, or in a file that is read again whenever it is needed."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Text:
    """Secrets are mounted as files and rotate under us, so the file rules, and is never kept."""

    written: str | None = field(default=None, repr=False)
    file: Path | None = None

    def read(self) -> str | None:
        """Raises OSError or UnicodeDecodeError, neither of which shows the text."""
        if self.file is None:
            return self.written
        return self.file.read_text(encoding="utf-8").rstrip("\r\n")
