"""Reports of pgBackRest, WAL-G and Barman: what is read of them, and whatever else is in a file."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.backup_reports import BackupReport
from monitor.backup_reports.formats import FORMATS, KEPT, LONGEST, parse

AT = 1_800_000_000.0


def pgbackrest(*backups: dict[str, Any], code: int = 0, message: str = "ok") -> list[Any]:
    return [
        {
            "name": "main",
            "db": [
                {"id": 1, "repo-key": 1, "system-id": 7001, "version": "16"},
                {"id": 2, "repo-key": 1, "system-id": 7002, "version": "18"},
            ],
            "backup": list(backups),
            "status": {"code": code, "message": message, "lock": {"backup": {"held": False}}},
        }
    ]


def backup(label: str, stop: float, error: bool = False, db: int = 2) -> dict[str, Any]:
    return {
        "label": label,
        "type": "full",
        "error": error,
        "timestamp": {"start": stop - 60, "stop": stop},
        "database": {"id": db, "repo-key": 1},
    }


def read(tool: str, told: Any) -> tuple[BackupReport, ...]:
    return parse(tool, json.dumps(told).encode(), AT)


def test_pgbackrest() -> None:
    """By stanza; each backup with its cluster and whether it had errors."""
    told = pgbackrest(backup("F2", 2000, error=True), backup("F1", 1000), code=4, message="mixed")
    [report] = read("pgbackrest", told)
    assert (report.source, report.problem, report.written) == ("pgbackrest main", "mixed", AT)
    assert [(b.label, b.failed, b.system_identifier) for b in report.backups] == [
        ("F1", False, "7002"),
        ("F2", True, "7002"),
    ]
    assert report.newest_good == report.backups[0]


def test_wal_g() -> None:
    """Times as it writes them, in UTC."""
    told = [
        {
            "backup_name": "base_000000010000000000000004_D_000000010000000000000002",
            "finish_time": "2026-03-01T02:55:00.123456Z",
            "system_identifier": 7122334455667788991,
        },
        {"backup_name": "base_000000010000000000000002", "time": "2026-02-28T02:55:00Z"},
    ]
    [report] = read("wal-g", told)
    assert [b.kind for b in report.backups] == ["full", "incremental"]
    good = report.newest_good
    assert good
    assert good.finished == pytest.approx(1772333700.123456)
    assert good.system_identifier == "7122334455667788991"
    assert read("wal-g", None)[0].backups == ()


def test_barman() -> None:
    """By server; a failed backup has no end, and its place is that of its id."""
    told = {
        "main": [
            {"backup_id": "20260302T020000", "status": "FAILED"},
            {"backup_id": "20260301T020000", "status": "DONE", "end_time_timestamp": "1772330700"},
        ],
        "_INFO": ["nothing"],
    }
    [report] = read("barman", told)
    assert [(b.label, b.failed) for b in report.backups] == [
        ("20260301T020000", False),
        ("20260302T020000", True),
    ]
    assert report.newest_good
    assert report.newest_good.finished == 1772330700


def test_barman_as_it_writes() -> None:
    """All fields of 3.19, the newest first: a failed backup has neither times nor sizes."""
    done = {
        "backup_id": "20261126T051034",
        "backup_type": "full",
        "end_time": "Thu Nov 26 05:10:41 2026",
        "end_time_timestamp": "1795669841",
        "retention_status": "-",
        "size": "38.0 MiB",
        "size_bytes": 39830671,
        "status": "DONE",
        "wal_size": "16.0 MiB",
        "wal_size_bytes": 16777216,
    }
    failed = {"backup_id": "20261126T051202", "backup_type": "full", "status": "FAILED"}
    [report] = read("barman", {"main": [failed, done]})
    assert report.backups[-1].failed
    assert report.newest_good
    assert (report.newest_good.kind, report.newest_good.finished) == ("full", 1795669841)
    [empty] = read("barman", {"main": []})
    assert (empty.source, empty.backups, empty.is_readable) == ("barman main", (), True)


@pytest.mark.parametrize("status", ["DONE", "WAITING_FOR_WALS", "FAILED"])
def test_barman_shows_one_backup(status: str) -> None:
    """What show-backup prints says nothing of the others, so it is no report."""
    shown = {
        "backup_id": "20261126T051034",
        "base_backup_information": {
            "end_time": "2026-11-26 05:10:41.123456+00:00",
            "end_time_timestamp": "1795669841",
        },
        "status": status,
    }
    [report] = read("barman", {"main": shown})
    assert (report.source, report.backups, report.is_readable) == ("barman main", (), False)
    assert report.problem
    assert "let the job write what list-backups prints" in report.problem


def test_pgbackrest_before_its_first_backup() -> None:
    """All fields of 2.45: no stanza yet, then a stanza without a backup."""
    for code, message in ((1, "missing stanza path"), (2, "no valid backups")):
        state = {"code": code, "message": message}
        stanza = {
            "archive": [],
            "backup": [],
            "cipher": "none",
            "db": [],
            "name": "main",
            "repo": [{"cipher": "none", "key": 1, "status": state}],
            "status": {**state, "lock": {"backup": {"held": False}}},
        }
        [report] = read("pgbackrest", [stanza])
        assert (report.problem, report.newest_good) == (message, None)


def test_barman_waits_for_wal() -> None:
    """What is copied and lacks the WAL of the time of its copy is no good backup yet."""
    ended = {"end_time_timestamp": "1772330700", "end_time": "Sun Mar  1 02:05:00 2026"}
    waiting = {"backup_id": "20260301T020000", "status": "WAITING_FOR_WALS", **ended}
    [report] = read("barman", {"main": [waiting]})
    assert report.newest_good is None
    assert not report.backups[0].failed


def test_barman_that_lists_nothing_has_an_error() -> None:
    """It can't be judged, and is not without backups."""
    [report] = read("barman", {"_ERROR": ["Unknown server 'shop'"]})
    assert not report.is_readable
    assert report.problem == "it says: Unknown server 'shop'"


