"""Text from a setting, or from a file that is read again at each use."""

from dataclasses import dataclass, field
from pathlib import Path

from monitor.plain_file import read_text


@dataclass(frozen=True, slots=True)
class TextOrFile:
    """A setting's text, or the file that contains it. The content of a file is never cached,
    because mounted secrets rotate."""

    written: str | None = field(default=None, repr=False)
    file: Path | None = None

    def read(self) -> str | None:
        """Return the text. Raises OSError, which doesn't contain the text."""
        if self.file is None:
            return self.written
        return read_text(self.file).rstrip("\r\n")
