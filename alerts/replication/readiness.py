"""Failover readiness of a standby: could it take over now, what would be lost, what breaks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerts._base import Unjudged
from alerts.replication.lag import lag_of_standby
from alerts.replication.link import Silence, silence_of, upstream_of
from alerts.replication.synchronous import rule_of
from alerts.replication.timeline import TIMELINE, known_timeline
from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text
from alerts.wal.slots import is_of_copy
from collectors.collation_versions import collation_versions
from collectors.extensions import extensions
from collectors.replication import Receiver
from collectors.replication_slots import Slot, replication_slots
from collectors.server import server
from collectors.settings import Setting, settings
from collectors.subscriptions import subscriptions
from collectors.wal_position import wal_position
from collectors.wal_receiver import NOT_PAUSED, wal_receiver

AT_LEAST_AS_HIGH = (
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
)
"""Settings that PostgreSQL compares with those of the primary in recovery."""
COMPARED = frozenset(
    (
        *AT_LEAST_AS_HIGH,
        "archive_mode",
        "max_replication_slots",
        "shared_preload_libraries",
        "synchronous_standby_names",
        "wal_level",
    )
)
PAUSED_BY_WHAT = (
    "replay is paused, and the primary's settings are not known: if it was paused because"
    f" {', '.join(AT_LEAST_AS_HIGH[:-1])} or {AT_LEAST_AS_HIGH[-1]} is lower here, a promotion"
    " ends the standby: raise that and restart it first (its log has: insufficient parameter"
    " settings)"
)
UNWATCHED = (
    "it is not watched: whether its replay is paused, whether it is delayed on purpose, and its"
    " settings, slots, extensions and libraries are only seen there"
)
LEVELS = ("minimal", "replica", "logical")
"""Values of wal_level, the lowest first."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The verdict on one candidate."""

    candidate: str
    primary: str | None
    """None if it is not watched, or does not answer."""
    blockers: tuple[str, ...]
    """Why it should not be promoted now."""
    received_lsn: int | None
    """The end of the WAL that has arrived, in bytes since the beginning of WAL."""
    lost_bytes: int | None
    """WAL that has not arrived, and would be lost; None if unknown."""
    lost_seconds: float | None
    """Age of the oldest change that would be lost; None if unknown."""
    to_replay_bytes: int | None
    """WAL that has arrived, and that a promotion has to replay first."""
    breaks: tuple[str, ...]
    """What works on the primary and would not work here."""
    unknown: tuple[str, ...]
    """What could not be compared, and does not decide."""
    subscribed: tuple[str, ...] = ()
    """Subscriptions of the primary: their publishers don't send again what is lost."""
    doubts: tuple[str, ...] = ()
    """What is not known, and may keep it from being promoted."""

    @property
    def is_ready(self) -> bool | None:
        """None where that is not known: no reason against it, but a doubt."""
        if self.blockers:
            return False
        return None if self.doubts else True


def readiness_of(snapshot: Snapshot, most_seconds: float, most_bytes: int) -> Readiness:
    """Judge a standby; more than these seconds and bytes must not be lost."""
    primary = upstream_of(snapshot)
    loss = _loss(snapshot, primary)
    blockers, doubts = list(_blockers(snapshot, primary)), list(_doubts(snapshot, primary))
    if loss and loss.bytes > most_bytes and loss.seconds > most_seconds:
        blockers.append(f"{loss.text} would be lost")
    elif loss and loss.bytes > most_bytes and not loss.is_exact:
        doubts.append(f"the age of the {bytes_text(loss.bytes)} to be lost is not known yet")
    return Readiness(
        snapshot.node.server,
        primary.node.server if primary else None,
        tuple(blockers),
        _received(snapshot),
        loss.bytes if loss else None,
        loss.seconds if loss and loss.is_exact else None,
        _to_replay(snapshot),
        tuple(_breaks(snapshot, primary)),
        tuple(_unknown(snapshot, primary)),
        _subscribed(primary),
        tuple(doubts),
    )


def loss_text(lost_bytes: int | None, lost_seconds: float | None) -> str:
    """Return what would be lost, as words."""
    if lost_bytes is None:
        return "unknown"
    if not lost_bytes:
        return "nothing"
    since = "" if lost_seconds is None else f" of {duration_text(lost_seconds)}"
    return f"{bytes_text(lost_bytes)}{since}"


def of_receiver(snapshot: Snapshot, receiver: Receiver) -> Readiness:
    """Tell what the primary knows of a standby that is not watched."""
    lost = receiver.behind(receiver.flush_lsn)
    received, replayed = receiver.flush_lsn, receiver.replay_lsn
    passed = snapshot.of(TIMELINE).passed(received) if received is not None else None
    return Readiness(
        receiver.name,
        snapshot.node.server,
        () if receiver.state == "streaming" else (f"it is not streaming ({receiver.state})",),
        received,
        lost,
        0.0 if lost == 0 else passed.seconds if passed and passed.exact else None,
        None if received is None or replayed is None else max(0, received - replayed),
        (),
        (),
        doubts=(UNWATCHED,),
    )


