"""Modules say what they are, and none is a drawer for anything."""

from tests.fixtures.source_modules import HOUSE, PACKAGES, modules

ROOMS_FOR_ANYTHING = {"util", "utils", "helper", "helpers", "common", "misc", "types"}


def test_each_module_says_what_it_is_for() -> None:
    """Every module begins with a docstring."""
    assert not [module.path for module in modules() if not module.docstring]


def test_names_say_what_is_inside() -> None:
    """No module or package is a drawer for anything."""
    assert not [m.path for m in modules() if ROOMS_FOR_ANYTHING & set(m.name.split("."))]


def test_house_was_found() -> None:
    """The tests above looked at something in each package."""
    assert {module.path.relative_to(HOUSE).parts[0] for module in modules()} == set(PACKAGES)
