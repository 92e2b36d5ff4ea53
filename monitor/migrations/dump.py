"""Schema of the live server as pg_dump writes it, where the role may lock the tables."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE

from monitor.address import Address
from monitor.demo.binaries import Binaries

PATIENCE = 1000
"""Milliseconds that pg_dump waits for a lock on a table."""
SECONDS = 120.0
"""After which it is ended."""
LEFT_OUT = (
    "--no-owner",
    "--no-privileges",
    "--no-comments",
    "--no-security-labels",
    "--no-tablespaces",
    "--no-publications",
    "--no-subscriptions",
)


class DumpFailure(Exception):
    """pg_dump could not read the schema; the message is its reason."""


async def dumped(address: Address, database: str) -> str:
    """Return the schema as a script. Raises DumpFailure."""
    pg_dump = await asyncio.create_subprocess_exec(
        Binaries.of_wheel().program("pg_dump"),
        "--schema-only",
        "--encoding=UTF8",
        f"--lock-wait-timeout={PATIENCE}",
        *LEFT_OUT,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={**_environment(), **address.variables(database), "PGAPPNAME": "pgvigil"},
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, wrong = await pg_dump.communicate()
    except TimeoutError:
        raise DumpFailure(f"pg_dump did not end within {SECONDS:.0f} s") from None
    finally:
        if pg_dump.returncode is None:
            pg_dump.kill()
            await pg_dump.wait()
    if pg_dump.returncode:
        raise DumpFailure(_reason(wrong.decode(errors="replace")))
    return out.decode(errors="replace")


def _environment() -> dict[str, str]:
    """Return ours without PG* variables: those of the address are complete."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _reason(told: str) -> str:
    errors = [line for line in told.splitlines() if "error:" in line]
    last = (errors or told.strip().splitlines() or ["it told no reason"])[0]
    return last.partition("error: ")[2].removeprefix("query failed: ERROR:  ") or last