@dataclass(frozen=True, slots=True)
class _Loss:
    """WAL that has not arrived."""

    bytes: int
    seconds: float
    """Age of the oldest change in it;"""
    is_exact: bool
    """at least, where the history does not reach back that far."""

    @property
    def text(self) -> str:
        at_least = "" if self.is_exact else "at least "
        return f"{bytes_text(self.bytes)} of {at_least}{duration_text(self.seconds)}"


def _loss(snapshot: Snapshot, primary: Snapshot | None) -> _Loss | None:
    """Return what has not arrived: by the primary, or by what is remembered of the cluster."""
    received = _received(snapshot)
    members = [primary] if primary else list(snapshot.peers)
    known = [(line.lsn, line) for one in members if (line := known_timeline(one)) and line.lsn]
    if received is None or not known:
        return None
    newest, timeline = max(known, key=lambda one: one[0])
    passed = timeline.passed(received)
    if passed is None:
        return _Loss(0, 0.0, True) if primary else None
    later = snapshot.answer(wal_position).at - timeline.trail.now
    return _Loss(max(0, newest - received), max(0.0, passed.seconds + later), passed.exact)


def _received(snapshot: Snapshot) -> int | None:
    link = snapshot.row(wal_receiver)
    positions = [lsn for lsn in (link.flushed_lsn, link.replay_lsn) if lsn is not None]
    return max(positions, default=None)


def _to_replay(snapshot: Snapshot) -> int | None:
    received, replayed = _received(snapshot), snapshot.row(wal_receiver).replay_lsn
    return None if received is None or replayed is None else max(0, received - replayed)


def _blockers(snapshot: Snapshot, primary: Snapshot | None) -> Iterator[str]:
    link, silence = snapshot.row(wal_receiver), silence_of(snapshot)
    lag = lag_of_standby(snapshot)
    # With a dead primary none receives anything, and that is what a failover is for.
    if silence and primary:
        yield _silence_text(silence)
    if link.apply_delay_seconds:
        yield f"it is delayed by {duration_text(link.apply_delay_seconds)} on purpose"
    lower = lower_settings(snapshot, primary) if primary else {}
    for name, (here, there) in lower.items():
        yield f"{name} is {here:,}, the primary has {there:,}: recovery stops"
    if isinstance(lag, Unjudged) and "timeline" in lag.reason:
        yield lag.reason


def _doubts(snapshot: Snapshot, primary: Snapshot | None) -> Iterator[str]:
    """Doubt a pause whose cause is not known.

    PostgreSQL pauses replay by itself where a setting is below the primary's, and a promotion
    then ends the server. No function tells that pause from one by hand: only the primary's
    settings do. A standby that replays has settings that are high enough.
    """
    if is_paused(snapshot) and not (primary and _settings(primary) and _settings(snapshot)):
        yield PAUSED_BY_WHAT


def is_paused(snapshot: Snapshot) -> bool:
    return snapshot.row(wal_receiver).pause_state != NOT_PAUSED


def _subscribed(primary: Snapshot | None) -> tuple[str, ...]:
    if primary is None or not primary.has(subscriptions):
        return ()
    return tuple(sorted(row.subname for row in primary.rows(subscriptions) if row.enabled))


def _silence_text(silence: Silence) -> str:
    """Say for how long only where that was seen: a single look knows the uptime at most."""
    if not silence.seen:
        return "it receives nothing"
    return f"it has received nothing for {duration_text(silence.seconds)}"


def _version(snapshot: Snapshot) -> str | None:
    return snapshot.row(server).server_version if snapshot.has(server) else None


def lower_settings(snapshot: Snapshot, primary: Snapshot) -> dict[str, tuple[int, int]]:
    """Return the settings that must not be lower than on the primary, and are: here and there."""
    here, there = _settings(snapshot), _settings(primary)
    found = {}
    for name in AT_LEAST_AS_HIGH:
        own, other = here.get(name), there.get(name)
        numbers = (own and own.number, other and other.number)
        if None not in numbers and (numbers[0] or 0) < (numbers[1] or 0):
            found[name] = int(numbers[0] or 0), int(numbers[1] or 0)
    return found


def _settings(snapshot: Snapshot) -> Mapping[str, Setting]:
    if not snapshot.has(settings):
        return {}
    return {row.name: row for row in snapshot.rows(settings) if row.name in COMPARED}


