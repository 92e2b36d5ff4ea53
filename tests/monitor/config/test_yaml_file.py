"""Files of settings that are wrong in any way: one sentence, soon, and never a traceback."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.errors import ConfigurationError
from monitor.config.load import load
from monitor.config.yaml_file import DEEPEST, read_yaml
from monitor.plain_file import LARGEST
from monitor.web.security.webfile import read

LAUGHS = "".join(
    f"k{n}: &k{n} [{', '.join([f'*k{n - 1}' if n else 'x'] * 10)}]\n" for n in range(12)
)
LONG = 100_000
DEAR = pytest.mark.tool
"""Seconds of CPU time for one test, so not among the quick ones."""
WRONG = {
    "x: 2030-02-31": "has a value that is no date although it looks like one at line 1",
    "a: 1\nx: 0x_": "has a value that is no number although it looks like one at line 2",
    f"x: {'9' * 5000}": "has a value that is no number although",
    "x: !!int ''": "has a value that is no number although",
    "x: !!bool often": "has a value that is no number although",
    "x: !!timestamp soon": "has a value that is no date although",
    "[" * 2000: "is nested too deeply",
    "- " * 2000: "is nested too deeply",
    "x: &x [*x]": "is nested too deeply",
    LAUGHS: "has too many values",
    "".join(f"k{n}: v\n" for n in range(60_000)): "has too many values",
    "x: 1\nx: 2": "sets the same key twice at line 2",
    "users: {a: 1, b: 2, a: 3}": "sets the same key twice at line 1",
    "1: x": "has a key that is not text",
    "2020-01-01: x": "has a key that is not text",
    "~: x": "has a key that is not text",
    "\tx: 1": "is not YAML at line 1",
    "x: 1\n--- 2": "is not YAML at line 2",
    "? [x]\n: 1": "is not YAML",
    "x: *y": "is not YAML",
    "x: \x01": "is not YAML",
    "x: !!python/object/apply:os.getcwd []": "is not YAML",
}
READERS: dict[str, Callable[[Path], object]] = {
    "any": lambda path: read_yaml(path, "The file"),
    "web": read,
    "settings": lambda path: load({"config": str(path)}, {}),
}


def refused(path: Path, how: Callable[[Path], object]) -> str:
    with pytest.raises(ConfigurationError) as wrong:
        how(path)
    sentence = str(wrong.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(*one, id=one[0][:20], marks=DEAR if len(one[0]) > LONG else ())
        for one in WRONG.items()
    ],
)
def test_wrong_content_is_one_sentence(
    tmp_path: Path, content: str, said: str, reader: str
) -> None:
    """What is wrong, and at which line; nothing of the text, which may be a password."""
    path = tmp_path / "wrong.yml"
    path.write_text(content)
    assert said in refused(path, READERS[reader])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("folder", "it is not a plain file"),
        ("pipe", "it is not a plain file"),
        ("/dev/zero", "it is not a plain file"),
        ("large", "it has more than 1 MiB"),
        ("latin1", "it is not UTF-8 text"),
        ("missing", "no such file or directory"),
        ("loop", "too many levels of symbolic links"),
    ],
)
def test_what_is_no_plain_file_is_not_read(
    tmp_path: Path, kind: str, said: str, reader: str
) -> None:
    """A pipe would keep us waiting, and a device has no end."""
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        path.write_text("".join(f"key{n}: value\n" for n in range(LARGEST // 10)))
    elif kind == "latin1":
        path.write_bytes("x: é".encode("latin1"))
    elif kind == "loop":
        path.symlink_to(path)
    assert f"can't be read: {said}." in refused(path, READERS[reader])


@given(st.text(st.sampled_from("ab01:-[]{}&*!|>'\"#%@`,?~<\n\t .eE_x"), max_size=60))
def test_no_text_gives_anything_but_content_or_a_sentence(text: str) -> None:
    """Also where YAML's loader has defects of its own."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"pgvigil-yaml-{os.getpid()}.yml"
    path.write_text(text)
    try:
        read_yaml(path, "The file")
    except ConfigurationError:
        return
    finally:
        path.unlink()


def test_what_is_right_is_read(tmp_path: Path) -> None:
    """Aliases, merged mappings, a byte order mark, and as deep as allowed."""
    path = tmp_path / "right.yml"
    path.write_text(
        "\ufeffbase: &base {a: 1, b: 2}\nother: {<<: *base, b: 3}\n"
        + "deep: "
        + "[" * (DEEPEST - 1)
        + "]" * (DEEPEST - 1)
    )
    found = read_yaml(path, "The file")
    assert found["other"] == {"a": 1, "b": 3}
