"""Classes that leave their room have a name of their own: one name, one meaning."""

from collections import defaultdict
from collections.abc import Iterator

from tests.fixtures.source_modules import PRODUCT, modules

TWICE = {
    "Limits": "each finding has its own",
    "Cause": "each says of what in its room: an unreachable server, a dearer statement",
    "Kind": "of a target, and of the duration of a statement of a migration",
    "Session": "a row of pg_stat_activity, and a session of ours: both are the field's word",
    "Statement": "a row of pg_stat_statements, and a statement of a migration",
    "Verdict": "on a server, and on a statement of a migration",
}
"""Names that stand for more than one class that is imported elsewhere, each with a reason."""


def classes() -> dict[str, set[str]]:
    """The modules that define a class, by its name."""
    found = defaultdict(set)
    for module in modules(*PRODUCT):
        for name in module.classes:
            found[name].add(module.name)
    return found


def imported_elsewhere() -> Iterator[tuple[str, str]]:
    """The module and the name of what is imported in another folder."""
    for module in modules(*PRODUCT):
        room = module.name.rpartition(".")[0]
        yield from (one for one in module.imports if one[0].rpartition(".")[0] != room)


def shared() -> dict[str, set[str]]:
    """The modules of classes with the same name that are imported in other folders, by name."""
    used = set(imported_elsewhere())
    travelling = {n: {m for m in modules if (m, n) in used} for n, modules in classes().items()}
    return {name: modules for name, modules in travelling.items() if len(modules) > 1}


def test_a_name_stands_for_one_class() -> None:
    found = {name: sorted(modules) for name, modules in shared().items() if name not in TWICE}
    assert not found, "rename one of them, or give a reason in TWICE"


def test_every_reason_is_still_needed() -> None:
    assert set(TWICE) - set(shared()) <= {"Limits"}
