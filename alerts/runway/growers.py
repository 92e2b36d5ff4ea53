"""Growers: what of the server has filled its volume within the last hour, and what may be done."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts.cure import ACTIVITY, equals, identifier, remark
from alerts.history.window import Window
from alerts.plural import plural
from alerts.runway.size_trends import DATABASE_SIZES, TABLE_SIZES, table_key
from alerts.runway.trends import Seen, Trends
from alerts.runway.volume_trends import LOG, LOG_FILES, TEMPORARY, VOLUMES, WAL_SIZE
from alerts.snapshot import Snapshot
from alerts.units import bytes_text
from alerts.wal.slots import give_up, no_shortcut, start_consumer
from collectors._columns import where
from collectors.replication_slots import replication_slots
from collectors.slot_statistics import slot_statistics
from collectors.temp_files import temp_files
from collectors.user_tables import UserTable, user_tables
from collectors.volumes import Volume
from collectors.wal_directory import wal_directory

MUCH = 0.5
"""Share of WAL that one cause must keep to be named."""
WAITING = 10
"""Files that wait for the archiver, from which on it is named."""
HOUR = timedelta(hours=1)
SPILLED = Window(slot_statistics, HOUR, ("spill_bytes",))


@dataclass(frozen=True, slots=True)
class Grower:
    """One kind of files, by how much it has grown, and what keeps it."""

    name: str
    rise_bytes: float
    text: str
    cure: tuple[str, ...]


def grower(snapshot: Snapshot, volume: Volume) -> Grower | None:
    """Return what has grown most there within the hour; None where nothing is known to."""
    places = volume.places.split(", ")
    found = [*_of_wal(snapshot)] if "wal" in places else []
    if "data" in places:
        found += [*_of_temp_files(snapshot), *_of_log(snapshot, volume)]
        found += _of_databases(snapshot)
        found += [*_of_spill(snapshot, _unexplained(snapshot, volume, found))]
    growing = [one for one in found if one.rise_bytes > 0]
    return max(growing, key=lambda one: one.rise_bytes, default=None)


def _of_wal(snapshot: Snapshot) -> Iterator[Grower]:
    trend = _seen(snapshot, WAL_SIZE).get("")
    if trend is None:
        return
    why, cure = _kept_by(snapshot, trend.newest.value)
    text = f"WAL, by {bytes_text(trend.rise)} to {bytes_text(trend.newest.value)}{why}"
    never = remark("Never delete files in pg_wal by hand: the server could not start again.")
    yield Grower("wal", trend.rise, text, (*cure, never))


def _kept_by(snapshot: Snapshot, size: float) -> tuple[str, tuple[str, ...]]:
    """Return what keeps WAL: a slot, the archiver, or neither."""
    slots = snapshot.rows(replication_slots) if snapshot.has(replication_slots) else ()
    slot = max(slots, key=lambda one: one.retained_bytes or 0, default=None)
    if slot and (slot.retained_bytes or 0) >= MUCH * size:
        state = "in use" if slot.active else "not in use"
        return f", kept by the slot {slot.slot_name} ({state})", (
            *start_consumer(snapshot, slot),
            *give_up(snapshot, slot),
            *no_shortcut(),
        )
    rows = snapshot.rows(wal_directory) if snapshot.has(wal_directory) else ()
    ready = sum(row.ready for row in rows)
    if ready >= WAITING:
        return f"; {plural(ready, 'file')} wait for the archiver", (
            remark("Make archive_command succeed: the server's log says why it fails."),
        )
    return "", (
        remark("Neither a slot nor the archiver keeps it: look at max_wal_size, wal_keep_size and"),
        remark("what writes so much; WAL is recycled at the next checkpoints."),
    )


def _of_temp_files(snapshot: Snapshot) -> Iterator[Grower]:
    trend = _seen(snapshot, TEMPORARY).get("")
    rows = snapshot.rows(temp_files) if snapshot.has(temp_files) else ()
    if trend is None or not rows:
        return
    most = max(rows, key=lambda row: row.size_bytes)
    pid = f"pid {most.pid}" if most.pid else "an unknown session"
    cure: tuple[str, ...] = (remark("Set temp_file_limit, so that one statement can't fill it."),)
    if most.pid:
        cure = (
            "SELECT pid, usename, application_name, state, query_start, query"
            f" FROM {ACTIVITY} WHERE {equals('pid', most.pid)};",
            remark(f"If it may end: SELECT pg_catalog.pg_cancel_backend({most.pid});"),
            *cure,
        )
    text = f"temporary files, by {bytes_text(trend.rise)}; most of {pid}"
    yield Grower("temp_files", trend.rise, f"{text} ({bytes_text(most.size_bytes)})", cure)


def _of_log(snapshot: Snapshot, volume: Volume) -> Iterator[Grower]:
    """By the files on the mount, or else, for a user who can't list them, by the server's list."""
    by_server = _seen(snapshot, LOG_FILES).get("") if volume.log_bytes is None else None
    trend = by_server or _seen(snapshot, VOLUMES).get(LOG)
    if trend is not None:
        text = f"the server's log, by {bytes_text(trend.rise)}"
        cure = (
            remark(
                "Look into the newest file of the log for what repeats; the oldest may be moved"
            ),
            remark("away. Then limit them: log_rotation_size, log_truncate_on_rotation."),
        )
        yield Grower("log", trend.rise, text, cure)


def _unexplained(snapshot: Snapshot, volume: Volume, others: Iterable[Grower]) -> float:
    """Return the growth of the volume that no other kind of files explains."""
    trend = _seen(snapshot, VOLUMES).get(volume.places)
    known = sum(max(0.0, one.rise_bytes) for one in others)
    return max(0.0, trend.rise - known) if trend else 0.0


def _of_spill(snapshot: Snapshot, room: float) -> Iterator[Grower]:
    """Transactions that logical decoding writes to pg_replslot until it has sent them.

    What was written in the hour may be gone again, so no more than the unexplained growth is
    counted as there.
    """
    if not snapshot.has(slot_statistics):
        return
    for (name, *_), delta in snapshot.of(SPILLED).delta(HOUR).items():
        spilled = delta.increase["spill_bytes"]
        text = f"decoding for the slot {name}, which has written {bytes_text(spilled)} to disk"
        cure = (
            remark("It is freed when the large transaction has been sent, or has ended. Find the"),
            remark("transaction that writes so much in one go, and let it work in smaller steps;"),
            remark("a larger logical_decoding_work_mem, or streaming = on, spills less."),
        )
        yield Grower("spill", min(spilled, room), text, cure)


def _of_databases(snapshot: Snapshot) -> Iterator[Grower]:
    for datname, trend in _seen(snapshot, DATABASE_SIZES).items():
        text = f"database {identifier(datname)}, by {bytes_text(trend.rise)}"
        largest = _table_that_grew(snapshot, datname, MUCH * trend.rise)
        if largest is not None:
            table, rise = largest
            name = identifier(table.schemaname, table.relname)
            text += f"; of it {bytes_text(rise)} in {name}"
            cure: tuple[str, ...] = (
                remark(f"In {identifier(datname)}, see who writes to {name}. Growth without new"),
                remark("rows is bloat: look for what holds vacuum back."),
            )
        else:
            cure = (
                remark(f"In {identifier(datname)}, find the table that is written: n_tup_ins and"),
                remark("n_tup_upd of pg_stat_user_tables; pgvigil review names unusual growth."),
            )
        yield Grower("database", trend.rise, text, cure)


def _table_that_grew(
    snapshot: Snapshot, datname: str, least: float
) -> tuple[UserTable, float] | None:
    """Return the table with its indexes that makes most of a database's growth."""
    if least <= 0 or not snapshot.has(user_tables):
        return None
    seen, begin = snapshot.of(TABLE_SIZES), table_key(datname, 0)[:-1]
    own = [(trend.rise, key) for key, trend in seen.items() if key.startswith(begin)]
    rise, key = max(own, default=(0.0, ""))
    if rise < least:
        return None
    rows = where(snapshot.rows(user_tables), "relid", {int(key.removeprefix(begin))})
    return next(((row, rise) for row in rows if row.datname == datname), None)


def _seen(snapshot: Snapshot, kind: Trends) -> Seen:
    return snapshot.of(kind) if snapshot.has(kind.collector) else {}
