"""`--share`: the files of a test run in parts, none twice and none left out."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from tests.fixtures.tiers import TIERS, TOGETHER, files_below, may_have, share, shares, waits, work

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
    alone = [{path for path in one if path.parent.name not in TOGETHER} for one in (first, second)]
    idle = [work(path for path in one if not waits([path])) for one in alone]
    assert idle[0] == pytest.approx(idle[1], rel=0.1)
    assert first | second == set(files_below(folder))
    for room in TOGETHER:
        of_room = {path for path in files_below(folder) if path.parent.name == room}
        assert of_room
        assert of_room <= first or of_room <= second


def test_only_files_of_the_wanted_tiers_are_read() -> None:
    """Those of quick tests have work of the same size, and whatever else may have one is there."""
    folder = Path(__file__).parents[1]
    dealt = shares(folder, 3, ("quick",))
    least, *_, most = sorted(map(work, dealt))
    assert least == pytest.approx(most, rel=0.01)
    left = set(files_below(folder)) - frozenset().union(*dealt)
    assert left
    assert all(
        path.stem.endswith("_live")
        or path.parent.name in {"endtoend", "image"}
        or "\npytestmark = " in path.read_text()
        for path in left
    )


@pytest.mark.parametrize(
    ("path", "text", "tiers"),
    [
        ("tests/alerts/test_a.py", "", [*TIERS]),
        ("tests/alerts/test_a_live.py", "", ["tool", "server", "alone"]),
        ("tests/image/test_a.py", "", ["alone"]),
        ("tests/image/test_a_live.py", "", ["alone"]),
        ("a_live/image.py/test_a.py", "", [*TIERS]),
        ("test_a.py", "x\npytestmark = pytest.mark.tool\n", ["tool", "server", "alone"]),
        ("test_a.py", "pytestmark = [pytest.mark.x(1), pytest.mark.alone]", ["alone"]),
        (
            "test_a.py",
            "pytestmark = pytest.mark.versions(18)",
            ["quick", "tool", "server", "alone"],
        ),
        ("test_a.py", "    pytestmark = pytest.mark.tool", [*TIERS]),
    ],
)
def test_what_a_file_may_have_is_told_before_it_is_read(
    path: str, text: str, tiers: list[str]
) -> None:
    """A line inside something else says nothing of the file."""
    assert [tier for tier in TIERS if may_have(Path(path), text.encode(), [tier])] == tiers
    assert may_have(Path(path), text.encode(), [])
    assert may_have(Path(path), text.encode(), ["quick", "alone"])


def test_a_test_is_of_the_tier_that_its_file_names(pytester: pytest.Pytester) -> None:
    """What needs no program in such a file is not lost: it runs in the next tier."""
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(test_a="def test_1(): pass", test_b_live="def test_1(): pass")
    for tier, expected in (("quick", "test_a.py::test_1"), ("tool", "test_b_live.py::test_1")):
        run = pytester.inline_run("-p", "no:cacheprovider", f"--tier={tier}")
        passed, *others = run.listoutcomes()
        assert [report.nodeid for report in passed] == [expected]
        assert others == [[], []]


@pytest.mark.parametrize("text", ["0/2", "3/2", "2"])
def test_a_share_that_does_not_exist_is_refused(text: str) -> None:
    """Else tests would be left out without a word."""
    with pytest.raises(ArgumentTypeError, match="is no share"):
        share(text)
