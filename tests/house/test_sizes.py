"""Rooms stay small enough to be read at one sitting, and say what they are for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PACKAGES = ("collectors", "alerts", "grafana", "monitor", "bench", "pictures")
MODULES = sorted(path for package in PACKAGES for path in (HOUSE / package).rglob("*.py"))
ROOMS_FOR_ANYTHING = {"util", "utils", "helper", "helpers", "common", "misc", "types"}

each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(HOUSE))
)


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@each_module
def test_file_is_short(module: Path) -> None:
    """No file is longer than 250 lines."""
    assert len(module.read_text().splitlines()) <= 250


@each_module
def test_functions_are_short(module: Path) -> None:
    """No function is longer than 40 lines, its docstring included."""
    long = {
        function.name: lines
        for function in functions(module)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > 40
    }
    assert not long


@each_module
def test_module_says_what_it_is_for(module: Path) -> None:
    """Every module begins with a docstring."""
    assert ast.get_docstring(ast.parse(module.read_text()))


@each_module
def test_name_says_what_is_inside(module: Path) -> None:
    """No module or package is a drawer for anything."""
    assert not ROOMS_FOR_ANYTHING & set(module.relative_to(HOUSE).with_suffix("").parts)


def test_house_was_found() -> None:
    """The tests above looked at something in each package."""
    assert {module.relative_to(HOUSE).parts[0] for module in MODULES} == set(PACKAGES)
