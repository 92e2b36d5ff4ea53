"""PostgreSQL's parser, in a process of its own: a hostile statement can crash it.

The only module that knows the library (postgast). As a program it reads statements as JSON, one a
line, and writes for each a line with its tree or why it has none.
"""

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from alerts.migrations.statement import Statement, parts
from monitor.migrations.script import Piece

LONGEST = 256 * 1024
"""Characters of a statement that is parsed; longer ones are rows, not structure."""
MEMORY = 2 << 30
SECONDS = 120
WORDS = r"""
    \echo \qecho \warn \timing \pset \set \unset \x \t \a \f \restrict \unrestrict \encoding
    \conninfo \errverbose \d \dt \di \l \df \dn \du \z \p \r \prompt
"""
HARMLESS = frozenset(WORDS.split())
REASONS = {
    "\\i": "another file, which is not followed: name it on the command line",
    "\\ir": "another file, which is not followed: name it on the command line",
    "\\include": "another file, which is not followed: name it on the command line",
    "\\!": "a program of the shell, which is never run here",
    "\\copy": "psql itself loads or stores rows of a file",
    "\\c": "the rest would run in another database",
    "\\connect": "the rest would run in another database",
    "\\if": "psql decides when it runs what follows",
    "\\elif": "psql decides when it runs what follows",
    "\\else": "psql decides when it runs what follows",
    "\\endif": "psql has decided before what it runs",
    "\\o": "psql itself writes a file, or to a program",
    "\\g": "psql itself writes a file, or to a program",
}


REPLACED = "\ufffd"
"""What bytes have become that are no text."""
COMPUTED = ("FuncCall", "SubLink")
"""Parts of rows that do more than to be stored."""
PLAIN_ROWS: list[Any] = [{"List": {"items": []}}]
"""Stands for the rows of INSERT ... VALUES where all are plain."""


class ParserMissing(Exception):
    """The library is not installed; the message says how to install it."""


class Parsing:
    """The child process that parses, so that another thread can end it."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.stopped = False

    def run(self, asked: bytes) -> tuple[bytes, int]:
        """Return what the child has answered until its end, and its exit status."""
        self.child = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        answers, _ = self.child.communicate(asked)
        return answers, self.child.returncode

    def stop(self) -> None:
        """End it."""
        self.stopped = True
        if self.child is not None:
            self.child.kill()


async def parsed_aside(cut: Sequence[Piece]) -> list[Statement]:
    """Parse in a thread, and end it if we are cancelled. Raises ParserMissing."""
    parsing = Parsing()
    try:
        return await asyncio.to_thread(parsed, cut, parsing)
    except asyncio.CancelledError:
        parsing.stop()
        raise


def parsed(cut: Sequence[Piece], parsing: Parsing | None = None) -> list[Statement]:
    """Parse the statements of a script. Raises ParserMissing."""
    if find_spec("postgast") is None:
        raise ParserMissing("the parser is missing: pip install 'pgvigil[migrations]'.")
    texts = [piece.text for piece in cut if not piece.is_psql and len(piece.text) <= LONGEST]
    trees = iter(_trees(texts, parsing or Parsing()))
    statements: list[Statement] = []
    for piece in cut:
        number = len(statements) + 1
        if piece.is_psql:
            if (word := piece.text.split()[0]) not in HARMLESS:
                reason = REASONS.get(word, f"{word} is a command of psql that is not known here")
                statements.append(Statement(number, piece.line, piece.text, unread=reason))
        elif len(piece.text) > LONGEST:
            unread = f"longer than {LONGEST // 1024} kB, so it was not parsed"
            statements.append(Statement(number, piece.line, piece.text, unread=unread))
        else:
            statements.append(_statement(number, piece, next(trees)))
    return statements


def _statement(number: int, piece: Piece, found: dict[str, Any]) -> Statement:
    if REPLACED in piece.text:
        unread = "it has bytes that are no text in UTF-8"
        return Statement(number, piece.line, piece.text, unread=unread)
    if "error" in found:
        return Statement(number, piece.line, piece.text, unread=found["error"])
    node = next(iter(found), "")
    return Statement(number, piece.line, piece.text, node, found, follows=piece.follows)


def _trees(texts: Sequence[str], parsing: Parsing) -> list[dict[str, Any]]:
    """Parse all; what the parser dies of is told by name, and the rest goes to another one."""
    done: list[dict[str, Any]] = []
    while len(done) < len(texts):
        asked = "\n".join(map(json.dumps, texts[len(done) :])) + "\n"
        answers, status = parsing.run(asked.encode())
        done += [json.loads(answer) for answer in answers.split(b"\n")[:-1]]
        if parsing.stopped:
            done += [{"error": "interrupted"}] * (len(texts) - len(done))
        elif status and len(done) < len(texts):
            done.append({"error": "the parser gave up on it"})
    return done


def tree(text: str) -> dict[str, Any]:
    """Parse one statement in this process, which a hostile one can end."""
    import postgast
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    try:
        statements = MessageToDict(postgast.parse(text)).get("stmts", [])
    except postgast.PgQueryError as wrong:
        return {"error": f"it can't be parsed: {str(wrong).splitlines()[0]}"}
    except (DecodeError, RecursionError):
        return {"error": "it can't be parsed: it is nested too deeply"}
    if len(statements) != 1:
        return {"error": "it is not one statement"}
    found: dict[str, Any] = _slim(statements[0]["stmt"])
    insert = found.get("InsertStmt", {}).get("selectStmt", {}).get("SelectStmt", {})
    if "valuesLists" in insert and not any(
        True for name in COMPUTED for _ in parts(insert["valuesLists"], name)
    ):
        insert["valuesLists"] = PLAIN_ROWS
    return found


def _slim(node: Any) -> Any:
    """Return a tree without the places in the text: there may be a hundred thousand trees."""
    if isinstance(node, dict):
        return {key: _slim(value) for key, value in node.items() if key != "location"}
    return list(map(_slim, node)) if isinstance(node, list) else node


def main() -> None:
    """Parse each line of standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(tree(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
