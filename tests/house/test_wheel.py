"""What is installed is the whole program: runbooks, rules, dashboards and templates go along."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.tool

HOUSE = Path(__file__).parents[2]
PACKAGES = ("collectors", "alerts", "grafana", "monitor")


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=HOUSE,
        capture_output=True,
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return set(ZipFile(wheel).namelist())


def test_every_committed_file_is_in(inside: set[str]) -> None:
    """No resource of the four packages stays behind."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *PACKAGES], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    assert listed.stdout
    assert set(listed.stdout.split("\0")) - {""} <= inside


def test_nothing_else_is_in(inside: set[str]) -> None:
    """Neither tests nor benchmarks are installed."""
    tops = {name.split("/")[0] for name in inside}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
