"""Hand-made rows of partitioned tables."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from alerts.partitions.activity import PARTITION_ACTIVITY, Activity
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector
from collectors.partitions import Partition, partitions
from collectors.user_tables import user_tables
from tests.fixtures.lock_rows import filled
from tests.fixtures.session_rows import seen

PARENT = 1000
PLAIN = {
    "datname": "shop",
    "schemaname": "public",
    "owner": "shop",
    "is_detaching": False,
    "relpages": 1,
    "reltuples": 10.0,
    "n_tup_ins": 10,
    "n_live_tup": 10,
    "n_mod_since_analyze": 0,
}


def table(*parts: Partition, **given: Any) -> list[Partition]:
    """A table `events`, partitioned by ranges of a date, with these partitions."""
    about = {"relid": PARENT, "relname": "events", "relkind": "p", "strategy": "r"}
    key = {"key_columns": 1, "key_column": "at", "key_type": "date", "default_relid": 0}
    own = filled(Partition, **PLAIN | about | key | {"n_tup_ins": 0} | given)
    return [own, *parts]


def part(relid: int, lower: str, upper: str, **given: Any) -> Partition:
    """A partition `events_RELID` of it."""
    bound = f"FOR VALUES FROM ('{lower}') TO ('{upper}')"
    about = {"relid": relid, "relname": f"events_{relid}", "relkind": "r"}
    about |= {"parent_relid": PARENT, "bound": bound}
    made: Partition = filled(Partition, **PLAIN | about | given)
    return made


def days(first: int, last: int, **given: Any) -> list[Partition]:
    """Partitions of days of November 2023, up to that day, which `last` is the end of."""
    numbers = count(1)
    return [
        part(next(numbers), f"2023-11-{day:02}", f"2023-11-{day + 1:02}", **given)
        for day in range(first, last)
    ]


def scene(
    rows: Sequence[Partition],
    activity: Activity | None = None,
    also: Sequence[tuple[AnyCollector, Any]] = (),
) -> Snapshot:
    """A snapshot of these rows; it is 2023-11-14 22:13 UTC."""
    known = {("shop", PARENT): activity} if activity else {}
    snapshot = seen((partitions, rows), (user_tables, ()), *also)
    return snapshot.with_histories({PARTITION_ACTIVITY: known})
