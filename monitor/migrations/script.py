r"""Script for psql: cut into statements and lines for psql itself, as psql cuts it.

psql decides what a statement is before the server sees it: quotes, comments, parentheses and bodies
of functions hide semicolons; a backslash begins a line for psql; rows of COPY follow in the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]*+ )
    | (?P<long> /\* )
    | (?P<string> [eE]'(?:[^'\\]++|\\.|'')*+(?:'|\Z) | '(?:[^']++|'')*+(?:'|\Z) )
    | (?P<quoted> "(?:[^"]++|"")*+(?:"|\Z) )
    | (?P<dollar> \$(?:[^\W\d]\w*+)?\$ )
    | (?P<psql> \\[^\n]*+ )
    | (?P<word> [^\W\d][\w$]*+ )
    | (?P<number> \d[\w.]*+ )
    | (?P<mark> [();] )
    | (?P<other> [^\w\s'"$\\();/-]++ | \s++ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
LONG = re.compile(r"/\*|\*/")
COPIES = re.compile(r"\s*copy\b.*\bfrom\s+(?:stdin|stdout)\b", re.IGNORECASE | re.DOTALL)
ENDS_ROWS = re.compile(r"^\\\.\r?$", re.MULTILINE)
ENDS = re.compile(r"\\(?:g|gx|gset|gexec|gdesc|crosstabview|watch)\b")
"""What ends a statement as a semicolon does; some go on with its rows."""
ROUTINE = re.compile(r"\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)


class Piece(NamedTuple):
    """Part of a script: a statement, or a line for psql itself."""

    line: int
    text: str
    is_psql: bool = False
    follows: str | None = None
    """What psql does with the statement beyond running it."""


def pieces(script: str) -> Iterator[Piece]:
    """Cut a script, whatever it contains."""
    cut = _Cut()
    at, line = 0, 1
    while at < len(script):
        token = TOKEN.match(script, at)
        assert token is not None  # the last alternative matches any character
        end = token.end()
        if token.lastgroup == "long":
            end = _end_of_comment(script, end)
        elif token.lastgroup == "dollar":
            end = _end_of_dollars(script, token[0], end)
        text = script[at:end]
        yield from cut.take(str(token.lastgroup), text, line)
        line += text.count("\n")
        at = end
        if cut.rows_follow:
            rows = ENDS_ROWS.search(script, at)
            end = rows.end() if rows else len(script)
            line += script.count("\n", at, end)
            at, cut.rows_follow = end, False
    yield from cut.rest()


@dataclass(slots=True)
class _Cut:
    """The statement that is being read."""

    text: str = ""
    line: int = 0
    depth: int = 0
    """Of parentheses."""
    begins: int = 0
    """Of BEGIN and CASE without their END, in the body of a function."""
    rows_follow: bool = False
    _parts: list[str] | None = None
    _is_routine: bool = False

    def take(self, kind: str, text: str, line: int) -> Iterator[Piece]:
        """Take a token; yield what it completes."""
        if kind == "psql":
            yield from self._for_psql(text, line)
            return
        if kind == "mark" and text == ";" and not self.depth and not self.begins:
            yield from self._ended(None)
            return
        if not self._parts and (text.isspace() or kind in ("comment", "long")):
            return
        if self._parts is None:
            self._parts, self.line = [], line
        self._parts.append(text)
        self._count(kind, text)

    def rest(self) -> Iterator[Piece]:
        yield from self._ended(None)

    def _count(self, kind: str, text: str) -> None:
        if kind == "mark":
            self.depth = max(0, self.depth + (1 if text == "(" else -1))
        elif kind == "word":
            word = text.lower()
            if word in ("function", "procedure") and self._parts and len(self._parts) < 8:
                self._is_routine = bool(ROUTINE.match("".join(self._parts)))
            if self._is_routine and word in ("begin", "case") and (self.begins or word == "begin"):
                self.begins += 1
            elif self.begins and word == "end":
                self.begins -= 1

    def _for_psql(self, text: str, line: int) -> Iterator[Piece]:
        if self._parts and (ended := ENDS.match(text)):
            word = ended[0][1:]
            yield from self._ended(word if word in ("gexec", "watch") else None)
            return
        if self._parts and text.startswith("\\;"):
            yield from self._ended(None)
            yield from pieces(text[2:])
            return
        yield Piece(line, text.strip(), is_psql=True)

    def _ended(self, follows: str | None) -> Iterator[Piece]:
        text = "".join(self._parts or ()).strip()
        self._parts, self.depth, self.begins, self._is_routine = None, 0, 0, False
        if text:
            self.rows_follow = bool(COPIES.match(text))
            yield Piece(self.line, text, follows=follows)


def _end_of_comment(script: str, at: int) -> int:
    """Return where the comment ends; comments nest."""
    depth = 1
    while depth:
        mark = LONG.search(script, at)
        if mark is None:
            return len(script)
        depth += 1 if mark[0] == "/*" else -1
        at = mark.end()
    return at


def _end_of_dollars(script: str, tag: str, at: int) -> int:
    end = script.find(tag, at)
    return len(script) if end < 0 else end + len(tag)
