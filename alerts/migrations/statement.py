"""Statement of a migration file: its text, and what PostgreSQL's parser makes of it.

The tree is the parser's own, as JSON: `{"AlterTableStmt": {"relation": ..., "cmds": [...]}}`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Tree = Mapping[str, Any]
CONSTRAINTS = {
    "CONSTR_NOTNULL": "NOT NULL",
    "CONSTR_CHECK": "CHECK",
    "CONSTR_FOREIGN": "FOREIGN KEY",
    "CONSTR_UNIQUE": "UNIQUE",
    "CONSTR_PRIMARY": "PRIMARY KEY",
    "CONSTR_EXCLUSION": "EXCLUDE",
}
TRANSACTION = "TransactionStmt"
DATA = frozenset(("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt", "CopyStmt"))
SETTINGS = frozenset(("VariableSetStmt", "VariableShowStmt", "DiscardStmt"))


class Name(NamedTuple):
    """Table as the file names it; without a schema, the search_path decides."""

    schema: str | None
    name: str


class Action(NamedTuple):
    """One action of ALTER TABLE."""

    kind: str
    """Of the parser: AT_AddColumn."""
    column: str | None
    definition: Tree


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, or one line for psql itself."""

    number: int
    """From 1, in the file."""
    line: int
    text: str
    node: str = ""
    """Kind of statement in the parser's tree; empty if it was not parsed."""
    tree: Tree = field(default_factory=dict, compare=False, repr=False)
    unread: str | None = None
    """Why it can't be judged: not SQL, or SQL that the parser refuses."""
    follows: str | None = None
    """What psql does with it beyond running it, such as running its rows (gexec)."""

    @property
    def head(self) -> str:
        """The beginning of the text on one line, without comments."""
        text = QUOTED_OR_COMMENT.sub(lambda found: found[1] or " ", self.text[:2000])
        short = " ".join(text.split())
        return short if len(short) <= 100 else short[:97] + "..."

    @property
    def body(self) -> Tree:
        found: Tree = self.tree.get(self.node, {})
        return found

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions of ALTER TABLE."""
        if self.node != "AlterTableStmt":
            return ()
        commands = (command["AlterTableCmd"] for command in self.body.get("cmds", ()))
        return tuple(
            Action(c.get("subtype", ""), c.get("name"), next(iter(c.get("def", {}).values()), {}))
            for c in commands
        )

    @property
    def tables(self) -> tuple[Name, ...]:
        """Every relation that it names, once."""
        found = dict.fromkeys(
            Name(part.get("schemaname"), part["relname"])
            for part in _ranges(self.tree)
            if "relname" in part
        )
        return (*found, *self._dropped)

    @property
    def _dropped(self) -> Iterator[Name]:
        """The objects of DROP, which the parser keeps as lists of names."""
        if self.node != "DropStmt":
            return
        for one in self.body.get("objects", ()):
            parts = [p["String"]["sval"] for p in one.get("List", {}).get("items", ())]
            if parts:
                yield Name(parts[-2] if len(parts) > 1 else None, parts[-1])

    @property
    def transaction(self) -> str | None:
        """What it does to the transaction: BEGIN, COMMIT, ROLLBACK; None for other statements."""
        if self.node != TRANSACTION:
            return None
        return str(self.body.get("kind", "")).removeprefix("TRANS_STMT_")

    @property
    def is_concurrent(self) -> bool:
        """Whether it says CONCURRENTLY, so that it commits in between."""
        if self.node == "ReindexStmt":
            return any(_option(p) == "concurrently" for p in self.body.get("params", ()))
        if self.node == "AlterTableStmt":
            return any(
                action.kind == "AT_DetachPartition" and action.definition.get("concurrent")
                for action in self.actions
            )
        return bool(self.body.get("concurrent")) and self.node in ("IndexStmt", "DropStmt")

    @property
    def is_analyze(self) -> bool:
        """Whether it is ANALYZE, which reads a sample of the rows."""
        return self.node == "VacuumStmt" and not self.body.get("is_vacuumcmd")

    @property
    def is_alone(self) -> bool:
        """Whether PostgreSQL refuses it inside a transaction block."""
        if self.is_concurrent or self.node in ALONE:
            return True
        if self.node == "VacuumStmt":
            return bool(self.body.get("is_vacuumcmd"))
        if self.node == "ReindexStmt":
            return self.body.get("kind") in BIG_REINDEX
        return self.node == "ClusterStmt" and "relation" not in self.body


QUOTED_OR_COMMENT = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|--[^\n]*|/\*.*?\*/""", re.DOTALL)
ALONE = frozenset(
    (
        "CreatedbStmt",
        "DropdbStmt",
        "AlterSystemStmt",
        "CreateTableSpaceStmt",
        "DropTableSpaceStmt",
        "CreateSubscriptionStmt",
    )
)
BIG_REINDEX = ("REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE")


def constraints(column: Tree) -> Iterator[tuple[str, Tree]]:
    """Yield the constraints of a column's definition: `("NOT NULL", ...)`."""
    for one in column.get("constraints", ()):
        found = one.get("Constraint", {})
        yield CONSTRAINTS.get(found.get("contype"), found.get("contype", "")), found


def parts(tree: Any, name: str) -> Iterator[Tree]:
    """Yield every node of this name, at any depth."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            if isinstance(node.get(name), Mapping):
                yield node[name]
            stack.extend(reversed(list(node.values())))
        elif isinstance(node, list | tuple):
            stack.extend(reversed(node))


def _ranges(tree: Any) -> Iterator[Tree]:
    """Yield the relations that a tree names: as nodes, and as the target of a statement."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            if "relname" in node and "relpersistence" in node:
                yield node
            stack.extend(reversed(list(node.values())))
        elif isinstance(node, list | tuple):
            stack.extend(reversed(node))


def _option(node: Tree) -> str | None:
    found = node.get("DefElem", {}).get("defname")
    return found if isinstance(found, str) else None
