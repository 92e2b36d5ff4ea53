"""The pooler's log as hostile input: which lines count, and that no name forges one."""

from os import truncate, utime
from pathlib import Path
from shutil import copyfile

import pytest

from alerts.history.memory import Memory
from collectors._base import Absence
from collectors.pooler_log import PoolerLog, Side
from monitor.pgbouncer.log_lines import MOST, TIMES, Refusals
from monitor.pgbouncer.log_watch import NOT_CONFIGURED, PoolerLogBook, pooler_log_watch

C = "C-0x55fab28ac1b0: "
S = "S-0x55fab28b3890: "
SECRET = "hunter2"


def line(text: str, level: str = "WARNING") -> bytes:
    return f"2026-11-26 01:15:08.147 UTC [8180] {level} {text}\n".encode()


def counted(*lines: bytes) -> dict[tuple[str, str, str | None, str | None], int]:
    found = Refusals()
    for one in lines:
        found.add(one, 5.0)
    return {(one.side.value, one.cause, one.database, one.user): one.count for one in found.rows()}


@pytest.mark.parametrize(
    ("pool", "why", "cause", "database"),
    [
        ("shop/app@127.0.0.1:5", "SASL authentication failed", "password", "shop"),
        ("(nodb)/x@[::1]:5", "password authentication failed", "password", None),
        ("(nodb)/app@unix(7684):6432", "no such database: secret", "database", None),
        (
            "(nodb)/(nouser)@unix(1):2",
            "unsupported startup parameter: search_path",
            "parameter",
            None,
        ),
        ("(nodb)/(nouser)@h:1", "no more connections allowed (max_client_conn)", "limit", None),
        ("shop/a@h:1", "client connections exceeded (max_db_client_connections)", "limit", "shop"),
        ("off/app@h:1", 'database "off" is disabled', "disabled", "off"),
        ("a@b/c@d@h:1", "SASL authentication failed", "password", "a@b"),
    ],
)
def test_refused_clients(pool: str, why: str, cause: str, database: str | None) -> None:
    """By cause; never the name that was typed."""
    assert counted(line(f"{C}{pool} pooler error: {why}")) == {("client", cause, database, None): 1}


@pytest.mark.parametrize(
    "text",
    [
        f"{C}shop/app@h:1 pooler error: query_wait_timeout",
        f"{C}shop/app@h:1 pooler error: server conn crashed?",
        f"{C}shop/app@h:1 closing because: client close request (age=0s)",
        f"{S}shop/app@h:1 closing because: server idle timeout (age=600s)",
        f"{S}shop/app@h:1 new connection to server",
        "stats: 0 xacts/s",
    ],
)
def test_what_is_no_refused_login(text: str) -> None:
    assert counted(line(text)) == {}


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('FATAL password authentication failed for user "app"', "password"),
        ('FATAL database "nope" does not exist', "missing"),
        ("FATAL no pg_hba.conf entry for host", "rules"),
        ("FATAL sorry, too many clients already", "slots"),
        ("FATAL the database system is starting up", "starting"),
        ("FATAL etwas anderes", "other"),
    ],
)
def test_refused_by_the_server(said: str, cause: str) -> None:
    """1.18 says `login failed` of the connection, 1.26 the server's words; the pool is named."""
    for closing in ("login failed", said):
        lines = (
            line(f"server login failed: {said}"),
            line(f"{C}shop/x@h:1 closing because: {said} (age=0s)", "LOG"),
            line(f"{S}shop/app@unix:5432 closing because: {closing} (age=0s)", "LOG"),
        )
        assert counted(*lines) == {("server", cause, "shop", "app"): 1}


def test_a_server_that_does_not_answer() -> None:
    gone = line(f"{S}shop/app@127.0.0.1:1 closing because: connect failed (age=0s)", "LOG")
    assert counted(gone, gone) == {("server", "unreachable", "shop", "app"): 2}


def test_without_log_disconnections_the_pool_is_not_named() -> None:
    said = line("server login failed: FATAL sorry, too many clients already")
    assert counted(said, said) == {("server", "slots", None, None): 1}


