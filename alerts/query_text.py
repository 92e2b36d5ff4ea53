"""Statements as they may be shown: without anybody's values in them."""

import re

# Comments may carry values too; what follows an unclosed quote (texts are cut) is dropped.
# Whether \' ends a plain string depends on a setting, and where a comment in a comment ends is
# beyond a regular expression: there everything that follows is dropped, rather than shown.
TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*(?:(?!/\*).)*?\*/ | /\*.*\Z )
    | (?P<name>    "(?:[^"]|"")*(?:"|\Z) )
    | (?P<string>  \b[eE]'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)
                   | (?:\b[bBxXnN]|\b[uU]&)?'(?:[^'\\]|''|\\[^'])*(?:'|\\'.*\Z|\\?\Z) )
    | (?P<dollar>  \$(?P<tag>[A-Za-z_\x80-\uffff][\w]*|)\$.*?(?:\$(?P=tag)\$|\Z) )
    | (?P<param>   \$\d+ )
    | (?P<word>    [A-Za-z_\x80-\uffff][\w$]* )
    | (?P<number>  \d[\w.]*(?:(?<=[eE])[+-]\d+)? | \.\d[\w]* )
    | (?P<rest>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
KEPT = {"name", "param", "word", "rest"}
VALUES = {"string", "number", "dollar"}
LENGTH = 500


def normalised(statement: str | None, length: int | None = LENGTH) -> str | None:
    """The statement with `?` for every value, on one line, cut to a length fit to be shown."""
    if statement is None:
        return None
    parts = (
        match[0] if match.lastgroup in KEPT else "" if match.lastgroup == "comment" else "?"
        for match in TOKEN.finditer(statement[:20_000])
    )
    line = " ".join("".join(parts).split())
    return line if length is None or len(line) <= length else line[: length - 1] + "…"
