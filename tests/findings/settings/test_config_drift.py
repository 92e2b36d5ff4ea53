"""config_drift: what differs between nodes of one version, less what belongs to a node."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.findings.settings.config_drift import finding
from alerts.snapshot import Snapshot
from collectors._base import Absence, Role
from collectors._sizes import VALUE_BYTES
from collectors.settings import Setting, settings
from tests.findings.settings.setting_rows import setting, with_settings
from tests.fixtures.one_look import verdict_of


def nodes(own: Setting, their: Setting, version: int = 180000) -> Snapshot:
    node = replace(with_settings().node, server="db2", role=Role.standby, version=version)
    peer = replace(with_settings(their), node=node)
    return replace(with_settings(own), peers=(peer,))


MEMORY = setting("work_mem", "4096", unit="kB", vartype="integer")


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (nodes(MEMORY, replace(MEMORY, setting="8192")), State.ill),
        (nodes(MEMORY, MEMORY), State.healthy),
        (nodes(MEMORY, replace(MEMORY, setting="8192"), version=170000), State.healthy),
        (nodes(MEMORY, replace(MEMORY, setting=None)), State.healthy),
        (nodes(setting("port", "1"), setting("port", "2")), State.healthy),
        (
            nodes(
                setting("in_hot_standby", "off", context="internal"),
                setting("in_hot_standby", "on", context="internal"),
            ),
            State.healthy,
        ),
        (with_settings(MEMORY), State.healthy),
    ],
)
def test_what_should_be_equal(snapshot: Snapshot, state: State) -> None:
    assert verdict_of(finding, snapshot).state is state


def test_the_cure_is_for_the_other_node() -> None:
    """In the form of its owner, in the unit of the setting."""
    verdict = verdict_of(finding, nodes(MEMORY, replace(MEMORY, setting="8192")))
    [subject] = verdict.subjects
    assert subject.evidence.subject == "work_mem on db2"
    assert any("ALTER SYSTEM SET work_mem = 4096;" in line for line in subject.evidence.cure)


def test_a_value_that_was_cut_is_not_printed() -> None:
    long = setting("search_path", "x" * VALUE_BYTES, vartype="string")
    [subject] = verdict_of(finding, nodes(long, replace(long, setting="y"))).subjects
    assert not any("ALTER" in line for line in subject.evidence.cure)


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(with_settings(), answers={}, absent={settings: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


def test_a_node_whose_settings_are_not_known_is_not_compared() -> None:
    """The others are."""
    compared = nodes(MEMORY, replace(MEMORY, setting="8192"))
    [peer] = compared.peers
    node = replace(peer.node, server="db3")
    blind = replace(peer, node=node, answers={}, absent={settings: Absence("refused")})
    found = verdict_of(finding, replace(compared, peers=(blind, peer))).subjects
    assert [one.evidence.subject for one in found] == ["work_mem on db2"]


def test_where_each_value_comes_from() -> None:
    """The file where it is known, else the kind of source."""
    own = replace(MEMORY, sourcefile="/etc/one.conf", source="configuration file")
    their = replace(MEMORY, setting="8192", sourcefile=None, source="default")
    for one, other, sources in (
        (own, their, ("/etc/one.conf", "default")),
        (replace(their, setting="1"), replace(own, setting="2"), ("default", "/etc/one.conf")),
    ):
        [subject] = verdict_of(finding, nodes(one, other)).subjects
        facts = subject.evidence.facts
        assert (facts["primary_source"], facts["other_source"]) == sources