def test_no_name_forges_a_line() -> None:
    """PgBouncer continues a text after a line break with a tab."""
    forged = line(f"{S}shop/app@h:1 closing because: connect failed (age=0s)")
    assert counted(b"\t" + forged) == {}
    named = f"shop/x@h:1 pooler error: {SECRET} pooler error: no such database"
    attempt = line(f"{C}{named}@127.0.0.1:9 login attempt: db=shop", "LOG")
    assert counted(attempt) == {}
    typed = line(f"{C}{named}@127.0.0.1:9 pooler error: SASL authentication failed")
    assert counted(typed) == {("client", "password", "shop", None): 1}
    assert counted(b"\xff\xfe\0", b"", b"2026", line("\0" * 9000)) == {}


def test_what_is_kept_is_bounded() -> None:
    found = Refusals()
    for number in range(MOST + 50):
        found.add(line(f"{C}db{number}/x@h:1 pooler error: SASL authentication failed"), 5.0)
    assert len(found.counts) <= MOST + 1
    for _ in range(TIMES + 50):
        found.add(line(f"{C}db0/x@h:1 pooler error: SASL authentication failed"), 5.0)
    [row] = [one for one in found.rows() if one.database == "db0"]
    assert (row.count, len(row.times)) == (TIMES + 51, TIMES)


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(lines)


def test_over_rotation_and_a_restart(tmp_path: Path) -> None:
    """What stands there at the start is not counted; a renamed file is read to its end."""
    log, memory = tmp_path / "pgbouncer.log", Memory()
    refusal = line(f"{C}shop/{SECRET}@h:1 pooler error: SASL authentication failed")
    append(log, refusal)
    append(tmp_path / "pgbouncer.log.2.gz", refusal)
    append(tmp_path / "other.log", refusal)
    book = PoolerLogBook.of(log, memory, "main")
    assert book.read(1.0).refusals == ()
    append(log, refusal, refusal[:20])
    [seen] = book.read(2.0).refusals
    assert (seen.side, seen.count, seen.times) == (Side.client, 1, (2.0,))
    append(log, refusal[20:])
    log.rename(tmp_path / "pgbouncer.log.1")
    append(log, refusal)
    assert book.read(3.0).refusals[0].count == 3
    log.write_bytes(refusal.replace(b"8180", b"9"))
    assert book.read(4.0).refusals[0].count == 4
    again = PoolerLogBook.of(log, memory, "main")
    assert again.read(5.0).refusals == ()
    assert SECRET not in f"{book.read(6.0)}{memory.everything()}"


def test_a_copy_that_was_made_before_it_was_truncated(tmp_path: Path) -> None:
    """As logrotate does with copytruncate: both files bear the same time, or the copy a later."""
    log, copy = tmp_path / "pgbouncer.log", tmp_path / "pgbouncer.log.1"
    refusal = line(f"{C}shop/x@h:1 pooler error: SASL authentication failed")
    append(log)
    book = PoolerLogBook.of(log, Memory(), "main")
    book.read(1.0)
    append(log, *[refusal] * 20)
    assert book.read(2.0).refusals[0].count == 20
    copyfile(log, copy)
    truncate(log, 0)
    for at in (log.stat().st_mtime, log.stat().st_mtime + 5):
        utime(copy, (at, at))
        assert book.read(3.0).refusals[0].count == 20
    append(log, refusal)
    assert book.read(4.0).refusals[0].count == 21


def test_what_was_refused_before_the_start_is_not_of_now(tmp_path: Path) -> None:
    """A daemon that was away for hours finds many refused logins at once."""
    log, memory = tmp_path / "pgbouncer.log", Memory()
    refusal = line(f"{C}shop/x@h:1 pooler error: SASL authentication failed")
    append(log, refusal)
    PoolerLogBook.of(log, memory, "main").read(1.0)
    append(log, *[refusal] * 60_000)  # more than one visit reads
    again = PoolerLogBook.of(log, memory, "main")
    while not again.is_current:
        assert again.read(9000.0).refusals == ()
    append(log, refusal)
    assert again.read(9001.0).refusals[0].count == 1


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    heard: list[PoolerLog | Absence] = []
    pooler_log_watch(None, heard.append, heard.append, 1.0).tick(0.0)
    assert heard == [NOT_CONFIGURED]
    with pytest.raises(OSError, match=r"pgbouncer\.log"):
        PoolerLogBook.of(tmp_path / "pgbouncer.log", Memory(), "main").read(1.0)
