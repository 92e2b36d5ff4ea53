"""column_unnamed: one column that no statement names, and everything that leaves it unknown."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.migrations.column_unnamed import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import AnyCollector
from collectors.function_names import FunctionNames, function_names
from collectors.own_role import OwnRole, own_role
from collectors.replication import Receiver, replication
from collectors.replication_slots import replication_slots
from collectors.role_settings import RoleSetting, role_settings
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.stat_statements_info import StatementsInfo, stat_statements_info
from collectors.statement_texts import StatementText, statement_texts
from collectors.unreferenced_columns import UnreferencedColumns, unreferenced_columns
from collectors.wal_receiver import wal_receiver
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import recording, supplied, verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.statement_rows import statement
from tests.fixtures.wal_rows import given

DAY = 86400.0
BEGUN = AT - 40 * DAY
TABLE = UnreferencedColumns("shop", 7, "public", "orders", ["note", "legacy_code"], 11, None)
USUAL = ("select id, note from orders where id = $1", "update orders set note = $1 where id = $2")
FUNCTIONS = FunctionNames("shop", ["begin", "return"], None)
INFO = StatementsInfo(dealloc=0, stats_reset=BEGUN)
TRACKS = {
    "pg_stat_statements__track": "top",
    "pg_stat_statements__track_utility": "on",
    "compute_query_id": "auto",
}
Answers = Sequence[tuple[AnyCollector, Sequence[Any]]]


def answers(
    texts: Sequence[str] = USUAL,
    table: UnreferencedColumns = TABLE,
    functions: Sequence[FunctionNames] = (FUNCTIONS,),
    info: StatementsInfo = INFO,
    roles: Sequence[RoleSetting] = (),
    receivers: Sequence[Receiver] = (),
    is_cut: bool = False,
    own: str = "pgvigil",
    **tracks: str,
) -> Answers:
    tracked = {name.replace("__", "."): value for name, value in {**TRACKS, **tracks}.items()}
    return (
        (settings, given(**tracked)),
        (role_settings, roles),
        (own_role, (filled(OwnRole, rolname=own, is_superuser=False),)),
        (replication, receivers),
        (replication_slots, ()),
        (wal_receiver, ()),
        (function_names, functions),
        (stat_statements_info, (info,)),
        (stat_statements, [statement(number) for number, _ in enumerate(texts)]),
        (statement_texts, [StatementText(n, text, is_cut) for n, text in enumerate(texts)]),
        (unreferenced_columns, (table,)),
    )


def looked(snapshot: Snapshot, recorder: Recorder, those: Answers) -> Snapshot:
    now: Snapshot = recording(snapshot, recorder)
    for collector, rows in those:
        now = supplied(now, collector, rows)
    return now


def judged(
    *,
    before: Answers | None = None,
    begun: float = BEGUN,
    peers: tuple[Snapshot, ...] = (),
    **differs: Any,
) -> Verdict:
    """The verdict 40 days after a first look, which saw the same unless `before` is given."""
    recorder, those = Recorder(wants=finding.history), answers(**differs)
    looked(replace(seen(), at=begun), recorder, those if before is None else before)
    now = looked(replace(seen(), at=AT, peers=peers), recorder, those)
    return verdict_of(finding, now)


def reasons(verdict: Verdict) -> str:
    return "; ".join(verdict.unjudged_by_reason())


def test_a_column_that_nothing_names_is_told() -> None:
    [subject] = judged().subjects
    told = subject.evidence
    assert (told.subject, told.value, told.facts["columns"]) == ("public.orders", 1, "legacy_code")
    assert "within 40 d" in told.message
    assert "DROP" not in " ".join((*told.cure, told.message)).upper()


@pytest.mark.parametrize(
    "differs",
    [
        {"texts": (*USUAL, "select legacy_code from orders")},
        {"texts": (*USUAL, "update orders set legacy_code = $1")},
        {"texts": ("select id from customers",)},
        {"functions": (replace(FUNCTIONS, words=["legacy_code"]),)},
        {"table": replace(TABLE, columns=["note"])},
    ],
    ids=["read", "written", "table unused", "in a function", "all named"],
)
def test_what_is_named_or_not_used_at_all_is_healthy(differs: dict[str, Any]) -> None:
    assert judged(**differs).state is State.healthy


SET_OF_ROLE = RoleSetting("app", "", "pg_stat_statements.track", True)
UNKNOWN: dict[str, dict[str, Any]] = {
    "tables as a whole": {"texts": (*USUAL, "select * from orders where id = $1")},
    "COPY": {"texts": (*USUAL, "copy public.orders (id, note) to stdout")},
    "hides the names": {"texts": (*USUAL, "select query_to_xml($1, true, true, $2)")},
    "text is cut off": {"texts": USUAL[:1], "is_cut": True},
    "functions name the tables": {"functions": (replace(FUNCTIONS, words=["orders"]),)},
    "the function pay executes": {"functions": (replace(FUNCTIONS, opaque="pay"),)},
    "bodies of functions": {"functions": (replace(FUNCTIONS, words=None),)},
    "bodies of functions are": {"functions": ()},
    "a publication sends": {"table": replace(TABLE, doubt="a publication sends its rows")},
    "evicted": {"info": replace(INFO, dealloc=3), "before": answers()},
    "track on test leaves": {"pg_stat_statements__track": "none"},
    "track_utility": {"pg_stat_statements__track_utility": "off"},
    "compute_query_id": {"compute_query_id": "off"},
    "change what": {"roles": (SET_OF_ROLE,)},
    "statements on replica": {
        "receivers": (
            filled(Receiver, application_name="replica", replay_lsn=1, state="streaming"),
        )
    },
}


@pytest.mark.parametrize("reason", UNKNOWN)
def test_where_it_may_be_used_unseen_it_is_unknown(reason: str) -> None:
    verdict = judged(**UNKNOWN[reason])
    assert verdict.state is State.unknown
    assert reason.replace("test", "db1") in reasons(verdict)


def test_what_functions_execute_is_seen_where_it_is_tracked() -> None:
    functions = (replace(FUNCTIONS, opaque="pay"),)
    assert judged(functions=functions, pg_stat_statements__track="all").state is State.ill


def test_statements_of_our_own_are_no_use() -> None:
    """They read catalogues, and may be long; a user's own check is a use like any other."""
    assert judged(texts=USUAL, is_cut=True, own="app").state is State.healthy
    read = "select legacy_code from orders"
    checked = f"select to_jsonb(pgvigil_row) as found from ({read}) pgvigil_row"
    assert judged(texts=(*USUAL, read), own="app").state is State.healthy
    [subject] = judged(texts=(*USUAL, checked), own="app").subjects
    assert subject.evidence.facts["columns"] == "note"