def _breaks(snapshot: Snapshot, primary: Snapshot | None) -> Iterator[str]:
    by_settings = primary and lower_settings(snapshot, primary)
    if is_paused(snapshot) and not by_settings and not any(_doubts(snapshot, primary)):
        yield "replay is paused: a promotion ends that, and replays what was held back"
    yield from _extensions(snapshot)
    yield from _own_confirmation(snapshot)
    if primary:
        if _version(snapshot) and _version(primary) and _version(snapshot) != _version(primary):
            yield f"it runs PostgreSQL {_version(snapshot)}, the primary {_version(primary)}"
        yield from _slots(snapshot, primary)
        yield from _other_settings(_settings(snapshot), _settings(primary))
        yield from _libraries(snapshot, primary)


def _extensions(snapshot: Snapshot) -> Iterator[str]:
    """The catalogue is the primary's, the files are its own."""
    if snapshot.has(extensions):
        missing = {row.extname for row in snapshot.rows(extensions) if row.default_version is None}
        if missing:
            yield f"files of extensions are not installed: {', '.join(sorted(missing))}"


def _own_confirmation(snapshot: Snapshot) -> Iterator[str]:
    """A standby whose settings are its primary's may be told to wait for itself."""
    own = _settings(snapshot).get("synchronous_standby_names")
    rule = rule_of((own.setting or "") if own else "")
    if rule and "*" not in rule.names:
        itself = (snapshot.row(wal_receiver).application_name or "").lower()
        others = [one for one in rule.names if one.lower() != itself]
        if len(others) < rule.number:
            yield f"synchronous_standby_names is {rule.text}: commits would wait for itself"


def _slots(snapshot: Snapshot, primary: Snapshot) -> Iterator[str]:
    if not (snapshot.has(replication_slots) and primary.has(replication_slots)):
        return
    here = {row.slot_name: row for row in snapshot.rows(replication_slots)}
    for slot in primary.rows(replication_slots):
        if slot.temporary or slot.slot_type != "logical" or is_of_copy(slot):
            continue
        if not _is_kept(here, slot):
            yield f"logical slot {slot.slot_name} is not ready here: its subscriber loses changes"
    physical = [
        slot.slot_name
        for slot in primary.rows(replication_slots)
        if slot.slot_type == "physical" and not slot.temporary and slot.slot_name not in here
    ]
    own = snapshot.row(wal_receiver).slot_name
    others = sorted(set(physical) - {own})
    if others:
        yield f"physical slots are not here: {', '.join(others)}"


def _is_kept(here: Mapping[str, Slot], slot: Slot) -> bool:
    copy = here.get(slot.slot_name)
    return bool(
        copy
        and copy.synced
        and not copy.temporary
        and copy.invalidation_reason is None
        and copy.wal_status != "lost"
    )


def _other_settings(here: Mapping[str, Setting], there: Mapping[str, Setting]) -> Iterator[str]:
    def text(known: Mapping[str, Setting], name: str) -> str:
        return (known[name].setting or "") if name in known else ""

    missing = _listed(text(there, "shared_preload_libraries")) - _listed(
        text(here, "shared_preload_libraries")
    )
    if missing:
        yield f"libraries are not preloaded: {', '.join(sorted(missing))}"
    level, wanted = text(here, "wal_level"), text(there, "wal_level")
    if level in LEVELS and wanted in LEVELS and LEVELS.index(level) < LEVELS.index(wanted):
        yield f"wal_level is {level}, the primary has {wanted}"
    if text(there, "archive_mode") in ("on", "always") and text(here, "archive_mode") == "off":
        yield "archive_mode is off: the archive of WAL ends"
    slots = "max_replication_slots"
    if slots in here and slots in there:
        own, other = here[slots].number or 0, there[slots].number or 0
        if own < other:
            yield f"{slots} is {own:,.0f}, the primary has {other:,.0f}"


def _listed(text: str) -> set[str]:
    return {part.strip().strip('"') for part in text.split(",") if part.strip()}


def _libraries(snapshot: Snapshot, primary: Snapshot) -> Iterator[str]:
    if not (snapshot.has(collation_versions) and primary.has(collation_versions)):
        return
    here = {row.provider: row.version for row in snapshot.rows(collation_versions)}
    for row in primary.rows(collation_versions):
        own = here.get(row.provider)
        if own and row.version and own != row.version:
            yield (
                f"{row.provider} is {own}, the primary has {row.version}:"
                " indexes on text may be corrupt here"
            )


def _unknown(snapshot: Snapshot, primary: Snapshot | None) -> Iterator[str]:
    if primary is None:
        yield "the primary is not watched or does not answer: slots and settings are not compared"
        if silence := silence_of(snapshot):
            yield _silence_text(silence)
        return
    known = {
        "settings": settings,
        "slots": replication_slots,
        "versions of glibc and ICU": collation_versions,
    }
    for what, collector in known.items():
        if not (snapshot.has(collector) and primary.has(collector)):
            yield f"{what} can't be compared"
    if not snapshot.has(extensions):
        yield "extensions were not looked at"
