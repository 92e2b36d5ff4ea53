"""Findings about settings at the edges of their limits and words, by hand-made rows."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence, State
from alerts.findings.settings import (
    backend_memory,
    config_autovacuum_weak,
    config_drift,
    config_file_errors,
    config_logging,
    config_max_connections,
    config_pending_restart,
    config_random_page_cost,
    config_shared_buffers,
    config_timeouts_unset,
    config_track_off,
    config_work_mem,
)
from alerts.findings.settings._rows import origin
from alerts.history.window import CounterWindow, Increases, Sample, Window
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Absence, AnyCollector, Role
from collectors.activity import activity
from collectors.backend_memory import BackendMemory
from collectors.backend_memory import backend_memory as memory
from collectors.databases import databases
from collectors.file_settings import FileSetting, file_settings
from collectors.role_settings import role_settings
from collectors.roles import roles
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import Setting, settings
from collectors.stat_io import stat_io
from collectors.user_tables import UserTable, user_tables
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, IDLE, sessions

MB, GB = 1 << 20, 1 << 30
HIDING: list[tuple[AnyFinding, str, Iterable[tuple[AnyCollector, Any]]]] = [
    (config_logging.finding, "log_lock_waits", [(databases, [])]),
    (config_max_connections.finding, "max_connections", [(session_counts, [])]),
    (config_random_page_cost.finding, "random_page_cost", [(stat_io, [])]),
    (config_track_off.finding, "track_counts", []),
    (
        config_timeouts_unset.finding,
        "lock_timeout",
        [(activity, []), (role_settings, []), (roles, [])],
    ),
]


def told(
    finding: AnyFinding, snapshot: Snapshot, limits: BaseLimits | None = None
) -> list[Evidence]:
    verdict = verdict_of(finding, snapshot, limits=limits)
    return [subject.evidence for subject in verdict.subjects]


@pytest.mark.parametrize(("finding", "name", "also"), HIDING, ids=lambda one: str(one)[:40])
def test_a_value_that_is_hidden_is_not_judged(
    finding: AnyFinding, name: str, also: Iterable[tuple[AnyCollector, Any]]
) -> None:
    """And one that this version does not have is nothing to judge."""
    snapshot = with_settings(setting(name, None), also=also)
    window = getattr(finding, "history", ())
    views = {one: Increases(one.columns, {}, AT) for one in window}
    verdict = verdict_of(finding, snapshot.with_histories(views))
    assert [one.subject for one in verdict.unjudged if one.subject][:1] == [name]
    assert verdict.subjects == ()
    without = with_settings(also=also).with_histories(views)
    assert verdict_of(finding, without).subjects == ()


def test_where_a_value_comes_from() -> None:
    row = setting("jit", "on")
    assert origin(row) == "the built-in default"
    assert origin(replace(row, source="command line")) == "set by the command line"
    in_file = replace(row, source="configuration file", sourcefile="/c", sourceline=7)
    assert origin(in_file) == "set in /c, line 7"


def counted(
    kind: Window, own: Setting | None, windows: list[tuple[float, dict[str, float]]]
) -> Snapshot:
    """The counters of some databases, each over its own seconds."""
    known: Any = {}
    for number, (seconds, increase) in enumerate(windows):
        old = Sample(AT - seconds, tuple(0.0 for _ in kind.columns))
        new = Sample(AT, tuple(increase[name] for name in kind.columns))
        known[f"shop{number}",] = CounterWindow(None, (old, new))
    snapshot = with_settings(*([own] if own else []), also=[(databases, [])])
    return snapshot.with_histories({kind: Increases(kind.columns, known, AT)})


WORK_MEM = setting("work_mem", "4096", unit="kB", vartype="integer")
BUFFERS = setting("shared_buffers", "16384", unit="8kB", vartype="integer")


def test_temporary_files_of_several_databases() -> None:
    files = {"temp_files": 50.0, "temp_bytes": GB / 2}
    many = {"temp_files": 51.0, "temp_bytes": GB / 2 + MB}
    snapshot = counted(config_work_mem.SPILLED, WORK_MEM, [(3600.0, files), (1800.0, many)])
    [one] = told(config_work_mem.finding, snapshot)
    assert one.facts["database"] == "shop1"
    assert one.facts["within_seconds"] == 3600.0
    assert one.facts["mean_file_bytes"] == pytest.approx((GB + MB) / 101)
    assert any("work_mem = '32MB'" in line for line in one.cure)


def test_temporary_files_at_the_mean_that_memory_can_hold() -> None:
    exactly = {"temp_files": 100.0, "temp_bytes": 6400.0 * MB}
    kind = config_work_mem.SPILLED
    assert told(config_work_mem.finding, counted(kind, WORK_MEM, [(3600.0, exactly)]))
    few = {"temp_files": 99.0, "temp_bytes": float(GB)}
    assert not told(config_work_mem.finding, counted(kind, WORK_MEM, [(3600.0, few)]))


def test_without_counters_or_the_setting_nothing_is_told() -> None:
    kind = config_work_mem.SPILLED
    assert verdict_of(config_work_mem.finding, counted(kind, WORK_MEM, [])).state is State.unknown
    spilled = [(3600.0, {"temp_files": 100.0, "temp_bytes": float(GB)})]
    for own in (None, replace(WORK_MEM, setting=None)):
        assert not told(config_work_mem.finding, counted(kind, own, spilled))
    pages = [(3600.0, {"blks_read": 9.0 * GB, "blks_hit": 0.0, "blk_read_milliseconds": 0.0})]
    for own in (None, replace(BUFFERS, setting=None)):
        snapshot = counted(config_shared_buffers.PAGES, own, pages)
        assert not told(config_shared_buffers.finding, snapshot)
    none = verdict_of(
        config_shared_buffers.finding, counted(config_shared_buffers.PAGES, BUFFERS, [])
    )
    assert none.unjudged[0].until == AT + 3600


def test_page_reads_at_their_limit() -> None:
    """Eight gigabytes, with the time that they took where it is measured."""
    pages = {"blks_read": float(1 << 20), "blks_hit": 0.0, "blk_read_milliseconds": 60_000.0}
    snapshot = counted(config_shared_buffers.PAGES, BUFFERS, [(3600.0, pages)])
    [one] = told(config_shared_buffers.finding, snapshot)
    assert one.value == 8 * GB
    assert one.facts["read_seconds"] == 60.0
    assert "8 GiB" in one.message
    assert "and took 1 min" in one.message
    untimed = {**pages, "blk_read_milliseconds": 0.0}
    snapshot = counted(config_shared_buffers.PAGES, BUFFERS, [(3600.0, untimed)])
    [one] = told(config_shared_buffers.finding, snapshot)
    assert one.facts["read_seconds"] is None
    assert "and took" not in one.message


def connected(
    *states: str, allowed: str | None = "500", own: bool = True, **traits: Any
) -> Snapshot:
    about = {"datname": "shop", "backend_type": "client backend", "is_self": False} | traits
    rows = [filled(CountedSession, pid=n, state=s, **about) for n, s in enumerate(states)]
    limit = [setting("max_connections", allowed, vartype="integer")] if own else []
    return with_settings(*limit, also=[(session_counts, rows)])


def test_only_sessions_of_clients_are_counted() -> None:
    idle = ["idle"] * 270 + ["active"] * 30
    [one] = told(config_max_connections.finding, connected(*idle))
    assert one.facts["sessions"] == 300
    assert one.facts["busy_sessions"] == 30
    for quiet in (
        connected(*idle[:270], *["disabled"] * 30),  # what these do is not told
        connected(*idle, backend_type="parallel worker"),
        connected(*idle, own=False),
        connected(*idle, allowed=None),
    ):
        assert not told(config_max_connections.finding, quiet)


def test_the_limit_has_room_for_the_pools() -> None:
    """On the primary first: a standby must allow as many sessions."""
    for busy, limit in ((30, "= 200;"), (90, "= 300;"), (300, "= 800;")):
        states = ["active"] * busy + ["idle"] * 9 * busy
        [one] = told(config_max_connections.finding, connected(*states, allowed="5000"))
        assert f"about {2 * busy} sessions in all" in one.cure[0]
        assert "on the primary before its standbys" in one.cure[1]
        assert f"max_connections {limit}" in one.cure[2]


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


def dying(*given: dict[str, Any], **values: str) -> list[Evidence]:
    known = [
        setting(name, values.get(name, value), vartype=kind)
        for name, (value, kind) in AUTOVACUUM.items()
    ]
    about = {"datname": "shop", "schemaname": "public", "relkind": "r", "reloptions": []}
    sizes = {"relname": "log", "n_dead_tup": 1_000_000, "reltuples": 1e7, "table_size_bytes": GB}
    rows = [filled(UserTable, **about | sizes | more) for more in given or [{}]]
    return told(config_autovacuum_weak.finding, with_settings(*known, also=[(user_tables, rows)]))


def test_dead_rows_by_the_scale_factor_of_the_server() -> None:
    [one] = dying({}, {"relname": "old", "n_dead_tup": 1_500_000, "table_size_bytes": None})
    assert "old" in one.message
    assert not dying(autovacuum="off")
    assert not dying(autovacuum_vacuum_scale_factor="0.09")
    assert dying({"n_dead_tup": 1_000_049}, autovacuum_vacuum_scale_factor="0.1")
    assert not dying({"n_dead_tup": 2_000_050})


def test_dead_bytes_are_a_share_of_the_table() -> None:
    [one] = dying({}, {"table_size_bytes": None}, {"reltuples": 1.5e7, "table_size_bytes": 16 * GB})
    assert one.facts["dead_bytes"] == pytest.approx(GB / 11 + GB, rel=0.001)


def nodes(own: Setting, their: Setting | None) -> Snapshot:
    node = replace(with_settings().node, server="db2", role=Role.standby)
    peer = with_settings(*([their] if their else []))
    if their is None:
        peer = replace(peer, answers={}, absent={settings: Absence("refused")})
    return replace(with_settings(own), peers=(replace(peer, node=node),))


def test_what_may_differ_between_nodes() -> None:
    memory = setting("work_mem", "4096", unit="kB", vartype="integer")
    assert told(config_drift.finding, nodes(memory, replace(memory, setting="8192")))
    assert not told(config_drift.finding, nodes(memory, None)), "a node that is not read"
    for name in ("transaction_read_only", "default_transaction_read_only"):
        row = setting(name, "off", context="user")
        assert not told(config_drift.finding, nodes(row, replace(row, setting="on")))
    for name in config_drift.VERSIONED:
        row = setting(name, "1", context="user")
        assert not told(config_drift.finding, nodes(row, replace(row, setting="2")))


def test_words_of_what_differs() -> None:
    memory = setting(
        "work_mem", "4096", unit="kB", vartype="integer", sourcefile="/c", sourceline=3
    )
    [one] = told(config_drift.finding, nodes(memory, replace(memory, setting="8192")))
    assert "4096 kB" in one.message
    assert "8192" in one.message
    text = setting("search_path", "a'b", vartype="string", context="user")
    [one] = told(config_drift.finding, nodes(text, replace(text, setting="")))
    assert "empty" in one.message
    assert any("search_path = 'a''b'" in line for line in one.cure)
    [one] = told(config_drift.finding, nodes(replace(text, setting=""), text))
    assert "empty" in one.message


def errors(row: FileSetting, *own: Setting) -> list[Evidence]:
    return told(config_file_errors.finding, with_settings(*own, also=[(file_settings, [row])]))


def test_a_line_that_waits_for_a_restart_and_one_that_does_not() -> None:
    row = FileSetting(True, "/f", 3, "port", "could not be applied")
    port = setting("port", "5432", pending_restart=True)
    assert errors(row, replace(port, pending_restart=False))
    assert errors(row)
    assert not errors(row, port)
    assert not errors(replace(row, name="Port"), port), "names have no case"
    style = setting("DateStyle", "ISO", pending_restart=True)
    assert not errors(replace(row, name="datestyle"), style)


def test_words_of_a_line() -> None:
    [named] = errors(FileSetting(True, "/f", 3, "wrok_mem", "unrecognized parameter"))
    assert "wrok_mem" in named.message
    rds = setting("rds.extensions", "", context="internal")
    [one] = errors(FileSetting(True, "/f", 3, "wrok_mem", "unrecognized parameter"), rds)
    assert one.cure == (
        "-- Amazon RDS owns the settings: in its parameter group: correct wrok_mem there.",
    )
    [one] = errors(FileSetting(True, "/f", 3, None, "syntax error"), rds)
    assert "what made that line" in one.cure[0]


def test_a_pending_restart_and_its_owner() -> None:
    row = setting("shared_buffers", "16384", pending_restart=True, context="postmaster")
    [one] = told(config_pending_restart.finding, with_settings(row))
    assert " line " not in one.message
    placed = replace(row, sourcefile="/c", sourceline=3)
    [one] = told(config_pending_restart.finding, with_settings(placed))
    assert "in /c, line 3" in one.message
    rds = setting("rds.extensions", "", context="internal")
    [one] = told(config_pending_restart.finding, with_settings(row, rds))
    assert "Amazon RDS" in " ".join(one.cure)


def test_sessions_that_are_not_an_application_need_no_timeout() -> None:
    guards = [setting(name, "0", vartype="integer") for name in config_timeouts_unset.GUARDS]

    def unguarded(known: list[Setting], **traits: Any) -> list[Evidence]:
        rows = [replace(one, **traits) for one in sessions(3)]
        also: list[tuple[AnyCollector, Any]] = [
            (activity, rows),
            (role_settings, []),
            (roles, []),
        ]
        return told(config_timeouts_unset.finding, with_settings(*known, also=also))

    assert unguarded(guards)
    assert unguarded(guards[:2]), "a version that has only some of them"
    for quiet in (
        {"is_self": True},
        {"usename": None},
        {"datname": None},
        {"backend_type": "walsender"},
    ):
        assert not unguarded(guards, **quiet), quiet
    assert IDLE.usename == "app"


def test_memory_of_a_session_without_names() -> None:
    row = BackendMemory(9, "shop", None, "", "idle", 300.0, "2026-01-01", 900.0, 512 * MB)
    [one] = told(backend_memory.finding, with_settings(also=[(memory, [row])]))
    assert one.subject == "pid 9 of ? (no application_name)"
    unknown = replace(row, state_seconds=None)
    assert not told(backend_memory.finding, with_settings(also=[(memory, [unknown])]))
