"""pg_replication_slots: slots, and the WAL and dead rows that they retain."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, Metric, Value, gauge

# pg_current_wal_lsn() raises an error on a standby, hence the CASE. Subtracting '0/0' turns a
# position into bytes.
QUERY = """
    select
        s.slot_name::text                                               as slot_name,
        s.slot_type                                                     as slot_type,
        s.plugin::text                                                  as plugin,
        s.database::text                                                as datname,
        s.temporary                                                     as temporary,
        s.active                                                        as active,
        s.active_pid                                                    as active_pid,
        age(s.xmin)::int8                                               as xmin_age,
        age(s.catalog_xmin)::int8                                       as catalog_xmin_age,
        (case when pg_is_in_recovery()
            then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else pg_current_wal_lsn()
        end - '0/0')::int8                                              as current_lsn,
        (s.restart_lsn - '0/0')::int8                                   as restart_lsn,
        (s.confirmed_flush_lsn - '0/0')::int8                           as confirmed_flush_lsn,
        s.wal_status                                                    as wal_status,
        s.safe_wal_size                                                 as safe_wal_bytes,
        s.two_phase                                                     as two_phase,
        {conflicting}::bool                                             as conflicting,
        {invalidation_reason}::text                                     as invalidation_reason,
        extract(epoch from {inactive_since})::float8                    as inactive_since,
        extract(epoch from clock_timestamp() - {inactive_since})::float8 as inactive_seconds,
        {failover}::bool                                                as failover,
        {synced}::bool                                                  as synced,
        pg_is_in_recovery()                                             as in_recovery
    from pg_catalog.pg_replication_slots s
"""
NEWER = {
    140000: (),
    160000: ("conflicting",),
    170000: ("conflicting", "invalidation_reason", "inactive_since", "failover", "synced"),
}
NULLS = {"inactive_since": "null::timestamptz"}


def query(known: tuple[str, ...]) -> str:
    """Return the query, with null for each column that the version lacks."""
    return QUERY.format(
        **{
            name: f"s.{name}" if name in known else NULLS.get(name, "null")
            for name in NEWER[170000]
        }
    )


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot. Positions are bytes since the beginning of WAL."""

    slot_name: str
    slot_type: str
    """physical or logical."""
    plugin: str | None
    datname: str | None
    """None for a physical slot."""
    temporary: bool
    active: bool
    active_pid: int | None
    xmin_age: int | None
    """Transactions since the oldest row version that the slot retains; None: it retains none."""
    catalog_xmin_age: int | None
    current_lsn: int | None
    restart_lsn: int | None
    """The oldest WAL that it may still need; None if it reserves none, or has lost it."""
    confirmed_flush_lsn: int | None
    """The position that the consumer has confirmed; logical slots only."""
    wal_status: str | None
    """reserved, extended, unreserved or lost."""
    safe_wal_bytes: int | None
    """Bytes that can still be written until the slot is lost; None: no limit, or already lost."""
    two_phase: bool
    conflicting: bool | None
    """Invalidated by recovery; since 16."""
    invalidation_reason: str | None
    """Since 17."""
    inactive_since: float | None
    """Unix seconds, since 17; None while it is in use."""
    inactive_seconds: float | None
    failover: bool | None
    synced: bool | None
    """Whether it is a synchronised copy of a slot of the primary, which is not used here."""
    in_recovery: bool = False
    """Whether its server is a standby, where slots may be kept for a failover only."""

    @property
    def database(self) -> str | None:
        return self.datname

    @property
    def retained_bytes(self) -> int | None:
        """Bytes of WAL from the oldest that it may still need to the end."""
        return self._behind(self.restart_lsn)

    @property
    def unconfirmed_bytes(self) -> int | None:
        return self._behind(self.confirmed_flush_lsn)

    @property
    def is_invalid(self) -> bool:
        return self.wal_status == "lost" or bool(self.conflicting or self.invalidation_reason)

    def _behind(self, lsn: int | None) -> int | None:
        if lsn is None or self.current_lsn is None:
            return None
        return max(0, self.current_lsn - lsn)


PREFIX = "pg_replication_slots_"
LABELS = ("slot_name", "slot_type")
OLD_LABELS = ("slot_name", "database")


def fact(name: str, text: str, value: Callable[[Slot], Value], note: str = "") -> Metric[Slot]:
    return gauge(PREFIX + name, text, value, LABELS, note=note)


retained = gauge(
    PREFIX + "pg_wal_lsn_diff",
    "Bytes of WAL that the slot retains.",
    attrgetter("retained_bytes"),
    OLD_LABELS,
    note="Absent if a slot reserves no WAL.",
)

invalidation: Metric[Slot] = gauge(
    PREFIX + "invalidation_reason",
    "1 for the reason why the slot was lost.",
    lambda row: None if row.invalidation_reason is None else 1,
    (*LABELS, "invalidation_reason"),
)

replication_slots = Collector(
    row=Slot,
    lane=Lane.normal,
    sql={version: query(known) for version, known in NEWER.items()},
    key=("slot_name",),
    metrics=(
        gauge(PREFIX + "active", "Whether the slot is in use.", attrgetter("active"), OLD_LABELS),
        retained,
        Metric(
            PREFIX + "pg_xlog_location_diff",
            "untyped",
            retained.help,
            OLD_LABELS,
            retained.samples,
            legacy=True,
            note="Old name of `pg_replication_slots_pg_wal_lsn_diff`, before 10.",
        ),
        fact("slot_is_active", "Whether the slot is in use.", attrgetter("active")),
        fact("slot_current_wal_lsn", "The end of this server's WAL.", attrgetter("current_lsn")),
        fact(
            "slot_confirmed_flush_lsn",
            "The position that the consumer has confirmed.",
            attrgetter("confirmed_flush_lsn"),
            "Served for inactive slots too; absent, not 0, for physical ones, which have none.",
        ),
        fact(
            "safe_wal_size_bytes",
            "WAL that can still be written until the slot is lost; absent if unlimited.",
            attrgetter("safe_wal_bytes"),
        ),
        gauge(
            PREFIX + "wal_status",
            "1 for the state of the WAL that the slot needs.",
            lambda row: None if row.wal_status is None else 1,
            (*LABELS, "wal_status"),
        ),
        fact(
            "confirmed_flush_lag_bytes",
            "WAL that the consumer of a logical slot has not confirmed yet.",
            attrgetter("unconfirmed_bytes"),
        ),
        fact(
            "xmin_age", "Transactions for which the slot retains dead rows.", attrgetter("xmin_age")
        ),
        fact(
            "catalog_xmin_age",
            "Transactions for which the slot retains dead rows of catalogues.",
            attrgetter("catalog_xmin_age"),
        ),
        fact(
            "inactive_since_timestamp_seconds",
            "Since when the slot is not in use; absent while it is.",
            attrgetter("inactive_since"),
        ).from_version(17),
        fact("invalid", "Whether the slot is lost.", attrgetter("is_invalid")),
        invalidation.from_version(17),
        fact("temporary", "Whether the slot is temporary.", attrgetter("temporary")),
        fact(
            "synced",
            "Whether the slot is a synchronised copy from the primary.",
            attrgetter("synced"),
        ).from_version(17),
        fact(
            "failover", "Whether standbys should synchronise the slot.", attrgetter("failover")
        ).from_version(17),
    ),
)
