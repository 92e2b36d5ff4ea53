"""Disk space: what a rewrite or an index build needs, and what is free on the server's volumes."""

from alerts.migrations.advice import Advice, Level
from alerts.migrations.live import LiveServer, Standby
from alerts.migrations.week_facts import WeekFacts
from alerts.units import bytes_text

NOTABLE = 64 << 20
"""Bytes from which on space is worth a word."""
TIGHT = 0.5
"""Share of the free space from which on it needs care: others write at the same time."""


def space_advice(
    written: int | None, needed: int, live: LiveServer | None, week: WeekFacts | None
) -> Advice | None:
    """Return what the statement needs; None where that is little, or not known."""
    if live is None or written is None or max(written, needed) < NOTABLE:
        return None
    keeps = " A replication slot may keep all of it." if live.slots_keep_all else ""
    text = (
        f"It needs about {bytes_text(needed)} more on disk, and writes about"
        f" {bytes_text(written)} of WAL{_replayed(live.standbys)}.{keeps}"
    )
    level, free = _free(written, needed, week)
    return Advice(" ".join(filter(None, (text, free))), level=level)


def why_unknown(week: WeekFacts | None) -> str | None:
    """Return why it is not known how much space is free; None where it is."""
    if week is not None and week.volume("data"):
        return None
    return week.why_no_volumes if week and week.why_no_volumes else "no daemon sees its volume"


def _replayed(standbys: tuple[Standby, ...] | None) -> str:
    if not standbys:
        return ""
    named = " and ".join(_standby(one) for one in standbys[:4])
    more = f" and {len(standbys) - 4} more" if len(standbys) > 4 else ""
    return f", which {named}{more} must receive and replay"


def _standby(standby: Standby) -> str:
    told = ["synchronous: commits wait for it"] if standby.is_sync else []
    if standby.behind_bytes:
        told.append(f"{bytes_text(standby.behind_bytes)} behind now")
    return f"{standby.name or 'a standby'}" + (f" ({'; '.join(told)})" if told else "")


def _free(written: int, needed: int, week: WeekFacts | None) -> tuple[Level, str]:
    data = week.volume("data") if week else None
    if week is None or data is None:
        return Level.safe, ""
    wal = week.volume("wal") or data
    wants = needed + written if wal == data else needed
    if wants > data.available_bytes or (wal != data and written > wal.available_bytes):
        where = data if wants > data.available_bytes else wal
        return (
            Level.danger,
            f"It does not fit: {bytes_text(where.available_bytes)} are free for {where.places}.",
        )
    tight = wants > TIGHT * data.available_bytes
    return (
        Level.caution if tight else Level.safe,
        f"{bytes_text(data.available_bytes)} are free for {data.places}.",
    )
