"""Modules say what they are, and none is a drawer for anything."""

import ast
from pathlib import Path

HOUSE = Path(__file__).parents[2]
PACKAGES = ("collectors", "alerts", "grafana", "monitor", "bench", "pictures")
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (HOUSE / package).rglob("*.py")
    if "node_modules" not in path.parts
)
ROOMS_FOR_ANYTHING = {"util", "utils", "helper", "helpers", "common", "misc", "types"}


def test_each_module_says_what_it_is_for() -> None:
    """Every module begins with a docstring."""
    assert not [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]


def test_names_say_what_is_inside() -> None:
    """No module or package is a drawer for anything."""
    drawers = [
        p for p in MODULES if ROOMS_FOR_ANYTHING & set(p.relative_to(HOUSE).with_suffix("").parts)
    ]
    assert not drawers


def test_house_was_found() -> None:
    """The tests above looked at something in each package."""
    assert {path.relative_to(HOUSE).parts[0] for path in MODULES} == set(PACKAGES)