def test_evictions_that_are_over_for_long_enough_are_no_doubt() -> None:
    assert judged(info=replace(INFO, dealloc=3, stats_reset=1.0)).state is State.ill


@pytest.mark.parametrize(
    "before",
    [
        answers(table=replace(TABLE, fingerprint=12)),
        answers(table=replace(TABLE, relid=8)),
    ],
    ids=["a new column or name", "a new table"],
)
def test_a_column_must_be_as_old(before: Answers) -> None:
    verdict = judged(before=before)
    assert verdict.state is State.learning
    assert [one.until for one in verdict.unjudged] == [AT + 35 * DAY]


def test_statistics_must_be_as_old() -> None:
    young = judged(info=replace(INFO, stats_reset=AT - DAY), before=answers())
    assert young.state is State.learning
    assert [one.until for one in young.unjudged] == [AT + 34 * DAY]


def test_five_weeks_to_the_second() -> None:
    exactly = AT - 35 * DAY
    old = replace(INFO, stats_reset=exactly)
    assert judged(begun=exactly, info=old).state is State.ill
    for begun, reset in ((exactly + 1, exactly), (exactly, exactly + 1)):
        shorter = judged(begun=begun, info=replace(INFO, stats_reset=reset))
        assert shorter.state is (State.learning if begun > exactly else State.ill)


def test_ten_columns_are_named() -> None:
    columns = [f"c{number}" for number in range(11)]
    for names, end in ((columns[:10], "c8, c9."), (columns, "c9 and 1 more.")):
        [subject] = judged(table=replace(TABLE, columns=names)).subjects
        assert subject.evidence.message.endswith(end)
    doubtful = judged(table=replace(TABLE, doubt="a reason"))
    assert doubtful.unjudged_by_reason() == {"a reason": 1}


def peer(at: float, *texts: str) -> Snapshot:
    """A watched standby."""
    recorder = Recorder(wants=finding.history)
    node = replace(seen().node, server="db2")
    return looked(replace(seen(), at=at, node=node), recorder, answers(texts=texts))


def test_a_standby_that_reads_it_counts() -> None:
    assert judged(peers=(peer(AT, *USUAL),)).state is State.ill
    assert judged(peers=(peer(AT, "select legacy_code from orders"),)).state is State.healthy
    silent = judged(peers=(peer(AT - 3600, *USUAL),))
    assert silent.state is State.unknown
    assert "statements on db2 are not known" in reasons(silent)


def test_without_an_answer_it_is_unknown() -> None:
    assert verdict_of(finding, seen()).state is State.unknown


def test_a_setting_that_is_missing_leaves_it_unknown() -> None:
    those = tuple(
        (collector, [row for row in rows if row.name != "pg_stat_statements.track_utility"])
        if collector is settings
        else (collector, rows)
        for collector, rows in answers()
    )
    recorder = Recorder(wants=finding.history)
    looked(replace(seen(), at=BEGUN), recorder, those)
    verdict = verdict_of(finding, looked(replace(seen(), at=AT), recorder, those))
    assert "pg_stat_statements.track_utility on" in reasons(verdict)
    assert not verdict.subjects


def test_columns_that_changed_are_watched_anew() -> None:
    """A fingerprint that differs, and a table that was never seen before."""
    for table in (replace(TABLE, fingerprint=12), replace(TABLE, relid=8)):
        verdict = judged(table=table, before=answers())
        assert "its columns were not watched" in reasons(verdict)
        assert not verdict.subjects


def test_a_standby_whose_statements_were_never_read() -> None:
    """It has no answer at all, which is no answer without the column."""
    deaf = replace(seen(), node=replace(seen().node, server="db3"))
    assert not deaf.has(stat_statements)
    assert "statements on db3 are not known" in reasons(judged(peers=(deaf,)))


def test_a_statement_whose_text_was_not_read() -> None:
    """It may name any column."""
    those = tuple(
        (collector, rows[:1] if collector is statement_texts else rows)
        for collector, rows in answers()
    )
    recorder = Recorder(wants=finding.history)
    looked(replace(seen(), at=BEGUN), recorder, those)
    verdict = verdict_of(finding, looked(replace(seen(), at=AT), recorder, those))
    assert verdict.state is State.unknown
    assert "1 text is cut off or not read" in reasons(verdict)
