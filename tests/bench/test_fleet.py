"""The benchmark of a fleet: what it counts as met."""

from dataclasses import replace

from bench.fleet import Fleet, is_up, overload, table

GOOD = Fleet(
    title="200 servers",
    servers=200,
    up=200,
    cpu_seconds=0.25,
    queries=237,
    resident=200 * 1024**2,
    page_bytes=1024**2,
    scrape_seconds=0.1,
    stalls=(19, 0, 1000),
    own_stalls=(12, 0, 1000),
    load=1.0,
)


def test_a_fleet_is_missed_just_beyond_its_limit_or_if_a_server_was_not_watched() -> None:
    """What did not answer costs nothing, and proves nothing."""
    assert "| met |" in table([GOOD])
    assert "**missed**" in table([replace(GOOD, cpu_seconds=0.2501)])
    assert "**missed**" in table([replace(GOOD, up=199)])


def test_memory_is_told_for_each_server() -> None:
    """And for the whole process."""
    assert "| 1.0 MiB | 200.0 MiB |" in table([GOOD])


def test_a_server_answers_only_if_its_page_says_so() -> None:
    """An empty page is not an answer."""
    assert is_up(b'pgvigil_up{server="shop"} 1\n')
    assert not is_up(b'pgvigil_up{server="shop"} 0\n')
    assert not is_up(b"")


def test_an_overloaded_process_is_named() -> None:
    """Its figures are lower, for the wrong reason."""
    assert overload(replace(GOOD, cpu_seconds=0.25)) is None
    told = overload(replace(GOOD, cpu_seconds=0.26))
    assert told is not None
    assert "200 servers are too many" in told
    assert "87% of a core" in told
