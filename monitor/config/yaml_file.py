"""Reader of YAML files that reports any error in one sentence."""

from pathlib import Path
from typing import Any

import yaml

from monitor.config.errors import ConfigurationError


def read_yaml(path: Path, what: str) -> Any:
    """Return the content; `what` names the file in messages. Raises ConfigurationError."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as wrong:
        reason = (wrong.strerror or "no reason given").lower()
        raise ConfigurationError(f"{what} {path} can't be read: {reason}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} {path} is not UTF-8 text.") from None
    except yaml.YAMLError as wrong:
        # Only the line number: the text itself may contain a password.
        mark = getattr(wrong, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{what} {path} is not YAML{place}.") from None
