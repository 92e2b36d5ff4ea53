"""YAML of rule files."""

from typing import Any

import yaml


def yaml_of(content: object) -> str:
    """Format YAML as it would be written by hand."""
    return str(yaml.dump(content, Dumper=_Readable, **LAYOUT))


class _Readable(yaml.SafeDumper):
    """YAML dumper that indents lists, and writes texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


LAYOUT: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 10_000}


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)
