"""Statement texts for display, with literals replaced."""

import re

# Comments may contain values too. Text after an unclosed quote is dropped, because texts are cut.
# Whether \' ends a plain string depends on a setting, and nested comments are beyond a regular
# expression; in both cases the rest of the text is dropped, for safety.
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
    """Return the statement on one line, with `?` for every value, cut to a maximum length."""
    if statement is None:
        return None
    parts = (
        match[0] if match.lastgroup in KEPT else "" if match.lastgroup == "comment" else "?"
        for match in TOKEN.finditer(statement[:20_000])
    )
    line = " ".join("".join(parts).split())
    return line if length is None or len(line) <= length else line[: length - 1] + "…"
