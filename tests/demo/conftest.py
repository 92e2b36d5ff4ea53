"""Folder of a tested demo, separate from those of other demos."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.demo.binaries import Owner


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can pass through."""
    folder = Owner.unprivileged().scratch()
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def environment(place: Path) -> dict[str, str]:
    """Variables for a demo that makes its folder there, and knows nothing of its caller's."""
    return {"PATH": os.environ["PATH"], "TMPDIR": str(place)}
