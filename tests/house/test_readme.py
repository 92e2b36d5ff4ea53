"""What the README names is there: files, commands, targets, settings."""

import re
from pathlib import Path

import pytest

import monitor.commands
from collectors._catalogue import discover
from monitor.cli import parser_for

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = {name.replace("_", "-"): room for name, room in discover(monitor.commands).items()}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    """Each relative link is a file or folder of this tree."""
    assert (ROOT / link).exists()


def test_named_commands_exist() -> None:
    """Each `pgvigil …` is a command, and each command that a user runs is named."""
    named = set(re.findall(r"(?:^|[`|] ?)pgvigil ([a-z][a-z-]+)", README, re.MULTILINE))
    named -= {"is"}  # prose at the beginning of a line
    assert named <= set(COMMANDS)
    ours = {name for name, room in COMMANDS.items() if hasattr(room, "FOR_DEVELOPERS")}
    assert set(COMMANDS) - named <= ours


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help ends well, and says more than the usage."""
    with pytest.raises(SystemExit) as end:
        parser_for(COMMANDS).parse_args([name, "--help"])
    assert end.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 4


def test_named_targets_exist() -> None:
    """Each `make …` is a target with a description."""
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)) <= targets
