"""`--share`: the files of a test run in parts, none twice and none left out."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from tests.fixtures.tiers import TOGETHER, files_below, octets, share, shares, waits

pytest_plugins = ["pytester"]
CONFTEST = """
from tests.fixtures.tiers import pytest_addoption, pytest_collection_modifyitems
from tests.fixtures.tiers import pytest_ignore_collect
def pytest_configure(config):
    from tests.fixtures import tiers
    tiers.pytest_configure(config)
"""


def test_each_file_is_in_one_share(pytester: pytest.Pytester) -> None:
    """All tests of a file stay together, for they share its servers."""
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    names = [f"test_{letter}" for letter in "abcde"]
    pytester.makepyfile(**dict.fromkeys(names, "def test_1(): pass\ndef test_2(): pass"))
    found = []
    for number in (1, 2, 3):
        run = pytester.inline_run("-p", "no:cacheprovider", f"--share={number}/3")
        found += [
            report.nodeid
            for report in run.getreports("pytest_runtest_logreport")
            if getattr(report, "when", "") == "call"
        ]
    assert sorted(found) == sorted(f"{name}.py::test_{n}" for name in names for n in (1, 2))


def test_shares_are_alike_and_a_room_stays_together() -> None:
    """Of the tree's own files: what is read once in a process is read in one of them."""
    folder = Path(__file__).parents[1]
    first, second = shares(folder, 2)
    assert waits(first) == pytest.approx(waits(second), rel=0.01)
    idle = [octets(path for path in one if not waits([path])) for one in (first, second)]
    assert idle[0] == pytest.approx(idle[1], rel=0.1)
    assert first | second == set(files_below(folder))
    for room in TOGETHER:
        of_room = {path for path in files_below(folder) if path.parent.name == room}
        assert of_room
        assert of_room <= first or of_room <= second


@pytest.mark.parametrize("text", ["0/2", "3/2", "2"])
def test_a_share_that_does_not_exist_is_refused(text: str) -> None:
    """Else tests would be left out without a word."""
    with pytest.raises(ArgumentTypeError, match="is no share"):
        share(text)
