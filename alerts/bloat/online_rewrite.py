"""Rewrite of a table while it is in use, with what is installed in its database."""

from shlex import quote

from alerts.cure import literal, remark
from alerts.snapshot import Snapshot
from collectors.extensions import extensions


def online(snapshot: Snapshot, database: str, schemaname: str, relname: str) -> tuple[str, ...]:
    """Return the command of pg_repack or pg_squeeze, or the advice to install one of them."""
    rows = snapshot.rows(extensions) if snapshot.has(extensions) else ()
    installed = {row.extname for row in rows if row.datname == database}
    if "pg_repack" in installed:
        return (
            remark("While it is in use, if it has a primary or unique key; in a shell:"),
            remark(
                f"pg_repack --dbname={quote(database)} --table={quote(_name(schemaname, relname))}"
            ),
        )
    if "pg_squeeze" in installed:
        names = f"{literal(schemaname)}, {literal(relname)}"
        return (
            remark("While it is in use, if it has a primary or unique key:"),
            remark(f"SELECT squeeze.squeeze_table({names});"),
        )
    return (remark("pg_repack or pg_squeeze do it while it is in use; neither is installed."),)


def _name(schemaname: str, relname: str) -> str:
    """Return the name as pg_repack reads it, each part quoted."""
    return ".".join('"{}"'.format(part.replace('"', '""')) for part in (schemaname, relname))
