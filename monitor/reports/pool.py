"""Sizes of pools as a report and as JSON, and the lines of the ini file with what each does."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from alerts.connections import usable_slots
from alerts.pooler.behind import databases_before, poolers_beside, servers_behind
from alerts.pooler.demand import demand
from alerts.pooler.ini_lines import ini_lines
from alerts.pooler.sizing import FEW, Sizing, active_sessions, sizings
from alerts.snapshot import Snapshot, Unknown
from alerts.units import duration_text
from monitor.look_once import PoolerLooks
from monitor.reports.escape import safe

PER_CORE = 2
"""Busy connections for each core beyond which more only wait for CPU; with disks some more."""


def as_text(found: Iterable[PoolerLooks], wished: float, cores: int | None) -> str:
    parts: list[str] = []
    for one in found:
        parts += [*([""] if parts else []), *_pooler(one, wished, cores)]
    return "\n".join(map(safe, parts)) + "\n"


def as_json(found: Iterable[PoolerLooks], wished: float, cores: int | None) -> list[dict[str, Any]]:
    return [
        {
            "pooler": one.name,
            "unreachable": one.failure,
            "wished_wait_seconds": wished,
            "databases": [] if one.failure else [_record(s, wished) for s in _sizings(one)],
            "ini": [] if one.failure else [list(line) for line in ini_lines(one.after)],
            "largest_useful": PER_CORE * cores if cores else None,
        }
        for one in found
    ]


def _sizings(one: PoolerLooks) -> list[Sizing]:
    return list(sizings(one.before, one.after))


def _record(sizing: Sizing, wished: float) -> dict[str, Any]:
    wait = sizing.wait_at(sizing.whole_size) if sizing.whole_size else None
    return {
        "database": sizing.database,
        "seconds": sizing.seconds,
        "transactions": sizing.transactions,
        "arrivals_per_second": sizing.arrivals,
        "service_seconds": sizing.service,
        "busy_connections": sizing.busy,
        "variation": [sizing.variation.least, sizing.variation.most],
        "pools": len(sizing.pools),
        "size": sizing.whole_size,
        "measured_wait_seconds": sizing.waited,
        "expected_wait_seconds": wait and [None if math.isinf(w) else w for w in wait],
        "size_for_wished_wait": None if sizing.is_session else sizing.size_for(wished),
    }


def _pooler(one: PoolerLooks, wished: float, cores: int | None) -> Iterator[str]:
    if one.failure:
        yield f"{one.name} does not answer: {one.failure}"
        return
    yield one.name
    try:
        found = _sizings(one)
    except Unknown as unknown:
        yield f"  {unknown.reason}"
        return
    if not found:
        yield "  No transaction passed through it between the two looks."
    for sizing in found:
        yield from _database(sizing, wished)
    yield from _bounds(one.after, cores)
    yield ""
    yield "  What its ini file does here:"
    for name, value, meaning in ini_lines(one.after):
        yield f"    {name} = {value}"
        yield f"      {meaning}"


def _database(sizing: Sizing, wished: float) -> Iterator[str]:
    many = f" in {len(sizing.pools)} pools" if len(sizing.pools) > 1 else ""
    yield (
        f"  {sizing.database}{many}: {sizing.arrivals:,.1f} transactions a second of"
        f" {duration_text(sizing.service)} each: {sizing.busy:.2f} connections are busy on average."
    )
    if sizing.is_session:
        yield "    Pooled by session: clients hold connections while idle, so there is no size."
        return
    if sizing.transactions < FEW:
        yield f"    Only {sizing.transactions} transactions were seen: look for longer (--seconds)."
        return
    if not sizing.variation.is_measured:
        yield "    How much their times vary is not known (pg_stat_statements): waits are a range."
    yield f"    measured wait {duration_text(sizing.waited)} on average; expected by size:"
    for size in _sizes(sizing, wished):
        yield f"    {size:>6}  {_range(*sizing.wait_at(size))}{_mark(sizing, size, wished)}"


def _sizes(sizing: Sizing, wished: float) -> list[int]:
    least = int(sizing.busy) + 1
    shown = {least, least + 1, least + 2, least + 4}
    shown |= {size for size in (sizing.whole_size, sizing.size_for(wished)) if size}
    return sorted(shown)


def _range(least: float, most: float) -> str:
    if math.isinf(most):
        return "can't keep up"
    if math.isclose(least, most):
        return duration_text(most)
    return f"{duration_text(least)} to {duration_text(most)}"


def _mark(sizing: Sizing, size: int, wished: float) -> str:
    marks = ["as it is"] if size == sizing.whole_size else []
    if size == sizing.size_for(wished):
        marks.append(f"keeps {duration_text(wished)}")
    return f"  ({', '.join(marks)})" if marks else ""


def _bounds(after: Snapshot, cores: int | None) -> Iterator[str]:
    if cores:
        yield (
            f"  More than about {PER_CORE * cores} busy connections don't help {cores} cores; what"
            " is active beyond them waits for CPU."
        )
    try:
        servers = servers_behind(after)
    except Unknown as unknown:
        yield f"  Slots of the server: {unknown.reason} (poolers.NAME.servers)."
        return
    for server in servers:
        try:
            yield from _server(after, server)
        except Unknown as unknown:
            yield f"  Slots of {server.node.server}: {unknown.reason}."


def _server(after: Snapshot, server: Snapshot) -> Iterator[str]:
    """What all watched pools may open on a server, those of other poolers included."""
    name = server.node.server
    own = demand(after, databases_before(after, name)).most
    others = sum(demand(o, databases_before(o, name)).most for o in poolers_beside(after))
    beside = f" (those of other poolers {others:,})" if others else ""
    yield (
        f"  All its pools together may open {own:,} connections to {name}{beside}, which has"
        f" {usable_slots(server):,} slots."
    )
    active = active_sessions((server,))
    if active is not None:
        yield f"  Active sessions on {name} now: {active:,}."
