"""Text from a setting, or from a file that is read again at each use."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Text:
    """A setting's text, or the file that contains it. The content of a file is never cached,
    because mounted secrets rotate."""

    written: str | None = field(default=None, repr=False)
    file: Path | None = None

    def read(self) -> str | None:
        """Return the text. Raises OSError or UnicodeDecodeError, which don't contain the text."""
        if self.file is None:
            return self.written
        return self.file.read_text(encoding="utf-8").rstrip("\r\n")