@pytest.mark.parametrize("tool", FORMATS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
        b'"text"',
        b"[1, 2]",
        b'{"main": "text"}',
        b'{"main": [[]]}',
        b'{"main": {"description": "of list-servers"}}',
        b'[{"name": "main", "backup": [{"label": "F", "timestamp": {"sto',
    ],
    ids=range(12),
)
def test_what_is_no_report_is_said_to_be_none(tool: str, content: bytes) -> None:
    """Half a file, another format, and what was made to break a parser."""
    for report in parse(tool, content, AT):
        assert not report.backups
        assert not report.is_readable


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "db",
                    "backup",
                    "status",
                    "timestamp",
                    "stop",
                    "label",
                    "error",
                    "database",
                    "id",
                    "system-id",
                    "finish_time",
                    "backup_name",
                    "backup_id",
                    "end_time_timestamp",
                ]
            ),
            inner,
        )
    ),
    max_leaves=30,
)


@given(told=JSON, tool=st.sampled_from(sorted(FORMATS)))
def test_any_json_is_read_or_refused(told: Any, tool: str) -> None:
    """With wrong types anywhere; texts are printable and short, times are times."""
    for report in read(tool, told):
        for one in report.backups:
            assert len(one.label) <= LONGEST
            assert one.label.isprintable() or not one.label
            assert one.finished is None or 0 < one.finished < 2**33


def test_only_the_newest_are_kept() -> None:
    [report] = read("pgbackrest", pgbackrest(*(backup(str(n), n) for n in range(1, 1000))))
    assert len(report.backups) == KEPT
    assert report.backups[-1].label == "999"


def of_two_repositories(*statuses: tuple[int, str]) -> list[Any]:
    [stanza] = pgbackrest(backup("F", 1000), code=4, message="different across repos")
    repositories = [
        {"key": key, "cipher": "none", "status": {"code": code, "message": message}}
        for key, (code, message) in enumerate(statuses, 1)
    ]
    return [stanza | {"repo": repositories}]


