"""What is installed is pinned by its content, and says nothing of where it was fetched from."""

import json
import re
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
LOCKS = sorted((HOUSE / "requirements").glob("*.lock"))
SERVERS, PICTURES = HOUSE / "tests" / "servers", HOUSE / "pictures"
WHERE_FROM = re.compile(
    r"://|^\s*(--?(extra-)?index|-i |--find-links|-f |registry\s*=)", re.MULTILINE
)


def pins(lock: Path) -> dict[str, str]:
    """Each requirement of the lock and the hashes below it."""
    blocks = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)
    return {block.split("==")[0]: block for block in blocks if "==" in block}


@pytest.mark.parametrize(
    "path",
    [
        *LOCKS,
        HOUSE / "pyproject.toml",
        *(room / name for room in (SERVERS, PICTURES) for name in ("package.json", ".npmrc")),
    ],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_no_address_of_an_index(path: Path) -> None:
    """A mirror or a closed network works unchanged: no file names an index."""
    assert not WHERE_FROM.search(path.read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    """What was tested is what is installed, byte for byte."""
    assert pins(lock)
    assert all("--hash=sha256:" in block for block in pins(lock).values())


def test_what_runs_was_tested() -> None:
    """The developer's lock has every pin of the other locks at the same version."""

    def versions(name: str) -> dict[str, str]:
        lock = pins(HOUSE / "requirements" / name)
        return {package: block.split("==")[1].split()[0] for package, block in lock.items()}

    for lock in LOCKS:
        assert versions(lock.name).items() <= versions("dev.lock").items()


def test_every_dependency_is_locked() -> None:
    """A dependency added to pyproject.toml without `make lock` is noticed."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())
    run = project["project"]["dependencies"]
    demo = project["project"]["optional-dependencies"]["demo"]
    dev = project["dependency-groups"]["dev"]
    for wanted, name in ((run, "run.lock"), (run + demo + dev, "dev.lock")):
        names = {re.split(r"[\[<>=]", one)[0] for one in wanted if isinstance(one, str)}
        assert names <= pins(HOUSE / "requirements" / name).keys()


@pytest.mark.parametrize("room", [SERVERS, PICTURES], ids=lambda room: room.name)
def test_npm_is_locked_by_content(room: Path) -> None:
    """Each package from npm has its integrity and no address."""
    lock = json.loads((room / "package-lock.json").read_text())
    wanted = json.loads((room / "package.json").read_text())["dependencies"]
    packages = [package for name, package in lock["packages"].items() if name]
    assert len(packages) >= len(wanted)
    assert all("integrity" in package and "resolved" not in package for package in packages)
