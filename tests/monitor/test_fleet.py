"""The fleet while its servers come and go."""

import asyncio
from dataclasses import replace

import pytest

from alerts.history.memory import Memory
from collectors.connection import connection
from monitor.clock import Clock
from monitor.config.configuration import configuration
from monitor.config.load import load
from monitor.config.watch_plan import plans
from monitor.daemon import Daemon
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from tests.fixtures.meters import Meter, meters

THREE = (
    '{"a": {"dsn": "host=a user=u"}, "b": {"dsn": "host=b user=u"}, "c": {"dsn": "host=c user=u"}}'
)


async def test_views_are_written_one_by_one_and_all_are_there() -> None:
    """Something else can run between two servers."""
    settings = {"servers": '{"a": {"dsn": "host=a user=u"}, "b": {"dsn": "host=b user=u"}}'}
    fleet = Fleet(Clock(), Memory(), Store())
    await fleet.follow(plans(load(settings, {}), {}))
    seen: list[int] = []
    aside = asyncio.ensure_future(note(fleet, seen))
    views, took = await fleet.written_views()
    await aside
    assert [view.name for view in views] == ["a", "b"]
    assert seen == [1]
    assert took > 0


async def note(fleet: Fleet, seen: list[int]) -> None:
    seen.append(len(fleet.store.own.servers))


async def test_news_of_several_servers_is_shown_and_the_others_keep_their_view() -> None:
    """One server after the other, so that the loop never stands still for all that have news."""
    known = configuration(load({"servers": THREE}, {}), {})
    daemon = Daemon(known, load=lambda: known)
    daemon.fleet.schedule = None  # no news but these: nothing is asked
    await daemon.fleet.follow(known.servers)
    await daemon._publish()
    before = {view.name: view for view in daemon.overview.servers}
    seen: list[int] = []
    daemon._news = {"a", "c"}
    aside = asyncio.ensure_future(note_renewed(daemon, seen))
    await daemon._publish_news()
    await aside
    after = {view.name: view for view in daemon.overview.servers}
    assert list(after) == ["a", "b", "c"]
    assert after["b"] is before["b"]
    assert after["a"] is not before["a"]
    assert after["c"] is not before["c"]
    assert seen == [1], "something else had its turn between the two"
    assert not daemon._news


async def note_renewed(daemon: Daemon, seen: list[int]) -> None:
    seen.append(len(daemon.store.own.renewed))


async def test_an_unchanged_connection_is_reported_every_few_seconds() -> None:
    """A changed one at once: nothing is judged anew for what is known."""
    fleet = Fleet(Clock(), Memory(), Store())
    await fleet.follow(plans(load({"dsn": "host=127.0.0.1 port=1 user=u"}, {}), {}))
    [server] = fleet.servers.values()
    server.reported = fleet.clock.now() - 4
    server.sessions.connector.tried = True
    steady = replace(server.sessions.connection(0.0), up=True, down_seconds=None)
    known = server.answers.newest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(server.sessions), "connection", lambda *_: steady)
        patch.setattr(type(server.sessions), "any", property(lambda _: object()))
        await server.pulse()
        first = known[connection]
        await server.pulse()
        assert known[connection] is first
        steady = replace(steady, sessions=9)
        await server.pulse()
        assert known[connection].rows == (steady,)
        server.reported = 0.0
        changed = known[connection]
        await server.pulse()
        assert known[connection] is not changed


async def test_a_round_that_ends_after_its_server_was_removed_has_no_peers() -> None:
    """A reload may remove a server in the middle of its round."""
    fleet = Fleet(Clock(), Memory(), Store())
    await fleet.follow(plans(load({"dsn": "host=127.0.0.1 port=1 user=u"}, {}), {}))
    [removed] = fleet.servers.values()
    await fleet.follow(())
    assert not fleet.servers
    removed.judge_all()
    await removed.judging.settled()
    assert removed.judging.verdicts


async def test_nothing_returns_to_the_page_of_a_removed_server() -> None:
    """Neither what its last round brought nor what was still being rendered; a new monitor of
    that name has pages of its own."""
    store = Store()
    fleet = Fleet(Clock(), Memory(), store)
    [plan] = plans(load({"dsn": "host=127.0.0.1 port=1 user=u"}, {}), {})
    await fleet.follow([plan])
    old = fleet.pages[plan.name]
    old.put(meters, None, [Meter("a", 1)])
    assert store.servers
    await fleet.follow([])
    old.put(meters, None, [Meter("a", 2)])
    assert not store.servers
    await fleet.follow([plan])
    fleet.pages[plan.name].put(meters, None, [Meter("a", 3)])
    old.drop(meters)
    assert store.servers


async def test_the_last_of_two_reloads_at_once_wins() -> None:
    """The second begins while the first still closes sessions: no server is watched twice, also
    where the wall clock is set at the same time."""
    known = configuration(load({"servers": THREE}, {}), {})
    a, b, c = known.servers
    turns = iter([(c,), (a, c), (), (b, c)])
    daemon = Daemon(known, load=lambda: replace(known, servers=next(turns)))
    fleet = daemon.fleet
    fleet.schedule = None  # nothing is asked
    await fleet.follow([a, b])
    first = list(fleet.servers.values())
    reload = daemon.reloading.reload
    await asyncio.gather(reload(), reload(), daemon._begin_anew(), reload(), reload())
    assert set(fleet.servers) == set(fleet.pages) == {"b", "c"}
    assert daemon.configuration.servers == (b, c)
    assert not set(map(id, first)) & set(map(id, fleet.servers.values()))