@pytest.mark.parametrize(
    ("statuses", "problem"),
    [
        (((0, "ok"), (2, "no valid backups")), "repo2: no valid backups"),
        (((99, "other"), (3, "missing stanza data")), "repo1: other, repo2: missing stanza data"),
        (((0, "ok"), (0, "ok")), "different across repos"),
        (((0, "ok"),), "different across repos"),
        ((), "different across repos"),  # before 2.32
    ],
)
def test_which_repository_has_a_problem(
    statuses: tuple[tuple[int, str], ...], problem: str
) -> None:
    """Of several, the stanza itself says only that they differ."""
    [report] = read("pgbackrest", of_two_repositories(*statuses))
    assert report.problem == problem
    assert report.newest_good


def test_a_repository_without_any_stanza_has_no_backup() -> None:
    """`[]` is what pgBackRest prints then."""
    [report] = read("pgbackrest", [])
    assert (report.is_readable, report.newest_good) == (True, None)
    assert report.problem == "no stanza exists in the repository"


def test_pgbackrest_before_2_32() -> None:
    """No repositories, no errors and no locks are told; the cluster is."""
    one = {"label": "F", "type": "full", "timestamp": {"stop": 1000}, "database": {"id": 1}}
    stanza = {
        "name": "main",
        "db": [{"id": 1, "system-id": 7001, "version": "14"}],
        "backup": [one],
        "status": {"code": 0, "message": "ok"},
    }
    [report] = read("pgbackrest", [stanza])
    assert report.newest_good
    assert (report.newest_good.system_identifier, report.problem) == ("7001", None)


@pytest.mark.parametrize("status", ["EMPTY", "STARTED", "SYNCING", "WAITING_FOR_WALS", "NEW"])
def test_barmans_other_states_are_neither_good_nor_failed(status: str) -> None:
    """Whatever times they have."""
    one = {"backup_id": "20260301T020000", "status": status, "end_time_timestamp": "1772330700"}
    [report] = read("barman", {"main": [one]})
    assert report.newest_good is None
    assert not report.backups[-1].failed


@pytest.mark.parametrize(
    ("told", "known", "problem"),
    [
        ({}, False, "it lists no server"),
        ({"_INFO": ["done"]}, False, "it lists no server"),
        ({"_ERROR": "text"}, False, "it says: text"),
        ({"_ERROR": ["no SSH"], "main": []}, False, "no SSH"),
        ({"_ERROR": [], "main": []}, True, None),
        ({"_ERROR": ["no SSH"], "main": [{"backup_id": "1", "status": "DONE"}]}, True, "no SSH"),
    ],
)
def test_what_barman_says_beside_its_list(told: Any, known: bool, problem: str | None) -> None:
    """An empty list beside an error proves nothing."""
    [report] = read("barman", told)
    assert (report.is_readable, report.problem) == (known, problem)


@pytest.mark.parametrize(
    ("times", "finished"),
    [
        ({"time": "2026-03-01T02:55:00.123456789Z"}, 1772333700.123456),
        ({"finish_time": "0001-01-01T00:00:00Z", "time": "2026-03-01T02:55:00Z"}, 1772333700),
        ({"modified": "2026-03-01T03:55:00+01:00"}, 1772333700),  # before 1.0
        ({"finish_time": "0001-01-01T00:00:00Z"}, None),
        ({"time": ""}, None),
    ],
)
def test_times_of_wal_g(times: dict[str, str], finished: float | None) -> None:
    """The first that is a time."""
    [report] = read("wal-g", [{"backup_name": "base_1"} | times])
    [one] = report.backups
    assert one.finished == (None if finished is None else pytest.approx(finished))


@pytest.mark.parametrize(
    "traits", [{}, {"backup": [backup("F", 1000) | {"database-ref": [{"name": "shop"}]}]}]
)
def test_a_part_of_the_backups_is_no_report(traits: dict[str, Any]) -> None:
    """Such as of --detail-level=progress, and of --set."""
    status = {"code": 0, "message": "ok", "lock": {"backup": {"held": True}}}
    [report] = read("pgbackrest", [{"name": "main", "status": status} | traits])
    assert not report.is_readable
    assert report.problem
    assert "it does not list all backups" in report.problem
