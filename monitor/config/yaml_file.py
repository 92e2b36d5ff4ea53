"""Reader of YAML files that reports any error in one sentence."""

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml

from monitor.config.errors import ConfigurationError
from monitor.plain_file import read_text, reason

DEEPEST = 20
"""Lists and mappings inside each other; our settings need five."""
MOST_NODES = 100_000
"""Values of a file, each alias counted as all that it stands for."""
# The loader in C is forty times as fast; not every platform has it.
Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class WrongContent(yaml.YAMLError):
    """Content that is YAML, but not usable; the reason ends the sentence."""

    def __init__(self, reason: str, mark: Any = None) -> None:
        super().__init__(reason)
        self.reason, self.problem_mark = reason, mark


class StrictLoader(Loader):  # type: ignore[misc, valid-type]
    """Loader that refuses duplicate keys, and says where a value is that has no meaning."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError):
            # A date such as 2030-02-31, or a number such as 0x_.
            kind = "date" if node.tag.endswith(":timestamp") else "number"
            problem = f"has a value that is no {kind} although it looks like one"
            raise WrongContent(problem, node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            written = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if written in seen:
                raise WrongContent("sets the same key twice", key.start_mark)
            if written:
                seen.add(written)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        if not all(isinstance(key, str) for key in found):
            raise WrongContent("has a key that is not text (within quotes it is)", node.start_mark)
        return found


def read_yaml(path: Path, what: str) -> Any:
    """Return the content; `what` names the file in messages. Raises ConfigurationError."""
    try:
        return parsed(read_text(path))
    except OSError as wrong:
        raise ConfigurationError(f"{what} {path} can't be read: {reason(wrong)}.") from None
    except yaml.YAMLError as wrong:
        # Only the line number: the text itself may contain a password.
        mark = getattr(wrong, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        problem = wrong.reason if isinstance(wrong, WrongContent) else "is not YAML"
        raise ConfigurationError(f"{what} {path} {problem}{place}.") from None


def parsed(text: str) -> Any:
    """Return the content of a text. Raises yaml.YAMLError."""
    _check_depth(text)
    loader = StrictLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _check_size(root)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _check_depth(text: str) -> None:
    """Before anything is built: building is recursive."""
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise WrongContent("is nested too deeply", event.start_mark)


def _check_size(root: yaml.Node) -> None:
    """Limit the nodes with all aliases expanded: an alias is one node, but may stand for many."""
    left = MOST_NODES

    def count(node: yaml.Node, depth: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise WrongContent("has too many values")
        if depth > DEEPEST:
            raise WrongContent("is nested too deeply", node.start_mark)
        for child in _children(node):
            count(child, depth + 1)

    count(root, 0)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value
