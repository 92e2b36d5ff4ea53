"""Settings that are judged by what they cost: what is not quite dear, and what is unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.security.security_hba_trust import finding as hba_trust
from alerts.findings.settings.config_autovacuum_weak import finding as autovacuum_weak
from alerts.findings.settings.config_file_errors import finding as file_errors
from alerts.findings.settings.config_max_connections import finding as max_connections
from alerts.findings.settings.config_shared_buffers import PAGES
from alerts.findings.settings.config_shared_buffers import finding as shared_buffers
from alerts.findings.settings.config_work_mem import SPILLED, enough
from alerts.findings.settings.config_work_mem import finding as work_mem
from alerts.history.window import CounterWindow, Increases, Sample, Window
from alerts.snapshot import Snapshot
from collectors._base import Absence
from collectors.databases import databases
from collectors.file_settings import FileSetting, file_settings
from collectors.hba_rules import HbaRule, hba_rules
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import settings
from collectors.user_tables import UserTable, user_tables
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT

MB, GB = 1 << 20, 1 << 30


def counted(kind: Window, own: Any, seconds: float = 3600.0, **increase: float) -> Snapshot:
    """A snapshot in which the counters of one database grew by this much."""
    old = Sample(AT - seconds, tuple(0.0 for _ in kind.columns))
    new = Sample(AT, tuple(increase[name] for name in kind.columns))
    windows: Any = {("shop",): CounterWindow(None, (old, new))}
    snapshot = with_settings(own, also=[(databases, [])])
    return snapshot.with_histories({kind: Increases(kind.columns, windows, AT)})


def spilled(bytes: float, files: float, seconds: float = 3600.0) -> State:
    own = setting("work_mem", "4096", unit="kB", vartype="integer")
    snapshot = counted(SPILLED, own, seconds, temp_files=files, temp_bytes=bytes)
    return verdict_of(work_mem, snapshot).state


def test_temporary_files() -> None:
    """A gigabyte an hour, in files that memory could take the place of."""
    assert spilled(GB, 100) is State.ill
    assert spilled(GB - 1, 100) is State.healthy
    assert spilled(GB * 9, 99) is State.healthy
    assert spilled(65 * MB * 100, 100) is State.healthy
    assert spilled(GB, 100, seconds=600) is State.ill
    assert spilled(MB, 100, seconds=600) is State.learning


@pytest.mark.parametrize(
    ("mean", "now", "megabytes"),
    [(10 * MB, 4 * MB, 32), (MB, 4 * MB, 8), (16 * MB, 4 * MB, 32), (64 * MB, 4 * MB, 128)],
)
def test_twice_the_file_and_more_than_now(mean: int, now: int, megabytes: int) -> None:
    assert enough(mean, now) == megabytes * MB


def read(pages: float, hit: float, size: str = "16384", seconds: float = 3600.0) -> State:
    own = setting("shared_buffers", size, unit="8kB", vartype="integer")
    increase = {"blks_read": pages, "blks_hit": hit, "blk_read_milliseconds": 0.0}
    return verdict_of(shared_buffers, counted(PAGES, own, seconds, **increase)).state


def test_page_reads() -> None:
    """Only the size that nobody chose, with eight gigabytes an hour and a twentieth of all."""
    pages = GB
    assert read(pages, pages * 19) is State.ill
    assert read(pages, pages * 20) is State.healthy
    assert read((1 << 20) - 1, 0) is State.healthy
    assert read(pages, pages, size="16385") is State.healthy
    assert read(100, 100, seconds=600) is State.learning


def idle(count: int, busy: int, allowed: str = "500", told: bool = True) -> State:
    states = ["active"] * busy + ["idle" if told else "disabled"] * (count - busy)
    about = {"datname": "shop", "backend_type": "client backend", "is_self": False}
    rows = [filled(CountedSession, pid=n, state=s, **about) for n, s in enumerate(states)]
    own = setting("max_connections", allowed, vartype="integer")
    return verdict_of(max_connections, with_settings(own, also=[(session_counts, rows)])).state


def test_idle_connections() -> None:
    assert idle(300, 30) is State.ill
    assert idle(300, 31) is State.healthy
    assert idle(299, 3) is State.healthy
    assert idle(300, 30, allowed="499") is State.healthy
    assert idle(300, 30, told=False) is State.healthy


AUTOVACUUM = {
    "autovacuum": ("on", "bool"),
    "track_counts": ("on", "bool"),
    "autovacuum_vacuum_threshold": ("50", "integer"),
    "autovacuum_vacuum_scale_factor": ("0.2", "real"),
    "autovacuum_vacuum_insert_threshold": ("1000", "integer"),
    "autovacuum_vacuum_insert_scale_factor": ("0.2", "real"),
    "autovacuum_analyze_threshold": ("50", "integer"),
    "autovacuum_analyze_scale_factor": ("0.1", "real"),
    "autovacuum_naptime": ("60", "integer"),
    "autovacuum_max_workers": ("3", "integer"),
}


CAPPED = {"autovacuum_vacuum_max_threshold": ("-1", "integer")}


def dying(dead: int, rows: float = 1e7, *options: str, **values: str) -> State:
    known = [
        setting(name, values.get(name, value), vartype=kind)
        for name, (value, kind) in {**AUTOVACUUM, **CAPPED}.items()
    ]
    about = {"datname": "shop", "schemaname": "public", "relname": "log", "relkind": "r"}
    sizes = {"n_dead_tup": dead, "reltuples": rows, "reloptions": list(options)}
    row = filled(UserTable, **about, **sizes, table_size_bytes=GB)
    return verdict_of(autovacuum_weak, with_settings(*known, also=[(user_tables, [row])])).state


def test_dead_rows_that_nothing_takes_yet() -> None:
    """A million of them, in a table without options of its own, and not due yet."""
    assert dying(1_000_000) is State.ill
    assert dying(999_999) is State.healthy
    assert dying(1_000_000, 9e6) is State.healthy
    assert dying(2_000_100) is State.healthy  # due: autovacuum_overdue tells it
    assert dying(1_000_000, 1e7, "autovacuum_vacuum_scale_factor=0.2") is State.healthy
    assert dying(1_000_000, 1e7, "autovacuum_enabled=off") is State.healthy
    assert dying(1_000_000, autovacuum_vacuum_scale_factor="0.05") is State.healthy
    assert dying(1_000_000, autovacuum="off") is State.healthy  # autovacuum_disabled tells it
    # A threshold beside a small factor may be as high: it is another setting's fault.
    high = "5000000"
    assert dying(1_000_000, autovacuum_vacuum_threshold=high) is State.ill
    small = {"autovacuum_vacuum_scale_factor": "0.05", "autovacuum_vacuum_threshold": high}
    assert dying(1_000_000, 1e7, **small) is State.healthy
    # From 18 a number of rows ends the share: of the largest tables that is less than a tenth.
    cap = "autovacuum_vacuum_max_threshold"
    assert dying(1_000_000, 2e9, **{cap: "200000001"}) is State.ill
    assert dying(1_000_000, 2e9, **{cap: "100000000"}) is State.healthy


def rule(**given: Any) -> HbaRule:
    about = {"may_read": True, "line": 9, "type": "host", "address": "10.0.0.0"}
    made: HbaRule = filled(HbaRule, **about | {"method": "trust", "users": "all"} | given)
    return made


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (rule(), State.ill),
        (rule(type="hostssl"), State.ill),
        (rule(method="password"), State.ill),
        (rule(address="samenet"), State.ill),
        (rule(type="hostssl", method="password"), State.healthy),
        (rule(type="hostssl", asks_certificate=True), State.healthy),
        (rule(method="scram-sha-256"), State.healthy),
        (rule(method="reject"), State.healthy),
        (rule(type="local", address=None), State.healthy),
        (rule(address="127.0.0.1"), State.healthy),
        (rule(address="::1"), State.healthy),
        (rule(address="samehost"), State.healthy),
        (HbaRule(False, *[None] * 9), State.unknown),
    ],
)
def test_who_is_let_in(row: HbaRule, state: State) -> None:
    """From the network, without any proof or with a password in clear."""
    assert verdict_of(hba_trust, with_settings(also=[(hba_rules, [row])])).state is state


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (FileSetting(True, "/f", 3, "wrok_mem", "unrecognized parameter"), State.ill),
        (FileSetting(True, "/f", 3, None, "syntax error"), State.ill),
        (FileSetting(True, "/f", 3, "port", "could not be applied"), State.healthy),
        (FileSetting(True, None, None, None, None), State.healthy),
        (FileSetting(False, None, None, None, None), State.unknown),
    ],
)
def test_lines_of_files(row: FileSetting, state: State) -> None:
    """What waits for a restart is no error."""
    own = setting("port", "5432", pending_restart=True)
    assert verdict_of(file_errors, with_settings(own, also=[(file_settings, [row])])).state is state


@pytest.mark.parametrize("finding", [work_mem, shared_buffers, max_connections, autovacuum_weak])
def test_without_an_answer_it_is_unknown(finding: AnyFinding) -> None:
    blind = replace(with_settings(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
