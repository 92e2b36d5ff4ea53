"""The fleet while its servers come and go."""

from alerts.history.memory import Memory
from monitor.clock import Clock
from monitor.config.load import load
from monitor.config.watch_plan import plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet


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
